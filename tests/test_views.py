from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.errors import SkinError
from skin.views import Tta

TTAS = st.builds(Tta, st.booleans(), st.booleans(), st.booleans(), st.booleans()).filter(
    lambda tta: tta != Tta(logit=True)
)


@pytest.mark.parametrize(
    ("text", "expected", "views"),
    [
        ("none", Tta(), 1),
        ("dihedral", Tta(dihedral=True), 8),
        ("crops", Tta(crops=True), 5),
        ("scales", Tta(scales=True), 3),
        ("dihedral+crops", Tta(dihedral=True, crops=True), 40),
        ("crops+scales", Tta(crops=True, scales=True), 7),  # the middle crop is in both
        ("dihedral+crops+scales+logit", Tta(True, True, True, True), 56),
        (" logit + dihedral ", Tta(dihedral=True, logit=True), 8),
    ],
)
def test_words_name_views(text: str, expected: Tta, views: int):
    assert Tta.parse(text) == expected
    assert len(expected) == views


@given(TTAS, st.randoms())
def test_the_text_gives_the_same_views_in_any_order(tta: Tta, random):
    words = str(tta).split("+")
    random.shuffle(words)
    assert Tta.parse("+".join(words)) == tta
    assert str(Tta.parse("+".join(words))) == str(tta)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "dihedrl",
            r"TTA 'dihedrl': no views .* 'dihedrl': did you mean 'dihedral'\? known: crops",
        ),
        ("dihedral+zooms", r"called 'zooms': .*known: crops, dihedral, logit, none, scales"),
        ("", "no views are called ''"),
        ("crops+", "no views are called ''"),
        ("Dihedral", "did you mean 'dihedral'"),
        ("crops+crops", "name each word once"),
        ("none+none", "name each word once"),
        ("none+crops", "'none' stands alone"),
        ("logit+none", "'none' stands alone"),
        ("logit", "add dihedral, crops or scales"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str):
    with pytest.raises(SkinError, match=message):
        Tta.parse(text)


def test_boxes_of_144_pixels():
    boxes = [crop.box(144) for crop in Tta(crops=True, scales=True).frames]
    assert boxes == [
        (0, 0, 144),
        (9, 9, 126),
        (18, 18, 108),
        (0, 0, 126),
        (0, 18, 126),
        (18, 0, 126),
        (18, 18, 126),
    ]
    assert [crop.box(144) for crop in Tta(crops=True).frames] == [boxes[1], *boxes[3:]]


@given(TTAS, st.integers(1, 2000))
def test_boxes_lie_in_the_image_and_turn_with_it(tta: Tta, side: int):
    boxes = {crop.box(side) for crop in tta.frames}
    for top, left, size in boxes:
        assert 0 < size <= side
        assert 0 <= top <= side - size
        assert 0 <= left <= side - size
        assert (left, top, size) in boxes
        assert (side - size - top, left, size) in boxes


def test_reading_a_config_needs_no_torch():
    program = "import sys, skin.config, skin.views; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=os.environ
    )
    assert done.stdout.strip() == "False"
