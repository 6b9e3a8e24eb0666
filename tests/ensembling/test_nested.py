from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from pydantic import BaseModel

from skin.ensembling.combine import METHODS, Mean, Method
from skin.ensembling.decide import Argmax, parse_rule
from skin.ensembling.nested import (
    alone,
    bacc,
    best_run,
    choose,
    combine_nested,
    fits_of,
    judge,
    with_parts,
)
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan
from skin.errors import SkinError
from skin.taxonomy import get_task

Simulate = Callable[..., OutOfFold]
TASK = get_task("isic2018")
CHANCE = 1 / len(TASK)
PLAIN = DecisionPlan("none", parse_rule("argmax", TASK))
FULL = DecisionPlan("vector", parse_rule("prior", TASK))


class Memory(BaseModel):
    """A combiner that knows the images it was fitted on by heart, and guesses NV of others."""

    known: dict[float, int]

    def combine(self, log_probabilities: np.ndarray, _metadata: object = None) -> np.ndarray:
        shape = log_probabilities.shape[1:]
        combined = np.full(shape, -5.0)
        for row, value in enumerate(log_probabilities[0, :, 0].tolist()):
            combined[row, self.known.get(value, 1)] = -0.1
        return combined - np.logaddexp.reduce(combined, axis=1, keepdims=True)


def memorise(oof: OutOfFold) -> Memory:
    values = oof.log_probabilities[0, :, 0].tolist()
    return Memory(known=dict(zip(values, oof.targets.tolist(), strict=True)))


MEMORY = Method("memory", "knows by heart", memorise, fitted=True)


def test_what_is_known_by_heart_is_worth_nothing_outside(simulate: Simulate):
    oof = simulate((0.0,))
    combined = combine_nested(oof, MEMORY)
    judged = judge(combined, oof, PLAIN)
    assert bacc(judged.in_sample, oof.targets) == 1
    assert bacc(judged.scores, oof.targets) == CHANCE


@pytest.mark.parametrize("method", ["logistic", "boosting", "weights-bacc", "greedy"])
@pytest.mark.parametrize("plan", [PLAIN, FULL], ids=["plain", "full"])
def test_shuffled_labels_give_chance(method: str, plan: DecisionPlan, simulate: Simulate):
    oof = simulate((2.0, 1.5), lesions=400)
    lesion_targets = np.random.default_rng(1).permutation(oof.targets[::2])
    oof = replace(oof, targets=np.repeat(lesion_targets, 2))
    judged = judge(combine_nested(oof, METHODS[method]), oof, plan)
    assert bacc(judged.scores, oof.targets) == pytest.approx(CHANCE, abs=0.06)


@dataclass
class Spy:
    """A method that notes which images it was fitted on."""

    fits: list[frozenset[str]] = field(default_factory=list)

    def fit(self, oof: OutOfFold) -> Mean:
        self.fits.append(frozenset(oof.image_ids.tolist()))
        return Mean.equal(len(oof.names))


def test_nothing_is_fitted_on_what_it_predicts(simulate: Simulate):
    oof, spy = simulate(), Spy()
    combine_nested(oof, Method("spy", "spy", spy.fit, fitted=True))
    images = {k: frozenset(oof.image_ids[oof.parts == k].tolist()) for k in range(3)}
    everything = frozenset(oof.image_ids.tolist())
    outer = [everything - images[k] for k in range(3)]
    inner = [everything - images[k] - images[j] for k in range(3) for j in range(3) if j != k]
    assert spy.fits == [everything, *outer, *inner]


def test_the_number_of_fits_is_known_beforehand(simulate: Simulate):
    oof, spy = simulate(folds=4), Spy()
    method = Method("spy", "spy", spy.fit, fitted=True)
    told: list[int] = []
    combine_nested(oof, method, lambda: told.append(1))
    assert len(told) == len(spy.fits) == fits_of(method, 4) == 17
    assert fits_of(METHODS["mean"], 4) == 1


def test_what_learns_nothing_is_fitted_once(simulate: Simulate):
    oof = simulate()
    combined = combine_nested(oof, METHODS["mean"])
    np.testing.assert_array_equal(combined.outer, combined.in_sample)
    np.testing.assert_allclose(
        np.exp(combined.outer), np.exp(oof.log_probabilities).mean(axis=0), atol=1e-12
    )
    for part in range(3):
        np.testing.assert_array_equal(combined.inner[part], combined.outer[oof.parts != part])


@dataclass
class SpyRule:
    """A rule that notes what it was fitted on."""

    seen: list[np.ndarray] = field(default_factory=list)
    name: str = "spy"
    title: str = "spy"

    def fit(self, _probabilities: np.ndarray, targets: np.ndarray) -> Argmax:
        self.seen.append(targets)
        return Argmax()


