"""A comparison in words: figures as text, the headline, the notes."""

from __future__ import annotations

import math

from skin.analysis.report.compare import Comparison, Row
from skin.analysis.statistics import Interval

DASH = "\N{EM DASH}"
MINUS = "\N{MINUS SIGN}"
PERCENT = "\N{NO-BREAK SPACE}%"

_OUT_OF_FOLD = (
    "Scores are out of fold: every image is predicted by models that never saw its lesion, and "
    "the predictions of all folds are pooled."
)
_CHECKPOINT = (
    "The best checkpoint of each fold was chosen by BACC on that same held-out fold, so the "
    "figures, of each fold and pooled, are slightly optimistic."
)
_ARGMAX = (
    "The class is the plain argmax of the probabilities, without any decision rule; an exact tie "
    "for the maximum counts as wrong."
)
_INTERVALS = (
    f"Intervals hold 95{PERCENT}: percentiles of {{resamples}} bootstrap resamples of lesions, "
    "all images of a lesion together. They tell how scores would vary with other lesions, not "
    "with another training seed."
)
_DIFFERENCES = (
    "Differences are paired: both runs are scored on the same resamples. They are not corrected "
    "for the number of runs among which the best was picked."
)
_MEANS = (
    "BACC, macro F1 and macro AUC are means over the classes that occur. Malignant AUC ranks "
    "images by the summed probability of {malignant}."
)
_MARKS = {
    "leaking": (
        "Rows marked leaking are the exception: a lesion was on both sides of a fold, so that "
        "their scores are inflated and say nothing of new lesions."
    ),
    "other images": (
        "Rows marked other images predict other images, labels or lesions than the ranked ones, "
        "as when folds are missing, and are not ranked."
    ),
    "other folds": (
        "Rows marked other folds were trained on other folds of the same images and are not ranked."
    ),
}


def number(value: float) -> str:
    """A score to three decimals."""
    return DASH if math.isnan(value) else f"{value:.3f}".replace("-", MINUS)


def signed(value: float) -> str:
    """A difference to three decimals, always with its sign."""
    return DASH if math.isnan(value) else f"{value:+.3f}".replace("-", MINUS)


def span(interval: Interval) -> str:
    """The ends of a score's interval."""
    return f"{number(interval.low)} to {number(interval.high)}"


def short_span(interval: Interval) -> str:
    """The ends of a score's interval, for narrow columns."""
    return f"{number(interval.low)}\N{EN DASH}{number(interval.high)}"


def signed_span(interval: Interval) -> str:
    """The ends of a difference's interval."""
    return f"{signed(interval.low)} to {signed(interval.high)}"


def mean_and_deviation(mean: float, deviation: float) -> str:
    """Mean ± standard deviation, or the mean alone where one fold has no deviation."""
    return number(mean) if math.isnan(deviation) else f"{number(mean)} ± {number(deviation)}"


def duration(seconds: float | None) -> str:
    """A wall time in its two largest units."""
    if seconds is None:
        return DASH
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def millions(count: int | None) -> str:
    """A number of parameters."""
    return DASH if count is None else f"{count / 1e6:.2f} M"


def plural(count: int, noun: str) -> str:
    """A count and its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def headline(comparison: Comparison) -> str:
    """Which is best, by how much, and how sure that is."""
    best = comparison.best
    bacc = best.bootstrap.interval("bacc")
    score = f"balanced accuracy {number(bacc.value)} (95{PERCENT} interval {span(bacc)})"
    leak = ", on leaking folds, so this says nothing of new lesions" if best.entry.leaking else ""
    if len(comparison.ranked) == 1:
        return f"{best.entry.name} reaches {score}{leak}."
    return f"{best.entry.name} is best: {score}, {_lead(comparison.ranked[1])}{leak}."


def _lead(second: Row) -> str:
    if second.difference is None:
        raise ValueError("a ranked row after the best has a difference to it")
    gap = second.difference
    points, low, high = (
        f"{-100 * value + 0.0:.1f}".replace("-", MINUS) for value in (gap.value, gap.high, gap.low)
    )
    sure = "more than sampling noise explains" if gap.excludes_zero else "within sampling noise"
    return f"{points} points above {second.entry.name} ({low} to {high}), {sure}"


def chance(comparison: Comparison) -> str:
    """Whether the ranked runs beat chance, and at what level chance lies."""
    level = f"chance (1/{comparison.classes} = {number(1 / comparison.classes)})"
    beating = comparison.beating_chance
    failing = [row.entry.name for row in comparison.ranked if row not in beating]
    if failing:
        return f"Not clearly above {level}: {', '.join(failing)}."
    lowest = min(row.bootstrap.interval("bacc").low for row in beating)
    who = "It clearly beats" if len(beating) == 1 else "All of them clearly beat"
    return f"{who} {level}: the 95{PERCENT} interval of BACC starts at {number(lowest)}."


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know to judge the figures."""
    said = [
        _OUT_OF_FOLD,
        _CHECKPOINT,
        _ARGMAX,
        _INTERVALS.format(resamples=f"{comparison.resamples:,}"),
        _DIFFERENCES,
        "± is the standard deviation over folds: their spread, not an interval.",
        _MEANS.format(malignant=", ".join(comparison.task.malignant)),
    ]
    marks = {mark for row in comparison.rows for mark in row.marks}
    return said + [meaning for mark, meaning in _MARKS.items() if mark in marks]
