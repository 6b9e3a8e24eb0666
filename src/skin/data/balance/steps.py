"""The steps of balancing, applied in the order of the config's list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skin.config import BalanceStep
from skin.data.balance.features import FeatureSpace
from skin.data.balance.neighbours import smote, tomek_linked
from skin.data.blend import Blends, extended_targets
from skin.data.loader import Images
from skin.errors import SkinError, did_you_mean
from skin.files import sha256_bytes
from skin.randomness import BALANCE, key

_SEEDS = 2**32  # of NumPy's older generator, which imbalanced-learn draws from


@dataclass(frozen=True)
class TrainingPart:
    """The images that a fold trains on.

    Attributes:
        rows: (M,) rows of the dataset's table, which has N; number N + k means blend k. A number
            may be there several times: each time it gets an augmentation of its own.
        blends: the synthetic images.
    """

    rows: NDArray[np.int64]
    blends: Blends

    @property
    def hash(self) -> str:
        """SHA-256 of what it holds, in order."""
        arrays = (self.rows, self.blends.first, self.blends.second, self.blends.share)
        return sha256_bytes(b"".join(array.tobytes() for array in arrays))


def balance(  # noqa: PLR0917 - all six are needed, and of different types
    rows: NDArray[np.int64],
    targets: NDArray[np.int64],
    steps: Sequence[BalanceStep],
    images: Images,
    codes: Sequence[str],
    seed: int,
) -> TrainingPart:
    """Apply all steps to the training part of a fold.

    Args:
        rows: (R,) of the dataset's table, to train on.
        targets: (N,) the class index of every row of the table.
        steps: what to do, in order.
        images: by row; read only if a step needs features.
        codes: of the classes.
        seed: of the fold. With it and the place of a step in the list, what that step draws is
            settled.

    Raises:
        SkinError: a size names an unknown class, or a class has too few images for a step.
    """
    *_, part = trace(rows, targets, steps, images, codes, seed)
    return part


def trace(  # noqa: PLR0917 - all six are needed, and of different types
    rows: NDArray[np.int64],
    targets: NDArray[np.int64],
    steps: Sequence[BalanceStep],
    images: Images,
    codes: Sequence[str],
    seed: int,
) -> Iterator[TrainingPart]:
    """Yield the training part before the first step and after each; see `balance`."""
    for place, step in enumerate(steps):
        if isinstance(step.to, str) and step.to not in codes:
            raise SkinError(
                f"balance[{place}].to: no class '{step.to}': {did_you_mean(step.to, codes)}"
            )
    space = FeatureSpace(rows, images)
    part = TrainingPart(rows, Blends.none())
    yield part
    for place, step in enumerate(steps):
        job = _Job(step, place, part, targets, tuple(codes), space, seed)
        part = _without_unused(_STEPS[step.step](job), len(targets))
        job.require_classes(part)
        yield part


def class_counts(part: TrainingPart, targets: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Images of each class (C,), repeats and blends included."""
    labels = extended_targets(targets, part.blends)[part.rows]
    return np.bincount(labels, minlength=classes)


@dataclass(frozen=True)
class _Job:
    """One step and all that it works on."""

    step: BalanceStep
    place: int
    part: TrainingPart
    targets: NDArray[np.int64]
    codes: tuple[str, ...]
    space: FeatureSpace
    seed: int

    @property
    def labels(self) -> NDArray[np.int64]:
        """The class of each number (N + K,), blends included."""
        return extended_targets(self.targets, self.part.blends)

    @property
    def counts(self) -> NDArray[np.int64]:
        return class_counts(self.part, self.targets, len(self.codes))

    @property
    def size(self) -> int:
        """What `to` says, in images; at least 1."""
        to, counts = self.step.to, self.counts
        if isinstance(to, str):
            size = int(counts[self.codes.index(to)])
            if size == 0:
                raise SkinError(f"balance[{self.place}].to: class {to} has no training image")
            return size
        return max(1, round(to * int(counts.max())))

    @property
    def missing(self) -> dict[int, int]:
        """How many images each class below the size lacks."""
        lacking = self.size - self.counts
        return {int(label): int(lacking[label]) for label in np.flatnonzero(lacking > 0)}

    def places_of(self, label: int) -> NDArray[np.int64]:
        """Where in the part's rows a class is."""
        return np.flatnonzero(self.labels[self.part.rows] == label)

    def generator(self, label: int) -> np.random.Generator:
        """Of this step and class alone."""
        return np.random.default_rng(key(BALANCE, self.seed, self.place, label))

    def require_classes(self, after: TrainingPart) -> None:
        """Refuse a step that left a class without images."""
        left = class_counts(after, self.targets, len(self.codes))
        for label in np.flatnonzero((self.counts > 0) & (left == 0)):
            raise SkinError(
                f"balance[{self.place}]: {self.step.step} removed every image of class "
                f"{self.codes[label]}; leave that step out, or raise the class before it"
            )


