from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.data.randaugment import RandAugment
from skin.randomness import image_generators

SIDE = 48


def image() -> NDArray[np.uint8]:
    """Smooth colours and one dark disc."""
    y, x = np.mgrid[:SIDE, :SIDE]
    pixels = np.stack([120 + x, 90 + y, 60 + (x + y) // 2], 2).astype(np.uint8)
    pixels[np.hypot(x - 20, y - 28) < 9] //= 2
    return pixels


def run(transform: RandAugment, number: int) -> NDArray[np.uint8]:
    transform.set_random_state(*image_generators(number))
    result: NDArray[np.uint8] = transform(image=image())["image"]
    return result


def test_the_generators_alone_decide():
    first, second = RandAugment(), pickle.loads(pickle.dumps(RandAugment()))  # noqa: S301 - made here
    run(second, 99)
    results = [run(first, number) for number in range(20)]
    for number, result in enumerate(results):
        np.testing.assert_array_equal(result, run(second, number))
        assert result.shape == (SIDE, SIDE, 3)
        assert result.dtype == np.uint8
    assert len({result.tobytes() for result in results}) > 15


def test_magnitude_0_leaves_images_as_they_are():
    transform = RandAugment(n=10, magnitude=0)
    for number in range(5):
        np.testing.assert_array_equal(run(transform, number), image())


@pytest.mark.parametrize("operation", range(10))
def test_a_higher_magnitude_changes_more(operation: int):
    """Each operation by itself; the first is the identity."""

    def change(magnitude: float) -> float:
        alone = RandAugment(magnitude=magnitude).transforms[operation]
        total = 0.0
        for number in range(8):
            alone.set_random_state(*image_generators(number))
            total += float(np.abs(alone(image=image())["image"] - image().astype(float)).mean())
        return total

    weak, middle, strong = change(3), change(12), change(30)
    assert (weak < middle < strong) if operation else (weak == middle == strong == 0)


def test_colours_keep_their_order():
    """Brown stays brown: the image's red is above its green, and that above its blue."""
    transform = RandAugment(n=2, magnitude=15)
    for number in range(40):
        red, green, blue = run(transform, number).reshape(-1, 3).mean(axis=0)
        assert red >= green >= blue


def test_n_operations_are_drawn_with_replacement():
    transform = RandAugment(n=20)
    transform.set_random_state(*image_generators(0))
    drawn = transform._get_idx()  # noqa: SLF001 - albumentations offers no other way
    assert len(drawn) == 20


@pytest.mark.parametrize(
    "arguments", [{"n": 0}, {"n": 1.5}, {"n": "2"}, {"magnitude": 31}, {"magnitude": -1}]
)
def test_what_means_nothing_is_refused(arguments: dict[str, object]):
    with pytest.raises(ValueError, match=r"^(n|magnitude) is .*, not a"):
        RandAugment(**arguments)
