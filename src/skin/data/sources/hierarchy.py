"""Diagnoses told at several levels, as the ISIC Archive's: malignant, of which kind, which one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

import pandas as pd

from skin.console import note, warn
from skin.errors import name_some, plural
from skin.taxonomy import label_of, merge_labels

_GENERIC = frozenset({"benign", "malignant", "unknown"})


class _Verdict(NamedTuple):
    """What one combination of texts means.

    Attributes:
        label: of the taxonomy.
        unmapped: the diagnosis that has no label; empty if there is none.
        contrary: the diagnosis that contradicts whether the lesion is malignant; likewise.
    """

    label: str
    unmapped: str = ""
    contrary: str = ""


def label_levels(
    levels: pd.DataFrame,
    sure: pd.Series[str],
    name: str,
    *,
    counts: Literal["diagnosis", "malignancy"],
) -> pd.Series[str]:
    """Label each row by its most specific diagnosis that the taxonomy knows.

    A row of which no diagnosis is known stays as benign, malignant or unknown as the rest says.
    Which ones these are, and which contradict, is said with counts.

    Args:
        levels: texts, the most specific column first; an empty one says nothing.
        sure: `benign`, `malignant` or `unknown`, as another column says.
        name: the table's, for what is said.
        counts: which of both is right where they contradict.
    """
    rows = list(zip(*(levels[column].tolist() for column in levels), sure.tolist(), strict=True))
    verdicts = {row: _judge(row[:-1], row[-1], counts) for row in dict.fromkeys(rows)}
    unmapped = Counter(verdicts[row].unmapped for row in rows)
    if found := _counted(unmapped):
        note(f"{name}: no label for {found}; they stay benign, malignant or unknown")
    contrary = Counter(verdicts[row].contrary for row in rows)
    if found := _counted(contrary):
        total = contrary.total() - contrary[""]
        warn(
            f"{name}: {plural(total, 'diagnosis contradicts', 'diagnoses contradict')} whether the "
            f"lesion is malignant, of which the {counts} counts: {found}"
        )
    return pd.Series([verdicts[row].label for row in rows], levels.index, dtype="object")


def _judge(texts: Iterable[str], sure: str, counts: Literal["diagnosis", "malignancy"]) -> _Verdict:
    said = [text for text in texts if text]
    known = [label for label in map(label_of, said) if label is not None]
    label = next((each for each in known if each not in _GENERIC), None)
    if label is None:
        label = next(iter(known), "unknown")
        unmapped = said[0] if said and label_of(said[0]) is None else ""
        return _Verdict(merge_labels(label, sure) or sure, unmapped)
    merged = merge_labels(label, sure)
    if merged is None:
        return _Verdict(label if counts == "diagnosis" else sure, contrary=said[0])
    return _Verdict(merged)


def _counted(texts: Counter[str]) -> str:
    return name_some(f"'{text}' ({count:,})" for text, count in texts.most_common() if text)
