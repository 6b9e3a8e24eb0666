"""Folds: a dataset's parts, frozen to files, to train on and to be judged on.

They share no lesion, no patient and no photograph, unless they were asked to be split by image.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.console import note, warn
from skin.data.dataset import Dataset
from skin.data.duplicates import CORRELATION, HASH_BITS, near_duplicates
from skin.data.folds_info import FoldsInfo, choose_folds, load_info
from skin.data.folds_verify import too_few_groups, verify
from skin.data.scheme import (
    HELD_OUT,
    TRAIN,
    VALID,
    Scheme,
    Split,
    choose_scheme,
    require_honest_name,
)
from skin.data.stratify import assign_groups, assign_images, group_images
from skin.errors import SkinError, name_some
from skin.files import sha256_bytes, write_text

_COLUMNS = ["image_id", "lesion_id", "group", "dx", "fold"]


class Parts(NamedTuple):
    """Rows of the dataset's table, ascending, for one training.

    Attributes:
        train: to learn from.
        valid: to choose the epoch by; `held_out` itself, unless there is a part for it.
        held_out: to be judged on.
    """

    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    held_out: NDArray[np.int64]


class Leak(NamedTuple):
    """What folds share.

    Attributes:
        lesions: number of lesions with images in more than one part.
        images: number of held-out images of such lesions.
        held_out: number of all held-out images.
    """

    lesions: int
    images: int
    held_out: int


@dataclass(frozen=True)
class Folds:
    """Folds that were loaded and verified against their dataset.

    Attributes:
        name: as `k5-seed0`, `holdout80-20-seed0` or `k5-seed0-image`.
        info: how they were made.
        table: one row an image, in the order of the dataset's table; columns `image_id`,
            `lesion_id`, `group`, `dx`, `fold`. Of k folds, `fold` is where the image is held out;
            of a holdout it is 0 held out, -1 train, -2 valid.
    """

    name: str
    info: FoldsInfo
    table: pd.DataFrame

    @property
    def k(self) -> int:
        """Number of folds that can be trained; 1 for a holdout."""
        return self.info.k

    @property
    def hash(self) -> str:
        """SHA-256 of the folds' CSV."""
        return self.info.hash

    @property
    def leaking(self) -> bool:
        """Whether they were split by image, so that lesions may be on both sides."""
        return self.info.leaking

    @classmethod
    def load(cls, dataset: Dataset, name: str | None = None) -> Self:
        """Load folds by name, or the only ones there are that do not leak.

        Raises:
            SkinError: there are none, or several and no name; the file was edited, is of another
                dataset, or has a lesion, patient or group in two parts and no record that it was
                split by image.
        """
        name = choose_folds(dataset, name)
        path = _csv_path(dataset, name)
        info = load_info(path.with_suffix(".json"))
        again = f"run `{info.command(dataset.name, name)} --overwrite`"
        if not path.is_file():
            raise SkinError(f"{path} is missing; {again}")
        data = path.read_bytes()
        if sha256_bytes(data) != info.hash:
            raise SkinError(
                f"{path} was changed after it was made (its hash differs from "
                f"{path.stem}.json); restore it, or {again}"
            )
        if info.dataset_hash != dataset.hash:
            raise SkinError(
                f"{path} splits another state of dataset '{dataset.name}' than the one here; "
                f"{again}"
            )
        texts = dict.fromkeys(set(_COLUMNS) - {"fold"}, str)  # ids may be numbers, as 001
        table = pd.read_csv(path, dtype={**texts, "fold": np.int64}, keep_default_na=False)
        verify(dataset.table, table, info, str(path))
        return cls(name, info, table)

    def split(self, fold: int) -> Parts:
        """The rows of the dataset's table to train on, to choose the epoch by, and held out.

        Raises:
            SkinError: there is no such fold.
        """
        if not 0 <= fold < self.k:
            there = f"are 0 to {self.k - 1}" if self.k > 1 else "is only 0"
            raise SkinError(f"no fold {fold} in '{self.name}': there {there}")
        number = self.table["fold"].to_numpy()
        held_out = np.flatnonzero(number == fold)
        valid = np.flatnonzero(number == VALID) if VALID in self.info.parts else held_out
        is_train = number == TRAIN if self.info.holdout else number != fold
        return Parts(np.flatnonzero(is_train), valid, held_out)

    def class_counts(self) -> pd.DataFrame:
        """Images by fold, or by the named part of a holdout (rows), and diagnosis (columns)."""
        counts = pd.crosstab(self.table["fold"], self.table["dx"]).loc[list(self.info.parts)]
        return counts.rename(index=dict(self.info.parts)).rename_axis(index="part")

    def leak(self) -> Leak:
        """Count what is on both sides; nothing is, unless the folds were split by image."""
        parts = self.table.groupby("lesion_id")["fold"].transform("nunique")
        is_shared, is_held_out = parts > 1, self.table["fold"] >= HELD_OUT
        return Leak(
            lesions=self.table.loc[is_shared, "lesion_id"].nunique(),
            images=int((is_shared & is_held_out).sum()),
            held_out=int(is_held_out.sum()),
        )


