"""What outlier scores bring and cost, on images that they were not fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skin.analysis import metrics
from skin.analysis.metrics import FloatArray, IntArray, decide
from skin.analysis.ranking import Ranking
from skin.analysis.statistics import Interval, interval, lesion_weights
from skin.ensembling.assessment import UnknownLine, UnknownLines
from skin.ensembling.nested import Judged
from skin.ensembling.unknown.choose import AUTO, nested_odds
from skin.ensembling.unknown.gather import Outliers
from skin.ensembling.unknown.rule import Unknown, kept_shares
from skin.taxonomy import OUTSIDE, Task


def assess_unknown(
    outliers: Outliers,
    judged: Judged,
    unknown: Unknown,
    choice: str,
    *,
    task: Task,
    resamples: int,
    seed: int = 0,
) -> UnknownLines:
    """Score each outlier score, and the choosing among them where images are there to choose by.

    Args:
        outliers: with parts that share no lesion.
        judged: the ensemble's decisions on the known images, in their order.
        unknown: what the ensemble has.
        choice: that was asked for: a key of `SCORES`, or `auto`.
        task: with a code for unknown lesions.
        resamples: of the bootstrap over lesions.
        seed: of the resamples.
    """
    right = np.zeros(len(outliers), np.bool_)
    right[~outliers.outside] = decide(judged.scores) == outliers.targets[~outliers.outside]
    names = list(outliers.scores)
    chosen: str = unknown.score
    if choice == AUTO and outliers.outside.any():
        names, chosen = [AUTO, *names], AUTO
    lines = []
    for name in names:
        odds = nested_odds(outliers, name, unknown.kept)
        marked = _Marked(outliers, odds, right, len(task), resamples, seed)
        lines.append(marked.line(name, chosen=name == chosen))
    return UnknownLines(
        code=task.unknown or "",
        score=unknown.score,
        threshold=unknown.threshold,
        asked=unknown.kept,
        outside=int(outliers.outside.sum()),
        lines=tuple(lines),
    )


@dataclass(frozen=True, eq=False)
class _Marked:
    """Images with odds of being unknown, and what is resampled of them.

    Attributes:
        outliers: the images.
        odds: (N,), above 1 for what is taken for unknown.
        right: (N,), whether a known image's class is decided right.
        classes: C; the unknown are one more, numbered C.
        resamples: of the bootstrap.
        seed: of the resamples.
    """

    outliers: Outliers
    odds: FloatArray
    right: NDArray[np.bool_]
    classes: int
    resamples: int
    seed: int

    def line(self, name: str, *, chosen: bool) -> UnknownLine:
        marked, outside = self.odds > 1, self.outliers.outside
        hits = np.where(outside, marked, self.right & ~marked)
        lesions, lesion = np.unique(self.outliers.lesions, return_inverse=True)
        tallies = {
            "count": self._tally(np.ones(len(marked)), lesion),
            "right": self._tally(self.right.astype(np.float64), lesion),
            "hits": self._tally(hits.astype(np.float64), lesion),
            "kept": self._tally((~marked).astype(np.float64), lesion),
        }
        ranking = Ranking(outside, self.odds, lesion)
        weights = [np.ones((len(lesions), 1))]
        once = self._figures(tallies, ranking, iter(weights))
        drawn = lesion_weights(len(lesions), self.resamples, self.seed)
        samples = self._figures(tallies, ranking, drawn)
        every = {key: interval(float(once[key][0]), samples[key]) for key in once}

        def of_outside(key: str) -> Interval | None:
            return every[key] if outside.any() else None

        return UnknownLine(
            name=name,
            chosen=chosen,
            auroc=of_outside("auroc"),
            found=of_outside("found"),
            kept=every["kept"],
            kept_by_class=kept_shares(marked, self.outliers.targets, self.classes),
            cost=every["cost"],
            bacc=of_outside("bacc"),
        )

    def _tally(self, values: FloatArray, lesion: IntArray) -> FloatArray:
        """Sum values (N,) by class, the unknown last, and lesion: (C + 1, L)."""
        targets = self.outliers.targets
        rows = np.where(targets == OUTSIDE, self.classes, targets)
        sums = np.zeros((self.classes + 1, lesion.max() + 1))
        np.add.at(sums, (rows, lesion), values)
        return sums

    def _figures(
        self, tallies: dict[str, FloatArray], ranking: Ranking, drawn: Iterator[FloatArray]
    ) -> dict[str, FloatArray]:
        """Every figure of each resample: (B,)."""
        parts: dict[str, list[FloatArray]] = {}
        for weights in drawn:
            sums = {key: tally @ weights for key, tally in tallies.items()}
            shares = {
                key: metrics.ratio(sums[key], sums["count"]) for key in ("right", "hits", "kept")
            }
            known = {key: metrics.mean_defined(share[:-1].T) for key, share in shares.items()}
            for name, values in (
                ("auroc", ranking.auc(weights)),
                ("found", shares["hits"][-1]),
                ("kept", known["kept"]),
                ("cost", known["hits"] - known["right"]),
                ("bacc", metrics.mean_defined(shares["hits"].T)),
            ):
                parts.setdefault(name, []).append(values)
        return {name: np.concatenate(values) for name, values in parts.items()}
