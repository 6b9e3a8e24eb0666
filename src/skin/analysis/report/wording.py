"""A comparison in words: the headline, the notes."""

from __future__ import annotations

from collections.abc import Iterable

from skin.analysis.caveats import CHOSEN_APART, CHOSEN_BY_SCORE, LEAKING, intervals
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.paired import PairedTest
from skin.analysis.significance.pvalues import too_coarse
from skin.analysis.statistics import Interval
from skin.analysis.text import MINUS, PERCENT, number, plural, span
from skin.errors import name_some

_OUT_OF_FOLD = (
    "Scores are out of fold: every image is predicted by models that never saw {unseen}, and the "
    "predictions of all folds are pooled."
)
_UNSEEN = {False: "its lesion", True: "it nor, unless the row is leaking, its lesion"}
_ARGMAX = "The class is the plain argmax of the probabilities, without any decision rule"
_RULES = (
    "; in rows marked with a rule, it is the argmax of the scores that this rule makes of the "
    "probabilities ({rules}). AUCs and ROC curves are of the probabilities in all rows"
)
_TIE = "An exact tie for the maximum counts as wrong."
_DIFFERENCES = (
    "Differences are paired: both runs are scored on the same resamples. Their intervals are not "
    "corrected for the number of runs {several}; the p-values of the paired tests are."
)
_CLASSES = (
    "Precision, recall (sensitivity), specificity and F1 of a class set it against all others, by "
    "the decided class. A class that is never decided has precision 0; its AUC ranks images by "
    "its probability."
)
_SCORED_AS = (
    "Scored as {task}: the probabilities of the classes that make up one of its classes are "
    "summed ({trained}), and the class is the argmax of the sums, without the decision rule that "
    "an ensemble may have. Learning curves and the choice of the checkpoint are of the task that a "
    "run was trained on."
)
_MEANS = (
    "BACC, macro F1 and macro AUC are means over the classes that occur. Malignant AUC ranks "
    "images by the summed probability of {malignant}."
)
_MARKS = {
    "leaking": f"Rows marked leaking are the exception: {LEAKING.format(whose='their')}",
    "other images": (
        "Rows marked other images predict other images, labels or lesions than the ranked ones, "
        "as when folds are missing, and are not ranked."
    ),
    "other folds": (
        "Rows marked other folds were trained on other folds of the same images and are not ranked."
    ),
}


CHECKPOINT_MARK = "epoch chosen on these images"
"""Beside a row whose checkpoints were chosen by the score that it shows."""


def headline(comparison: Comparison) -> str:
    """Which is best, by how much, and how sure that is."""
    best = comparison.best
    bacc = best.bootstrap.interval("bacc")
    score = f"balanced accuracy {number(bacc.value)} (95{PERCENT} interval {span(bacc)})"
    leak = ", on leaking folds, so this says nothing of new lesions" if best.entry.leaking else ""
    if len(comparison.ranked) == 1:
        return f"{best.entry.name} reaches {score}{leak}."
    level = [row.entry.name for row in comparison.ranked if row.scores.bacc == best.scores.bacc]
    if len(level) > 1:
        return f"{name_some(level)} are level: {score}{leak}."
    return f"{best.entry.name} is best: {score}, {_lead(comparison)}{leak}."


def _lead(comparison: Comparison) -> str:
    """How far the best is ahead of the baseline, or of the second where it is the reference."""
    best, second = comparison.ranked[:2]
    leads = comparison.reference is best
    tested = second if leads else best
    test = next(test for test in comparison.tests.bacc if test.row == tested.entry.name)
    gap, other = test.difference, comparison.reference
    if leads:
        gap, other = Interval(-gap.value, -gap.high, -gap.low), second
    points, low, high = (
        f"{100 * value + 0.0:.1f}".replace("-", MINUS) for value in (gap.value, gap.low, gap.high)
    )
    return (
        f"{points} points above {other.entry.name} ({low} to {high}), "
        f"{_verdict(test, comparison.resamples)}"
    )


def _verdict(test: PairedTest, resamples: int) -> str:
    """Whether a test tells its pair apart: as the table of the tests says it."""
    among = " after correction" if test.family > 1 else ""
    if test.told_apart:
        return f"told apart{among}"
    if not test.difference.excludes_zero:
        return "not told apart: within sampling noise"
    if too_coarse(resamples, test.family):
        return f"not told apart{among}: too few resamples"
    return f"not told apart{among} for {test.family} comparisons"


def spread(comparison: Comparison) -> str:
    """How the best does fold by fold; nothing where there is one fold."""
    best, *others = comparison.ranked
    values = {fold: scores.bacc for fold, scores in best.folds.items()}
    if len(values) == 1:
        return ""
    said = f"BACC {number(min(values.values()))} to {number(max(values.values()))} in single folds"
    if not others:
        return f"{said}."
    ahead = sum(all(bacc > row.folds[fold].bacc for row in others) for fold, bacc in values.items())
    return f"{best.entry.name} is best in {ahead} of {plural(len(values), 'fold')}; {said}."


def rival(comparison: Comparison) -> Row | None:
    """The row that the best is set beside, the baseline or else the second; None if alone."""
    if comparison.reference is not comparison.best:
        return comparison.reference
    return comparison.ranked[1] if len(comparison.ranked) > 1 else None


def facts(comparison: Comparison) -> str:
    """Of how many images the figures are, how they were decided and which checkpoints chosen."""
    best = comparison.best
    counts = (
        plural(len(best.entry.oof), "image"),
        plural(best.entry.oof["lesion_id"].nunique(), "lesion"),
        plural(len(best.folds), "fold"),
    )
    said = ("{} of {}, {}.".format(*counts), decision(comparison), checkpoint(comparison))
    return " ".join(said)


def leaking(rows: Iterable[Row]) -> list[str]:
    """The names of the rows whose folds leak."""
    return [row.entry.name for row in rows if row.entry.leaking]


def labelled(row: Row) -> str:
    """A row's name and its marks."""
    return f"{row.entry.name} ({', '.join(row.marks)})" if row.marks else row.entry.name


def lower(name: str) -> str:
    """A diagnosis within a sentence."""
    return name[:1].lower() + name[1:]


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
        by_score = CHOSEN_BY_SCORE.format(of=f": {same}")
        return f"{by_score} {CHOSEN_APART.format(of=f': {apart}')}"
    return (CHOSEN_BY_SCORE if same else CHOSEN_APART).format(of="")


def decision(comparison: Comparison) -> str:
    """By what the class is decided, in a few words."""
    rules = _rules(comparison)
    return f"Plain argmax, but with a decision rule: {rules}." if rules else "Plain argmax."


def notes(comparison: Comparison) -> list[str]:
    """What a reader must know to judge the figures."""
    said = [
        _OUT_OF_FOLD.format(unseen=_UNSEEN[any(leaking(comparison.rows))]),
        checkpoint(comparison),
        _argmax(comparison),
        intervals(comparison.resamples),
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


def _argmax(comparison: Comparison) -> str:
    rules = _rules(comparison)
    return f"{_ARGMAX}{_RULES.format(rules=rules) if rules else ''}. {_TIE}"


def _rules(comparison: Comparison) -> str:
    """The rows that have a decision rule, each with its rule."""
    entries = [row.entry for row in comparison.rows]
    return ", ".join(f"{entry.name}: {entry.rule}" for entry in entries if entry.rule)


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
