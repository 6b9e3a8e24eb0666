"""Classes, their groups and trees, and the columns of each challenge's submissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from skin.errors import SkinError, did_you_mean, name_some
from skin.tree import Node, Tree


@dataclass(frozen=True)
class Diagnosis:
    """One class of a task.

    Attributes:
        code: the challenge's column name, as `MEL`.
        name: spelled out, as `Melanoma`.
        dx: the raw values of a dataset's `dx` column that mean this class.
        malignant: whether it counts as malignant (melanoma, carcinomas and their precursors).
        melanocytic: whether it grows from melanocytes; None where it holds lesions of both kinds.
    """

    code: str
    name: str
    dx: tuple[str, ...]
    malignant: bool
    melanocytic: bool | None


@dataclass(frozen=True)
class Task:
    """What a model predicts: an ordered set of classes."""

    name: str
    classes: tuple[Diagnosis, ...]

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def codes(self) -> tuple[str, ...]:
        """The classes' codes, in the order of every probability column."""
        return tuple(diagnosis.code for diagnosis in self.classes)

    @property
    def malignant(self) -> tuple[str, ...]:
        """The codes of the malignant classes."""
        return tuple(diagnosis.code for diagnosis in self.classes if diagnosis.malignant)

    def index_by_dx(self) -> Mapping[str, int]:
        """The class index for each raw diagnosis."""
        return {dx: i for i, diagnosis in enumerate(self.classes) for dx in diagnosis.dx}

    @cached_property
    def tree(self) -> Tree:
        """Melanocytic or not, then benign or malignant, then the class.

        Melanocytic lesions are not asked whether they are malignant, as in Barata et al. 2021
        (Pattern Recognition 110:107413). Where a class holds lesions of both kinds, malignancy
        is the first question; a question with only one answer is left out.
        """
        return Tree(_grow(self.classes), self.codes)


@dataclass(frozen=True)
class Challenge:
    """A submission's format, and what the official scorer makes of it.

    Attributes:
        name: as `isic2018`.
        index: the index column's name.
        columns: the value columns, exact in name and case.
        task: the task whose codes are `columns`, if there is one. The two columns of isic2017
            are not the three classes of the task of that name.
    """

    name: str
    index: str
    columns: tuple[str, ...]
    task: str | None


_MEL = Diagnosis("MEL", "Melanoma", ("mel",), malignant=True, melanocytic=True)
_NV = Diagnosis("NV", "Melanocytic nevus", ("nv",), malignant=False, melanocytic=True)
_BCC = Diagnosis("BCC", "Basal cell carcinoma", ("bcc",), malignant=True, melanocytic=False)
_AKIEC = Diagnosis(
    "AKIEC",
    "Actinic keratosis / Bowen's disease",
    ("akiec",),
    malignant=True,
    melanocytic=False,
)
_BKL = Diagnosis("BKL", "Benign keratosis", ("bkl",), malignant=False, melanocytic=False)
_DF = Diagnosis("DF", "Dermatofibroma", ("df",), malignant=False, melanocytic=False)
_VASC = Diagnosis("VASC", "Vascular lesion", ("vasc",), malignant=False, melanocytic=False)

# A benign keratosis (BKL) may be a seborrheic one, a solar lentigo or a lichen planus-like
# keratosis, so that HAM10000's `bkl` says nothing about this class.
_SK = Diagnosis(
    "SK",
    "Seborrheic keratosis",
    ("sk", "seborrheic_keratosis"),
    malignant=False,
    melanocytic=False,
)

_ISIC_2017 = Task("isic2017", (_MEL, _SK, _NV))
_ISIC_2018 = Task("isic2018", (_MEL, _NV, _BCC, _AKIEC, _BKL, _DF, _VASC))
_ALL = dict.fromkeys((*_ISIC_2018.classes, *_ISIC_2017.classes))


def _either(code: str, name: str, *, malignant: bool) -> Diagnosis:
    """All known diagnoses that are malignant, or all that are not."""
    dx = tuple(dx for known in _ALL if known.malignant == malignant for dx in known.dx)
    return Diagnosis(code, name, dx, malignant=malignant, melanocytic=None)


