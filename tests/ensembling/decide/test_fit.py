from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from scipy.stats import norm

from skin.analysis.metrics import decide
from skin.ensembling.decide import Argmax, Cost, Rule, Sensitivity, Weights, parse_rule
from skin.errors import SkinError
from skin.taxonomy import TASKS, Task

PAIR, THREE, SEVEN = TASKS["malignant"], TASKS["isic2017"], TASKS["isic2018"]
MEANS, PRIOR = np.array([-1.5, 0.0, 2.0]), np.array([0.05, 0.75, 0.2])


def gaussians(images: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of three normal classes of unequal priors, exact posteriors, and targets."""
    counts = np.round(images * PRIOR).astype(int)
    targets = np.repeat(np.arange(3), counts)
    x = np.random.default_rng(seed).normal(MEANS[targets])
    joint = norm.pdf(x[:, None], MEANS) * PRIOR
    return x, joint / joint.sum(axis=1, keepdims=True), targets


def fit(text: str, probabilities: np.ndarray, targets: np.ndarray, task: Task = THREE) -> Rule:
    return parse_rule(text, task).fit(probabilities, targets)


def bacc(scores: np.ndarray, targets: np.ndarray) -> float:
    decided = decide(scores)
    return float(np.mean([(decided[targets == k] == k).mean() for k in np.unique(targets)]))


def test_prior_by_hand():
    targets = np.array([0, 1, 1, 1, 2, 2])
    rule = fit("prior", np.full((6, 3), 1 / 3), targets)
    assert isinstance(rule, Weights)
    np.testing.assert_allclose(np.array(rule.weights) / rule.weights[1], [3, 1, 1.5])


def test_prior_on_exact_posteriors_is_the_rule_of_the_highest_bacc():
    """For equal priors Bayes' rule is the nearest mean: it changes half way between two."""
    x, posteriors, targets = gaussians(4000, 0)
    rule = fit("prior", posteriors, targets)
    nearest = np.abs(x[:, None] - MEANS).argmin(axis=1)
    np.testing.assert_array_equal(decide(rule.apply(posteriors)), nearest)
    best = norm.cdf(0.75), norm.cdf(1) - norm.cdf(-0.75), norm.cdf(1)
    assert bacc(rule.apply(posteriors), targets) == pytest.approx(np.mean(best), abs=0.02)
    assert bacc(posteriors, targets) < np.mean(best) - 0.1


def test_bacc_reaches_at_least_the_prior_correction_where_it_is_fitted():
    for seed in range(5):
        _, posteriors, targets = gaussians(1000, seed)
        scores = {
            text: fit(text, posteriors, targets).apply(posteriors) for text in ("prior", "bacc")
        }
        assert bacc(scores["bacc"], targets) >= bacc(scores["prior"], targets)


def test_sensitivity_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.625, 0.375], [0.375, 0.625], [0.5, 0.5], [0.25, 0.75]])
    targets = np.array([0, 0, 0, 1, 1])
    # Two of three images are at or above 0.625; the next one, at 0.5, is of the other class.
    rule = fit("sensitivity:BEN=0.66", probabilities, targets, PAIR)
    assert rule == Sensitivity(index=0, threshold=0.5625)
    # All are at or above 0.375, the next is at 0.25.
    rule = fit("sensitivity:BEN=1", probabilities, targets, PAIR)
    assert rule == Sensitivity(index=0, threshold=0.3125)
    # Nothing of the class is below 0.5: midway to 0.
    rule = fit("sensitivity:MAL=1", np.array([[0.5, 0.5], [0.4, 0.6]]), np.array([1, 1]), PAIR)
    assert rule == Sensitivity(index=1, threshold=0.25)


@given(
    hnp.arrays(
        np.float64,
        st.integers(1, 30),
        elements=st.sampled_from([1e-300, 0.1, 0.5, 1.0]) | st.floats(1e-12, 1),
    ),
    st.integers(0, 2**30),
    st.floats(1e-6, 1),
)
def test_sensitivity_reaches_the_asked_share(own: np.ndarray, labels: int, share: float):
    probabilities = np.stack([own, 1 - own], axis=1)
    targets = np.array([labels >> i & 1 for i in range(len(own))])
    targets[0] = 0
    rule = fit(f"sensitivity:BEN={share!r}", probabilities, targets, PAIR)
    found = decide(rule.apply(probabilities))[targets == 0] == 0
    assert found.mean() >= share