def test_the_decision_is_fitted_on_the_other_parts(simulate: Simulate):
    oof, rule = simulate(), SpyRule()
    judge(alone(oof, 0), oof, DecisionPlan("none", rule))
    for part, seen in zip(range(3), rule.seen, strict=False):
        np.testing.assert_array_equal(seen, oof.targets[oof.parts != part])
    np.testing.assert_array_equal(rule.seen[-1], oof.targets)  # in sample


def test_without_a_fit_a_run_is_judged_as_it_is(simulate: Simulate):
    oof = simulate()
    judged = judge(alone(oof, 1), oof, PLAIN)
    expected = np.exp(oof.log_probabilities[1])
    np.testing.assert_allclose(judged.scores, expected)
    np.testing.assert_allclose(judged.probabilities, expected)
    np.testing.assert_allclose(judged.in_sample, expected)


def test_a_probability_of_zero(simulate: Simulate):
    oof = simulate((3.0,))
    oof.log_probabilities[0, oof.targets != 0, 0] = -np.inf
    judged = judge(alone(oof, 0), oof, FULL)
    assert np.isfinite(judged.scores).all()
    assert bacc(judged.scores, oof.targets) > 0.5


def test_the_best_run(simulate: Simulate):
    assert best_run(simulate((0.5, 3.0, 1.0)), FULL) == 1


def test_the_best_method_is_chosen_on_other_parts(simulate: Simulate):
    oof = simulate((0.0, 3.0))
    good, bad = alone(oof, 1), combine_nested(oof, MEMORY)
    main, chosen = choose("auto", [bad, good], oof, PLAIN)
    assert chosen is good  # by heart is best in sample, and worst elsewhere
    assert main.name == "auto"
    assert main.combiner is good.combiner
    np.testing.assert_array_equal(main.outer, good.outer)
    for part in range(3):
        np.testing.assert_array_equal(main.inner[part], good.inner[part])


def test_choosing_may_differ_by_part(simulate: Simulate):
    oof = simulate((3.0, 3.0))
    # Run 0 fails on part 0 and run 1 on the others: without part 0, run 0 looks best.
    values = oof.log_probabilities.copy()
    values[0, oof.parts == 0] = np.log(CHANCE)
    values[1, oof.parts != 0] = np.log(CHANCE)
    oof = replace(oof, log_probabilities=values)
    main, chosen = choose("auto", [alone(oof, 0), alone(oof, 1)], oof, PLAIN)
    np.testing.assert_allclose(main.outer[oof.parts == 0], values[0][oof.parts == 0])
    assert chosen.name == "run0"


def test_folds_that_serve_are_kept(simulate: Simulate):
    oof = simulate(folds=3)
    assert with_parts(oof) is oof


@pytest.mark.parametrize("folds", [1, 2])
def test_few_folds_are_replaced_by_parts_of_whole_lesions(folds: int, simulate: Simulate):
    oof = with_parts(simulate(folds=folds))
    assert len(set(oof.parts.tolist())) >= 3
    for lesion in set(oof.lesions.tolist()):
        assert len(set(oof.parts[oof.lesions == lesion].tolist())) == 1


def test_folds_that_split_lesions(simulate: Simulate):
    oof = simulate()
    oof = replace(oof, parts=np.arange(len(oof)) % 3)
    with pytest.raises(SkinError, match=r"run0, run1: the folds share lesions \(L0, L1"):
        with_parts(oof)
    regrouped = with_parts(oof, leaking=True)
    assert len(set(zip(regrouped.lesions.tolist(), regrouped.parts.tolist(), strict=True))) == len(
        set(oof.lesions.tolist())
    )


def test_parts_that_cannot_be_made_are_refused(simulate: Simulate):
    oof = simulate(folds=1)
    one_of_each = oof.take(np.arange(0, 14, 2))  # 7 lesions of 7 classes
    with pytest.raises(SkinError, match="7 held-out lesions are too few"):
        with_parts(one_of_each)


def test_what_is_fitted_after_the_calibration_did_not_see_it_fitted(simulate: Simulate):
    """Conformal sets keep their promise though isotonic calibration overfits: else it is 0.88."""
    plan = DecisionPlan("isotonic", parse_rule("argmax", TASK))
    covered = []
    for seed in range(4):
        oof = simulate((1.0,), lesions=400, seed=seed)
        judged = judge(alone(oof, 0), oof, plan)
        covered.append(judged.sets[np.arange(len(oof)), oof.targets].mean())
    assert np.mean(covered) > 0.9


def test_too_few_lesions(simulate: Simulate):
    oof = simulate().take(np.arange(4))
    with pytest.raises(SkinError, match="2 held-out lesions are too few"):
        with_parts(oof)