TASKS: Mapping[str, Task] = {
    "isic2017": _ISIC_2017,
    "isic2018": _ISIC_2018,
    "malignant": Task(
        "malignant",
        (
            _either("BEN", "Benign", malignant=False),
            _either("MAL", "Malignant", malignant=True),
        ),
    ),
}

CHALLENGES: Mapping[str, Challenge] = {
    "isic2017": Challenge("isic2017", "image_id", ("melanoma", "seborrheic_keratosis"), None),
    "isic2018": Challenge("isic2018", "image", TASKS["isic2018"].codes, "isic2018"),
    "isic2019": Challenge(
        "isic2019",
        "image",
        ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"),
        None,
    ),
    "isic2020": Challenge("isic2020", "image_name", ("target",), None),
}


def get_task(name: str) -> Task:
    """Look a task up.

    Raises:
        SkinError: there is none of that name; the message lists those there are.
    """
    if name not in TASKS:
        raise SkinError(f"unknown task '{name}': {did_you_mean(name, TASKS)}")
    return TASKS[name]


def mapping_between(fine: Task, coarse: Task) -> list[int]:
    """The index of the coarser task's class that each class of `fine` is part of.

    Raises:
        SkinError: a class of `fine` does not lie, with all its diagnoses, within one coarser class.
    """
    index = coarse.index_by_dx()
    mapping = [_only({index.get(dx) for dx in diagnosis.dx}) for diagnosis in fine.classes]
    astray = [code for code, part in zip(fine.codes, mapping, strict=True) if part is None]
    if astray:
        raise SkinError(
            f"task '{fine.name}' cannot be scored as '{coarse.name}': {name_some(astray)} not "
            f"within one of its classes ({', '.join(coarse.codes)})"
        )
    return [part for part in mapping if part is not None]


def coarsen(probabilities: NDArray[np.floating], fine: Task, coarse: Task) -> NDArray[np.floating]:
    """Sum the probabilities (N, C) of a task over the classes of a coarser one.

    Raises:
        SkinError: the tasks do not nest.
    """
    mapping = mapping_between(fine, coarse)
    part = np.eye(len(coarse), dtype=probabilities.dtype)[mapping]
    return probabilities @ part


def challenge_of(task: str) -> Challenge:
    """The challenge whose columns are a task's classes.

    Raises:
        SkinError: there is none.
    """
    for challenge in CHALLENGES.values():
        if challenge.task == task:
            return challenge
    raise SkinError(f"no challenge takes the classes of task '{task}'; see --format json")


def get_challenge(name: str) -> Challenge:
    """Look a challenge up.

    Raises:
        SkinError: there is none of that name; the message lists those there are.
    """
    if name not in CHALLENGES:
        raise SkinError(f"unknown challenge '{name}': {did_you_mean(name, CHALLENGES)}")
    return CHALLENGES[name]


def _only(parts: set[int | None]) -> int | None:
    return next(iter(parts)) if len(parts) == 1 else None


def _grow(classes: Sequence[Diagnosis]) -> Node:
    """The root of the tree that `Task.tree` describes."""
    if any(diagnosis.melanocytic is None for diagnosis in classes):
        return Node("lesion", tuple(_by_malignancy(classes)))
    branches = [
        *_group("melanocytic", _leaves(d for d in classes if d.melanocytic)),
        *_group("non-melanocytic", _by_malignancy([d for d in classes if not d.melanocytic])),
    ]
    (root,) = _group("lesion", branches)
    return root


def _by_malignancy(classes: Sequence[Diagnosis]) -> list[Node]:
    return [
        *_group("benign", _leaves(d for d in classes if not d.malignant)),
        *_group("malignant", _leaves(d for d in classes if d.malignant)),
    ]


def _leaves(classes: Iterable[Diagnosis]) -> list[Node]:
    return [Node(diagnosis.code) for diagnosis in classes]


def _group(name: str, nodes: Sequence[Node]) -> Sequence[Node]:
    """Put several nodes under one; a single node needs no other."""
    return [Node(name, tuple(nodes))] if len(nodes) > 1 else nodes
