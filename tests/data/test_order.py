from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skin.config import SamplerConfig
from skin.data.loader import Draw
from skin.data.order import TrainingOrder

SHUFFLE = SamplerConfig()
TARGETS = [0] * 8 + [1] * 2


def order(
    sampler: SamplerConfig = SHUFFLE,
    targets: list[int] = TARGETS,
    batch_size: int = 3,
    seed: int = 0,
    weights: list[float] | None = None,
) -> TrainingOrder:
    """Rows are 100, 101, ..., so that they are not taken for positions."""
    rows = np.arange(100, 100 + len(targets))
    given_weights = None if weights is None else np.array(weights)
    return TrainingOrder(rows, np.array(targets), sampler, batch_size, seed, given_weights)


def rows_of(batches: Iterable[list[Draw]]) -> list[int]:
    return [draw.row for batch in batches for draw in batch]


def sampler_of(**keys: object) -> SamplerConfig:
    return SamplerConfig.model_validate(keys)


# Runs of former versions drew these, and must go on with them after an update.
FROZEN = [
    ({}, 0, 0, [7, 0, 9, 2, 1, 3, 8, 4, 6]),
    ({}, 7, 3, [9, 1, 5, 2, 8, 0, 4, 7, 3]),
    ({"kind": "weighted"}, 0, 0, [0, 6, 1, 9, 8, 9, 7, 0, 9]),
    ({"kind": "weighted"}, 7, 3, [9, 1, 7, 9, 8, 3, 9, 0, 5]),
    (
        {"kind": "weighted", "power": 0.5, "epoch_images": 12},
        7,
        3,
        [9, 0, 5, 8, 8, 2, 9, 0, 4, 9, 6, 5],
    ),
    (
        {"epoch_images": 25},
        0,
        0,
        [7, 0, 9, 2, 1, 3, 8, 4, 6, 5, 5, 3, 8, 1, 6, 0, 4, 2, 7, 9, 3, 8, 9, 6],
    ),
]


@pytest.mark.parametrize(("keys", "seed", "epoch", "places"), FROZEN)
def test_what_was_drawn_is_drawn(keys: dict[str, object], seed: int, epoch: int, places: list[int]):
    drawn = rows_of(order(sampler_of(**keys), seed=seed).epoch(epoch))
    assert [row - 100 for row in drawn] == places


@pytest.mark.parametrize(
    ("keys", "digest"),
    [
        ({}, "30abeddab415b0f9fe757bc457d86a2fa96b3365d57c6c2e2156f4b7cdb4cfa3"),
        (
            {"kind": "weighted", "power": 0.7},
            "b5ae9d0dda527d72e1a6ec76d733f27aa187cd38a2705d8db031e12a3829191e",
        ),
        (
            {"kind": "weighted", "epoch_images": 3500},
            "2af143098c920ef2ae31acae64b31b1f4b54b70dc3aebd5c56525eedccb623ff",
        ),
        (
            {"epoch_images": 3500},
            "90b8c69544996e1660a945b6dfd8b1d278f360903bf07c762da88f3272c0b3fb",
        ),
    ],
)
def test_what_was_drawn_of_a_thousand_is_drawn(keys: dict[str, object], digest: str):
    targets = [0] * 900 + [1] * 90 + [2] * 10
    batches = order(sampler_of(**keys), targets, 32, 11).batches(range(2, 4))
    drawn = [(draw.row, *draw.key) for batch in batches for draw in batch]
    assert hashlib.sha256(np.array(drawn, np.int64).tobytes()).hexdigest() == digest


def test_a_shuffled_epoch_holds_no_row_twice():
    rows = rows_of(order().epoch(0))
    assert len(rows) == len(set(rows)) == 9, "three full batches of the ten"
    assert set(rows) <= set(range(100, 110))


def test_each_epoch_and_each_seed_draws_anew():
    epochs = [(0, 0), (0, 1), (1, 0)]
    drawn = [tuple(rows_of(order(seed=seed).epoch(epoch))) for seed, epoch in epochs]
    assert len(set(drawn)) == 3
    assert drawn == [tuple(rows_of(order(seed=seed).epoch(epoch))) for seed, epoch in epochs]


def test_an_augmentation_key_is_seed_epoch_and_place():
    draws = [draw for batch in order(seed=7).epoch(4) for draw in batch]
    assert [draw.key for draw in draws] == [(7, 4, place) for place in range(9)]


