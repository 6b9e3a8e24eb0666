from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skin.analysis.leaderboard import wording
from skin.analysis.leaderboard.facts import chosen
from skin.analysis.statistics import Interval
from skin.ensembling.assess import UNCALIBRATED


def with_difference(assessment, *ends):
    """The assessment with another difference of the chosen line to the best run."""
    lines = tuple(
        replace(line, difference=Interval(*ends)) if line.chosen else line
        for line in assessment.lines
    )
    return replace(assessment, lines=lines)


@pytest.mark.parametrize(
    ("ends", "lead", "sure"),
    [
        ((0.021, 0.005, 0.036), "2.1 points above se", "an interval that leaves zero out"),
        ((0.021, -0.005, 0.036), "2.1 points above se", "within sampling noise"),
        ((-0.021, -0.036, -0.005), "2.1 points below se", "an interval that leaves zero out"),
    ],
)
def test_headline_says_how_far_the_best_run_is(assessment, ends, lead, sure):
    text = wording.headline(with_difference(assessment, *ends))

    assert text.startswith("3 runs combined (rank-mean) reach balanced accuracy 0.")
    assert f", {lead}, the best single run (" in text
    assert text.endswith(f" to 3.6), {sure}.")


def test_headline_where_the_ensemble_is_its_best_run(assessment):
    text = wording.headline(with_difference(assessment, 0.0, 0.0, 0.0))

    assert text.endswith("), the same as se, the best single run.")


def test_headline_of_one_run(alone):
    assert wording.headline(alone).startswith("only alone reaches balanced accuracy 0.")


def test_headline_where_a_run_is_chosen(assessment):
    best = next(line for line in assessment.lines if line.kind == "run")
    lines = tuple(replace(line, chosen=line is best) for line in assessment.lines)

    text = wording.headline(replace(assessment, lines=lines))

    assert text.startswith("se, the best single run, reaches balanced accuracy 0.")


def test_plain_argmax_stands_beside_a_rule(assessment, alone):
    plain = next(rule for rule in assessment.rules if rule.name == "argmax").bootstrap

    assert wording.lead(assessment).startswith("Calibration vector, decision rule prior; by plain")
    assert f"BACC is {plain.scores.bacc:.3f} (" in wording.lead(assessment)
    assert wording.lead(alone) == "Calibration none, decision rule argmax."


def test_uncertainty(assessment):
    wrong = 1 - chosen(assessment.lines).bootstrap.scores.accuracy
    sets = replace(assessment.sets, coverage=np.array([0.9, 0.8, np.nan, 1, 0.95, 0.9, 0.9]))

    text = wording.uncertainty(replace(assessment, sets=sets))

    assert f"of all {wrong:.3f}" in text
    assert text.endswith("coverage by class from 0.800 (NV) to 1.000 (AKIEC).")


def test_uncertainty_where_no_class_is_known(assessment):
    sets = replace(assessment.sets, coverage=np.full(7, np.nan))
    selective = replace(assessment.selective, kept_risk=float("nan"))

    text = wording.uncertainty(replace(assessment, sets=sets, selective=selective))

    assert "of the others, — are decided wrong" in text
    assert text.endswith("of the sets with one class.")


def test_notes_tell_parts_resamples_and_what_is_malignant(assessment):
    notes = " ".join(wording.notes(assessment))

    assert "in 5 parts, no lesion in two." in notes
    assert "30 bootstrap resamples" in notes
    assert notes.endswith("over MEL, BCC, AKIEC.")


def test_a_leaking_ensemble_says_so(assessment, alone):
    clean, leaky = (
        " ".join([wording.headline(one), *wording.notes(one)])
        for one in (assessment, replace(assessment, leaking=True))
    )

    assert "leaking" not in clean.lower()
    assert "a lesion was on both sides of a fold" in leaky
    assert "no lesion in two" not in leaky
    for one in (assessment, alone):
        assert " (leaking) (95" in wording.headline(replace(one, leaking=True))


def test_notes_tell_how_checkpoints_were_chosen(assessment, alone):
    several, one, apart = (
        " ".join(wording.notes(each))
        for each in (assessment, alone, replace(assessment, chosen_on_held_out=False))
    )

    assert "on that same held-out fold" in several
    assert "of one run at least" in several
    assert "on that same held-out fold" in one
    assert "of one run at least" not in one
    assert "a validation part of its own" in apart
    assert "that same" not in apart


def test_notes_tell_that_new_images_get_more_models(assessment):
    (note,) = (note for note in wording.notes(assessment) if "skin predict" in note)

    assert "one model of each run an image" in note
    assert "coverage" in note


def test_steps_tell_that_the_order_was_chosen(assessment, alone):
    assert "a little too good" in wording.steps(assessment)
    assert "a little too good" not in wording.steps(alone)


def test_the_two_kinds_of_argmax_are_told_apart(assessment):
    plain = next(rule for rule in assessment.rules if rule.name == "argmax")
    both = (*assessment.rules, replace(plain, name=UNCALIBRATED, chosen=False))

    assert UNCALIBRATED in wording.rules(replace(assessment, rules=both))
    assert UNCALIBRATED not in wording.rules(assessment)
