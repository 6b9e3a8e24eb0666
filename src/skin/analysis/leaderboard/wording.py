"""An assessment in words: the headline, how to read each figure, the notes."""

from __future__ import annotations

import math

from skin.analysis.caveats import CHOSEN_APART, CHOSEN_BY_SCORE, LEAKING, intervals
from skin.analysis.leaderboard.facts import best_run, chosen, plain_argmax
from skin.analysis.statistics import Interval
from skin.analysis.text import MINUS, PERCENT, number, plural, signed, signed_span, span
from skin.ensembling.assess import UNCALIBRATED
from skin.ensembling.assessment import Assessment

_STEPS = "Each step is compared with the one before it, on the same resamples of lesions."
_JOINING = (
    " Which run is the best one, and in which order the others join it, is chosen on the very "
    "images that the steps are judged on, so that their gains are a little too good."
)
_RULES = (
    "Each fitted on the other parts. Malignant sensitivity is the share of malignant images that "
    "are decided for any malignant class."
)
_TWO_ARGMAX = (
    " Plain argmax is of the calibrated probabilities, which hold the classes' natural shares; "
    f"{UNCALIBRATED!r} is of the combined probabilities as they are."
)
LEADERBOARD = (
    "All lines have the same calibration and decision rule. Nested: whatever is fitted was fitted "
    "on the other parts. In-sample: fitted and judged on the same images, which is too good."
)
CALIBRATION = (
    "Of the chosen method, fitted on the other parts. Lower is better in all columns. ECE, the "
    "expected calibration error, is the mean gap between what is claimed and what comes true."
)

OUTLIERS = {
    "max_probability": "1 minus the highest probability",
    "entropy": "of the probabilities",
    "energy": "of the logits",
    "mahalanobis": "distance to the nearest class in the features",
    "auto": "the best of these, chosen within",
}
_ALL_MODELS = (
    "An outlier score is of the image as it is, without test-time augmentation; each model's is "
    "standardised by the known images that it holds out, and the mean is taken over the models. "
    "Score and threshold are fitted on one model of each run an image; the mean over all models, "
    "as on new images, varies less, so that rather more of the known lesions are kept there."
)

CAPTIONS = {
    "ranking": (
        "Right is better. A line is the 95\N{NO-BREAK SPACE}% interval over lesions; two that "
        "overlap can still differ clearly, as the paired difference in the table tells. The "
        "upright mark is the in-sample score: the further right of its dot, the more overfitted."
    ),
    "steps": (
        "Paired gain of each step over the one before. A gain whose interval holds zero is not "
        "shown to be one."
    ),
    "correlation": (
        "Pearson correlation of the log-odds that two runs give the true class, each class's mean "
        "taken off. Runs that are strong and little correlated gain most from each other."
    ),
    "disagreement": "The share of images that two runs decide differently, in per cent.",
    "gain": (
        "The plain mean of probabilities, by plain argmax, as runs join from top to bottom: the "
        "best run, then always the one that adds most. The order is picked on these images, which "
        "flatters all points but the last."
    ),
    "reliability": (
        "On the dashed diagonal, a confidence of 0.8 is right in 80\N{NO-BREAK SPACE}% of cases; "
        "below it the model is too sure. A dot's area grows with the number of images in its bin."
    ),
    "recall": (
        "The share of each class that is decided right, with its interval; the mean is BACC. A "
        "rule for BACC trades the recall of frequent classes for that of rare ones."
    ),
    "risk": (
        "The share of wrong decisions among the cases that are kept, the surest first. Lower is "
        "better. The dot is where this ensemble refers the rest; as its threshold is fitted on the "
        "other parts, it may lie a little off the curve."
    ),
    "coverage": (
        "The share of each class whose prediction set holds it; the dashed line is what was asked "
        "for. Left of it, that class is missed more often than promised; in rare classes a few "
        "images decide."
    ),
}


def headline(assessment: Assessment) -> str:
    """What the ensemble scores, and how far that is from its best run."""
    line = chosen(assessment.lines)
    bacc = line.bootstrap.interval("bacc")
    mark = " (leaking)" if assessment.leaking else ""
    score = f"balanced accuracy {number(bacc.value)}{mark} (95{PERCENT} interval {span(bacc)})"
    if len(assessment.names) == 1:
        return f"{assessment.names[0]} alone reaches {score}."
    best = best_run(assessment)
    if line is best or line.difference is None:
        return f"{line.name}, the best single run, reaches {score}."
    runs = f"{len(assessment.names)} runs combined ({assessment.method})"
    return f"{runs} reach {score}, {_lead(line.difference, best.name)}."


def lead(assessment: Assessment) -> str:
    """By what calibration and rule, and what plain argmax makes of the same probabilities."""
    calibration, rule = chosen(assessment.calibrations), chosen(assessment.rules)
    by = f"Calibration {calibration.name}, decision rule {rule.name}"
    plain = plain_argmax(assessment)
    if rule is plain:
        return f"{by}."
    bacc = plain.bootstrap.interval("bacc")
    return f"{by}; by plain argmax, BACC is {number(bacc.value)} ({span(bacc)})."


