from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skin.analysis.localisation import faithfulness
from skin.analysis.localisation.faithfulness import area_under, blur, rank_cells, trace

WEIGHTS = np.array([[0.4, 0.1], [0.3, 0.2]])  # of the four quarters of the image, of sum 1
ORDER = np.array([[[0, 3], [1, 2]]])  # the same, the heaviest first
WHITE = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)


class Linear:
    """A model whose probability of class 1 is the weighted brightness of the quarters."""

    def __init__(self) -> None:
        self.batches = []

    def __call__(self, images, metadata=None) -> torch.Tensor:
        self.batches.append((len(images), metadata))
        quarters = images.float().mean(1).unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4)) / 255
        share = (quarters * torch.from_numpy(WEIGHTS)).sum((1, 2))
        return torch.log(torch.stack([1 - share, share], dim=1).clamp(min=1e-30))


@pytest.fixture
def _black(monkeypatch) -> None:
    """What is taken away is black."""
    monkeypatch.setattr(faithfulness, "blur", lambda images: torch.zeros_like(images.float()))


def rngs(count, seed=0):
    return [np.random.default_rng([seed, i]) for i in range(count)]


@pytest.mark.usefixtures("_black")
def test_curves_of_a_linear_model():
    curves = trace(Linear(), WHITE, torch.tensor([1]), ORDER)

    assert curves.shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(curves.deletion, [[1, 0.6, 0.3, 0.1, 0]], atol=1e-6)
    np.testing.assert_allclose(curves.insertion, [[0, 0.4, 0.7, 0.9, 1]], atol=1e-6)
    # Trapezoids of width 1/4: (1/2 + 0.6 + 0.3 + 0.1 + 0/2) / 4 and (0.4 + 0.7 + 0.9 + 1/2) / 4.
    assert area_under(curves.shares, curves.deletion[0]) == pytest.approx(0.375)
    assert area_under(curves.shares, curves.insertion[0]) == pytest.approx(0.625)


@pytest.mark.usefixtures("_black")
def test_the_right_order_beats_every_other():
    right = trace(Linear(), WHITE, torch.tensor([1]), ORDER)
    wrong = trace(Linear(), WHITE, torch.tensor([1]), 3 - ORDER)
    assert (right.deletion <= wrong.deletion + 1e-6).all()
    assert (right.insertion >= wrong.insertion - 1e-6).all()


@pytest.mark.usefixtures("_black")
def test_images_of_a_batch_are_followed_each_for_its_class():
    images = torch.cat([WHITE, WHITE, WHITE // 2])
    ranks = np.concatenate([ORDER, 3 - ORDER, ORDER])
    classes = torch.tensor([1, 0, 1])
    model, known = Linear(), torch.arange(3.0)[:, None]

    together = trace(model, images, classes, ranks, known)

    for i in range(3):
        part = slice(i, i + 1)
        alone = trace(Linear(), images[part], classes[part], ranks[part])
        np.testing.assert_allclose(together.deletion[part], alone.deletion)
        np.testing.assert_allclose(together.insertion[part], alone.insertion)
    # One image with its steps at a time, however many images there are, with its own metadata.
    assert [size for size, _ in model.batches] == [10, 10, 10]
    assert [set(seen.flatten().tolist()) for _, seen in model.batches] == [{0}, {1}, {2}]


def test_a_large_map_takes_several_cells_a_step():
    ranks = rank_cells(np.random.default_rng(0).random((1, 7, 7)), rngs(1))
    curves = trace(Linear(), WHITE, torch.tensor([1]), ranks)
    assert curves.deletion.shape == (1, faithfulness.STEPS + 1)
    steps = np.diff(curves.shares * 49)
    assert set(np.rint(steps)) == {3, 4}
    assert curves.shares[-1] == 1


def test_nothing_happens_to_an_image_without_structure():
    curves = trace(Linear(), WHITE, torch.tensor([1]), ORDER)
    np.testing.assert_allclose(curves.deletion, 1, atol=1e-5)


def test_blur_keeps_the_colour_and_loses_the_pattern():
    stripes = torch.zeros(1, 3, 32, 32)
    stripes[..., ::2] = 200
    blurred = blur(stripes)
    assert blurred.shape == stripes.shape
    assert blurred.mean() == pytest.approx(100, abs=8)
    assert blurred[..., 8:-8].std() < 1


def test_ranks_by_hand():
    maps = np.array([[[0.1, 0.9], [0.5, 0.3]]])
    assert rank_cells(maps, rngs(1)).tolist() == [[[3, 0], [1, 2]]]


def test_ties_fall_at_random_by_their_own_generator():
    flat = np.zeros((2, 4, 4))
    first, again = rank_cells(flat, rngs(2)), rank_cells(flat, rngs(2))
    np.testing.assert_array_equal(first, again)
    assert (first[0] != first[1]).any()
    assert (first != rank_cells(flat, rngs(2, seed=1))).any()
    assert (first[0].ravel() != np.arange(16)).any(), "reading order is no random order"


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6))
def test_ranks_are_a_permutation_that_sorts_the_map(seed, height, width):
    maps = np.random.default_rng(seed).integers(4, size=(2, height, width)).astype(float)
    for ranks, one in zip(rank_cells(maps, rngs(2, seed)), maps, strict=True):
        assert sorted(ranks.ravel()) == list(range(height * width))
        assert (np.diff(one.ravel()[ranks.ravel().argsort()]) <= 0).all()
