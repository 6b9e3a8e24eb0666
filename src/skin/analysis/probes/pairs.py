"""Runs compared on the same corrupted images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from skin.analysis.metrics import FloatArray
from skin.analysis.probes.conditions import Resampled, score_decisions
from skin.analysis.probes.results import DECIDED, ROBUSTNESS, RobustnessResult
from skin.analysis.probes.severities import CORRUPTIONS
from skin.analysis.probes.store import read_table
from skin.analysis.significance.pvalues import ALPHA, bootstrap_p, holm
from skin.analysis.statistics import Interval, interval
from skin.taxonomy import get_task

_KEYS = ["image_id", "lesion_id", "target"]
_ALL = [column for name in CORRUPTIONS for column in DECIDED[name]]


@dataclass(frozen=True)
class Pair:
    """A run's mean BACC over all corruptions less the reference's.

    Attributes:
        difference: with its interval.
        p_holm: two-sided, corrected for all runs that are compared.
    """

    difference: Interval
    p_holm: float

    @property
    def told_apart(self) -> bool:
        """Whether the corrected p-value is below 0.05."""
        return self.p_holm < ALPHA


def compare_runs(
    results: Mapping[Path, RobustnessResult], reference: Path, *, resamples: int, seed: int
) -> dict[Path, Pair]:
    """Compare runs that were probed on the reference's images, with the same draws.

    Args:
        results: by the runs' folders.
        reference: one of these.
        resamples: of the bootstrap.
        seed: of the resamples.

    Returns:
        By the runs' folders; without the reference and those that cannot be compared with it.

    Raises:
        SkinError: a table is missing, or not the one that was written with its result.
    """
    base = results[reference]
    theirs = _table(reference, base)
    scores = _score(theirs, base, resamples, seed)
    differences: dict[Path, tuple[float, FloatArray]] = {}
    for folder, result in results.items():
        if folder == reference or result.origin.seed != base.origin.seed:
            continue
        ours = _table(folder, result)
        if result.task == base.task and ours[_KEYS].equals(theirs[_KEYS]):
            own = _score(ours, result, resamples, seed)
            samples = own.samples.mean(axis=0) - scores.samples.mean(axis=0)
            differences[folder] = float(own.scores.mean() - scores.scores.mean()), samples
    corrected = holm([bootstrap_p(samples) for _, samples in differences.values()])
    return {
        folder: Pair(interval(value, samples), float(p))
        for (folder, (value, samples)), p in zip(differences.items(), corrected, strict=True)
    }


def _table(folder: Path, result: RobustnessResult) -> pd.DataFrame:
    return read_table(folder, ROBUSTNESS, result, {"fold": int})


def _score(table: pd.DataFrame, result: RobustnessResult, resamples: int, seed: int) -> Resampled:
    return score_decisions(table, get_task(result.task), _ALL, resamples, seed)
