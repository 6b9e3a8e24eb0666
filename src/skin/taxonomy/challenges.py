"""The challenges: their submissions' columns, and what each column means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skin.errors import SkinError, did_you_mean, name_some
from skin.taxonomy.labels import LABELS, kinds_where
from skin.taxonomy.tasks import TASKS, Task


@dataclass(frozen=True)
class Challenge:
    """A submission's format, and what the official scorer makes of it.

    Attributes:
        name: as `isic2018`.
        index: the index column's name.
        columns: the value columns, exact in name and case.
        meanings: the kinds of lesion whose probability each column wants, aligned with `columns`;
            empty for a column of lesions that are none of the task's classes.
        task: the task that is made for it.
    """

    name: str
    index: str
    columns: tuple[str, ...]
    meanings: tuple[frozenset[str], ...]
    task: str


def _by_class(name: str, index: str) -> Challenge:
    """A challenge whose columns are the classes of the task of its name."""
    task = TASKS[name]
    unknown = (task.unknown,) if task.unknown else ()
    meanings = tuple(diagnosis.kinds for diagnosis in task.classes)
    nothing = (frozenset[str](),) * len(unknown)
    return Challenge(name, index, (*task.codes, *unknown), (*meanings, *nothing), name)


CHALLENGES: Mapping[str, Challenge] = {
    challenge.name: challenge
    for challenge in (
        Challenge(
            "isic2017",
            "image_id",
            ("melanoma", "seborrheic_keratosis"),
            (LABELS["mel"], LABELS["sk"]),
            "isic2017",
        ),
        _by_class("isic2018", "image"),
        _by_class("isic2019", "image"),
        Challenge("isic2020", "image_name", ("target",), (LABELS["mel"],), "melanoma"),
        # Actinic keratoses are malignant here, as precursors of carcinomas (see `Kind`); of the
        # challenge's own images, whose table calls them not malignant, the reader follows that.
        Challenge("isic2024", "isic_id", ("target",), (kinds_where(malignant=True),), "malignant"),
    )
}


def get_challenge(name: str) -> Challenge:
    """Look a challenge up.

    Raises:
        SkinError: there is none of that name; the message lists those there are.
    """
    if name not in CHALLENGES:
        raise SkinError(f"unknown challenge '{name}': {did_you_mean(name, CHALLENGES)}")
    return CHALLENGES[name]


def challenge_of(task: str) -> Challenge:
    """The challenge that a task is made for."""
    return next(challenge for challenge in CHALLENGES.values() if challenge.task == task)


def challenges_for(task: Task) -> list[Challenge]:
    """The challenges that a task's predictions can be submitted to."""
    return [challenge for challenge in CHALLENGES.values() if _takes(challenge, task)]


def column_parts(task: Task, challenge: Challenge) -> NDArray[np.bool_]:
    """Which classes' probabilities sum to each column of a submission: (C, columns).

    A class counts where all that it holds is what the column means. A column of lesions that are
    none of the classes has no part.

    Raises:
        SkinError: a class is only partly what a column means, a column has no class at all, or
            the challenge wants a column of unknown lesions and the task has none.
    """
    for column, meaning in zip(challenge.columns, challenge.meanings, strict=True):
        overlaps = [d.code for d in task.classes if d.kinds & meaning and not d.kinds <= meaning]
        if overlaps:
            raise SkinError(
                f"{_refusal(task, challenge)}: {name_some(overlaps)} is only partly what its "
                f"column '{column}' asks for"
            )
        is_there = any(d.kinds <= meaning for d in task.classes) if meaning else task.unknown
        if not is_there:
            raise SkinError(f"{_refusal(task, challenge)}: nothing there is its column '{column}'")
    return np.array(
        [[d.kinds <= meaning for meaning in challenge.meanings] for d in task.classes], np.bool_
    )


def _takes(challenge: Challenge, task: Task) -> bool:
    try:
        column_parts(task, challenge)
    except SkinError:
        return False
    return True


def _refusal(task: Task, challenge: Challenge) -> str:
    return (
        f"the models predict the classes of task '{task.name}' ({', '.join(task.codes)}), of which "
        f"no submission to {challenge.name} can be made"
    )
