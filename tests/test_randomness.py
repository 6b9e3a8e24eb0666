from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from skin.randomness import AUGMENT, INITIALISE, ORDER, STEP, image_generators, key, torch_generator

PURPOSES = (ORDER, AUGMENT, STEP, INITIALISE)
numbers = st.integers(-(2**63), 2**63 - 1)
small = st.integers(0, 2**31)


@given(purpose=st.sampled_from(PURPOSES), parts=st.lists(numbers, max_size=4))
def test_a_key_is_a_63_bit_seed_that_torch_takes(purpose: int, parts: list[int]):
    seed = key(purpose, *parts)
    assert 0 <= seed < 2**63
    assert seed == key(purpose, *parts)
    torch_generator(purpose, *parts)


@given(st.lists(st.tuples(st.sampled_from(PURPOSES), small, small, small), unique=True))
def test_other_keys_of_one_length_give_other_seeds(keys: list[tuple[int, int, int, int]]):
    assert len({key(*parts) for parts in keys}) == len(keys)


def test_the_order_of_the_parts_counts():
    assert key(ORDER, 1, 2) != key(ORDER, 2, 1)


def test_the_seeds_are_those_of_every_release():
    """NumPy promises a stable SeedSequence; a change here would change every run's results."""
    expected = int(np.random.SeedSequence([STEP, 7, 3]).generate_state(1, np.uint64)[0]) // 2
    assert key(STEP, 7, 3) == expected == 1525927469314224606


def test_torch_generators_depend_on_the_key_alone():
    torch.manual_seed(1)
    first = torch.rand(4, generator=torch_generator(ORDER, 5, 0))
    torch.manual_seed(2)
    assert torch.equal(first, torch.rand(4, generator=torch_generator(ORDER, 5, 0)))
    assert not torch.equal(first, torch.rand(4, generator=torch_generator(ORDER, 5, 1)))


def test_image_generators_depend_on_the_key_alone():
    def draws(*parts: int) -> tuple[float, float]:
        array, plain = image_generators(*parts)
        return array.random(), plain.random()

    assert draws(0, 1, 2) == draws(0, 1, 2)
    assert len({draws(0, 1, 2), draws(0, 1, 3), draws(0, 2, 2), draws(1, 1, 2)}) == 4
