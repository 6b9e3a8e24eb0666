from __future__ import annotations

import pytest

from skin.data.official import (
    has_official_list,
    listed_images,
    official_images,
    official_lists,
)
from skin.errors import SkinError
from skin.taxonomy import CHALLENGES, get_challenge


def test_the_test_images_of_2018():
    ids = official_images(get_challenge("isic2018"), "test")
    assert (len(ids), ids[0], ids[-1]) == (1512, "ISIC_0034524", "ISIC_0036064")
    assert list(ids) == sorted(set(ids))
    assert "ISIC_0034550" not in ids


@pytest.mark.parametrize("name", official_lists())
def test_each_list_is_of_a_challenge_and_a_split(name: str):
    challenge, split = name.split("_")
    assert challenge in CHALLENGES
    assert split in {"validation", "test"}
    ids = listed_images(name)
    assert list(ids) == sorted(set(ids))


def test_what_is_not_listed():
    challenge = get_challenge("isic2018")
    assert has_official_list(challenge, "test")
    assert not has_official_list(challenge, "train")
    with pytest.raises(SkinError, match=r"'isic2018_train'; known: .*isic2018_test"):
        official_images(challenge, "train")