@pytest.mark.parametrize(
    ("images", "batch_size", "epoch_images", "sizes"),
    [
        (10, 3, None, [3, 3, 3]),
        (10, 5, None, [5, 5]),
        (10, 10, None, [10]),
        (10, 16, None, [10]),
        (10, 4, 8, [4, 4]),
        (10, 4, 25, [4] * 6),
    ],
)
@pytest.mark.parametrize("kind", ["shuffle", "weighted"])
def test_the_batches_of_an_epoch(
    images: int, batch_size: int, epoch_images: int | None, sizes: list[int], kind: str
):
    sampler = SamplerConfig.model_validate({"kind": kind, "epoch_images": epoch_images})
    chosen = order(sampler, [0] * images, batch_size)
    assert [len(batch) for batch in chosen.epoch(0)] == sizes
    assert chosen.batches_per_epoch == len(sizes)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(["shuffle", "weighted", "undersample"]),
    images=st.integers(1, 12),
    batch_size=st.integers(1, 5),
    start=st.data(),
)
def test_any_start_gives_the_tail_of_the_whole(
    kind: str, images: int, batch_size: int, start: st.DataObject
):
    sampler = SamplerConfig.model_validate({"kind": kind})
    chosen = order(sampler, [i % 3 for i in range(images)], batch_size)
    whole = list(chosen.batches(range(3)))
    steps = chosen.batches_per_epoch
    assert len(whole) == 3 * steps
    epoch = start.draw(st.integers(0, 2))
    batch = start.draw(st.integers(0, steps - 1))
    assert list(chosen.batches(range(epoch, 3), batch)) == whole[epoch * steps + batch :]


@pytest.mark.parametrize(
    ("kind", "power", "targets", "expected"),
    [
        ("shuffle", 1.0, [0, 0, 0, 1], [3 / 4, 1 / 4, 0]),
        ("weighted", 0.0, [0, 0, 0, 1], [3 / 4, 1 / 4, 0]),
        ("weighted", 1.0, [0, 0, 0, 1], [1 / 2, 1 / 2, 0]),
        ("weighted", 0.5, [0, 0, 0, 0, 1], [2 / 3, 1 / 3, 0]),
        ("weighted", 0.5, [0] * 4 + [1] + [2] * 9, [2 / 6, 1 / 6, 3 / 6]),
    ],
)
def test_the_classes_shares_by_hand(
    kind: str, power: float, targets: list[int], expected: list[float]
):
    sampler = SamplerConfig.model_validate({"kind": kind, "power": power})
    assert order(sampler, targets).class_distribution(3) == pytest.approx(expected)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_what_is_drawn_has_the_shares_that_are_told(power: float):
    sampler = SamplerConfig(kind="weighted", power=power, epoch_images=4000)
    targets = [0] * 16 + [1] * 4 + [2]
    chosen = order(sampler, targets, batch_size=100)
    counts = Counter(targets[row - 100] for row in rows_of(chosen.epoch(0)))
    drawn = np.array([counts[i] for i in range(3)]) / 4000
    # Four standard deviations of a share of 4000 draws are at most 0.032.
    np.testing.assert_allclose(drawn, chosen.class_distribution(3), atol=0.032)


def test_the_images_of_one_class_are_drawn_alike():
    sampler = SamplerConfig(kind="weighted", epoch_images=4000)
    counts = Counter(rows_of(order(sampler, [0, 0, 1], batch_size=1000).epoch(0)))
    assert [counts[row] / 4000 for row in (100, 101, 102)] == pytest.approx(
        [0.25, 0.25, 0.5], abs=0.032
    )


def undersampled(
    rest: int, smallest: int, ratio: float, epochs: Iterable[int], seed: int = 0
) -> list[list[int]]:
    """What each epoch draws, as places: the first `rest` are of two classes, then the smallest."""
    targets = [i % 2 for i in range(rest)] + [2] * smallest
    chosen = order(sampler_of(kind="undersample", ratio=ratio), targets, 1, seed)
    return [[row - 100 for row in rows_of(chosen.epoch(epoch))] for epoch in epochs]


@settings(max_examples=60, deadline=None)
@given(
    smallest=st.integers(1, 4),
    more=st.integers(0, 12),
    ratio=st.floats(0.1, 6),
    seed=st.integers(0, 3),
)
def test_an_undersampled_epoch_goes_through_the_rest_in_turn(
    smallest: int, more: int, ratio: float, seed: int
):
    rest = 2 * smallest + 2 + more  # so that both of its classes are larger
    epochs = undersampled(rest, smallest, ratio, range(9), seed)
    size = min(round(ratio * smallest), rest)
    seen: Counter[int] = Counter(dict.fromkeys(range(rest), 0))
    for epoch in epochs:
        of_rest = [place for place in epoch if place < rest]
        assert sorted(set(epoch) - set(of_rest)) == list(range(rest, rest + smallest))
        assert len(of_rest) == len(set(of_rest)) == size
        assert len(epoch) == size + smallest
        seen.update(of_rest)
        assert max(seen.values()) - min(seen.values()) <= 1


