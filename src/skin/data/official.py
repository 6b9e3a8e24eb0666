"""The images that challenges' organisers list for a split, as far as the package has the lists."""

from __future__ import annotations

from importlib import resources

from skin.errors import SkinError
from skin.taxonomy import Challenge

_LISTS = resources.files("skin.data") / "official_images"


def official_lists() -> list[str]:
    """The lists that there are, as `isic2018_test`, sorted."""
    return sorted(item.name.removesuffix(".txt") for item in _LISTS.iterdir())


def has_official_list(challenge: Challenge, split: str) -> bool:
    """Whether the list of a challenge's images of a split is part of the package."""
    return f"{challenge.name}_{split}" in official_lists()


def official_images(challenge: Challenge, split: str) -> tuple[str, ...]:
    """The image ids that a challenge's organisers list for a split, in ascending order.

    Args:
        challenge: the challenge.
        split: as `test`.

    Raises:
        SkinError: the list of this challenge and split is not part of the package.
    """
    return listed_images(f"{challenge.name}_{split}")


def listed_images(name: str) -> tuple[str, ...]:
    """The image ids of one of `official_lists`, in ascending order.

    Raises:
        SkinError: there is no such list.
    """
    listed = official_lists()
    if name not in listed:
        raise SkinError(f"no official list of images '{name}'; known: {', '.join(listed)}")
    lines = (_LISTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    spans = (line.split("-") for line in lines if not line.startswith("#"))
    numbers = (n for first, last in spans for n in range(int(first), int(last) + 1))
    return tuple(f"ISIC_{number:07d}" for number in numbers)
