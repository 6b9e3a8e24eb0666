from __future__ import annotations

import pytest

from skin.data.hosts.challenges import challenge_files, choose_splits
from skin.errors import SkinError

CHALLENGES = ("isic2017", "isic2018", "isic2019", "isic2020", "isic2024")


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_each_split_has_a_table_and_an_archive_of_images(challenge: str):
    for split in choose_splits(challenge, "all"):
        files = challenge_files(challenge, [split], "https://example.org/")
        names = [file.name for file in files]
        assert names[-1].endswith(".zip")
        assert len(set(names)) == len(names) >= 2
        for file in files:
            assert file.url == f"https://example.org/{challenge[-4:]}/{file.name}"
            assert file.on_s3
            assert file.size is None  # the host tells it


def test_all_splits_are_those_there_are():
    assert choose_splits("isic2019", "all") == ("train", "test")
    assert choose_splits("isic2018", "validation") == ("validation",)
    assert len(challenge_files("isic2018", choose_splits("isic2018", "all"))) == 7


def test_a_split_that_is_not_published_is_an_error():
    with pytest.raises(SkinError, match=r"isic2024 gives no images of a split 'test'.*are: train"):
        choose_splits("isic2024", "test")