def test_none_of_the_rest_comes_again_before_all_have_come():
    drawn = [
        place
        for epoch in undersampled(rest=10, smallest=2, ratio=1.5, epochs=range(10))
        for place in epoch
        if place < 10
    ]
    assert len(drawn) == 30
    for epochs in range(1, 4):  # each epoch draws 3, so a pass ends within the fourth one
        assert len(set(drawn[: 3 * epochs])) == 3 * epochs
    assert len(set(drawn[:12])) == 10
    assert set(Counter(drawn).values()) == {3}


def test_an_undersampled_epoch_is_anew_and_a_function_of_seed_and_epoch():
    epochs = undersampled(30, 3, 4, range(8))
    assert undersampled(30, 3, 4, [7, 2]) == [epochs[7], epochs[2]]
    assert len({tuple(epoch) for epoch in epochs}) == 8
    assert undersampled(30, 3, 4, [0], seed=1) != epochs[:1]


def test_a_ratio_beyond_what_there_is_takes_all():
    assert sorted(undersampled(6, 2, 100, [5])[0]) == list(range(8))


def test_the_shares_of_an_undersampled_epoch_by_hand():
    targets = [0] * 30 + [1] * 10 + [2] * 2
    chosen = order(sampler_of(kind="undersample", ratio=4), targets)
    # Two of the smallest class, and 8 of the rest, of which three of four are of class 0.
    assert chosen.class_distribution(4) == pytest.approx([6 / 10, 2 / 10, 2 / 10, 0])
    assert (chosen.epoch_images, chosen.batches_per_epoch, chosen.images_per_epoch) == (10, 3, 9)
    shares = order(sampler_of(kind="undersample", ratio=0.1), targets).class_distribution(3)
    assert shares == pytest.approx([0, 0, 1])


WEIGHTED_TARGETS = [0] * 4 + [1] * 2
WEIGHTS = [1.0, 1.0, 0.0, 3.0, 0.5, 2.0]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, [5 / 7.5, 2.5 / 7.5]),  # each image as its weight says
        ({"kind": "weighted", "power": 1.0}, [1 / 2, 1 / 2]),
        ({"kind": "weighted", "power": 0.5}, [5**0.5, 2.5**0.5]),
        ({"kind": "undersample", "ratio": 1.0}, [1 / 2, 1 / 2]),
        ({"kind": "undersample", "ratio": 1.5}, [3 / 5, 2 / 5]),
    ],
)
def test_what_weights_draw_has_the_shares_that_are_told(
    keys: dict[str, object], expected: list[float]
):
    chosen = order(sampler_of(**keys), WEIGHTED_TARGETS, 1, weights=WEIGHTS)
    shares = chosen.class_distribution(2)
    assert shares == pytest.approx(np.array(expected) / sum(expected))
    drawn = Counter(row for epoch in range(800) for row in rows_of(chosen.epoch(epoch)))
    total = sum(drawn.values())
    counts = np.array([drawn[100 + place] for place in range(6)])
    by_class = [counts[:4].sum() / total, counts[4:].sum() / total]
    assert by_class == pytest.approx(shares, abs=0.04)
    within = np.array([1, 1, 0, 3]) / 5
    assert counts[:4] / counts[:4].sum() == pytest.approx(within, abs=0.04)
    assert counts[5] / counts[4] == pytest.approx(4, rel=0.2)


def test_an_epoch_is_as_long_as_there_are_images_to_draw():
    assert order(targets=WEIGHTED_TARGETS, weights=WEIGHTS).epoch_images == 5
    longer = order(sampler_of(epoch_images=9), WEIGHTED_TARGETS, weights=WEIGHTS)
    assert len(rows_of(longer.epoch(0))) == 9


@pytest.mark.parametrize("kind", ["shuffle", "weighted", "undersample"])
def test_a_later_batch_is_that_of_the_whole_epoch(kind: str):
    chosen = order(sampler_of(kind=kind), [0] * 5000 + [1] * 5000, batch_size=10)
    assert len(next(chosen.epoch(0, first_batch=999))) == 10
    assert [d.key[2] for d in next(chosen.epoch(0, first_batch=999))] == list(range(9990, 10000))
    assert list(chosen.epoch(0))[999] == next(chosen.epoch(0, first_batch=999))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"ratio": 2}, "ratio makes no difference to shuffle"),
        ({"kind": "weighted", "ratio": 2}, "ratio makes no difference to weighted"),
        ({"kind": "undersample", "epoch_images": 9}, "epoch_images makes no difference"),
        ({"kind": "undersample", "ratio": 0}, "greater than 0"),
        ({"source_weights": {"a": -1}}, "greater than or equal to 0"),
        ({"source_weights": {"a": float("inf")}}, "finite"),
    ],
)
def test_samplers_that_make_no_sense(keys: dict[str, object], message: str):
    with pytest.raises(ValueError, match=message):
        sampler_of(**keys)
