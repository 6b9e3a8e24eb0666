from __future__ import annotations

import numpy as np
import pytest

from skin.analysis.statistics import bootstrap
from skin.analysis.subgroups.factors import Factor
from skin.analysis.subgroups.study import MEASURES, Estimate, Limits, Predictions, study
from skin.taxonomy import TASKS

SEVEN = TASKS["isic2018"]


def predictions(rng, targets, skill, name="model"):
    logits = rng.normal(size=(len(targets), 7))
    logits[np.arange(len(targets)), targets] += skill
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Predictions(name, probabilities, probabilities)


@pytest.fixture
def lesions():
    """700 lesions of 1 to 3 images, their classes, and a factor: the first 200 are `x`."""
    rng = np.random.default_rng(0)
    lesion = np.repeat(np.arange(700), rng.integers(1, 4, size=700))
    targets = (np.arange(700) % 7)[lesion]
    factor = Factor("site", "Site", ["x", "y"], (lesion >= 200).astype(np.int64))
    return rng, lesion, targets, factor


def test_a_real_gap_is_supported_and_others_are_not(lesions):
    rng, lesion, targets, factor = lesions
    even = predictions(rng, targets, 2.0, "even")
    uneven = predictions(rng, targets, np.where(lesion < 200, 0.7, 2.5), "uneven")
    halves = Factor("sex", "Sex", ["m", "f"], lesion % 2)

    found = study(targets, lesion, SEVEN, [factor, halves], [even, uneven], resamples=500)

    supported = {
        name: [[one.supported for one in estimates] for estimates in measures.values()]
        for name, measures in found.estimates.items()
    }
    assert not np.any(supported["even"])
    assert supported["uneven"][0] == [True, True, False, False]
    gap = found.estimates["uneven"]["bacc"][0]
    assert gap.gap.value < -0.2
    assert gap.p == pytest.approx(1 / 501)
    assert gap.p_holm == pytest.approx(4 / 501)


def test_resamples_are_those_of_the_comparison(lesions):
    """A subgroup of everything but one lesion has nearly the comparison's own interval."""
    rng, lesion, targets, _ = lesions
    model = predictions(rng, targets, 1.5)
    factor = Factor("site", "Site", ["x", "y"], (lesion == 0).astype(np.int64))

    found = study(targets, lesion, SEVEN, [factor], [model], resamples=400, seed=3)

    boot = bootstrap(targets, model.probabilities, lesion, SEVEN, resamples=400, seed=3)
    here = found.estimates["model"]
    for name, estimates in (("bacc", here["bacc"]), ("malignant_auc", here["malignant_auc"])):
        expected, value = boot.interval(name), estimates[0].value
        assert value.value == pytest.approx(expected.value, abs=0.002)
        assert value.low == pytest.approx(expected.low, abs=0.004)
        assert value.high == pytest.approx(expected.high, abs=0.004)


def test_gaps_are_over_the_classes_that_both_sides_have(lesions):
    rng, lesion, targets, factor = lesions
    kept = ~((factor.of_image == 0) & (targets >= 4))  # x has four classes
    model = predictions(rng, targets[kept], 1.5)
    factor = Factor("site", "Site", ["x", "y"], factor.of_image[kept])

    found = study(targets[kept], lesion[kept], SEVEN, [factor], [model], resamples=20)

    x, y = found.subgroups
    assert x.classes == x.shared == y.shared == SEVEN.codes[:4]
    assert y.classes == SEVEN.codes
    decided = model.scores.argmax(axis=1)
    recalls = [
        np.mean([
            (decided == k)[(targets[kept] == k) & (factor.of_image == side)].mean()
            for k in range(4)
        ])
        for side in (0, 1)
    ]  # fmt: skip
    assert found.estimates["model"]["bacc"][0].gap.value == pytest.approx(recalls[0] - recalls[1])


def test_figures_below_the_limits_are_left_out(lesions):
    rng, lesion, targets, _ = lesions
    model = predictions(rng, targets, 1.5)
    few = (lesion < 12).astype(np.int64)  # 1 or 2 lesions a class
    factor = Factor("site", "Site", ["most", "few"], few)

    def at(limits) -> dict[str, Estimate]:
        found = study(targets, lesion, SEVEN, [factor], [model], limits=limits, resamples=20)
        assert found.subgroups[1].images == few.sum() < 50
        return {name: ones[1] for name, ones in found.estimates["model"].items()}

    few_images = at(Limits())
    for estimate in few_images.values():
        assert np.isnan([estimate.value.value, estimate.gap.low, estimate.p]).all()

    few_lesions = at(Limits(images=1))
    assert np.isnan(few_lesions["bacc"].value.value)
    assert not np.isnan(few_lesions["specificity"].value.value)  # of 6 lesions, over all classes

    enough = at(Limits(images=1, lesions=1))
    assert not any(np.isnan(estimate.gap.value) for estimate in enough.values())


def test_one_level_divides_nothing(lesions):
    rng, lesion, targets, _ = lesions
    single = Factor("source", "Image source", ["ham10000"], np.zeros(len(lesion), np.int64))

    found = study(targets, lesion, SEVEN, [single], [predictions(rng, targets, 1)], resamples=20)

    assert found.single == [single]
    assert (found.subgroups, found.estimates) == ([], {"model": {}})


def test_counts_and_repeatability(lesions):
    rng, lesion, targets, factor = lesions
    model = predictions(rng, targets, 1.0)

    first, again = (
        study(targets, lesion, SEVEN, [factor], [model], resamples=60, seed=2) for _ in range(2)
    )

    x = first.subgroups[0]
    assert (x.lesions, x.malignant + x.benign) == (200, 200)
    assert x.images == (lesion < 200).sum()
    assert x.malignant == np.isin(np.arange(200) % 7, [0, 2, 3]).sum()
    assert list(first.estimates["model"]) == list(MEASURES)
    assert first.estimates == again.estimates


def test_without_malignant_lesions_only_the_benign_are_judged(lesions):
    rng, lesion, targets, factor = lesions
    benign = np.isin(targets, [1, 4, 5, 6])
    model = predictions(rng, targets[benign], 1.0)
    factor = Factor("site", "Site", ["x", "y"], factor.of_image[benign])

    found = study(targets[benign], lesion[benign], SEVEN, [factor], [model], resamples=20)

    judged = {name: not np.isnan(ones[0].p) for name, ones in found.estimates["model"].items()}
    assert judged == {
        "bacc": True,
        "sensitivity": False,
        "specificity": True,
        "malignant_auc": False,
    }
