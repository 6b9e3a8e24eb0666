"""Who is in the subgroups, and which figures they have enough lesions for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skin.analysis.metrics import IntArray
from skin.analysis.subgroups.factors import Factor
from skin.analysis.subgroups.tally import BoolArray, Groups
from skin.taxonomy import Task


@dataclass(frozen=True)
class Limits:
    """What a figure needs at least, in the subgroup and, for a gap, in the rest.

    Attributes:
        images: of a subgroup.
        lesions: of a class that BACC is over; of the malignant and of the benign ones for the
            other measures.
        classes: that BACC is over.
    """

    images: int = 50
    lesions: int = 5
    classes: int = 2


@dataclass(frozen=True)
class Subgroup:
    """Who is in a subgroup.

    Attributes:
        factor: what it is divided by, as `age`.
        level: its name.
        images: how many.
        lesions: how many.
        malignant: how many malignant lesions.
        benign: how many benign ones.
        classes: the codes of those with enough lesions for BACC.
        shared: the codes that its gap in BACC is over, with enough lesions in the rest, too.
    """

    factor: str
    level: str
    images: int
    lesions: int
    malignant: int
    benign: int
    classes: Sequence[str]
    shared: Sequence[str]


@dataclass(frozen=True, eq=False)
class Division:
    """The subgroups of all factors.

    Attributes:
        groups: for counting.
        subgroups: for reading, in the same order.
        enough: for each measure two (S,): which subgroups have enough for its value, for its gap.
    """

    groups: Groups
    subgroups: Sequence[Subgroup]
    enough: Mapping[str, tuple[BoolArray, BoolArray]]


def divide(
    targets: IntArray, lesion: IntArray, task: Task, factors: Sequence[Factor], limits: Limits
) -> Division:
    """Divide lesions by factors, each of which has several levels.

    Args:
        targets: (N,) true class indices.
        lesion: (N,) lesion indices.
        task: names the classes and says which are malignant.
        factors: what to divide by.
        limits: below which a figure is left out.
    """
    nothing = np.zeros((sum(len(factor.levels) for factor in factors), len(task)), bool)
    bare = Groups(targets, lesion, task, factors, nothing, nothing)
    by_class = np.diff(bare.by_class(np.ones(len(targets))).indptr).reshape(nothing.shape)
    rest = by_class[: len(factors[0].levels)].sum(axis=0) - by_class
    own = by_class >= limits.lesions
    shared = own & (rest >= limits.lesions)
    groups = Groups(targets, lesion, task, factors, own, shared)
    images = bare.indicator().sum(axis=1)
    fits = images >= limits.images, np.minimum(images, len(targets) - images) >= limits.images

    def side(classes: BoolArray) -> tuple[BoolArray, BoolArray]:
        here, there = (
            counts[:, classes].sum(axis=1) >= limits.lesions for counts in (by_class, rest)
        )
        return fits[0] & here, fits[1] & here & there

    malignant, benign = side(groups.malignant), side(~groups.malignant)
    enough = {
        "bacc": (
            fits[0] & (own.sum(axis=1) >= limits.classes),
            fits[1] & (shared.sum(axis=1) >= limits.classes),
        ),
        "sensitivity": malignant,
        "specificity": benign,
        "malignant_auc": (malignant[0] & benign[0], malignant[1] & benign[1]),
    }
    return Division(groups, _describe(groups, images, by_class), enough)


def _describe(groups: Groups, images: IntArray, by_class: IntArray) -> list[Subgroup]:
    first = np.unique(groups.lesion, return_index=True)[1]
    lesions = groups.indicator()[:, first].sum(axis=1)
    names = [(factor.key, level) for factor in groups.factors for level in factor.levels]
    codes = np.array(groups.task.codes)
    return [
        Subgroup(
            factor=factor,
            level=level,
            images=int(images[i]),
            lesions=int(lesions[i]),
            malignant=int(by_class[i, groups.malignant].sum()),
            benign=int(by_class[i, ~groups.malignant].sum()),
            classes=tuple(codes[groups.own[i]].tolist()),
            shared=tuple(codes[groups.shared[i]].tolist()),
        )
        for i, (factor, level) in enumerate(names)
    ]
