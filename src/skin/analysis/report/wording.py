"""A comparison in words: the headline, the notes."""

from __future__ import annotations

from skin.analysis.report.compare import Comparison, Row
from skin.analysis.statistics import Interval
from skin.analysis.text import MINUS, PERCENT, number, span
from skin.errors import name_some

_OUT_OF_FOLD = (
    "Scores are out of fold: every image is predicted by models that never saw its lesion, and "
    "the predictions of all folds are pooled."
)
_CHOSEN_BY_SCORE = (
    "The best checkpoint of each fold was chosen by BACC on that same held-out fold, so the "
    "figures, of each fold and pooled, are slightly optimistic{}."
)
_CHOSEN_APART = (
    "The best checkpoint was chosen by BACC on a validation part of its own, apart from the images "
    "that are scored{}."
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
    "for the number of runs {several}."
)
_CLASSES = (
    "Precision, recall (sensitivity), specificity and F1 of a class set it against all others, by "
    "the decided class. A class that is never decided has precision 0; its AUC ranks images by "
    "its probability."
)
_SCORED_AS = (
    "Scored as {task}: the probabilities of the classes that make up one of its classes are "
    "summed ({trained}). Learning curves and the choice of the checkpoint are of the task that a "
    "run was trained on."
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


def headline(comparison: Comparison) -> str:
    """Which is best, by how much, and how sure that is."""
    best = comparison.best
    bacc = best.bootstrap.interval("bacc")
    score = f"balanced accuracy {number(bacc.value)} (95{PERCENT} interval {span(bacc)})"
    leak = ", on leaking folds, so this says nothing of new lesions" if best.entry.leaking else ""
    if len(comparison.ranked) == 1:
        return f"{best.entry.name} reaches {score}{leak}."
    return f"{best.entry.name} is best: {score}, {_lead(comparison)}{leak}."


def _lead(comparison: Comparison) -> str:
    """How far the best is ahead of the baseline, or of the second where it is the reference."""
    best, second = comparison.ranked[:2]
    if best.difference is not None:
        gap, other = best.difference, comparison.reference
    elif second.difference is not None:
        to_best = second.difference
        gap, other = Interval(-to_best.value, -to_best.high, -to_best.low), second
    else:
        raise ValueError("of two ranked rows, one has a difference to the other")
    points, low, high = (
        f"{100 * value + 0.0:.1f}".replace("-", MINUS) for value in (gap.value, gap.low, gap.high)
    )
    sure = "more than sampling noise explains" if gap.excludes_zero else "within sampling noise"
    return f"{points} points above {other.entry.name} ({low} to {high}), {sure}"


def against(comparison: Comparison) -> str:
    """What differences are to, in a column's head."""
    return f"to {comparison.baseline}" if comparison.baseline else "to the best"


def no_difference(comparison: Comparison, row: Row) -> str:
    """What stands in place of a difference."""
    if not row.ranked:
        return "not ranked"
    return "baseline" if comparison.baseline else "best"


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


def checkpoint(comparison: Comparison) -> str:
    """By which images the checkpoints were chosen."""
    entries = [row.entry for row in comparison.rows]
    apart = name_some(entry.name for entry in entries if not entry.chosen_on_held_out)
    same = name_some(entry.name for entry in entries if entry.chosen_on_held_out)
    if same and apart:
        return f"{_CHOSEN_BY_SCORE.format(f': {same}')} {_CHOSEN_APART.format(f': {apart}')}"
    return (_CHOSEN_BY_SCORE if same else _CHOSEN_APART).format("")


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know to judge the figures."""
    said = [
        _OUT_OF_FOLD,
        checkpoint(comparison),
        _ARGMAX,
        _INTERVALS.format(resamples=f"{comparison.resamples:,}"),
        _DIFFERENCES.format(
            several="that are compared with it"
            if comparison.baseline
            else "among which the best was picked"
        ),
        "± is the standard deviation over folds: their spread, not an interval.",
        _MEANS.format(malignant=", ".join(comparison.task.malignant)),
        _CLASSES,
        *_scored_as(comparison),
    ]
    marks = {mark for row in comparison.rows for mark in row.marks}
    return said + [meaning for mark, meaning in _MARKS.items() if mark in marks]


def _scored_as(comparison: Comparison) -> list[str]:
    """A note on rows that were trained on a finer task, if there are any."""
    trained: dict[str, list[str]] = {}
    for row in comparison.rows:
        if row.entry.trained_as != comparison.task.name:
            trained.setdefault(row.entry.trained_as, []).append(row.entry.name)
    if not trained:
        return []
    listed = "; ".join(f"trained on {task}: {', '.join(runs)}" for task, runs in trained.items())
    return [_SCORED_AS.format(task=comparison.task.name, trained=listed)]