def _downsample(job: _Job) -> TrainingPart:
    """Cut larger classes to the size: drawn without replacement, repeats and blends alike."""
    size, rows = job.size, job.part.rows
    kept = np.ones(len(rows), np.bool_)
    for label in np.flatnonzero(job.counts > size):
        places = job.places_of(int(label))
        surplus = len(places) - size
        kept[job.generator(int(label)).choice(places, surplus, replace=False)] = False
    return TrainingPart(rows[kept], job.part.blends)


def _oversample(job: _Job) -> TrainingPart:
    """Raise smaller classes to the size by repeating what they have, as evenly as can be.

    All images of the class are repeated in whole rounds, then a random rest.
    """
    added = [job.part.rows]
    for label, missing in job.missing.items():
        have = job.part.rows[job.places_of(label)]
        if len(have) == 0:
            raise SkinError(
                f"balance[{job.place}]: class {job.codes[label]} has no training image to repeat"
            )
        rounds, rest = divmod(missing, len(have))
        added += [have] * rounds
        added.append(job.generator(label).choice(have, rest, replace=False))
    return TrainingPart(np.concatenate(added), job.part.blends)


def _smote(job: _Job) -> TrainingPart:
    """Raise smaller classes to the size by blends of neighbours.

    Parents are the distinct real images of the class that are there: a repeated one counts once,
    and a blend of an earlier step is none, so that no blend is of more than two photographs.
    """
    missing = job.missing
    if not missing:
        return job.part
    real = np.unique(job.part.rows[job.part.rows < len(job.targets)])
    labels = job.targets[real]
    _require_neighbours(job, np.bincount(labels, minlength=len(job.codes)), missing)
    seed = key(BALANCE, job.seed, job.place) % _SEEDS
    found = smote(job.space.real(real), labels, missing, job.step.neighbours, seed)
    blends = job.part.blends + Blends(real[found.first], real[found.second], found.share)
    numbers = len(job.targets) + np.arange(len(job.part.blends), len(blends))
    return TrainingPart(np.concatenate([job.part.rows, numbers]), blends)


def _require_neighbours(job: _Job, distinct: NDArray[np.int64], missing: Mapping[int, int]) -> None:
    """Refuse SMOTE where a class has no more distinct real images than neighbours are wanted."""
    wanted = job.step.neighbours
    for label in missing:
        have = int(distinct[label])
        if have <= wanted:
            mend = f"at most {have - 1} is possible" if have > 1 else "use oversample instead"
            raise SkinError(
                f"balance[{job.place}].neighbours: {wanted} neighbours need {wanted + 1} different "
                f"real images of a class, and {job.codes[label]} has {have} in the training part; "
                f"{mend}"
            )


def _tomek(job: _Job) -> TrainingPart:
    """Remove what is in a Tomek link, but for the class with the fewest different images.

    That is imbalanced-learn's `auto`; of several smallest classes the first is spared.
    """
    counts = np.bincount(job.labels[np.unique(job.part.rows)], minlength=len(job.codes))
    there = np.flatnonzero(counts)
    return _without_links(job, there[there != there[counts[there].argmin()]])


def _smote_tomek(job: _Job) -> TrainingPart:
    """SMOTE, then remove both sides of each Tomek link (Batista et al. 2003).

    As imbalanced-learn's `SMOTETomek` does.
    """
    part = _smote(job)
    after = replace(job, part=part)
    return _without_links(after, np.flatnonzero(after.counts))


def _without_links(job: _Job, classes: NDArray[np.int64]) -> TrainingPart:
    """Remove the linked images of some classes with all their repeats.

    Each distinct image is looked at once: repeats would be their own nearest neighbours.
    """
    if np.count_nonzero(job.counts) == 1:  # a link needs two classes
        return job.part
    rows, blends = job.part.rows, job.part.blends
    numbers = np.unique(rows)
    real, synthetic = np.split(numbers, [np.searchsorted(numbers, len(job.targets))])
    chosen = blends[synthetic - len(job.targets)]
    features = np.concatenate([job.space.real(real), job.space.blended(chosen)])
    linked = tomek_linked(features, job.labels[numbers], classes)
    return TrainingPart(rows[~np.isin(rows, numbers[linked])], blends)


def _without_unused(part: TrainingPart, real: int) -> TrainingPart:
    """Forget the blends that no row names any more, and number the others anew."""
    synthetic = part.rows >= real
    used, places = np.unique(part.rows[synthetic] - real, return_inverse=True)
    rows = part.rows.copy()
    rows[synthetic] = real + places
    return TrainingPart(rows, part.blends[used])


_STEPS: Mapping[str, Callable[[_Job], TrainingPart]] = {
    "downsample": _downsample,
    "oversample": _oversample,
    "smote": _smote,
    "tomek": _tomek,
    "smote_tomek": _smote_tomek,
}
