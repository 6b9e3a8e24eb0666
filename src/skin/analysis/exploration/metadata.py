"""Age, sex, site and what else is known of an image, by class: what gives the class away?"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from skin.analysis.blocks import Block, Cell, Group, Line, Plot, Section, Table, Words
from skin.analysis.cells import ends, score_cell
from skin.analysis.drawing import Palette, draw, height_of, name_rows, paint_intervals
from skin.analysis.exploration.association import association, learned_auc
from skin.analysis.exploration.cohort import TRAITS, Cohort, records, slug
from skin.analysis.exploration.crosses import cross
from skin.analysis.metrics import FloatArray
from skin.analysis.statistics import Interval
from skin.analysis.text import DASH, number

_PATIENT: Final = ("age", "sex", "site")
_BINS = np.arange(0, 125, 5)  # years
_RIDGE = 0.85  # of a row's height
_INTRO = (
    "What is known of an image beside its pixels. Where a column says much about the class, a "
    "model that sees it, or its traces in the picture, can score without looking at the lesion."
)


def section(cohort: Cohort) -> Section:
    """How much each column says about the class, then each crossed with the class."""
    traits = cohort.traits()
    if not traits:
        said = Words("Nothing is recorded of the images beside their class, or it never differs.")
        return Section("metadata", "Metadata by class", [said])
    blocks: list[Block] = []
    finding = ""
    if len(cohort.classes) > 1:
        frame = association_frame(cohort)
        blocks += [_association_table(frame), _association_plot(frame)]
        finding = _finding(frame)
    has_age = cohort.images["age"].notna().any()
    if has_age:
        blocks.append(_age_plot(cohort))
    blocks += [
        cross(
            f"class-by-{slug(label)}",
            f"{label.capitalize()} by class",
            cohort.images[name],
            cohort.images["class"],
            cohort.codes,
            labels=(label, "class"),
            caption="Images, and their share of the class: each column sums to 100 %.",
        )
        for name, label in traits.items()
    ]
    if has_age:
        blocks.append(Group("Age in figures", [_age_table(cohort)], closed=True))
    return Section("metadata", "Metadata by class", blocks, intro=_INTRO, finding=finding)


def association_frame(cohort: Cohort) -> pd.DataFrame:
    """A row a column, the one that says most first: V, its interval, V by chance, AUC.

    The last row is of age, sex and site together, where two of them are known and
    there are lesions enough; it has no V.
    """
    rows: list[dict[str, Any]] = []
    for name, label in cohort.traits().items():
        v, by_chance = association(cohort, cohort.lesions[name])
        rows.append(
            {"column": label, **ends({"v": v}), "v_by_chance": by_chance} | _auc(cohort, [name])
        )
    rows.sort(key=lambda row: -np.nan_to_num(row["v"]))
    known = [name for name in _PATIENT if len(cohort.images[name].dropna().unique()) > 1]
    together = _auc(cohort, known) if len(known) > 1 else {}
    if together:
        names = f"{', '.join(known[:-1])} and {known[-1]}"
        rows.append({"column": f"{names} together"} | together)
    return pd.DataFrame(rows).reindex(columns=_COLUMNS)


_COLUMNS = ["column", "v", "v_low", "v_high", "v_by_chance", "auc", "auc_low", "auc_high"]


def _auc(cohort: Cohort, columns: list[str]) -> dict[str, float]:
    found = learned_auc(cohort, cohort.images[columns])
    return {} if found is None else ends({"auc": found})


def _association_table(frame: pd.DataFrame) -> Table:
    lines = [
        Line(
            row["column"],
            [
                _cell(row, "v"),
                Cell(number(row["v_by_chance"]), tone="quiet", value=row["v_by_chance"]),
                _cell(row, "auc"),
            ],
        )
        for row in records(frame)
    ]
    return Table(
        name="association",
        title="How much each column says about the class",
        heads=["column", "Cramér's V", "by chance", "malignant AUC"],
        lines=lines,
        frame=frame,
        caption=(
            "Cramér's V with the class, bias-corrected (Bergsma 2013), each lesion counted once, a "
            "missing value as a value of its own: 0 says nothing, 1 gives the class away. By "
            "chance: what V stays below in 95 % of shuffles. Malignant AUC: how well boosted trees "
            "of that column alone tell malignant from benign, out of fold. 95 % intervals over "
            "lesions. A model worth its name does better than age, sex and site together."
        ),
    )


def _association_plot(frame: pd.DataFrame) -> Plot:
    rows = [row for row in records(frame) if not np.isnan(row["v"])]
    names = [row["column"] for row in rows]
    intervals = [Interval(row["v"], row["v_low"], row["v_high"]) for row in rows]

    def paint(axes: Axes, palette: Palette) -> None:
        chance = [row["v_by_chance"] for row in rows]
        axes.plot(chance, range(len(rows)), "|", color=palette.muted, markersize=14)
        paint_intervals(axes, palette, names, intervals)
        axes.set_xlim(left=0)
        axes.set_title("Cramér's V with the class; bars: by chance")

    said = ", ".join(f"{row['column']} {number(row['v'])}" for row in rows)
    return Plot("cramers-v", draw(f"Cramér's V with the class: {said}.", height_of(names), paint))


def _cell(row: dict[str, float], name: str) -> Cell:
    if np.isnan(row[name]):
        return Cell(DASH, tone="quiet")
    return score_cell(Interval(row[name], row[f"{name}_low"], row[f"{name}_high"]))


def _finding(frame: pd.DataFrame) -> str:
    top = frame.iloc[0]
    if not top["v_low"] > top["v_by_chance"]:
        return "No column of the metadata says more about the class than chance would."
    said = (
        f"Of the metadata, {_article(top['column'])} says most about the class (Cramér's V "
        f"{number(top['v'])}, {number(top['v_low'])} to {number(top['v_high'])})"
    )
    together = frame.iloc[-1]
    if np.isnan(together["v"]) and together["auc_low"] > 1 / 2:
        said += (
            f"; {together['column']} tell malignant from benign with AUC {number(together['auc'])} "
            f"({number(together['auc_low'])} to {number(together['auc_high'])})"
        )
    return f"{said}."


def _article(label: str) -> str:
    return "how the diagnosis was confirmed" if label == TRAITS["dx_type"] else f"the {label}"


def _age_plot(cohort: Cohort) -> Plot:
    ages = {"all": cohort.images["age"]} | {
        code: cohort.images.loc[cohort.images["class"] == code, "age"] for code in cohort.codes
    }
    known = {name: values.dropna().to_numpy() for name, values in ages.items()}

    def paint(axes: Axes, palette: Palette) -> None:
        for place, values in enumerate(known.values()):
            if not len(values):
                continue
            counts = np.histogram(values, _BINS)[0]
            heights = place + 0.4 - counts / counts.max() * _RIDGE
            axes.stairs(heights, _BINS, baseline=place + 0.4, fill=True, color=palette.rule)
            axes.stairs(heights, _BINS, baseline=None, color=palette.muted, linewidth=1)
            median = float(np.median(values))
            axes.plot([median] * 2, [place + 0.4, place - 0.3], color=palette.folds[1], linewidth=2)
        name_rows(axes, palette, list(known))
        axes.set_xlim(0, max(90, *(values.max(initial=0) for values in known.values())))
        axes.set_xlabel("years")
        axes.set_title("Age by class, each to its own height; a line marks the median")

    return Plot("age-by-class", draw(_age_alt(known), height_of(list(known)), paint))


def _age_alt(known: dict[str, FloatArray]) -> str:
    medians = [f"{name} {np.median(values):.0f}" for name, values in known.items() if len(values)]
    return f"Histograms of age by class. Median years: {', '.join(medians)}."


def _age_table(cohort: Cohort) -> Table:
    described = cohort.images.groupby("class")["age"].describe().reindex(cohort.codes)
    described.loc["all"] = cohort.images["age"].describe()
    lines = [
        Line(
            str(code),
            [
                Cell(f"{int(row['count']):,}", value=row["count"]),
                *(_years(row[key]) for key in ("50%", "25%", "75%", "min", "max")),
            ],
        )
        for code, row in described.iterrows()
    ]
    frame = described.rename(columns={"25%": "lower_quartile", "50%": "median"})
    frame = frame.rename(columns={"75%": "upper_quartile", "count": "images"})
    return Table(
        name="age",
        title="Years",
        heads=["class", "images", "median", "lower quartile", "upper quartile", "least", "most"],
        lines=lines,
        frame=frame.rename_axis("class").reset_index(),
        caption="Of the images whose age is known.",
        wide=False,
    )


def _years(value: float) -> Cell:
    return Cell(DASH if np.isnan(value) else f"{value:g}", value=value)
