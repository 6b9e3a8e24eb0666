"""Whether a dataset's folds are alike, and share nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from skin.analysis.blocks import Block, Cell, Group, Line, Section, Table, Words
from skin.analysis.exploration.cohort import Cohort, percent, records, values_of
from skin.analysis.exploration.crosses import cross
from skin.analysis.text import DASH, plural
from skin.data.folds import Folds
from skin.data.folds_info import choose_folds, list_folds
from skin.data.summary import leak_warning
from skin.errors import SkinError

_COLUMNS: Mapping[str, str] = {
    "class": "class",
    "age_band": "age",
    "sex": "sex",
    "site": "site",
}
_SMALL: Final = 0.1  # standard deviations; P. Austin, Stat. Med. 28 (2009): negligible below
_INTRO = (
    "Parts should resemble the whole, or their scores differ for other reasons than the model. A "
    "deviation is a share's difference to that of the whole in standard deviations, "
    "(p - P) / sqrt(P (1 - P)); below 0.1 it counts as negligible (Austin 2009)."
)


def section(cohort: Cohort, name: str | None = None) -> Section:
    """Each folds' parts against the whole, and what is on both sides.

    Args:
        cohort: whose folds these are.
        name: of the only folds to show; all if not given.

    Raises:
        SkinError: folds were named, and are not there or cannot be used.
    """
    title = "Fold balance"
    dataset = cohort.dataset
    names = list_folds(dataset) if name is None else [choose_folds(dataset, name)]
    if not names:
        said = f"There are no folds yet; this makes some: skin data folds {dataset.name}"
        return Section("folds", title, [Words(said)])
    usable, blocks = [], []
    for each in names:
        try:
            usable.append(Folds.load(dataset, each))
        except SkinError as error:
            if name is not None:
                raise
            blocks.append(Words(f"Folds '{each}' cannot be used: {error}", warning=True))
    if not usable:
        return Section("folds", title, blocks)
    deviations = [deviation_frame(cohort, folds) for folds in usable]
    details = [_details(cohort, *one) for one in zip(usable, deviations, strict=True)]
    return Section(
        "folds",
        title,
        [*blocks, *_leaks(usable), _summary(usable, deviations), *details],
        _INTRO,
        finding=_finding(usable, deviations),
    )


def deviation_frame(cohort: Cohort, folds: Folds) -> pd.DataFrame:
    """A row a part, column and value: images, share, share of the whole, deviation.

    A missing value is a value of its own.
    """
    parts = part_of(folds)
    frames = []
    for column, label in _COLUMNS.items():
        filled, order = values_of(cohort.images[column])
        counts = pd.crosstab(filled.to_numpy(), parts.to_numpy(object)).loc[order]
        whole = counts.sum(axis=1) / len(parts)
        shares = counts / counts.sum(axis=0)
        spread = (whole * (1 - whole)).pow(0.5).replace(0, np.nan)  # one value: nothing deviates
        deviations = shares.sub(whole, axis=0).div(spread, axis=0).fillna(0.0)
        frames += [
            pd.DataFrame(
                {
                    "part": part,
                    "column": label,
                    "value": order,
                    "images": counts[part].to_numpy(),
                    "share": shares[part].to_numpy(),
                    "share_of_all": whole.to_numpy(),
                    "deviation": deviations[part].to_numpy(),
                }
            )
            for part in folds.info.parts.values()
        ]
    return pd.concat(frames, ignore_index=True)


def part_of(folds: Folds) -> pd.Series[str]:
    """The name of each image's part, as `fold 0` or `train`."""
    return folds.table["fold"].map(dict(folds.info.parts))


def _leaks(usable: Sequence[Folds]) -> list[Block]:
    leaking = [folds for folds in usable if folds.leaking]
    texts = [leak_warning(folds) for folds in leaking]
    return [Words(f"{text[0].upper()}{text[1:]}.", warning=True) for text in texts]


