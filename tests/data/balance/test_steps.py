"""The steps on a table of 14 images: 8 of class A, 4 of B, 2 of C.

An image is plain grey, so that neighbours are those of nearest grey level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from skin.config import BalanceStep
from skin.data.balance import TrainingPart, balance, trace
from skin.data.balance.steps import class_counts
from skin.data.blend import extended_targets
from skin.errors import SkinError

CODES = ("A", "B", "C")
TARGETS = np.repeat([0, 1, 2], [8, 4, 2])
ROWS = np.arange(14)
# B's darkest is A's brightest's nearest and the other way round: one Tomek link, 7 and 8.
GREYS = [10, 20, 30, 40, 50, 60, 70, 84, 88, 110, 120, 130, 200, 210]


class Greys:
    """Image i is plain grey of the i-th level."""

    def __init__(self, levels: Sequence[int] = GREYS) -> None:
        self.levels = levels

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        return np.full((16, 16, 3), self.levels[row], np.uint8)


class Unread:
    """Images that no step may look at."""

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        raise AssertionError(row)


def steps(*each: dict[str, object]) -> list[BalanceStep]:
    return [BalanceStep.model_validate(one) for one in each]


def counts(*each: dict[str, object], rows: NDArray[np.int64] = ROWS) -> list[list[int]]:
    """Class counts before the first step and after each."""
    parts = trace(rows, TARGETS, steps(*each), Greys(), CODES, 0)
    return [class_counts(part, TARGETS, 3).tolist() for part in parts]


def apply(*each: dict[str, object], seed: int = 0) -> TrainingPart:
    return balance(ROWS, TARGETS, steps(*each), Greys(), CODES, seed)


def down(to: float | str) -> dict[str, object]:
    return {"step": "downsample", "to": to}


def over(to: float | str = 1.0) -> dict[str, object]:
    return {"step": "oversample", "to": to}


def smote(to: float | str = 1.0, neighbours: int = 1) -> dict[str, object]:
    return {"step": "smote", "to": to, "neighbours": neighbours}


TOMEK: dict[str, object] = {"step": "tomek"}
SMOTE_TOMEK: dict[str, object] = {"step": "smote_tomek", "neighbours": 1}


@pytest.mark.parametrize(
    ("step", "after"),
    [
        (down(0.5), [4, 4, 2]),
        (down(0.3), [2, 2, 2]),  # 2.4 images
        (down("B"), [4, 4, 2]),
        (down("C"), [2, 2, 2]),
        (down(1.0), [8, 4, 2]),
        (down(0.01), [1, 1, 1]),  # never none
        (over(), [8, 8, 8]),
        (over(0.5), [8, 4, 4]),
        (over("B"), [8, 4, 4]),
        (smote(), [8, 8, 8]),
        (smote(0.5), [8, 4, 4]),
        (TOMEK, [7, 3, 2]),  # C is the smallest
    ],
)
def test_each_step(step: dict[str, object], after: list[int]):
    assert counts(step) == [[8, 4, 2], after]


def test_steps_apply_to_what_the_one_before_left():
    assert counts(over(0.5), down(0.75), SMOTE_TOMEK)[:3] == [[8, 4, 2], [8, 4, 4], [6, 4, 4]]
    assert counts(down(0.5), over()) == [[8, 4, 2], [4, 4, 2], [4, 4, 4]]
    assert counts(over(), down(0.5)) == [[8, 4, 2], [8, 8, 8], [4, 4, 4]]


def test_the_order_changes_the_result():
    assert counts(down("B"), over())[-1] == [4, 4, 4]
    assert counts(over(), down("B"))[-1] == [8, 8, 8]


def test_no_step_leaves_everything_and_reads_nothing():
    part = balance(ROWS, TARGETS, [], Unread(), CODES, 0)
    assert part.rows.tolist() == ROWS.tolist()
    assert len(part.blends) == 0


def test_sampling_alone_reads_no_image():
    balance(ROWS, TARGETS, steps(over(), down(0.5)), Unread(), CODES, 0)
    balance(ROWS, TARGETS, steps(down("C"), smote()), Unread(), CODES, 0)  # nothing is missing


def test_repeats_are_even():
    """C's two images come up to 8 four times each; B's four to 7 once or twice."""
    rows = apply(over()).rows
    assert np.bincount(rows)[12:].tolist() == [4, 4]
    b = np.bincount(apply(over(0.875)).rows)[8:12]
    assert sorted(b) == [1, 2, 2, 2]


def test_downsampling_draws_without_replacement_and_leaves_small_classes():
    rows = apply(down(0.5)).rows
    assert len(set(rows.tolist())) == len(rows)
    assert rows[-6:].tolist() == [8, 9, 10, 11, 12, 13]


def test_smote_keeps_what_there_is_and_adds_numbers_beyond_the_table():
    part = apply(smote())
    assert part.rows[:14].tolist() == ROWS.tolist()
    assert part.rows[14:].tolist() == list(range(14, 24))
    assert len(part.blends) == 10


def test_parents_are_rows_of_the_table():
    """Only 9 and 11 of B are here, and 12 and 13 of C."""
    rows = np.array([1, 3, 5, 7, 9, 11, 12, 13])
    blends = balance(rows, TARGETS, steps(smote()), Greys(), CODES, 0).blends
    pairs = {tuple(sorted(pair)) for pair in zip(blends.first, blends.second, strict=True)}
    assert pairs == {(9, 11), (12, 13)}


def test_repeats_count_once_among_the_neighbours():
    """Without that, a repeated image's nearest neighbour would be itself."""
    part = apply(over(0.75), smote())
    assert len(part.blends) == 4
    assert (part.blends.first != part.blends.second).all()


