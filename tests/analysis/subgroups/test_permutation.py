from __future__ import annotations

from math import comb

import numpy as np
import pytest

from skin.analysis.subgroups.factors import Factor
from skin.analysis.subgroups.permutation import Model, permutation_p, values_of
from skin.analysis.subgroups.tally import Groups, Tally
from skin.taxonomy import TASKS

TASK = TASKS["malignant"]  # benign 0, malignant 1


def divided(targets, levels):
    factor = Factor("a", "a", ["x", "y"], np.asarray(levels))
    everything = np.ones((2, 2), bool)
    return Groups(np.asarray(targets), np.arange(len(targets)), TASK, [factor], *[everything] * 2)


def model_of(groups, decided, probabilities=None):
    scores = np.eye(2)[decided]
    probabilities = scores if probabilities is None else probabilities
    count = groups.lesion.max() + 1
    found = Tally(groups, probabilities, scores).scores(np.ones((count, 1)))
    gaps = {name: gap[:, 0] for name, (_, gap) in found.items()}
    return Model(values_of(groups, probabilities, scores), gaps)


def test_sensitivity_is_fishers_exact_test():
    """Of 12 malignant lesions 4 are in x; found are none of these and all 8 others: 1 / C(12, 4).

    As far off on the other side there is no draw: x at 1 and y at 0.5 is a gap of 0.5.
    """
    targets = np.repeat([1, 0], [12, 8])
    groups = divided(targets, np.repeat([0, 1, 0, 1], [4, 8, 4, 4]))
    decided = np.where(np.arange(20) < 4, 0, targets)
    model = model_of(groups, decided)
    assert model.gaps["sensitivity"][0] == -1

    p = permutation_p(groups, [model], draws=20_000, seed=0)[0]["sensitivity"]

    np.testing.assert_allclose(p, 1 / comb(12, 4), atol=8e-4)


def test_a_likely_gap_has_the_probability_that_counting_gives():
    """Of 10 lesions, 5 in x, 6 right: 5 to 1 or 1 to 5 is as far off as |gap| = 0.8; 12 / 252."""
    targets = np.repeat([1, 0], [10, 4])
    groups = divided(targets, np.repeat([0, 1, 0, 1], [5, 5, 2, 2]))
    decided = np.where((np.arange(14) >= 5) & (np.arange(14) < 9), 0, targets)
    model = model_of(groups, decided)
    assert model.gaps["sensitivity"][0] == pytest.approx(0.8)

    p = permutation_p(groups, [model], draws=20_000, seed=1)[0]["sensitivity"][0]

    expected = (comb(6, 5) * comb(4, 0) + comb(6, 1) * comb(4, 4)) / comb(10, 5)
    assert p == pytest.approx(expected, abs=0.005)


def test_twenty_right_of_twenty_is_no_evidence_at_nine_in_ten():
    """The bootstrap has no spread within such a subgroup; this test says 0.1 and more."""
    targets = np.ones(520, np.int64)
    decided = np.ones(520, np.int64)
    decided[20:70] = 0
    targets[-20:] = decided[-20:] = 0
    model = model_of(groups := divided(targets, np.arange(520) >= 20), decided)

    p = permutation_p(groups, [model], draws=2000, seed=0)[0]["sensitivity"][0]

    assert model.gaps["sensitivity"][0] == pytest.approx(50 / 480)
    assert p > 0.1


def test_no_gap_no_test_and_the_seed_fixes_the_draws():
    rng = np.random.default_rng(2)
    targets, levels = rng.integers(2, size=(2, 60))
    groups = divided(targets, levels)
    model = model_of(groups, rng.integers(2, size=60))
    without = Model(model.values, {**model.gaps, "bacc": np.full(2, np.nan)})

    first, again = (permutation_p(groups, [without], draws=150, seed=4)[0] for _ in range(2))
    other = permutation_p(groups, [without], draws=150, seed=5)[0]

    assert np.isnan(first["bacc"]).all()
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert any((first[name] != other[name]).any() for name in first if name != "bacc")


def test_level_holds_for_all_measures():
    """Subgroups of 15 lesions drawn at random: 5 % of 200 tests, give or take."""
    rng = np.random.default_rng(9)
    rejected = dict.fromkeys(("bacc", "sensitivity", "specificity", "malignant_auc"), 0)
    for seed in range(200):
        lesion = np.repeat(np.arange(150), rng.integers(1, 4, size=150))
        of_lesion = rng.integers(2, size=150)
        levels = (rng.permutation(150) >= 30).astype(np.int64)
        suspicion = 1 / (1 + np.exp(-rng.normal(3.0 * of_lesion - 1.5, 1.5)[lesion]))
        factor = Factor("a", "a", ["x", "y"], levels[lesion])
        groups = Groups(of_lesion[lesion], lesion, TASK, [factor], *[np.ones((2, 2), bool)] * 2)
        probabilities = np.stack([1 - suspicion, suspicion], axis=1)
        model = model_of(groups, (suspicion > 0.5).astype(np.int64), probabilities)
        found = permutation_p(groups, [model], draws=199, seed=seed)[0]
        for name in rejected:
            rejected[name] += found[name][0] <= 0.05
    for name, count in rejected.items():
        assert 0.005 <= count / 200 <= 0.1, name
