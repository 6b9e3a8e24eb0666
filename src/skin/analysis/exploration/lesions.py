"""How many images a lesion has, and lesions whose images contradict each other."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from skin.analysis.blocks import Block, Cell, Line, Section, Table, Words
from skin.analysis.exploration.cohort import Cohort, percent, records
from skin.analysis.metrics import FloatArray
from skin.analysis.statistics import Interval, interval, lesion_weights
from skin.analysis.text import plural

_MOST = 6  # images of a lesion that are told apart
_SHOWN = 20  # contradictions
_COLUMNS: Final = {"class": "class", "age": "age", "sex": "sex", "site": "site"}
_ALL = "all"


def section(cohort: Cohort) -> Section:
    """Lesions by number of images and class; contradictions; lesions a patient."""
    if len(cohort.lesions) == len(cohort.images):
        said = Words("Every lesion has one image, as far as is recorded.")
        return Section("lesions", "Images a lesion", [said, *_conflicts(cohort)])
    blocks: list[Block] = []
    finding = ""
    if len(cohort.lesions["malignant"].unique()) > 1:
        malignant, benign, difference = mean_images(cohort)
        finding = _finding(malignant, benign, difference)
        blocks.append(Words(finding))
    blocks += [_table(cohort), *_patients(cohort), *_conflicts(cohort)]
    return Section("lesions", "Images a lesion", blocks, finding=finding)


def mean_images(cohort: Cohort) -> tuple[Interval, Interval, Interval]:
    """Mean images of a malignant lesion and of a benign one, and their difference."""
    counts = cohort.lesions["images"].to_numpy(np.float64)
    malignant = cohort.lesions["malignant"].to_numpy(bool)
    sides = [malignant, ~malignant]
    on_data = [float(counts[side].mean()) for side in sides]
    chunks = [
        [_weighted_mean(counts[side], weights[side]) for side in sides]
        for weights in lesion_weights(len(counts), cohort.resamples, cohort.seed)
    ]
    first, second = (np.concatenate(side) for side in zip(*chunks, strict=True))
    return (
        interval(on_data[0], first),
        interval(on_data[1], second),
        interval(on_data[0] - on_data[1], first - second),
    )


def conflict_frame(cohort: Cohort) -> pd.DataFrame:
    """A row a lesion and column whose images differ: lesion, column, values, images."""
    images = cohort.images
    rows = []
    for column, label in _COLUMNS.items():
        several = images.groupby("lesion_id")[column].transform("nunique") > 1
        rows += [
            {
                "lesion_id": lesion,
                "column": label,
                "values": ", ".join(f"{value}" for value in sorted(part[column].dropna().unique())),
                "images": ", ".join(part["image_id"]),
            }
            for lesion, part in images[several].groupby("lesion_id")
        ]
    return pd.DataFrame(rows, columns=["lesion_id", "column", "values", "images"])


def _weighted_mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """The mean of values (L,) under each of the weights (L, b)."""
    total = weights.sum(axis=0)
    mean = np.full(len(total), np.nan)
    np.divide(values @ weights, total, out=mean, where=total > 0)
    return mean


def _table(cohort: Cohort) -> Table:
    lesions = cohort.lesions
    most = min(_MOST, int(lesions["images"].max()))
    number = lesions["images"].clip(upper=most)
    counts = pd.crosstab(lesions["class"], number).reindex(
        index=cohort.codes, columns=range(1, most + 1), fill_value=0
    )
    mean = lesions.groupby("class")["images"].mean().reindex(cohort.codes)
    counts.loc[_ALL], mean[_ALL] = counts.sum(), lesions["images"].mean()
    shares = counts.div(counts.sum(axis=1), axis=0)
    lines = [
        Line(
            code,
            [
                *(
                    Cell(f"{count:,}", percent(share), value=count, share=share)
                    for count, share in zip(counts.loc[code], shares.loc[code], strict=True)
                ),
                Cell(f"{mean[code]:.2f}", value=mean[code]),
            ],
        )
        for code in counts.index
    ]
    heads = [f"{n} +" if n == most < lesions["images"].max() else f"{n}" for n in counts]
    frame = counts.set_axis([f"lesions_of_{n}" for n in counts], axis=1)
    return Table(
        name="images-a-lesion",
        title="Lesions by number of images",
        heads=["class", *heads, "mean"],
        lines=lines,
        frame=frame.assign(mean_images=mean).rename_axis("class").reset_index(),
        caption=(
            "And their share of the class's lesions. Images of one lesion are no independent "
            "evidence: folds keep them together and intervals resample them together."
        ),
        layout="confusion",
    )


def _finding(malignant: Interval, benign: Interval, difference: Interval) -> str:
    means = f"{malignant.value:.2f} a lesion, benign ones {benign.value:.2f}"
    ends = f"difference {difference.value:+.2f}, {difference.low:+.2f} to {difference.high:+.2f}"
    if not difference.excludes_zero:
        return f"Malignant lesions have {means}: no difference beyond chance ({ends})."
    more = "more" if difference.value > 0 else "fewer"
    return f"Malignant lesions have {more} images: {means} ({ends})."


def _conflicts(cohort: Cohort) -> list[Block]:
    frame = conflict_frame(cohort)
    if not len(frame):
        return [Words("No lesion's images differ in class, age, sex or site.")]
    lines = [
        Line(row["lesion_id"], [Cell(row[key]) for key in ("column", "values", "images")])
        for row in records(frame.head(_SHOWN))
    ]
    blocks: list[Block] = []
    of_class = int((frame["column"] == "class").sum())
    if of_class:
        blocks.append(
            Words(
                f"{plural(of_class, 'lesion')} with several diagnoses: a label is wrong, or images "
                "of different lesions share an id. Here such a lesion counts as its first image.",
                warning=True,
            )
        )
    more = f" The first {_SHOWN} of {len(frame):,}; the CSV has all." * (len(frame) > _SHOWN)
    table = Table(
        name="contradictions",
        title="Lesions whose images contradict each other",
        heads=["lesion", "column", "values", "images"],
        lines=lines,
        frame=frame,
        caption=f"A missing value contradicts nothing.{more}",
    )
    return [*blocks, table]


def _patients(cohort: Cohort) -> list[Block]:
    patients = cohort.lesions.groupby("patient_id")["lesion_id"].nunique()
    if not len(patients):
        return []
    several = int((patients > 1).sum())
    return [
        Words(
            f"{plural(len(patients), 'patient')} with {patients.mean():.2f} lesions on average, "
            f"{patients.max():,} at most; {several:,} have more than one. Folds keep a patient's "
            "lesions together."
        )
    ]