def test_blends_are_no_parents():
    part = apply(smote(0.75), smote())
    assert len(part.blends) == 10
    assert part.blends.first.max() < 14
    assert part.blends.second.max() < 14


def test_cut_blends_are_forgotten():
    part = apply(smote(), down(0.25))
    synthetic = part.rows[part.rows >= 14]
    assert 0 < len(part.blends) < 10
    assert sorted(synthetic) == list(range(14, 14 + len(part.blends)))
    labels = extended_targets(TARGETS, part.blends)[part.rows]
    assert np.bincount(labels).tolist() == [2, 2, 2]


def test_blends_can_be_repeated():
    part = apply(smote(0.5), over())
    assert len(part.blends) == 2
    assert class_counts(part, TARGETS, 3).tolist() == [8, 8, 8]
    assert (part.rows >= 14).sum() > 2


def test_a_tomek_link_goes_but_for_the_smallest_class():
    assert apply(TOMEK).rows.tolist() == [0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13]
    rows = ROWS[:12]  # B is the smallest now, and its side of the link stays
    part = balance(rows, TARGETS, steps(TOMEK), Greys(), CODES, 0)
    assert part.rows.tolist() == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]


def test_a_linked_image_goes_with_its_repeats():
    rows = np.concatenate([ROWS, [7, 7, 8]])
    part = balance(rows, TARGETS, steps(TOMEK), Greys(), CODES, 0)
    assert not set(part.rows.tolist()) & {7, 8}


def test_repeats_do_not_make_a_class_larger():
    """B has as many images as A with its repeats, and is still spared."""
    rows = np.concatenate([ROWS[:12], ROWS[8:12], ROWS[8:12]])
    part = balance(rows, TARGETS, steps(TOMEK), Greys(), CODES, 0)
    assert 7 not in part.rows
    assert 8 in part.rows


def test_smote_tomek_removes_both_sides():
    nothing_to_raise = {"step": "smote_tomek", "to": 0.1}
    assert set(ROWS) - set(apply(nothing_to_raise).rows) == {7, 8}


def test_tomek_within_one_class_finds_nothing():
    part = balance(ROWS[:8], TARGETS, steps(TOMEK), Greys(), CODES, 0)
    assert part.rows.tolist() == ROWS[:8].tolist()


def test_a_seed_settles_everything():
    hybrid = (over(0.5), down(0.75), SMOTE_TOMEK)
    one, again, other = apply(*hybrid), apply(*hybrid), apply(*hybrid, seed=1)
    assert one.rows.tolist() == again.rows.tolist()
    assert one.blends.first.tolist() == again.blends.first.tolist()
    assert one.blends.share.tolist() == again.blends.share.tolist()
    assert one.blends.share.tolist() != other.blends.share.tolist()


