from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from skin.data.encode import METADATA_SIZE
from skin.ensembling.combine import METHODS
from skin.ensembling.decide import parse_rule
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan, Pipeline
from skin.taxonomy import get_task

TASK = get_task("isic2018")


def fitted(oof: OutOfFold, method: str = "mean") -> Pipeline:
    combiner = METHODS[method].fit(oof)
    combined = combiner.combine(oof.log_probabilities, oof.metadata)
    decision = DecisionPlan("vector", parse_rule("prior", oof.task)).fit(combined, oof.targets)
    return Pipeline(combiner=combiner, **dict(decision))


def test_the_plain_pipeline_is_the_mean(simulate: Callable[..., OutOfFold]):
    oof, plain = simulate(), Pipeline.plain(2)
    probabilities = plain.probabilities(oof.log_probabilities)
    np.testing.assert_allclose(probabilities, np.exp(oof.log_probabilities).mean(axis=0))
    np.testing.assert_array_equal(plain.scores(probabilities), probabilities)
    assert plain.sets(probabilities) is None
    assert plain.refers(probabilities) is None


def test_the_prior_rule_undoes_the_classes_shares(simulate: Callable[..., OutOfFold]):
    oof = simulate()
    pipeline = fitted(oof)
    probabilities = pipeline.probabilities(oof.log_probabilities)
    shares = np.bincount(oof.targets, minlength=len(TASK)) / len(oof)
    np.testing.assert_allclose(probabilities.mean(axis=0), shares, atol=0.01)  # calibrated
    expected = probabilities / shares
    np.testing.assert_allclose(
        pipeline.scores(probabilities), expected / expected.sum(axis=1, keepdims=True)
    )


@pytest.mark.parametrize("method", METHODS)
def test_all_that_was_fitted_comes_back_from_json(method: str, simulate: Callable[..., OutOfFold]):
    oof = simulate((2.0, 1.0, 0.5))
    known = np.random.default_rng(0).random((len(oof), METADATA_SIZE), np.float32)
    oof = replace(oof, metadata=known)
    pipeline = fitted(oof, method)
    again = Pipeline.model_validate_json(pipeline.model_dump_json())
    before = pipeline.probabilities(oof.log_probabilities, known)
    after = again.probabilities(oof.log_probabilities, known)
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(pipeline.scores(before), again.scores(after))
    np.testing.assert_array_equal(pipeline.sets(before), again.sets(after))
    np.testing.assert_array_equal(pipeline.refers(before), again.refers(after))


def test_the_share_that_was_asked_for_is_referred(simulate: Callable[..., OutOfFold]):
    oof = simulate()
    pipeline = fitted(oof)
    probabilities = pipeline.probabilities(oof.log_probabilities)
    assert pipeline.refers(probabilities).mean() == pytest.approx(0.2, abs=0.01)


def test_a_pipeline_of_other_runs_or_classes(simulate: Callable[..., OutOfFold]):
    pipeline = fitted(simulate())
    pipeline.check(2, len(TASK))
    with pytest.raises(ValueError, match="3"):
        pipeline.check(3, len(TASK))
    with pytest.raises(ValueError, match=r"weights|shape|classes|expected"):
        pipeline.check(2, 3)
