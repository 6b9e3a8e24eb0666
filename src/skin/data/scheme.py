"""How a dataset is split: k folds or one holdout, whole lesions or single images; and its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from skin.errors import SkinError

Split = Literal["lesion", "image"]

HELD_OUT: Final = 0
TRAIN: Final = -1
VALID: Final = -2

_FOLDS = 5
_FEWEST = 2
_WHOLE = 100  # percent
_NAME = re.compile(r"(?:k(\d+)|holdout(\d+-\d+(?:-\d+)?))-seed(\d+)(-image)?")


class Scheme(BaseModel):
    """How a dataset is split.

    Attributes:
        k: number of folds that can be trained; 1 for a holdout.
        seed: of the assignment.
        holdout: whole percentages, (train, held out) or (train, valid, held out); empty for
            k folds.
        split: `lesion` keeps the images of one lesion, patient or photograph together; `image`
            splits image by image, as much of the published work does, so that it leaks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int
    seed: int
    holdout: tuple[int, ...] = ()
    split: Split = "lesion"

    @property
    def default_name(self) -> str:
        """As `k5-seed0`, `holdout70-15-15-seed0` or `k5-seed0-image`; no other scheme's name."""
        shares = "-".join(map(str, self.holdout))
        kind = f"holdout{shares}" if self.holdout else f"k{self.k}"
        return f"{kind}-seed{self.seed}" + ("-image" if self.leaking else "")

    @property
    def leaking(self) -> bool:
        """Whether lesions may be on both sides.

        A matter of the protocol, not of the images at hand: where an image split happens to
        part no lesion that is known, lesions, patients and photographs that are not recorded
        may be parted all the same.
        """
        return self.split == "image"

    @property
    def parts(self) -> Mapping[int, str]:
        """The numbers in the column `fold`, and what each is called."""
        if not self.holdout:
            return {fold: f"fold {fold}" for fold in range(self.k)}
        names = {TRAIN: "train", VALID: "valid", HELD_OUT: "held out"}
        if len(self.holdout) == len(names):
            return names
        return {TRAIN: names[TRAIN], HELD_OUT: names[HELD_OUT]}

    @property
    def shares(self) -> tuple[float, ...]:
        """How much of the dataset each of `parts` should hold; sums to 1."""
        if self.holdout:
            return tuple(share / _WHOLE for share in self.holdout)
        return (1 / self.k,) * self.k if self.k > 0 else ()

    def command(self, dataset: str, name: str) -> str:
        """The command that makes these folds of a dataset, under a name."""
        shares = "/".join(map(str, self.holdout))
        words = ["skin data folds", dataset]
        words.append(f"--holdout {shares}" if self.holdout else f"--folds {self.k}")
        words += [f"--seed {self.seed}"] if self.seed else []
        words += ["--split image"] if self.leaking else []
        words += [f"--name {name}"] if name != self.default_name else []
        return " ".join(words)


def choose_scheme(k: int | None, seed: int, holdout: tuple[int, ...], split: Split) -> Scheme:
    """Take k folds, 5 if not given, or a holdout.

    Raises:
        SkinError: both are given, or the holdout's shares make no sense.
    """
    if k is not None and holdout:
        raise SkinError("--folds and --holdout exclude each other: give one of them")
    if holdout and not _are_shares(holdout):
        raise _wrong_shares("/".join(map(str, holdout)))
    if holdout:
        k = 1
    return Scheme(k=_FOLDS if k is None else k, seed=seed, holdout=holdout, split=split)


def parse_name(name: str) -> Scheme | None:
    """The scheme whose `default_name` is `name`, if there is one."""
    found = _NAME.fullmatch(name)
    if not found:
        return None
    k, holdout, seed, image = found.groups()
    scheme = Scheme(
        k=int(k or 1),
        seed=int(seed),
        holdout=tuple(map(int, holdout.split("-"))) if holdout else (),
        split="image" if image else "lesion",
    )
    is_possible = _are_shares(scheme.holdout) if holdout else scheme.k >= _FEWEST
    return scheme if is_possible and scheme.default_name == name else None


def require_honest_name(name: str, scheme: Scheme) -> None:
    """Check that folds' name is no other scheme's, as `k5-seed0` for folds by image.

    Raises:
        SkinError: it is.
    """
    said = parse_name(name)
    if said and said != scheme:
        raise SkinError(
            f"--name {name} would mislead: these folds are '{scheme.default_name}'; leave it out, "
            "or choose a name of your own"
        )


def parse_holdout(text: str) -> tuple[int, ...]:
    """Read `80/20` (train, held out) or `70/15/15` (train, valid, held out).

    Raises:
        SkinError: it is neither two nor three whole percentages that sum to 100.
    """
    words = [word.strip() for word in text.split("/")]
    shares = tuple(int(word) for word in words if word.isdecimal())
    if len(shares) != len(words) or not _are_shares(shares):
        raise _wrong_shares(text)
    return shares


def _are_shares(shares: tuple[int, ...]) -> bool:
    return len(shares) in {2, 3} and min(shares) > 0 and sum(shares) == _WHOLE


def _wrong_shares(text: str) -> SkinError:
    return SkinError(
        f"--holdout {text}: give whole percentages that sum to 100, as 80/20 (train, held out) "
        "or 70/15/15 (train, valid, held out)"
    )
