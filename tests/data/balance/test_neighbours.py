"""SMOTE and Tomek links against imbalanced-learn's own output on the same features."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.combine import SMOTETomek
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import TomekLinks
from scipy import sparse

from skin.data.balance.neighbours import _parents, smote, tomek_linked
from skin.data.blend import Blends


def clouds(sizes: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping normal clouds in four dimensions."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return rng.normal(labels[:, None] * 0.5, 1.0, (len(labels), 4)), labels


def interpolate(features: np.ndarray, blends: Blends) -> np.ndarray:
    share = blends.share[:, None]
    return (1 - share) * features[blends.first] + share * features[blends.second]


@settings(max_examples=25)
@given(
    sizes=st.tuples(st.integers(30, 40), st.integers(6, 20), st.integers(6, 29)),
    neighbours=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_parents_give_the_very_samples_of_imbalanced_learn(
    sizes: tuple[int, ...], neighbours: int, seed: int
):
    features, labels = clouds(sizes, seed)
    plain = SMOTE(k_neighbors=neighbours, random_state=seed)
    expected, _ = plain.fit_resample(features, labels)
    wanted = {1: sizes[0] - sizes[1], 2: sizes[0] - sizes[2]}
    blends = smote(features, labels, wanted, neighbours, seed)
    np.testing.assert_allclose(interpolate(features, blends), expected[len(labels) :], atol=1e-12)


def test_parents_share_the_class_and_the_heavier_one_is_first():
    features, labels = clouds((40, 12, 9))
    blends = smote(features, labels, {1: 30, 2: 7}, 3, 0)
    assert labels[blends.first].tolist() == [1] * 30 + [2] * 7
    assert labels[blends.second].tolist() == [1] * 30 + [2] * 7
    assert ((blends.share >= 0) & (blends.share <= 0.5)).all()


def test_the_second_parent_is_a_neighbour():
    """With one neighbour, pairs along a line of growing gaps are known."""
    features = np.array([[0.0], [1.0], [3.0], [7.0], [100.0], [200.0], [400.0], [500.0], [600.0]])
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
    blends = smote(features, labels, {0: 60}, 1, 0)
    pairs = {tuple(sorted(p)) for p in zip(blends.first, blends.second, strict=True)}
    assert pairs == {(0, 1), (1, 2), (2, 3)}


def test_what_is_no_blend_of_two_is_refused():
    with pytest.raises(RuntimeError, match="more than two parents"):
        _parents(sparse.csr_array([[0.3, 0.3, 0.4]]))
    with pytest.raises(RuntimeError, match="between its parents"):
        _parents(sparse.csr_array([[1.5, -0.5]]))


def test_a_lone_parent_has_the_whole_share():
    blends = _parents(sparse.csr_array([[0.0, 1.0], [0.25, 0.75]]))
    assert blends.first.tolist() == [1, 1]
    assert blends.second.tolist() == [1, 0]
    assert blends.share.tolist() == [0, 0.25]


def test_a_link_is_two_nearest_neighbours_of_different_classes():
    """On a line: 3 and 4 are each other's nearest; 9 is nearest to 4, which is not returned."""
    features = np.array([[0.0], [1.0], [3.0], [4.0], [9.0], [10.0]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    both = tomek_linked(features, labels, np.array([0, 1]))
    assert both.tolist() == [False, False, True, True, False, False]
    only_0 = tomek_linked(features, labels, np.array([0]))
    assert only_0.tolist() == [False, False, True, False, False, False]


def test_links_are_those_of_imbalanced_learn():
    features, labels = clouds((60, 30, 20), seed=3)
    plain = TomekLinks()  # all but the smallest class, 2
    plain.fit_resample(features, labels)
    kept = np.flatnonzero(~tomek_linked(features, labels, np.array([0, 1])))
    assert 0 < len(kept) < len(labels)
    assert kept.tolist() == plain.sample_indices_.tolist()


def test_both_together_are_smote_tomek():
    features, labels = clouds((50, 20, 10), seed=1)
    expected, expected_labels = SMOTETomek(random_state=7).fit_resample(features, labels)
    blends = smote(features, labels, {1: 30, 2: 40}, 5, 7)
    every = np.concatenate([features, interpolate(features, blends)])
    every_label = np.concatenate([labels, labels[blends.first]])
    kept = ~tomek_linked(every, every_label, np.arange(3))
    assert kept.sum() < len(every)
    np.testing.assert_allclose(every[kept], expected, atol=1e-12)
    assert every_label[kept].tolist() == expected_labels.tolist()