def test_a_step_draws_by_its_place_in_the_list():
    first = [set(apply(down(0.5), seed=seed).rows.tolist()) for seed in range(8)]
    second = [set(apply(down(1.0), down(0.5), seed=seed).rows.tolist()) for seed in range(8)]
    assert first != second


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (down("D"), r"balance\[1\]\.to: no class 'D': .*known: A, B, C"),
        (
            smote(neighbours=2),
            r"balance\[1\]\.neighbours: 2 neighbours need 3 .* C has 2 .*; at most 1 is possible",
        ),
    ],
)
def test_what_cannot_be_done_is_said(step: dict[str, object], message: str):
    with pytest.raises(SkinError, match=message):
        apply(down(1.0), step)


def test_an_unknown_class_is_found_before_any_step_runs():
    with pytest.raises(SkinError, match=r"balance\[1\]\.to"):
        next(trace(ROWS, TARGETS, steps(smote(), down("b")), Unread(), CODES, 0))


def test_a_class_without_images():
    without_c = ROWS[:12]
    with pytest.raises(SkinError, match=r"balance\[0\]: class C has no training image to repeat"):
        balance(without_c, TARGETS, steps(over()), Greys(), CODES, 0)
    with pytest.raises(SkinError, match=r"balance\[0\]\.to: class C has no training image"):
        balance(without_c, TARGETS, steps(down("C")), Greys(), CODES, 0)
    with pytest.raises(SkinError, match="C has 0 in the training part; use oversample instead"):
        balance(without_c, TARGETS, steps(smote()), Greys(), CODES, 0)


def test_links_that_take_a_whole_class():
    """A's only image and C's only one are each other's nearest."""
    rows = np.array([7, 12, 8, 9, 10])
    images = Greys([*GREYS[:7], 100, 20, 25, 30, *GREYS[11:12], 104, 210])
    with pytest.raises(SkinError, match=r"balance\[0\]: smote_tomek removed every .*class A"):
        balance(rows, TARGETS, steps({"step": "smote_tomek", "to": 0.1}), images, CODES, 0)


STEPS = st.lists(
    st.one_of(
        st.builds(down, st.sampled_from([0.5, 0.8, "A", "B", "C"])),
        st.builds(over, st.sampled_from([0.5, 1.0, "B"])),
        st.builds(smote, st.sampled_from([0.5, 1.0, "B"])),
    ),
    max_size=3,
)


@settings(max_examples=60)
@given(chosen=STEPS, seed=st.integers(0, 2**40), data=st.data())
def test_rules_that_always_hold(chosen: list[dict[str, object]], seed: int, data: st.DataObject):
    """Sizes are reached; nothing comes from outside the rows; parents are of one class."""
    sizes = data.draw(st.tuples(*[st.integers(30, 50)] * 3))
    targets = np.random.default_rng(seed).permutation(np.repeat(range(3), np.add(sizes, 5)))
    levels = np.random.default_rng(seed).permutation(len(targets))
    # Five images of each class are held out.
    held_out = np.concatenate([np.flatnonzero(targets == c)[:5] for c in range(3)])
    rows = np.setdiff1d(np.arange(len(targets)), held_out)
    images = _Forbidding(Greys(levels.tolist()), set(held_out.tolist()))
    parts = list(trace(rows, targets, steps(*chosen), images, CODES, seed))
    for step, before, after in zip(chosen, parts, parts[1:], strict=False):
        had, has = (class_counts(part, targets, 3) for part in (before, after))
        to = step["to"]
        size = had[CODES.index(to)] if isinstance(to, str) else round(float(str(to)) * had.max())
        reach = np.minimum if step["step"] == "downsample" else np.maximum
        assert has.tolist() == reach(had, size).tolist()
    last = parts[-1]
    real = last.rows[last.rows < len(targets)]
    assert set(real.tolist()) <= set(rows.tolist())
    for parents in (last.blends.first, last.blends.second):
        assert not set(parents.tolist()) & set(held_out.tolist())
    assert (targets[last.blends.first] == targets[last.blends.second]).all()
    assert last.rows.max() < len(targets) + len(last.blends)


class _Forbidding:
    """Images of which some must not be looked at."""

    def __init__(self, images: Greys, forbidden: set[int]) -> None:
        self.images, self.forbidden = images, forbidden

    def __getitem__(self, row: int) -> NDArray[np.uint8]:
        assert row not in self.forbidden
        return self.images[row]
