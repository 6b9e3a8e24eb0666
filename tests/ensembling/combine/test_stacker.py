"""What holds for both stackers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from skin.ensembling.combine.boost import fit_boosted
from skin.ensembling.combine.stack import fit_logistic
from skin.ensembling.combine.stacker import LOWEST, Stacker, stack_features
from skin.ensembling.oof import OutOfFold
from skin.errors import SkinError

MakeOof = Callable[..., OutOfFold]
Fit = Callable[..., Stacker]
each = pytest.mark.parametrize("fit", [fit_logistic, fit_boosted])
IMAGES = 400


def log_loss(stacker: Stacker, oof: OutOfFold) -> float:
    combined = stacker.combine(oof.log_probabilities, oof.metadata)
    return -float(combined[np.arange(len(oof)), oof.targets].mean())


def prior_loss(targets: np.ndarray) -> float:
    shares = np.bincount(targets) / len(targets)
    return -float(np.log(shares[targets]).mean())


def test_features_by_hand():
    """Each run's classes, then the metadata; nothing below one in a million."""
    logs = np.array([[[-1.0, -2.0]], [[0.0, -np.inf]]])
    metadata = np.array([[0.25, 1.0]], np.float32)
    np.testing.assert_allclose(
        stack_features(logs, metadata, 2), [[-1, -2, 0, np.log(1e-6), 0.25, 1]]
    )
    np.testing.assert_allclose(stack_features(logs, None, 2)[0, 4:], [0, 0])
    assert stack_features(logs, metadata, 0).shape == (1, 4)


@pytest.mark.parametrize(
    "metadata", [np.zeros((1, 3), np.float32), np.full((1, 2), np.nan, np.float32)]
)
def test_other_metadata_is_refused(metadata: np.ndarray):
    with pytest.raises(ValueError, match=r"expected metadata \(1, 2\)"):
        stack_features(np.zeros((1, 1, 2)), metadata, 2)


@each
def test_it_learns_more_than_the_best_run_knows(fit: Fit, simulate: MakeOof):
    """On images that are new."""
    known = simulate(0, images=800).only([1, 2])
    new = simulate(1, images=IMAGES).only([1, 2])
    of_runs = -new.log_probabilities[:, np.arange(IMAGES), new.targets].mean(axis=1)
    assert log_loss(fit(known), new) < of_runs.min() - 0.05


@each
def test_of_shuffled_targets_it_learns_at_most_the_shares(fit: Fit, simulate: MakeOof):
    oof = simulate(0, images=2000)
    order = np.random.default_rng(5).permutation(2000)
    shuffled = replace(oof, targets=oof.targets[order])
    new = shuffled.take(np.arange(1000, 2000))
    stacker = fit(shuffled.take(np.arange(1000)))
    assert log_loss(stacker, new) > prior_loss(new.targets) - 0.005
    right = stacker.combine(new.log_probabilities).argmax(axis=1) == new.targets
    recalls = [right[new.targets == c].mean() for c in range(3)]
    assert np.mean(recalls) == pytest.approx(1 / 3, abs=0.05)


@each
def test_it_learns_the_class_shares(fit: Fit, make_oof: MakeOof):
    """Of a run that knows nothing, what is left is how often each class occurs."""
    targets = np.repeat([0, 1, 2], [60, 30, 10])
    oof = make_oof(np.full((1, 100, 3), 1 / 3), targets)
    combined = np.exp(fit(oof).combine(oof.log_probabilities))
    np.testing.assert_allclose(combined, np.tile([0.6, 0.3, 0.1], (100, 1)), atol=2e-3)


@each
def test_a_class_that_was_not_there(fit: Fit, simulate: MakeOof):
    oof = simulate(0, images=IMAGES)
    stacker = fit(oof.take(oof.targets != 1))
    assert stacker.fitted == (0, 2)
    combined = stacker.combine(oof.log_probabilities)
    assert combined.shape == (IMAGES, 3)
    np.testing.assert_allclose(combined[:, 1], LOWEST, atol=1e-5)
    np.testing.assert_allclose(np.exp(combined).sum(axis=1), 1)


@each
def test_one_class_only(fit: Fit, simulate: MakeOof):
    oof = simulate(0)
    stacker = fit(oof.take(oof.targets == 2))
    expected = np.array([1e-6, 1e-6, 1]) / (1 + 2e-6)
    np.testing.assert_allclose(np.exp(stacker.combine(oof.log_probabilities))[0], expected)


@each
def test_zeros_of_probability(fit: Fit, simulate: MakeOof):
    oof = simulate(0)
    logs = oof.log_probabilities.copy()
    logs[:, ::2] = np.log(np.eye(3), where=np.eye(3) > 0, out=np.full((3, 3), -np.inf))[
        oof.targets[::2]
    ]
    stacker = fit(replace(oof, log_probabilities=logs))
    combined = stacker.combine(logs)
    assert np.isfinite(combined).all()
    np.testing.assert_allclose(np.exp(combined).sum(axis=1), 1)


@each
def test_metadata_is_learnt_from_and_may_be_missing(fit: Fit, simulate: MakeOof):
    oof = simulate(0, runs=1, images=IMAGES)
    flags = np.eye(4, dtype=np.float32)[oof.targets]
    flags[::3] = 0  # not known
    known = replace(oof, metadata=flags)
    with_it, without = fit(known, metadata=True), fit(known)
    assert (with_it.metadata_columns, without.metadata_columns) == (4, 0)
    assert log_loss(with_it, known) < 0.6 * log_loss(without, known)
    missing = with_it.combine(oof.log_probabilities)
    zeros = with_it.combine(oof.log_probabilities, np.zeros_like(flags))
    np.testing.assert_array_equal(missing, zeros)
    assert not np.allclose(missing, with_it.combine(oof.log_probabilities, flags))
    np.testing.assert_array_equal(
        without.combine(oof.log_probabilities, flags), without.combine(oof.log_probabilities)
    )


@each
def test_metadata_that_is_not_known(fit: Fit, simulate: MakeOof):
    with pytest.raises(SkinError, match="age, sex and site of the images are not known"):
        fit(simulate(0), metadata=True)


@each
def test_other_shapes_are_refused(fit: Fit, simulate: MakeOof):
    oof = simulate(0)
    stacker = fit(oof)
    with pytest.raises(ValueError, match="2 runs for a combiner of 3"):
        stacker.combine(oof.log_probabilities[:2])
    with pytest.raises(ValueError, match="2 classes for a combiner of 3"):
        stacker.combine(oof.log_probabilities[:, :, :2])


@each
@pytest.mark.parametrize("classes", [2, 3])
def test_round_trip(fit: Fit, simulate: MakeOof, classes: int):
    oof = simulate(0, classes=classes, metadata=True)
    stacker = fit(oof, metadata=True)
    read = type(stacker).model_validate_json(stacker.model_dump_json())
    np.testing.assert_array_equal(
        read.combine(oof.log_probabilities, oof.metadata),
        stacker.combine(oof.log_probabilities, oof.metadata),
    )


@each
@pytest.mark.parametrize("fitted", [(), (1, 0), (0, 0, 1), (0, 1, 3)])
def test_impossible_classes_are_refused(fit: Fit, simulate: MakeOof, fitted: tuple[int, ...]):
    data = fit(simulate(0)).model_dump() | {"fitted": fitted}
    with pytest.raises(ValueError, match="ascending classes below 3"):
        type(fit(simulate(0))).model_validate(data)


@each
def test_it_is_always_the_same(fit: Fit, simulate: MakeOof):
    assert fit(simulate(0)) == fit(simulate(0))
