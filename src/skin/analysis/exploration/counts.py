"""How many images and lesions there are of each class."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from skin.analysis.blocks import Block, Cell, Line, Plot, Section, Table, Words
from skin.analysis.drawing import Palette, draw, height_of, name_rows
from skin.analysis.exploration.cohort import Cohort, percent, records, title_of
from skin.analysis.text import plural

_FEW_LESIONS = 100  # a recall of 0.8 of as many is known to about 8 points


def section(cohort: Cohort) -> Section:
    """Images, lesions and shares of each class, and how far they are from even."""
    frame = class_frame(cohort)
    blocks: list[Block] = [_table(cohort, frame)]
    skipped = len(cohort.dataset.info.skipped)
    if skipped:
        blocks.append(
            Words(
                f"{plural(skipped, 'further image')} could not be read when the dataset was added "
                "and are not in it; dataset.json lists them with the reasons.",
                warning=True,
            )
        )
    return Section("classes", "Classes", blocks, finding=_finding(frame))


def class_frame(cohort: Cohort) -> pd.DataFrame:
    """A row a class: code, name, malignant, images, lesions, share, how often the rarest."""
    images = cohort.images["class"].value_counts()
    lesions = cohort.images.groupby("class")["lesion_id"].nunique()
    return pd.DataFrame(
        [
            {
                "class": one.code,
                "name": one.name,
                "malignant": one.malignant,
                "images": int(images[one.code]),
                "lesions": int(lesions[one.code]),
                "share": images[one.code] / len(cohort.images),
                "times_rarest": images[one.code] / images.min(),
            }
            for one in cohort.classes
        ]
    )


def figure(cohort: Cohort) -> Plot:
    """Images and lesions of each class as bars."""
    frame = class_frame(cohort)
    codes, most = list(frame["class"]), int(frame["images"].max())

    def paint(axes: Axes, palette: Palette) -> None:
        places = range(len(codes))
        axes.barh(places, frame["images"], 0.62, color=palette.rule)
        axes.barh(places, frame["lesions"], 0.28, color=palette.accent)
        for place, row in zip(places, records(frame), strict=True):
            said = f"{row['images']:,} of {row['lesions']:,}"
            beside = row["images"] + 0.01 * most
            axes.text(beside, place, said, va="center", color=palette.muted, fontsize=9)
        name_rows(axes, palette, codes)
        axes.set(xlim=(0, most * 1.3), xticks=[])
        axes.spines["bottom"].set_visible(False)
        axes.set_title("Images (wide) of lesions (narrow)")

    listed = "; ".join(
        f"{row['class']} {row['images']:,} of {row['lesions']:,}" for row in records(frame)
    )
    alt = f"Images of lesions in each class: {listed}."
    return Plot("classes", draw(alt, height_of(codes), paint))


def _table(cohort: Cohort, frame: pd.DataFrame) -> Table:
    largest = frame["share"].max()
    lines = [
        Line(
            title_of(diagnosis),
            [
                Cell(f"{row['images']:,}", value=row["images"]),
                Cell(f"{row['lesions']:,}", value=row["lesions"]),
                Cell(f"{row['times_rarest']:.1f}", value=row["times_rarest"]),
                Cell(percent(row["share"]), value=row["share"], share=row["share"] / largest),
            ],
            marks=["malignant"] if diagnosis.malignant else [],
        )
        for diagnosis, row in zip(cohort.classes, records(frame), strict=True)
    ]
    return Table(
        name="classes",
        title="Images and lesions of each class",
        heads=["class", "images", "lesions", "times the rarest", "share of the images"],
        lines=lines,
        frame=frame,
        caption="Malignant includes the carcinomas' precursors (AKIEC).",
        layout="bars",
    )


def _finding(frame: pd.DataFrame) -> str:
    if len(frame) == 1:
        return f"All images are of one class, {frame['class'][0]}: there is nothing to tell apart."
    most, least = frame.iloc[0], frame.iloc[-1]
    said = (
        f"{most['class']} has {most['times_rarest']:.0f} times as many images as {least['class']}"
        if round(most["times_rarest"]) > 1
        else "The classes are about even"
    )
    if least["lesions"] < _FEW_LESIONS:
        said += (
            f"; {least['class']} has but {plural(int(least['lesions']), 'lesion')}, so that its "
            "recall will be known only roughly"
        )
    return f"{said}."
