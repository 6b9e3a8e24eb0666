from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skin.ensembling.combine import Logistic, stack
from skin.ensembling.combine.stack import fit_logistic
from skin.ensembling.combine.stacker import stack_features
from skin.ensembling.oof import OutOfFold

MakeOof = Callable[..., OutOfFold]


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_it_is_scikit_learns(simulate: MakeOof, classes: int):
    oof = simulate(0, classes=classes, metadata=True)
    features = stack_features(oof.log_probabilities, oof.metadata, 4)
    regression = LogisticRegression(C=stack._C, max_iter=2000, tol=1e-5)  # noqa: SLF001
    reference = make_pipeline(StandardScaler(), regression).fit(features, oof.targets)
    fitted = fit_logistic(oof, metadata=True)
    new = simulate(1, classes=classes, metadata=True)
    expected = reference.predict_proba(stack_features(new.log_probabilities, new.metadata, 4))
    combined = np.exp(fitted.combine(new.log_probabilities, new.metadata))
    np.testing.assert_allclose(combined, expected, rtol=0, atol=1e-12)


def test_by_hand():
    """Standardised features 1 and -1: logits 2 * 1 + 0.5, 0 and 0."""
    logistic = Logistic(
        runs=1,
        classes=3,
        fitted=(0, 1, 2),
        metadata_columns=0,
        mean=(-2, 0, 0),
        scale=(0.5, 1, 1),
        coefficients=((2, 0, 0), (0, 0, 0), (0, 0, 0)),
        intercepts=(0.5, 0, 0),
    )
    combined = np.exp(logistic.combine(np.array([[[-1.5, -1.0, -1.0]]])))
    e = np.exp(2.5)
    np.testing.assert_allclose(combined, [[e / (e + 2), 1 / (e + 2), 1 / (e + 2)]])


def test_identical_runs_weigh_alike(simulate: MakeOof):
    """The penalty spreads a coefficient over features that are the same."""
    coefficients = np.array(fit_logistic(simulate(0).only([0, 0])).coefficients)
    np.testing.assert_allclose(coefficients[:, :3], coefficients[:, 3:], atol=1e-3)


def test_the_order_of_the_runs_does_not_matter(simulate: MakeOof):
    oof = simulate(0)
    turned = oof.only([2, 0, 1])
    np.testing.assert_allclose(
        np.exp(fit_logistic(turned).combine(turned.log_probabilities)),
        np.exp(fit_logistic(oof).combine(oof.log_probabilities)),
        atol=1e-3,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": (0.0,)}, "expected 9 features"),
        ({"scale": (0.0,) * 9}, "'scale' must be positive"),
        ({"intercepts": (0.0,)}, "expected coefficients of 3 classes"),
        ({"coefficients": ((0.0,) * 9,)}, "expected coefficients of 3 classes"),
        ({"intercepts": (0.0, 0.0, float("nan"))}, "finite"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_damaged_data_are_refused(simulate: MakeOof, change: dict[str, object], message: str):
    data = fit_logistic(simulate(0)).model_dump()
    with pytest.raises(ValidationError, match=message):
        Logistic.model_validate(data | change)
