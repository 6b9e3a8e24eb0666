"""What each challenge would rank a row by, of its out-of-fold predictions, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skin.analysis.isic_areas import SENSITIVITY, Bools, auc, partial_auc
from skin.analysis.isic_columns import columns_of
from skin.analysis.isic_metric import RANKED_BY, SHORT, Metric
from skin.analysis.metrics import FloatArray
from skin.analysis.ranking import Ranking
from skin.analysis.report.compare import Row
from skin.analysis.significance.pvalues import ALPHA, bootstrap_p, holm
from skin.analysis.statistics import Interval, interval, lesion_weights
from skin.taxonomy import Challenge, challenges_for


@dataclass(frozen=True, eq=False)
class Figure:
    """One of a row's figures.

    Attributes:
        challenge: the challenge's name.
        metric: what it ranks by.
        column: one of several that the figure is the mean of; empty for the mean.
        interval: out of fold.
        samples: (B,) on the row's own resamples of its lesions.
    """

    challenge: str
    metric: Metric
    column: str
    interval: Interval
    samples: FloatArray

    @property
    def title(self) -> str:
        """Its short name, as `isic2020 AUC`."""
        return f"{self.column or self.challenge} {SHORT[self.metric]}"


def challenge_figures(row: Row) -> list[Figure]:
    """Score a row as each challenge does that its task can be submitted to.

    The balanced accuracy is of the decided class; areas are of the probabilities, whatever the
    rule, and the mean over the columns, each of which follows it where there are several.
    """
    figures: list[Figure] = []
    for challenge in challenges_for(row.entry.task):
        metric = RANKED_BY[challenge.name]
        if metric is Metric.BALANCED_ACCURACY:
            boot = row.bootstrap
            bacc, samples = boot.interval("bacc"), boot.samples["bacc"]
            figures.append(Figure(challenge.name, metric, "", bacc, samples))
        else:
            figures += _areas(row, challenge, metric)
    return figures


@dataclass(frozen=True)
class Leader:
    """The ranked row of the highest figure.

    Attributes:
        row: its name.
        gaps: of every other ranked row, by its name: how far it lies behind, paired.
        p_holm: of each gap, corrected for their number.
    """

    row: str
    gaps: Mapping[str, Interval]
    p_holm: Mapping[str, float]

    @property
    def told_apart(self) -> bool:
        """Whether it is told apart from every other ranked row; never where it is alone."""
        return bool(self.p_holm) and all(p < ALPHA for p in self.p_holm.values())


def leader(figures: Mapping[str, Figure]) -> Leader | None:
    """Test the row of the highest figure against every other; None where none is defined.

    Args:
        figures: of each ranked row, by its name; all of one challenge, on the same resamples.
    """
    known = {row: it for row, it in figures.items() if not np.isnan(it.interval.value)}
    if not known:
        return None
    best = max(known, key=lambda row: known[row].interval.value)
    drawn = {row: known[best].samples - it.samples for row, it in known.items() if row != best}
    ahead = known[best].interval.value
    corrected = holm([bootstrap_p(samples) for samples in drawn.values()])
    return Leader(
        best,
        {row: interval(ahead - known[row].interval.value, it) for row, it in drawn.items()},
        dict(zip(drawn, corrected.tolist(), strict=True)),
    )


def _areas(row: Row, challenge: Challenge, metric: Metric) -> list[Figure]:
    entry, boot = row.entry, row.bootstrap
    on_data, on_weights = _AREAS[metric]
    columns = columns_of(entry.task, challenge, entry.targets, entry.probabilities)
    pairs = list(zip(columns.actual.T, columns.values.T, strict=True))
    rankings = [Ranking(actual, values, boot.lesions) for actual, values in pairs]
    lesions, resamples = int(boot.lesions.max()) + 1, len(boot.samples["bacc"])
    samples = np.hstack(
        [
            np.stack([on_weights(ranking, weights) for ranking in rankings])
            for weights in lesion_weights(lesions, resamples, boot.seed)
        ]
    )
    values = np.array([on_data(actual, values) for actual, values in pairs])
    mean = _figure(challenge, metric, "", float(values.mean()), samples.mean(axis=0))
    if len(pairs) == 1:
        return [mean]
    each: Sequence[Figure] = [
        _figure(challenge, metric, column, float(value), drawn)
        for column, value, drawn in zip(columns.names, values, samples, strict=True)
    ]
    return [mean, *each]


def _figure(
    challenge: Challenge, metric: Metric, column: str, value: float, samples: FloatArray
) -> Figure:
    return Figure(challenge.name, metric, column, interval(value, samples), samples)


_AREAS: Mapping[
    Metric, tuple[Callable[[Bools, FloatArray], float], Callable[[Ranking, FloatArray], FloatArray]]
] = {
    Metric.AUC: (auc, Ranking.auc),
    Metric.PARTIAL_AUC: (
        partial_auc,
        lambda ranking, weights: ranking.partial_auc(weights, SENSITIVITY),
    ),
}
