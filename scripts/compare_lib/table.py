"""From finished runs to rows: scores over seeds, paired differences, costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skin.analysis.statistics import LEVEL, Bootstrap, Interval, bootstrap, interval
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


def common(ours: Mapping[int, Run], theirs: Mapping[int, Run]) -> list[tuple[list[int], list[int]]]:
    """The seeds and folds that both have finished: most seeds first, then a seed with more folds.

    Two comparisons at most: of all seeds that both have, over the folds that all of these have;
    and of the seed with the most folds, if it has more than those.
    """
    seeds = sorted(ours.keys() & theirs.keys())
    by_seed = {seed: sorted(_finished(ours[seed]) & _finished(theirs[seed])) for seed in seeds}
    seeds = [seed for seed in seeds if by_seed[seed]]
    if not seeds:
        return []
    shared = sorted(set.intersection(*(set(by_seed[seed]) for seed in seeds)))
    longest = max(seeds, key=lambda seed: len(by_seed[seed]))
    found = [(seeds, shared)] if shared else []
    if len(by_seed[longest]) > len(shared):
        found.append(([longest], by_seed[longest]))
    return found


def _finished(run: Run) -> set[int]:
    return {fold.fold for fold in run.finished_folds()}


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

    Where both predict the same images it is paired, on the same resamples of the lesions. It is
    not where an arm has folds of its own.
    """
    value, samples = _mean(ours, score)
    other_value, other_samples = _mean(theirs, score)
    return interval(value - other_value, samples - other_samples)


def spread(outcome: Outcome, score: str) -> float | None:
    """The standard deviation over the seeds; none of a single one."""
    values = [getattr(each.scores, score) for each in outcome.by_seed.values()]
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def chance_of(ours: Outcome, theirs: Outcome, score: str) -> float:
    """The two-sided p-value of a difference: how often a resample's sign is the other one."""
    samples = _mean(ours, score)[1] - _mean(theirs, score)[1]
    beyond = min((samples <= 0).sum(), (samples >= 0).sum())
    return float(min(1.0, 2 * (beyond + 1) / (len(samples) + 1)))


def holm(chances: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979)."""
    order = np.argsort(chances)
    corrected = np.empty(len(chances))
    factors = np.arange(len(chances), 0, -1)
    corrected[order] = np.minimum(1, np.maximum.accumulate(np.array(chances)[order] * factors))
    return corrected.tolist()


def agree(ours: Outcome, theirs: Outcome, score: str) -> bool:
    """Whether there are two seeds or more, whose differences have one sign."""
    gaps = [
        getattr(one.scores, score) - getattr(theirs.by_seed[seed].scores, score)
        for seed, one in ours.by_seed.items()
    ]
    return len(gaps) > 1 and (min(gaps) > 0 or max(gaps) < 0)


def verdict(gap: Interval, corrected: float, *, agree: bool) -> str:
    """What may be said of a difference.

    A gain or a loss is said where the interval over lesions leaves zero out, the seeds agree, and
    the p-value corrected for all the table's rows is below 0.05; it is uncertain where one of the
    latter two fails.
    """
    if not gap.excludes_zero:
        return "noise"
    word = "gain" if gap.value > 0 else "loss"
    return word if agree and corrected < 1 - LEVEL else f"uncertain {word}"


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
