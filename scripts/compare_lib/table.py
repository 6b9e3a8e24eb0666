"""From finished runs to rows: scores over seeds, paired differences, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skin.analysis.statistics import Bootstrap, Interval, bootstrap, interval
from skin.runs import Run, probability_columns
from skin.taxonomy import coarsen, get_task, mapping_between

SCORES = ("bacc", "malignant_auc")


@dataclass(frozen=True)
class Outcome:
    """An arm's runs, a run a seed, scored on the same folds.

    Attributes:
        by_seed: each seed's scores and their resamples.
        task: that they are scored as.
        folds: their numbers.
        images: that were predicted.
        parameters: of one model.
        seconds: of training, the mean over folds and seeds.
        leaking: whether lesions were on both sides.
    """

    by_seed: Mapping[int, Bootstrap]
    task: str
    folds: tuple[int, ...]
    images: int
    parameters: int
    seconds: float
    leaking: bool


def common(ours: Mapping[int, Run], theirs: Mapping[int, Run]) -> tuple[list[int], list[int]]:
    """The seeds that both have, and the folds that all of these have finished."""
    seeds = sorted(ours.keys() & theirs.keys())
    finished = [
        {fold.fold for fold in runs[seed].finished_folds()}
        for seed in seeds
        for runs in (ours, theirs)
    ]
    return (seeds, sorted(set.intersection(*finished))) if seeds else ([], [])


def read_outcome(
    runs: Mapping[int, Run], seeds: Sequence[int], folds: Sequence[int], task: str
) -> Outcome:
    """Score an arm's runs as `task`, which may be coarser than their own."""
    by_seed = {seed: _score(runs[seed], folds, task) for seed in seeds}
    metadata = [runs[seed].fold(fold).metadata() for seed in seeds for fold in folds]
    return Outcome(
        by_seed=by_seed,
        task=task,
        folds=tuple(folds),
        images=len(by_seed[seeds[0]].targets),
        parameters=metadata[0]["parameters"],
        seconds=float(np.mean([each["seconds"] for each in metadata])),
        leaking=any(each["leaking"] for each in metadata),
    )


def over_seeds(outcome: Outcome, score: str) -> Interval:
    """A score's mean over the seeds, with its interval over lesions."""
    return interval(*_mean(outcome, score))


def difference(ours: Outcome, theirs: Outcome, score: str) -> Interval:
    """The difference of two arms' means over the seeds.

    Where both predict the same images it is paired, on the same resamples of the lesions. Folds of
    another protocol hold other images: their resamples are independent.
    """
    value, samples = _mean(ours, score)
    other_value, other_samples = _mean(theirs, score)
    return interval(value - other_value, samples - other_samples)


def spread(outcome: Outcome, score: str) -> float | None:
    """The standard deviation over the seeds; none of a single one."""
    values = [getattr(each.scores, score) for each in outcome.by_seed.values()]
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def verdict(gap: Interval, *, leaking: bool) -> str:
    """What a difference's interval allows to say."""
    if leaking:
        return "leaks, not comparable"
    if not gap.excludes_zero:
        return "noise"
    return "gain" if gap.value > 0 else "loss"


def _score(run: Run, folds: Sequence[int], name: str) -> Bootstrap:
    oof = run.oof()
    oof = oof[oof["fold"].isin(folds)]
    own, task = run.task, get_task(name)
    index = {code: i for i, code in enumerate(own.codes)}
    targets = oof["target"].map(index).to_numpy(np.int64)
    probabilities = oof[probability_columns(own)].to_numpy(np.float64)
    targets = np.array(mapping_between(own, task))[targets]
    lesions = oof["lesion_id"].to_numpy(str)
    return bootstrap(targets, coarsen(probabilities, own, task), lesions, task)


def _mean(outcome: Outcome, score: str) -> tuple[float, NDArray[np.float64]]:
    chosen = outcome.by_seed.values()
    value = float(np.mean([getattr(each.scores, score) for each in chosen]))
    return value, np.mean([each.samples[score] for each in chosen], axis=0)