def make_folds(
    dataset: Dataset,
    k: int | None = None,
    seed: int = 0,
    *,
    holdout: tuple[int, ...] = (),
    split: Split = "lesion",
    name: str | None = None,
    overwrite: bool = False,
) -> Folds:
    """Split a dataset and freeze its parts to `folds/<name>.csv` and `.json`.

    Images of one lesion, of one patient, or of one photograph stay together. Such groups are
    spread evenly, see `assign_groups`.

    Args:
        dataset: to split.
        k: number of folds, at least 2; 5 if neither it nor `holdout` is given.
        seed: of the assignment; the same seed gives the same folds.
        holdout: whole percentages instead of k folds, as (80, 20) for train and held out or
            (70, 15, 15) for train, valid and held out; groups are whole, so the sizes come near.
        split: `image` splits image by image, evenly by diagnosis, so that lesions leak.
        name: of the folds; `Scheme.default_name` if not given.
        overwrite: replace folds of that name that were made otherwise.

    A diagnosis with fewer groups than there are parts cannot be in each; it is warned of.

    Raises:
        SkinError: a part would hold no image of some class that has enough groups, there are
            other folds of the name, or the name says another scheme than is asked for.
    """
    if dataset.split != "train":
        raise SkinError(
            f"dataset '{dataset.name}' holds a challenge's images for {dataset.split}, which are "
            "to be scored on and not to be trained on: split the one of the training images"
        )
    scheme = choose_scheme(k, seed, holdout, split)
    name = name or scheme.default_name
    require_honest_name(name, scheme)
    path = _csv_path(dataset, name)
    if path.with_suffix(".json").is_file() and not overwrite:
        return _same_or_refuse(Folds.load(dataset, name), dataset, scheme)
    groups, joined, parts = _assign(dataset, scheme)
    keys = dataset.table["image_id" if scheme.leaking else "lesion_id"]
    table = dataset.table[["image_id", "lesion_id", "dx"]].assign(
        group=_name_groups(groups, keys), fold=np.array(list(scheme.parts))[parts]
    )[_COLUMNS]
    verify(dataset.table, table, scheme, f"folds '{name}'")
    too_few = too_few_groups(dataset.table, table, scheme)
    if len(too_few):
        listed = name_some(f"'{dx}' ({count})" for dx, count in too_few.items())
        warn(
            f"folds '{name}': some diagnoses have too few groups of images for every part to "
            f"have one, and may be missing from some: {listed}"
        )
    text = table.to_csv(index=False, lineterminator="\n")
    hash_bits, correlation = _thresholds(scheme)
    info = FoldsInfo(
        **scheme.model_dump(),
        dataset_hash=dataset.hash,
        hash=sha256_bytes(text.encode()),
        groups=int(groups.max()) + 1,
        near_duplicates=joined,
        hash_bits=hash_bits,
        correlation=correlation,
    )
    # The JSON last: it says that the folds are whole.
    path.with_suffix(".json").unlink(missing_ok=True)
    write_text(path, text)
    write_text(path.with_suffix(".json"), info.model_dump_json(indent=2) + "\n")
    return Folds.load(dataset, name)


def _assign(dataset: Dataset, scheme: Scheme) -> tuple[NDArray[np.int64], int, NDArray[np.int64]]:
    """Each image's group (N,), the near-duplicates that were joined, each image's part (N,)."""
    table = dataset.table
    if scheme.leaking:
        return np.arange(len(table)), 0, assign_images(table, scheme.shares, scheme.seed)
    pairs = near_duplicates(dataset)[["first", "second"]].to_numpy()
    groups = group_images(table, pairs)
    lesions = table["lesion_id"].to_numpy()
    joined = int((lesions[pairs[:, 0]] != lesions[pairs[:, 1]]).sum())
    return groups, joined, assign_groups(table, groups, scheme.shares, scheme.seed)


def _name_groups(groups: NDArray[np.int64], keys: pd.Series[str]) -> NDArray[np.str_]:
    """Name each image's group by its first lesion, or by the image that it is."""
    return keys.groupby(groups).transform("min").to_numpy()


def _thresholds(scheme: Scheme) -> tuple[int, float] | tuple[None, None]:
    """By what near-duplicates are found, where they are looked for."""
    return (None, None) if scheme.leaking else (HASH_BITS, CORRELATION)


def _same_or_refuse(folds: Folds, dataset: Dataset, scheme: Scheme) -> Folds:
    info = folds.info
    made = (info.default_name, info.hash_bits, info.correlation)
    if made != (scheme.default_name, *_thresholds(scheme)):
        raise SkinError(
            f"dataset '{dataset.name}' has folds '{folds.name}' made with other settings "
            f"({info.default_name}, near-duplicates by {info.hash_bits} bits and correlation "
            f"{info.correlation}); choose another --name, or use --overwrite"
        )
    note(f"folds '{folds.name}' are there already")
    return folds


def _csv_path(dataset: Dataset, name: str) -> Path:
    return dataset.root / "folds" / f"{name}.csv"