def test_a_sensitivity_out_of_reach_is_refused():
    probabilities = np.array([[0.0, 1.0], [0.5, 0.5]])
    with pytest.raises(SkinError, match=r"no threshold finds 100.00% of BEN.*50.00%.*ask for less"):
        fit("sensitivity:BEN=1", probabilities, np.array([0, 0]), PAIR)
    assert fit("sensitivity:BEN=0.5", probabilities, np.array([0, 0]), PAIR)


def test_a_sensitivity_needs_images_of_the_class():
    with pytest.raises(SkinError, match="no image of MAL"):
        fit("sensitivity:MAL=0.9", np.full((2, 2), 0.5), np.array([0, 0]), PAIR)


def test_a_class_without_an_image_has_the_lowest_weight():
    rng = np.random.default_rng(0)
    probabilities = softmax(rng.normal(size=(60, 3)), axis=1)
    targets = np.repeat([0, 2], [20, 40])
    for text in ("prior", "bacc"):
        rule = fit(text, probabilities, targets)
        assert isinstance(rule, Weights)
        assert np.isfinite(rule.weights).all()
    prior = fit("prior", probabilities, targets)
    assert isinstance(prior, Weights)
    assert prior.weights[1] == min(prior.weights) == prior.weights[2]


def test_the_built_in_costs():
    rule = fit("cost", np.full((1, 3), 1 / 3), np.array([0]))
    # Melanoma, seborrheic keratosis, nevus.
    assert rule == Cost(costs=((0, 10, 10), (1, 0, 1), (1, 1, 0)))


def test_costs_of_a_file(tmp_path: Path):
    path = tmp_path / "costs.csv"
    path.write_text("truth,BEN,MAL\nBEN,0,1\nMAL,3,0\n", encoding="utf-8")
    fitting = parse_rule(f"cost:{path}", PAIR)
    assert fitting.name == f"cost:{path}"
    rule = fitting.fit(np.full((1, 2), 0.5), np.array([0]))
    assert rule == Cost(costs=((0, 1), (3, 0)))


def test_argmax():
    assert fit("argmax", np.full((1, 3), 1 / 3), np.array([0])) == Argmax()


@pytest.mark.parametrize(
    "text", ["argmax", "prior", "bacc", "cost", "sensitivity:MEL=0.9", "sensitivity:BCC=1.0"]
)
def test_the_name_names_the_rule(text: str):
    fitting = parse_rule(text, SEVEN)
    assert fitting.name == text
    assert fitting.title
    assert parse_rule(fitting.name, SEVEN).name == text


def test_one_rule_has_one_name():
    assert parse_rule("sensitivity:MEL=0.90", SEVEN).name == "sensitivity:MEL=0.9"
    assert parse_rule("sensitivity:MEL=0.975", SEVEN).title == "finds 97.5 % of MEL"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("priro", "unknown decision rule 'priro': did you mean 'prior'"),
        ("", "unknown decision rule ''.*known: argmax, bacc, cost"),
        ("prior:2", "'prior' alone"),
        ("cost:", "name the file"),
        ("cost:nowhere.csv", "cannot read the costs in nowhere.csv: No such file"),
        ("sensitivity", "write a class and a share"),
        ("sensitivity:MEL", "write a class and a share"),
        ("sensitivity:MLE=0.9", "no class 'MLE' in isic2018: did you mean 'MEL'"),
        ("sensitivity:MEL=high", "'high' must be above 0"),
        ("sensitivity:MEL=95", "'95' must be above 0 and at most 1"),
        ("sensitivity:MEL=0", "'0' must be above 0"),
        ("sensitivity:MEL=nan", "'nan' must be above 0"),
    ],
)
def test_a_wrong_text_is_refused(text: str, message: str):
    with pytest.raises(SkinError, match=message):
        parse_rule(text, SEVEN)


@pytest.mark.parametrize("text", ["argmax", "prior", "bacc", "cost", "sensitivity:MEL=0.9"])
def test_what_is_no_prediction_is_refused(text: str):
    good, targets = np.full((2, 3), 1 / 3), np.array([0, 1])
    for probabilities, wanted in [
        (good * 2, targets),
        (good, targets[:1]),
        (good, targets + 2),
        (good[:0], targets[:0]),
    ]:
        with pytest.raises(ValueError, match=r"must|expected"):
            fit(text, probabilities, wanted)
