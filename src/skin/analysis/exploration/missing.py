"""What is not recorded, by column and by class."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from skin.analysis.blocks import Block, Cell, Line, Section, Table, Words
from skin.analysis.exploration.cohort import Cohort, percent, records

_COLUMNS: Mapping[str, str] = {
    "patient_id": "patient",
    "age": "age",
    "sex": "sex",
    "site": "site",
    "dx_type": "how confirmed",
}
_ALL = "all"


def section(cohort: Cohort) -> Section:
    """Missing values of each column, of all images and of each class."""
    frame = missing_frame(cohort)
    blocks: list[Block] = [Words(said, warning=True) for said in _warnings(cohort)]
    in_part = frame[(frame["class"] == _ALL) & (frame["missing"] > 0)]
    blocks.append(
        _table(cohort, frame) if len(in_part) else Words("No value is missing in any column.")
    )
    return Section("missing", "Missing values", blocks, finding=_finding(cohort, in_part))


def missing_frame(cohort: Cohort) -> pd.DataFrame:
    """A row a column and class, and of all images: number and share of missing values."""
    absent = cohort.images[list(_COLUMNS)].isna()
    counts = absent.groupby(cohort.images["class"]).agg(["sum", "mean"]).reindex(cohort.codes)
    rows = []
    for column, label in _COLUMNS.items():
        of_all = {"missing": int(absent[column].sum()), "share": absent[column].mean()}
        rows.append({"column": label, "class": _ALL, **of_all})
        rows += [
            {"column": label, "class": code, "missing": int(row["sum"]), "share": row["mean"]}
            for code, row in counts[column].iterrows()
        ]
    return pd.DataFrame(rows)


def _table(cohort: Cohort, frame: pd.DataFrame) -> Table:
    order = [*cohort.codes, _ALL]
    lines = []
    for label, rows in frame.groupby("column", sort=False):
        by_class = rows.set_index("class").loc[order]
        if by_class.loc[_ALL, "missing"]:
            cells = [
                Cell(
                    f"{row['missing']:,}",
                    percent(row["share"]),
                    value=row["missing"],
                    share=row["share"],
                )
                for row in records(by_class)
            ]
            lines.append(Line(str(label), cells))
    return Table(
        name="missing",
        title="Images without a value",
        heads=["column", *order],
        lines=lines,
        frame=frame,
        caption="And their share of the class. Columns that are not listed are complete.",
        layout="confusion",
    )


def _warnings(cohort: Cohort) -> list[str]:
    """What the lack of patients and lesions means for folds and intervals."""
    said = []
    if len(cohort.lesions) == len(cohort.images):
        said.append(
            "Every image is a lesion of its own. If lesions were photographed repeatedly and that "
            "is not recorded, folds can have one lesion on both sides, but for near-duplicates, "
            "and intervals are too narrow."
        )
    if cohort.images["patient_id"].isna().all():
        said.append(
            "No patient is recorded. Several lesions of one patient can be on both sides of a "
            "fold, and intervals cannot take into account that they resemble each other."
        )
    return said


def _finding(cohort: Cohort, in_part: pd.DataFrame) -> str:
    no_patient = cohort.images["patient_id"].isna().all()
    worst = in_part[in_part["share"] < 1].sort_values("share", ascending=False)
    said = ["which lesions are of one patient is not recorded"] if no_patient else []
    if len(worst):
        first = worst.iloc[0]
        said.append(f"{first['column']} is missing for {percent(first['share'])} of the images")
    text = "; ".join(said)
    return f"{text[0].upper()}{text[1:]}." if text else ""