def _summary(usable: Sequence[Folds], deviations: Sequence[pd.DataFrame]) -> Table:
    rows: list[dict[str, Any]] = [
        {
            "folds": folds.name,
            "leaking": folds.leaking,
            "parts": len(folds.info.parts),
            "groups": folds.info.groups,
            "near_duplicates_joined": folds.info.near_duplicates,
            "lesions_on_both_sides": folds.leak().lesions,
            "least_images_of_a_class": int(folds.class_counts().min().min()),
            "largest_deviation": float(frame["deviation"].abs().max()),
            "of": "{column} {value}, {part}".format_map(largest(frame)),
        }
        for folds, frame in zip(usable, deviations, strict=True)
    ]
    lines = [
        Line(
            row["folds"],
            [
                _count(row["parts"]),
                _count(row["groups"]),
                Cell(DASH) if row["leaking"] else _count(row["near_duplicates_joined"]),
                _count(row["lesions_on_both_sides"]),
                _count(row["least_images_of_a_class"]),
                Cell(f"{row['largest_deviation']:.3f}", row["of"], value=row["largest_deviation"]),
            ],
            marks=["leaking"] if row["leaking"] else [],
        )
        for row in rows
    ]
    return Table(
        name="folds",
        title="Folds of this dataset",
        heads=[
            "folds",
            "parts",
            "groups",
            "duplicates joined",
            "lesions on both sides",
            "least of a class",
            "largest deviation",
        ],
        lines=lines,
        frame=pd.DataFrame(rows),
        caption=(
            "A group is what is never split: the images of one lesion, patient or photograph. "
            "Least of a class: the images of the rarest class in the part that has the fewest."
        ),
    )


def _count(count: int) -> Cell:
    return Cell(f"{count:,}", value=count)


def _details(cohort: Cohort, folds: Folds, deviations: pd.DataFrame) -> Group:
    parts = part_of(folds)
    order = list(folds.info.parts.values())
    crosses = [
        cross(
            f"{folds.name}-by-{label}",
            f"{label.capitalize()} by part",
            cohort.images[column],
            parts,
            order,
            labels=(label, "part"),
        )
        for column, label in _COLUMNS.items()
        if len(cohort.images[column].unique()) > 1
    ]
    return Group(
        f"Parts of {folds.name}", [_parts_table(cohort, folds, deviations), *crosses], closed=True
    )


def _parts_table(cohort: Cohort, folds: Folds, deviations: pd.DataFrame) -> Table:
    parts = part_of(folds)
    lines = []
    for part in folds.info.parts.values():
        images = cohort.images[(parts == part).to_numpy()]
        far = largest(deviations[deviations["part"] == part])
        age = images["age"].median()
        lines.append(
            Line(
                part,
                [
                    _count(len(images)),
                    _count(images["lesion_id"].nunique()),
                    Cell(percent(float(images["malignant"].mean()))),
                    Cell(DASH if np.isnan(age) else f"{age:g}", value=age),
                    Cell(f"{abs(far['deviation']):.3f}", _where(far), value=abs(far["deviation"])),
                ],
            )
        )
    return Table(
        name=f"{folds.name}-parts",
        title="",
        heads=["part", "images", "lesions", "malignant", "median age", "largest deviation"],
        lines=lines,
        frame=deviations,
    )


def largest(deviations: pd.DataFrame) -> dict[str, Any]:
    """The row of the largest deviation, up or down."""
    return records(deviations.sort_values("deviation", key=np.abs, kind="stable").tail(1))[0]


def _where(row: Mapping[str, Any]) -> str:
    return (
        f"{row['column']} {row['value']}: {percent(row['share'])}, "
        f"all {percent(row['share_of_all'])}"
    )


def _finding(usable: Sequence[Folds], deviations: Sequence[pd.DataFrame]) -> str:
    honest = [
        (folds, frame) for folds, frame in zip(usable, deviations, strict=True) if not folds.leaking
    ]
    if not honest:
        return "All folds of this dataset are split by image, so that lesions are on both sides."
    far = max((largest(frame) for _, frame in honest), key=lambda row: abs(row["deviation"]))
    alike = "alike" if abs(far["deviation"]) < _SMALL else "not quite alike"
    names = (
        f"Folds {honest[0][0].name}" if len(honest) == 1 else f"{plural(len(honest), 'fold set')}"
    )
    return (
        f"{names} share no lesion, and their parts are {alike}: the largest deviation from the "
        f"whole is {abs(far['deviation']):.2f} standard deviations ({far['column']} "
        f"{far['value']}, {far['part']})."
    )
