"""Classes, the tasks that they make, and the trees over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from skin.errors import SkinError, did_you_mean, name_some
from skin.taxonomy.labels import KINDS, LABELS, kinds_where, labels_within
from skin.tree import Node, Tree

OUTSIDE: Final = -1
"""In the place of a class index, of an image that is none of the classes."""


@dataclass(frozen=True)
class Diagnosis:
    """One class of a task.

    Attributes:
        code: the challenge's column name, as `MEL`.
        name: spelled out, as `Melanoma`.
        kinds: the finest diagnoses that it holds, of `KINDS`.
        malignant: whether it counts as malignant (melanoma, carcinomas and their precursors).
        melanocytic: whether it grows from melanocytes; None where it holds lesions of both kinds.
    """

    code: str
    name: str
    kinds: frozenset[str]
    malignant: bool
    melanocytic: bool | None

    @property
    def dx(self) -> tuple[str, ...]:
        """The values of a dataset's `dx` column that mean this class and no other."""
        return labels_within(self.kinds)


@dataclass(frozen=True)
class Task:
    """What a model predicts: an ordered set of classes.

    Attributes:
        name: as `isic2018`.
        classes: their order is that of every probability column.
        unknown: the code of what is none of the classes, where submissions have a column for it;
            models do not learn it.
    """

    name: str
    classes: tuple[Diagnosis, ...]
    unknown: str | None = None

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
        """The class index for each label that lies within a class."""
        return {dx: i for i, diagnosis in enumerate(self.classes) for dx in diagnosis.dx}

    @cached_property
    def tree(self) -> Tree:
        """Melanocytic or not, then benign or malignant, then the class.

        Melanocytic lesions are not asked whether they are malignant, as in Barata et al. 2021
        (Pattern Recognition 110:107413). Where a class holds lesions of both kinds, malignancy
        is the first question; a question with only one answer is left out.
        """
        return Tree(_grow(self.classes), self.codes)


def _diagnosis(code: str, name: str, label: str) -> Diagnosis:
    """A class that is as wide as a label, whose kinds must be alike."""
    kinds = LABELS[label]
    (malignant,) = {KINDS[kind].malignant for kind in kinds}
    (melanocytic,) = {KINDS[kind].melanocytic for kind in kinds}
    return Diagnosis(code, name, kinds, malignant=malignant, melanocytic=melanocytic)


def _either(code: str, name: str, *, malignant: bool) -> Diagnosis:
    """All that is malignant, or all that is not."""
    kinds = kinds_where(malignant=malignant)
    return Diagnosis(code, name, kinds, malignant=malignant, melanocytic=None)


_MEL = _diagnosis("MEL", "Melanoma", "mel")
_NV = _diagnosis("NV", "Melanocytic nevus", "nv")
_BCC = _diagnosis("BCC", "Basal cell carcinoma", "bcc")
_AKIEC = _diagnosis("AKIEC", "Actinic keratosis / Bowen's disease", "akiec")
_AK = _diagnosis("AK", "Actinic keratosis", "ak")
_SCC = _diagnosis("SCC", "Squamous cell carcinoma", "scc")
_BKL = _diagnosis("BKL", "Benign keratosis", "bkl")
_DF = _diagnosis("DF", "Dermatofibroma", "df")
_VASC = _diagnosis("VASC", "Vascular lesion", "vasc")

# A benign keratosis (BKL) may be a seborrheic one, a solar lentigo or a lichen planus-like
# keratosis, so that HAM10000's `bkl` says nothing about this class.
_SK = _diagnosis("SK", "Seborrheic keratosis", "sk")

# As in ISIC 2020, whose malignant lesions are all melanomas: what else there is counts as benign.
_REST = Diagnosis(
    "OTHER",
    "Not melanoma",
    frozenset(KINDS) - LABELS["mel"],
    malignant=False,
    melanocytic=None,
)

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task("isic2017", (_MEL, _SK, _NV)),
        Task("isic2018", (_MEL, _NV, _BCC, _AKIEC, _BKL, _DF, _VASC)),
        Task("isic2019", (_MEL, _NV, _BCC, _AK, _BKL, _DF, _VASC, _SCC), unknown="UNK"),
        Task("melanoma", (_REST, _MEL)),
        Task(
            "malignant",
            (
                _either("BEN", "Benign", malignant=False),
                _either("MAL", "Malignant", malignant=True),
            ),
        ),
    )
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
        SkinError: a class of `fine` does not lie, with all its kinds, within one coarser class.
    """
    mapping = [
        next((i for i, wide in enumerate(coarse.classes) if one.kinds <= wide.kinds), None)
        for one in fine.classes
    ]
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
