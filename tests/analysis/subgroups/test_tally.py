from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from skin.analysis.subgroups.factors import Factor
from skin.analysis.subgroups.tally import Groups, Tally
from skin.taxonomy import TASKS

SEVEN = TASKS["isic2018"]
MALIGNANT = np.isin(SEVEN.codes, SEVEN.malignant)


def made_up(seed, images=60, lesions=25):
    """Lesions of two factors, predictions with ties, and classes that each score is over."""
    rng = np.random.default_rng(seed)
    lesion = np.concatenate([np.arange(lesions), rng.integers(lesions, size=images - lesions)])
    levels = [rng.integers(count, size=lesions) for count in (2, 3)]
    for one in levels:
        one[: one.max() + 1] = np.arange(one.max() + 1)
    factors = [
        Factor(key, key, [f"{key}{i}" for i in range(one.max() + 1)], one[lesion])
        for key, one in zip("ab", levels, strict=True)
    ]
    targets = rng.integers(7, size=lesions)[lesion]
    own, shared = rng.random((2, 5, 7)) < 0.7
    groups = Groups(targets, lesion, SEVEN, factors, own, shared)
    probabilities = rng.integers(1, 5, size=(images, 7)) / 10
    scores = probabilities * rng.integers(1, 3, size=7)
    return rng, groups, probabilities, scores


def one_by_one(groups, probabilities, scores, weights, here):
    """The measures of one side, each image repeated as often as its lesion was drawn."""
    rows = np.repeat(np.flatnonzero(here), weights[groups.lesion[here]].astype(int))
    targets, positive = groups.targets[rows], MALIGNANT[groups.targets[rows]]
    top = scores[rows].max(axis=1, keepdims=True)
    tied = (scores[rows] == top).sum(axis=1) > 1
    decided = np.where(tied, 7, scores[rows].argmax(axis=1))
    suspected = np.append(MALIGNANT, False)[decided]
    cleared = np.append(~MALIGNANT, False)[decided]
    recalls = np.array(
        [(decided == k)[targets == k].mean() if (targets == k).any() else np.nan for k in range(7)]
    )
    both = positive.any() and not positive.all()
    area = roc_auc_score(positive, probabilities[rows][:, MALIGNANT].sum(1)) if both else np.nan
    return recalls, {
        "sensitivity": suspected[positive].mean() if positive.any() else np.nan,
        "specificity": cleared[~positive].mean() if not positive.all() else np.nan,
        "malignant_auc": area,
    }


def mean(values):
    return values[~np.isnan(values)].mean() if (~np.isnan(values)).any() else np.nan


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_scoring_the_rows_one_by_one(seed):
    rng, groups, probabilities, scores = made_up(seed)
    weights = rng.integers(0, 3, size=(25, 2)).astype(float)

    found = Tally(groups, probabilities, scores).scores(weights)

    sides = [factor.of_image == i for factor in groups.factors for i in range(len(factor.levels))]
    for b in range(2):
        for s, here in enumerate(sides):
            inside, others = (
                one_by_one(groups, probabilities, scores, weights[:, b], side)
                for side in (here, ~here)
            )
            expected = {
                "bacc": (
                    mean(inside[0][groups.own[s]]),
                    mean((inside[0] - others[0])[groups.shared[s]]),
                )
            } | {name: (inside[1][name], inside[1][name] - others[1][name]) for name in inside[1]}
            for name, (value, gap) in expected.items():
                np.testing.assert_allclose(found[name][0][s, b], value, atol=1e-6, err_msg=name)
                np.testing.assert_allclose(found[name][1][s, b], gap, atol=1e-6, err_msg=name)