def steps(assessment: Assessment) -> str:
    """How to read the steps."""
    return _STEPS + (_JOINING if len(assessment.names) > 1 else "")


def rules(assessment: Assessment) -> str:
    """How to read the decision rules."""
    two = any(rule.name == UNCALIBRATED for rule in assessment.rules)
    return _RULES + (_TWO_ARGMAX if two else "")


def uncertainty(assessment: Assessment) -> str:
    """What referral and prediction sets bring, in one paragraph."""
    selective, sets = assessment.selective, assessment.sets
    wrong = 1 - chosen(assessment.lines).bootstrap.scores.accuracy
    text = (
        f"Referral: {number(selective.referred)} of the images are referred; of the others, "
        f"{number(selective.kept_risk)} are decided wrong, of all {number(wrong)} (area under the "
        f"risk-coverage curve {number(selective.area)}). Prediction sets for a coverage of "
        f"{number(sets.asked)}: {number(sets.size)} classes on average, {number(sets.single)} of "
        "the sets with one class"
    )
    defined = [
        (float(coverage), code)
        for coverage, code in zip(sets.coverage, assessment.task.codes, strict=True)
        if not math.isnan(coverage)
    ]
    if not defined:
        return f"{text}."
    (low, least), (high, most) = min(defined), max(defined)
    return f"{text}; coverage by class from {number(low)} ({least}) to {number(high)} ({most})."


def unknown(assessment: Assessment) -> str:
    """By what lesions that are none of the classes are told, and what that brings and costs."""
    lines = assessment.unknown
    if lines is None:
        return ""
    line = chosen(lines.lines)
    by_class = zip(assessment.task.codes, line.kept_by_class, strict=True)
    text = (
        f"A lesion is taken for none of the classes ({lines.code}) where its outlier score "
        f"({lines.score}) is above {number(lines.threshold)} standard deviations. The threshold is "
        f"to keep {number(lines.asked)} of the known lesions, all classes weighing alike; fitted "
        f"on the other parts it keeps {number(line.kept.value)} ("
        f"{', '.join(f'{code} {number(share)}' for code, share in by_class)}), which changes the "
        f"BACC of the classes by {signed(line.cost.value)} ({signed_span(line.cost)})."
    )
    if line.auroc is None or line.found is None:
        return (
            f"{text} No image outside the classes is held out, so that nothing tells how many it "
            "finds."
        )
    return (
        f"{text} Of the {plural(lines.outside, 'held-out image')} outside the classes it finds "
        f"{number(line.found.value)} ({span(line.found)}); AUROC {number(line.auroc.value)} "
        f"({span(line.auroc)})."
    )


def notes(assessment: Assessment) -> list[str]:
    """What a reader must know to judge the figures."""
    apart = "" if assessment.leaking else ", no lesion in two"
    return [
        *([f"Leaking: {LEAKING.format(whose='all')}"] if assessment.leaking else []),
        (
            f"Nested: the images are in {plural(assessment.parts, 'part')}{apart}. For each part, "
            "weights, stackers, calibration, decision rule, prediction sets and referral are "
            "fitted on the other parts and judged on it; all parts are then pooled."
        ),
        _checkpoint(assessment),
        (
            "In-sample figures, of one fit on all images, are shown only to tell how much is "
            "overfitted."
        ),
        (
            "Calibration, decision rule, prediction sets and referral are fitted and judged on "
            "predictions of one model of each run an image, the one that never saw it. On new "
            "images, skin predict averages all models of each run, one a fold, which are "
            "together a little surer and better than what was measured here; so coverage and the "
            "share that is referred may differ there."
        ),
        intervals(assessment.resamples),
        (
            "Differences and gains are paired: both are scored on the same resamples. One whose "
            "interval holds zero is not shown to be a difference. They are not corrected for the "
            "number of lines, so that the best of many methods is a little worse than it looks."
        ),
        (
            "An exact tie for the highest score counts as wrong. AUC ranks images by the "
            "probabilities, not by what a decision rule makes of them; malignant AUC by their sum "
            f"over {', '.join(assessment.task.malignant)}."
        ),
        *([] if assessment.unknown is None else [_ALL_MODELS]),
    ]


def _checkpoint(assessment: Assessment) -> str:
    if not assessment.chosen_on_held_out:
        return CHOSEN_APART.format(of="")
    some = "" if len(assessment.names) == 1 else " (of one run at least, and so of the ensemble)"
    return CHOSEN_BY_SCORE.format(of=some)


def _lead(gap: Interval, best: str) -> str:
    if gap.value == gap.low == gap.high == 0:
        return f"the same as {best}, the best single run"
    points, low, high = (
        f"{100 * value + 0.0:.1f}".replace("-", MINUS)
        for value in ((gap.value, gap.low, gap.high) if gap.value >= 0 else _turned(gap))
    )
    where = "above" if gap.value >= 0 else "below"
    # Of the chosen line alone, and not corrected for those that it was chosen among.
    sure = "an interval that leaves zero out" if gap.excludes_zero else "within sampling noise"
    return f"{points} points {where} {best}, the best single run ({low} to {high}), {sure}"


def _turned(gap: Interval) -> tuple[float, float, float]:
    return -gap.value, -gap.high, -gap.low
