"""From decisions to a challenge's submission, missing images included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skin.analysis.isic_metric import RANKED_BY, Metric
from skin.analysis.metrics import FloatArray
from skin.data.official import has_official_list, official_images
from skin.ensembling.unknown import with_unknown
from skin.inference.decisions import Decided
from skin.inference.submission import Block, write_blocks
from skin.taxonomy import Challenge, Task, column_parts, get_task

_SPLIT = "test"


class Cases(Protocol):
    """Decisions on images, as `skin.inference.decisions.Decisions` gives them.

    Attributes:
        task: the classes of their columns.
    """

    @property
    def task(self) -> Task: ...  # noqa: D102 - the class says it

    def __iter__(self) -> Iterator[Decided]: ...


def check_challenge(challenge: Challenge, task: str, *, official_list: bool | None) -> None:
    """Check, before anything is predicted, that a submission can be made.

    Args:
        challenge: the format.
        task: what the models predict.
        official_list: as `submit` takes it.

    Raises:
        SkinError: a column's meaning is none of the classes or only a part of one, or the
            challenge's images are asked for and not known.
    """
    column_parts(get_task(task), challenge)
    if official_list:
        official_images(challenge, _SPLIT)


def takes_decisions(challenge: Challenge) -> bool:
    """Whether rows carry a decision rule's scores.

    They do where the argmax counts. Where the order of a column's values counts, rows are
    calibrated probabilities: a rule rescales each row by its own sum, which changes that order.
    """
    return RANKED_BY[challenge.name] is Metric.BALANCED_ACCURACY


def submit(
    path: Path, decisions: Cases, challenge: Challenge, *, official_list: bool | None
) -> list[str]:
    """Write a submission; give the ids of the rows added for missing images.

    A column is the sum over the classes that it means, of scores or probabilities as
    `takes_decisions` says. One of lesions that are none of the classes is the maximum where the
    models find an image unknown, and 0 where they do not tell.

    An image of the official list that was not predicted gets the mean of all rows, which is the
    best guess of the class shares there. Some copies of the test set lack such an image.

    Args:
        path: the CSV.
        decisions: what was decided.
        challenge: the format; see `check_challenge`.
        official_list: whether to add the missing images of the challenge's test set; none adds
            them if most of the test set was predicted.

    Raises:
        SkinError: the challenge is of other classes or has no known list of images, or the file
            cannot be written.
    """
    official: tuple[str, ...] = ()
    if official_list is not False and (official_list or has_official_list(challenge, _SPLIT)):
        official = official_images(challenge, _SPLIT)
    parts = column_parts(decisions.task, challenge)
    rows = ((each.image_ids, _values(each, challenge, parts)) for each in decisions)
    added: list[str] = []
    write_blocks(path, _blocks(rows, official, official_list, added), challenge)
    return added


def _values(decided: Decided, challenge: Challenge, parts: NDArray[np.bool_]) -> FloatArray:
    """The columns' values (n, columns), in [0, 1]; `parts` (C, columns) are of the classes."""
    shares = decided.scores if takes_decisions(challenge) else decided.probabilities
    # Rounding in the last bits may carry a sum of shares over 1.
    values = (shares @ parts.astype(np.float64)).clip(0, 1)
    known = np.array([bool(meaning) for meaning in challenge.meanings])
    if decided.unknown_odds is None or known.all():
        return values
    widened = with_unknown(values[:, known], decided.unknown_odds)
    values[:, known], values[:, ~known] = widened[:, :-1], widened[:, -1:]
    return values


def _blocks(
    rows: Iterator[tuple[list[str], FloatArray]],
    official: Sequence[str],
    official_list: bool | None,
    added: list[str],
) -> Iterator[Block]:
    """Give the rows, those of missing images last; tell their ids in `added`."""
    missing = dict.fromkeys(official)
    total: FloatArray | float = 0.0
    count = 0
    for image_ids, values in rows:
        for image_id in image_ids:
            missing.pop(image_id, None)
        total = total + values.sum(axis=0)
        count += len(image_ids)
        yield Block(image_ids, values)
    if official_list or 2 * len(missing) < len(official):
        added.extend(missing)
        yield Block(added, np.tile(np.clip(total / count, 0, 1), (len(added), 1)))
