"""From decisions to a challenge's submission, missing images included."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from skin.analysis.metrics import FloatArray
from skin.errors import SkinError
from skin.inference.decisions import Decided
from skin.inference.submission import Block, has_official_list, official_images, write_blocks
from skin.taxonomy import Challenge

_SPLIT = "test"


def check_challenge(challenge: Challenge, task: str, *, official_list: bool | None) -> None:
    """Check, before anything is predicted, that a submission can be made.

    Args:
        challenge: the format.
        task: what the models predict.
        official_list: as `submit` takes it.

    Raises:
        SkinError: the challenge is of other classes, or its images are asked for and not known.
    """
    if challenge.task != task:
        raise SkinError(
            f"the models predict the classes of task '{task}', and do not predict the columns of "
            f"{challenge.name} ({', '.join(challenge.columns)})"
        )
    if official_list:
        official_images(challenge, _SPLIT)


def submit(
    path: Path, decisions: Iterable[Decided], challenge: Challenge, *, official_list: bool | None
) -> list[str]:
    """Write a submission of the scores; give the ids of the rows added for missing images.

    An image of the official list that was not predicted gets the mean of all rows, which is the
    best guess of the class shares there. Some copies of the test set lack such an image.

    Args:
        path: the CSV.
        decisions: what was decided.
        challenge: the format; see `check_challenge`.
        official_list: whether to add the missing images of the challenge's test set; none adds
            them if most of the test set was predicted.

    Raises:
        SkinError: the challenge has no known list of images, or the file cannot be written.
    """
    official: tuple[str, ...] = ()
    if official_list is not False and (official_list or has_official_list(challenge, _SPLIT)):
        official = official_images(challenge, _SPLIT)
    added: list[str] = []
    write_blocks(path, _blocks(decisions, official, official_list, added), challenge)
    return added


def _blocks(
    decisions: Iterable[Decided],
    official: Sequence[str],
    official_list: bool | None,
    added: list[str],
) -> Iterator[Block]:
    """Give the rows, those of missing images last; tell their ids in `added`."""
    missing = dict.fromkeys(official)
    total: FloatArray | float = 0.0
    count = 0
    for each in decisions:
        for image_id in each.image_ids:
            missing.pop(image_id, None)
        total = total + each.scores.sum(axis=0)
        count += len(each.image_ids)
        # Rounding in the last bits may carry a sum of shares over 1.
        yield Block(each.image_ids, each.scores.clip(0, 1))
    if official_list or 2 * len(missing) < len(official):
        added.extend(missing)
        yield Block(added, np.tile(np.clip(total / count, 0, 1), (len(added), 1)))
