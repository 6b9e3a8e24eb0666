from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skin.analysis.leaderboard.facts import (
    best_run,
    chosen,
    gain_of_rule,
    malignant_sensitivity,
    plain_argmax,
    rules_from_argmax,
    title_of_rule,
)
from skin.analysis.metrics import score
from skin.ensembling.assess import UNCALIBRATED
from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]  # MEL, BCC and AKIEC, at 0, 2 and 3, are malignant


def scores(targets, decisions):
    return score(np.array(targets), np.eye(len(TASK))[decisions], TASK)


def test_malignant_sensitivity_takes_any_malignant_class():
    # Of four malignant images two are decided for a malignant class, one of them for the wrong one.
    assert malignant_sensitivity(scores([0, 0, 2, 3, 1, 1], [0, 2, 1, 4, 1, 0]), TASK) == 0.5


def test_an_undecided_malignant_image_is_missed():
    tied = np.full((1, len(TASK)), 1 / len(TASK))

    assert malignant_sensitivity(score(np.array([0]), tied, TASK), TASK) == 0


def test_malignant_sensitivity_without_a_malignant_image():
    assert np.isnan(malignant_sensitivity(scores([1, 4], [1, 0]), TASK))


def test_plain_argmax_stands_first(assessment):
    assert [rule.name for rule in assessment.rules] == ["prior", "argmax", "sensitivity:MEL=0.95"]
    assert [rule.name for rule in rules_from_argmax(assessment)] == [
        "argmax",
        "prior",
        "sensitivity:MEL=0.95",
    ]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("prior", "corrected for the class shares"),
        ("sensitivity:MEL=0.95", "finds 95 % of MEL"),
        ("cost:no/longer/there.csv", "least expected cost"),
        (UNCALIBRATED, ""),
    ],
)
def test_titles_of_rules(assessment, name, title):
    assert title_of_rule(replace(assessment.rules[0], name=name), TASK) == title


def test_gain_of_a_rule(assessment):
    plain, rule = plain_argmax(assessment), chosen(assessment.rules)

    assert gain_of_rule(assessment, plain) is None
    assert gain_of_rule(assessment, rule).value == pytest.approx(
        rule.bootstrap.scores.bacc - plain.bootstrap.scores.bacc
    )


def test_best_run(assessment):
    runs = [line for line in assessment.lines if line.kind == "run"]

    assert best_run(assessment) is max(runs, key=lambda line: line.bootstrap.scores.bacc)


def test_one_is_chosen(assessment):
    none = [replace(line, chosen=False) for line in assessment.lines]

    assert chosen(assessment.lines).name == "rank-mean"
    with pytest.raises(ValueError, match="expected one chosen line, got 0"):
        chosen(none)
    with pytest.raises(ValueError, match="expected one chosen line, got 2"):
        chosen([replace(line, chosen=True) for line in none[:2]])
