from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pydantic import TypeAdapter, ValidationError
from scipy.special import log_softmax, logsumexp

from skin.ensembling.calibrate import (
    CALIBRATIONS,
    Calibrator,
    Isotonic,
    Knots,
    NoCalibration,
    Temperature,
    Vector,
)

ADAPTER: TypeAdapter[Any] = TypeAdapter(Calibrator)
PRIOR = np.array([0.1, 0.7, 0.2])


def drawn(log_p: np.ndarray, seed: int) -> np.ndarray:
    """A class for each image, by its probabilities."""
    below = np.random.default_rng(seed).random((len(log_p), 1)) > np.exp(log_p).cumsum(axis=1)
    return below.sum(axis=1).clip(0, log_p.shape[1] - 1)


def true_log_p(images: int = 20_000, seed: int = 0) -> np.ndarray:
    return log_softmax(2 * np.random.default_rng(seed).normal(size=(images, 3)), axis=1)


def log_loss(log_p: np.ndarray, targets: np.ndarray) -> float:
    return float(-log_p[np.arange(len(targets)), targets].mean())


def scaled(log_p: np.ndarray, scale: object = 1.0, shift: object = 0.0) -> np.ndarray:
    return log_softmax(log_p * scale + shift, axis=1)


@st.composite
def fit_data(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Any predictions and any targets, of 2 to 4 classes, some maybe without an image."""
    shape = draw(st.integers(1, 12)), draw(st.integers(2, 4))
    logits = draw(hnp.arrays(np.float64, shape, elements=st.floats(-30, 30)))
    targets = draw(hnp.arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1)))
    return log_softmax(logits, axis=1), targets


def test_temperature_by_hand():
    # Odds of 9 to 1, to the power of 1 / 2: 3 to 1.
    found = Temperature(temperature=2).apply(np.log([[0.9, 0.1]]))
    np.testing.assert_allclose(np.exp(found), [[0.75, 0.25]])


def test_vector_by_hand():
    # 0.5 squared, times 2, and 0.5 as it is.
    vector = Vector(scales=(2, 1), biases=(np.log(2), 0))
    np.testing.assert_allclose(np.exp(vector.apply(np.log([[0.5, 0.5]]))), [[0.5, 0.5]])
    np.testing.assert_allclose(
        np.exp(vector.apply(np.log([[0.8, 0.2]]))), [[1.28 / 1.48, 0.2 / 1.48]]
    )


def test_isotonic_by_hand():
    knots = (Knots(x=(0.2, 0.6), y=(0.0, 0.4)), Knots(x=(0.5,), y=(0.6,)))
    isotonic = Isotonic(thresholds=knots, kept=0.1)
    found = np.exp(isotonic.apply(np.log([[0.4, 0.6], [0.1, 0.9], [0.7, 0.3]])))
    # The first lies midway between 0 and 0.4; beyond the knots the function is constant.
    expected = np.array([[0.2 + 0.04, 0.6 + 0.06], [0.01, 0.6 + 0.09], [0.4 + 0.07, 0.6 + 0.03]])
    np.testing.assert_allclose(found, expected / expected.sum(axis=1, keepdims=True))


def test_isotonic_keeps_an_image_that_no_class_wants():
    isotonic = Isotonic(thresholds=(Knots(x=(0.5,), y=(0.0,)),) * 2)
    logs = np.log([[0.3, 0.7], [1e-200, 1.0]])
    np.testing.assert_allclose(isotonic.apply(logs), logs)


def test_isotonic_breaks_the_ties_of_its_steps():
    isotonic = Isotonic(thresholds=(Knots(x=(0.1, 0.9), y=(0.5, 0.5)),) * 2)
    found = isotonic.apply(np.log([[0.3, 0.7], [0.6, 0.4]]))
    assert found.argmax(axis=1).tolist() == [1, 0]


def test_none_changes_nothing():
    logs = true_log_p(5)
    assert CALIBRATIONS["none"](logs, np.array([0, 1, 2, 0, 1])) == NoCalibration()
    np.testing.assert_array_equal(NoCalibration().apply(logs), logs)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(temperature: float):
    truth = true_log_p()
    found = CALIBRATIONS["temperature"](scaled(truth, temperature), drawn(truth, 1))
    assert isinstance(found, Temperature)
    assert found.temperature == pytest.approx(temperature, rel=0.03)


def test_vector_restores_a_shifted_prior():
    even = true_log_p()
    truth = scaled(even, 1, np.log(PRIOR))
    found = CALIBRATIONS["vector"](even, drawn(truth, 2))
    assert isinstance(found, Vector)
    np.testing.assert_allclose(found.scales, 1, atol=0.06)
    shift = np.array(found.biases) - np.mean(found.biases)
    np.testing.assert_allclose(shift, np.log(PRIOR) - np.log(PRIOR).mean(), atol=0.1)
    new = true_log_p(seed=3)
    expected = np.exp(scaled(new, 1, np.log(PRIOR)))
    np.testing.assert_allclose(np.exp(found.apply(new)), expected, atol=0.02)


def test_isotonic_undoes_any_rising_distortion_of_two_classes():
    p = np.random.default_rng(0).random(20_000)
    truth = np.log(np.stack([1 - p, p], axis=1))
    distorted = np.stack([1 - p**3, p**3], axis=1).clip(1e-12, 1)
    found = CALIBRATIONS["isotonic"](
        np.log(distorted / distorted.sum(axis=1, keepdims=True)), drawn(truth, 4)
    )
    q = np.linspace(0.05, 0.95, 19)
    given = np.exp(found.apply(np.log(np.stack([1 - q**3, q**3], axis=1))))
    np.testing.assert_allclose(given[:, 1], q, atol=0.06)


@pytest.mark.parametrize("name", ["temperature", "vector", "isotonic"])
def test_the_log_loss_of_skewed_predictions_falls_on_other_data(name: str):
    truth = true_log_p()
    skewed = scaled(truth, 2.5, [1, 0, -1])
    fitted = CALIBRATIONS[name](skewed[::2], drawn(truth, 5)[::2])
    others = drawn(truth, 6)[1::2]
    gained = log_loss(skewed[1::2], others) - log_loss(fitted.apply(skewed[1::2]), others)
    assert gained > 0.1
    if name == "vector":
        assert log_loss(fitted.apply(skewed[1::2]), others) < log_loss(truth[1::2], others) + 0.005


@settings(max_examples=60)
@given(fit_data(), st.sampled_from(["temperature", "vector"]))
def test_the_log_loss_never_rises_on_the_data_fitted_on(
    data: tuple[np.ndarray, np.ndarray], name: str
):
    logs, targets = data
    fitted = CALIBRATIONS[name](logs, targets).apply(logs)
    assert log_loss(fitted, targets) <= log_loss(logs, targets) + 1e-9


@settings(max_examples=60)
@given(fit_data(), st.sampled_from(list(CALIBRATIONS)))
def test_rows_stay_normalised_and_finite(data: tuple[np.ndarray, np.ndarray], name: str):
    logs, targets = data
    fitted = CALIBRATIONS[name](logs, targets)
    for given_logs in (logs, logs[::-1], logs[:0]):
        found = fitted.apply(given_logs)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(logsumexp(found, axis=1), 0, atol=1e-9)


@settings(max_examples=60)
@given(fit_data(), st.sampled_from(list(CALIBRATIONS)))
def test_a_round_trip_through_json_is_exact(data: tuple[np.ndarray, np.ndarray], name: str):
    logs, targets = data
    fitted = CALIBRATIONS[name](logs, targets)
    tree = json.loads(json.dumps(fitted.model_dump(mode="json")))
    again = ADAPTER.validate_python(tree)
    assert again == fitted
    assert ADAPTER.validate_json(fitted.model_dump_json()) == fitted
    np.testing.assert_array_equal(again.apply(logs), fitted.apply(logs))


@given(fit_data(), st.floats(0.05, 20))
def test_temperature_keeps_the_argmax(data: tuple[np.ndarray, np.ndarray], temperature: float):
    logs, _ = data
    found = Temperature(temperature=temperature).apply(logs)
    rows = np.arange(len(logs))
    np.testing.assert_array_equal(found[rows, logs.argmax(axis=1)], found.max(axis=1))


@pytest.mark.parametrize("name", ["temperature", "vector", "isotonic"])
def test_a_class_without_an_image(name: str):
    """Its probability falls, to less than one image in all, and it breaks nothing."""
    truth = true_log_p(3000)
    truth[:, 2] = -40
    truth = log_softmax(truth, axis=1)
    targets = drawn(truth, 7)
    assert targets.max() == 1
    predicted = np.logaddexp(truth + np.log(0.9), np.log(0.1 / 3))
    found = np.exp(CALIBRATIONS[name](predicted, targets).apply(predicted))
    assert np.isfinite(found).all()
    if name != "temperature":
        assert found[:, 2].sum() < 2 < np.exp(predicted)[:, 2].sum()
    assert np.mean(found.argmax(axis=1) == truth.argmax(axis=1)) > 0.97


def test_the_penalty_holds_the_bias_of_a_class_without_an_image():
    """Where the gradient is 0, the class's probabilities add up to 0.1 of how far it fell."""
    logs = true_log_p(3000)
    targets = logs[:, :2].argmax(axis=1)
    found = CALIBRATIONS["vector"](logs, targets)
    assert isinstance(found, Vector)
    expected = np.exp(found.apply(logs))[:, 2].sum()
    assert -0.1 * found.biases[2] == pytest.approx(expected, rel=0.05)
    assert sum(found.biases) == pytest.approx(0, abs=0.01)


def test_perfect_predictions_have_finite_parameters():
    logs = np.log([[0.9, 0.1], [0.1, 0.9]] * 50)
    targets = np.array([0, 1] * 50)
    for name in CALIBRATIONS:
        assert np.exp(CALIBRATIONS[name](logs, targets).apply(logs)).max() > 0.89


def test_fits_are_deterministic():
    truth = true_log_p(500)
    for fit in CALIBRATIONS.values():
        assert fit(truth, drawn(truth, 8)) == fit(truth, drawn(truth, 8))


def test_no_class_loses_by_being_found_likelier():
    """Labels that contradict the predictions do not turn a class's order round."""
    truth = true_log_p(300)
    found = CALIBRATIONS["vector"](truth, truth.argmin(axis=1))
    assert isinstance(found, Vector)
    assert min(found.scales) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"kind": "temperature", "temperature": 0}, "greater than 0"),
        ({"kind": "temperature", "temperature": float("nan")}, "finite|greater"),
        ({"kind": "temperature", "temperature": float("inf")}, "finite"),
        ({"kind": "temperature", "temperature": 1, "more": 2}, "Extra"),
        ({"kind": "vector", "scales": [1, 1], "biases": [0]}, "2 scales for 1 biases"),
        ({"kind": "vector", "scales": [1, -1], "biases": [0, 0]}, "greater than 0"),
        ({"kind": "vector", "scales": [1, 1], "biases": [0, float("inf")]}, "finite"),
        ({"kind": "isotonic", "thresholds": [{"x": [0.1, 0.1], "y": [0, 1]}]}, "ascend"),
        ({"kind": "isotonic", "thresholds": [{"x": [0.1, 0.2], "y": [1, 0]}]}, "must not fall"),
        ({"kind": "isotonic", "thresholds": [{"x": [0.1, 0.2], "y": [1]}]}, "2 x for 1 y"),
        ({"kind": "isotonic", "thresholds": [{"x": [], "y": []}]}, "at least one"),
        ({"kind": "isotonic", "thresholds": [{"x": [0.1], "y": [1.5]}]}, "between 0 and 1"),
        ({"kind": "isotonic", "thresholds": [], "kept": 0}, "greater than 0"),
        ({"kind": "platt"}, "platt"),
    ],
    ids=str,
)
def test_damaged_files_are_refused(tree: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        ADAPTER.validate_python(tree)


@pytest.mark.parametrize(
    "calibrator",
    [Vector(scales=(1, 1), biases=(0, 0)), Isotonic(thresholds=(Knots(x=(0,), y=(0,)),) * 2)],
    ids=["vector", "isotonic"],
)
def test_another_number_of_classes_is_refused(calibrator: Vector | Isotonic):
    with pytest.raises(ValueError, match=r"an array \(N, 2\), got \(4, 3\)"):
        calibrator.apply(true_log_p(4))


@pytest.mark.parametrize("name", list(CALIBRATIONS))
def test_what_is_no_log_probability_is_refused(name: str):
    logs, targets = true_log_p(4), np.array([0, 1, 2, 0])
    fit = CALIBRATIONS[name]
    for bad_logs, bad_targets in [
        (np.exp(logs), targets),
        (np.where(logs == logs.max(), np.nan, logs), targets),
        (logs, targets[:3]),
        (logs, targets + 1),
        (logs[:0], targets[:0]),
    ]:
        with pytest.raises(ValueError, match=r"must|expected"):
            fit(bad_logs, bad_targets)
    with pytest.raises(ValueError, match="must"):
        fit(logs, targets).apply(np.exp(logs))
