"""Sizes, light, colour and sharpness by class, and whether they give the class away."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from skin.analysis.blocks import (
    Block,
    Cell,
    Gallery,
    Group,
    Line,
    Section,
    Strip,
    Table,
    Words,
)
from skin.analysis.exploration.association import learned_auc, malignancy_auc
from skin.analysis.exploration.cohort import Cohort, percent, records, title_of
from skin.analysis.exploration.features import COLOURS, MEASURES, measure_all
from skin.analysis.exploration.photographs import no_cache, photo
from skin.analysis.exploration.picture_figures import (
    QUANTILES,
    colour_plot,
    quantile_plot,
    quantiles,
    rounded,
)
from skin.analysis.statistics import Interval
from skin.analysis.text import number, span

_EXTREMES = (
    ("Darkest", "brightness", True, "L* {}"),
    ("Brightest", "brightness", False, "L* {}"),
    ("Least sharp", "sharpness", True, "variance {}"),
    ("Darkest corners", "dark_corners", False, "{} dark"),
)
_PHOTOS = 6  # of an extreme
_SIZES = 12  # that are listed
_TITLE = "Light, colour, sharpness"
_TOGETHER = "all of them together"
_INTRO = (
    "Measured on the images cached at short side {side}. None of these measures knows where or "
    "what the lesion is, though its colour is part of the picture's: as far as they tell malignant "
    "from benign, a model can score by light and colour alone. Dots: benign classes; diamonds: "
    "malignant ones; thick lines hold the middle half of the images, thin ones 90 %."
)


def section(cohort: Cohort) -> Section:
    """Sizes; each measure by class; how well it tells malignant from benign; the extremes."""
    sizes = _sizes(cohort)
    if cohort.cache is None:
        said = Words(no_cache(cohort), warning=True)
        return Section("pictures", _TITLE, [*sizes, said])
    measures = measure_all(cohort.cache)
    blocks: list[Block] = [*sizes]
    finding = ""
    if cohort.has_both:
        frame = auc_frame(cohort, measures)
        blocks.append(_auc_table(frame))
        finding = _finding(frame)
    blocks += [quantile_plot(cohort, measures[one.name], one) for one in MEASURES]
    blocks += [
        colour_plot(cohort, measures),
        Group("The same as figures", [_quantile_table(cohort, measures)], closed=True),
        extremes(cohort, measures),
    ]
    intro = _INTRO.format(side=cohort.short_side)
    return Section("pictures", _TITLE, blocks, intro, finding)


def auc_frame(cohort: Cohort, measures: pd.DataFrame) -> pd.DataFrame:
    """A row a measure: medians of benign and malignant, AUC with interval; last, all together.

    An AUC below 0.5, of a measure that is lower in malignant images, is turned about.
    """
    malignant = cohort.images["malignant"].to_numpy(bool)
    rows = []
    for one in MEASURES:
        values = measures[one.name].to_numpy(np.float64)
        found = malignancy_auc(cohort, values)
        is_higher = found.value >= 1 / 2
        if not is_higher:
            found = Interval(1 - found.value, 1 - found.high, 1 - found.low)
        row = {
            "measure": one.title,
            "benign": np.median(values[~malignant]),
            "malignant": np.median(values[malignant]),
            "in_malignant": "higher" if is_higher else "lower",
        }
        rows.append(row | _auc(found))
    rows.sort(key=lambda row: -row["auc"])
    together = learned_auc(cohort, measures[[one.name for one in MEASURES]])
    if together:
        rows.append({"measure": _TOGETHER, "in_malignant": ""} | _auc(together))
    return pd.DataFrame(rows)


def quantile_frame(cohort: Cohort, measures: pd.DataFrame) -> pd.DataFrame:
    """A row a measure and class: the quantiles that are drawn."""
    rows = []
    for name in (*(one.name for one in MEASURES), *COLOURS):
        for code, found in quantiles(cohort, measures[name]).items():
            by_name = {f"q{100 * q:02.0f}": one for q, one in zip(QUANTILES, found, strict=True)}
            rows.append({"measure": name, "class": code} | by_name)
    return pd.DataFrame(rows)


def extremes(cohort: Cohort, measures: pd.DataFrame) -> Gallery:
    """The images at the ends of some measures, each of another lesion."""
    images, strips = cohort.images, []
    for title, name, ascending, unit in _EXTREMES:
        turn = measures[name].sort_values(ascending=ascending, kind="stable").index.to_numpy()
        is_first = ~images["lesion_id"].iloc[turn].duplicated().to_numpy()
        shown = []
        for row in turn[is_first][:_PHOTOS].tolist():
            value = unit.format(rounded(name, float(measures[name].iloc[row])))
            lines = [images["image_id"].iloc[row], images["class"].iloc[row], value]
            shown.append(photo(cohort, row, lines))
        strips.append(Strip(title, shown, note="one image a lesion"))
    return Gallery("extremes", "Extremes", strips, caption="Are these images fit to learn from?")


def _auc(found: Interval) -> dict[str, float]:
    return {"auc": found.value, "auc_low": found.low, "auc_high": found.high}


def _auc_table(frame: pd.DataFrame) -> Table:
    lines = []
    for row in records(frame):
        found = Interval(row["auc"], row["auc_low"], row["auc_high"])
        name, is_all = str(row["measure"]), row["measure"] == _TOGETHER
        medians = [Cell("")] * 2 if is_all else [_value(row["benign"]), _value(row["malignant"])]
        direction = Cell(row["in_malignant"], tone="quiet")
        auc = Cell(number(found.value), span(found), value=found.value)
        lines.append(Line(name, [*medians, direction, auc], best=is_all))
    return Table(
        name="picture-measures",
        title="How well a plain measure alone tells malignant from benign",
        heads=["measure", "benign, median", "malignant, median", "in malignant", "AUC"],
        lines=lines,
        frame=frame,
        caption=(
            "AUC 0.5 tells nothing. All together: boosted trees, out of fold, no lesion on both "
            "sides. 95 % intervals over lesions."
        ),
    )


def _finding(frame: pd.DataFrame) -> str:
    row = records(frame.sort_values("auc_low", kind="stable").tail(1))[0]
    name = row["measure"].partition(",")[0]
    what = (
        "Light, colour and sharpness of the whole picture tell"
        if row["measure"] == _TOGETHER
        else f"{name} of the whole picture alone tells"
    )
    ends = f"AUC {number(row['auc'])} ({number(row['auc_low'])} to {number(row['auc_high'])})"
    if row["auc_low"] <= 1 / 2:
        return "No plain measure of the picture tells malignant from benign better than chance."
    return f"{what} malignant from benign with {ends}: a model must do better."


def _quantile_table(cohort: Cohort, measures: pd.DataFrame) -> Table:
    frame = quantile_frame(cohort, measures)
    by_key = {(row["class"], row["measure"]): row for row in records(frame)}
    lines = [
        Line(
            title_of(diagnosis),
            [_middle_half(by_key[diagnosis.code, one.name], one.name) for one in MEASURES],
        )
        for diagnosis in cohort.classes
    ]
    return Table(
        name="picture-measures-by-class",
        title="Medians, and from which to which the middle half lies",
        heads=["class", *(one.name for one in MEASURES)],
        lines=lines,
        frame=frame,
    )


def _middle_half(row: Mapping[str, float], name: str) -> Cell:
    ends = f"{rounded(name, row['q25'])} to {rounded(name, row['q75'])}"
    return Cell(rounded(name, row["q50"]), ends, value=row["q50"])


def _sizes(cohort: Cohort) -> list[Block]:
    counts = cohort.images["size"].value_counts()
    if len(counts) == 1:
        return [Words(f"All files have {counts.index[0]} pixels, as they were added.")]
    frame = cohort.images.groupby(["width", "height"]).size().rename("images").reset_index()
    frame = frame.sort_values(["images", "width", "height"], ascending=False, ignore_index=True)
    frame["share"] = frame["images"] / len(cohort.images)
    most = float(frame["share"].max())
    frame["aspect"] = frame["width"] / frame["height"]
    lines = [
        Line(
            f"{row['width']} x {row['height']}",
            [
                Cell(f"{row['aspect']:.2f}", value=row["aspect"]),
                Cell(f"{row['images']:,}", value=row["images"]),
                Cell(percent(row["share"]), value=row["share"], share=row["share"] / most),
            ],
        )
        for row in records(frame.head(_SIZES))
    ]
    more = f"The {_SIZES} most frequent of {len(frame)}; the CSV has all." * (len(frame) > _SIZES)
    table = Table(
        name="sizes",
        title="Sizes of the files, in pixels",
        heads=["width x height", "aspect", "images", "share"],
        lines=lines,
        frame=frame,
        caption=more,
        layout="bars",
    )
    return [table]


def _value(value: float) -> Cell:
    return Cell(f"{value:.3g}", value=value)
