from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skin.ensembling.gather import gather
from skin.ensembling.unknown.choose import (
    choose_score,
    fit_unknown,
    nested_odds,
    wanted_outliers,
)
from skin.ensembling.unknown.gather import gather_outliers
from skin.errors import SkinError
from skin.runs import Run
from skin.taxonomy import get_task

OutlierRun = Callable[..., Run]
NOWHERE = Path("nowhere")


def test_the_score_that_tells_is_chosen(outlier_run: OutlierRun):
    for name in ("max_probability", "energy", "mahalanobis"):
        outliers = gather_outliers([outlier_run(name, skill={name: 4.0, "entropy": 1.0})])
        assert choose_score(outliers) == name
        assert fit_unknown(outliers).score == name


def test_without_images_outside_it_is_the_entropy(outlier_run: OutlierRun):
    outliers = gather_outliers([outlier_run("a", outside=0)])
    assert choose_score(outliers) == "entropy"


def test_what_is_fitted_keeps_the_share_of_known_images(outlier_run: OutlierRun):
    outliers = gather_outliers([outlier_run("a", skill={"energy": 9.0})])
    rule = fit_unknown(outliers, "energy", 0.9)
    assert (rule.score, rule.kept) == ("energy", 0.9)
    assert rule.standards == outliers.standards["energy"]
    told = rule.odds(outliers.scores["energy"]) > 1
    # 36 images of each class: all weigh alike, so that 90 % of all are kept.
    assert told[~outliers.outside].mean() == pytest.approx(0.1, abs=1 / 288)
    assert told[outliers.outside].all()


def test_a_part_is_judged_without_itself(outlier_run: OutlierRun):
    """A part's own scores, raised by 100, do not move its own threshold."""
    outliers = gather_outliers([outlier_run("a")])
    before = nested_odds(outliers, "entropy", 0.9)
    held = outliers.parts == 1
    outliers.scores["entropy"][held] += 100
    after = nested_odds(outliers, "entropy", 0.9)
    assert (after[held] > 1).all()
    np.testing.assert_allclose(np.log(after[held] / before[held]), 100)
    assert (after[~held] < before[~held]).all(), "the other parts' thresholds hold it"


def test_the_choice_is_nested_too(outlier_run: OutlierRun):
    """In part 1 the labels are turned round: what is best there must not be chosen there."""
    outliers = gather_outliers([outlier_run("a", skill={"energy": 4.0})])
    held = outliers.parts == 1
    np.testing.assert_array_equal(
        nested_odds(outliers, "auto", 0.9)[held], nested_odds(outliers, "energy", 0.9)[held]
    )
    outliers.scores["mahalanobis"][held & outliers.outside] += 100
    outliers.scores["energy"][held] *= -1
    np.testing.assert_array_equal(
        nested_odds(outliers, "auto", 0.9)[held], nested_odds(outliers, "energy", 0.9)[held]
    )


def test_scores_that_cannot_be_had(outlier_run: OutlierRun):
    run = outlier_run("a", ["max_probability", "entropy", "mahalanobis"])
    with pytest.raises(SkinError, match="--unknown energy: not all of the runs have it"):
        fit_unknown(gather_outliers([run]), "energy")
    oof = gather([run], data_dir=NOWHERE)
    with pytest.raises(SkinError, match=r"unknown outlier score 'entropi': did you mean 'entropy'"):
        wanted_outliers([run], oof, "entropi")
    assert wanted_outliers([run], oof, "none") is None
    assert wanted_outliers([run], oof, "auto") is not None


def test_a_task_without_the_column_wants_none(make_run: Callable[..., Run]):
    run = make_run("plain")
    oof = gather([run], data_dir=NOWHERE)
    assert oof.task is get_task("isic2018")
    assert wanted_outliers([run], oof, "auto") is None
    with pytest.raises(SkinError, match="--unknown energy: task 'isic2018' has no column"):
        wanted_outliers([run], oof, "energy")
