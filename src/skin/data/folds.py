"""Folds: parts of a dataset that share no lesion, no patient and no photograph, frozen to files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from skin.console import note
from skin.data.dataset import Dataset
from skin.data.duplicates import CORRELATION, HASH_BITS, near_duplicates
from skin.data.stratify import assign_folds, group_images
from skin.errors import SkinError, did_you_mean, name_some
from skin.files import read_json, sha256_bytes, write_text

_COLUMNS = ["image_id", "lesion_id", "group", "dx", "fold"]


class FoldsInfo(BaseModel):
    """The content of a folds' JSON.

    Attributes:
        k: number of folds.
        seed: of the assignment.
        dataset_hash: of the dataset that was split.
        hash: SHA-256 of the folds' CSV.
        groups: number of groups, none of which is split.
        near_duplicates: pairs of images of different lesions that were joined.
        hash_bits: near-duplicates' largest distance of perceptual hashes, see `near_duplicates`.
        correlation: near-duplicates' smallest correlation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int
    seed: int
    dataset_hash: str
    hash: str
    groups: int
    near_duplicates: int
    hash_bits: int
    correlation: float


@dataclass(frozen=True)
class Folds:
    """Folds that were loaded and verified against their dataset.

    Attributes:
        name: as `k5-seed0`.
        info: how they were made.
        table: one row an image, in the order of the dataset's table; columns `image_id`,
            `lesion_id`, `group`, `dx`, `fold`.
    """

    name: str
    info: FoldsInfo
    table: pd.DataFrame

    @property
    def k(self) -> int:
        """Number of folds."""
        return self.info.k

    @property
    def hash(self) -> str:
        """SHA-256 of the folds' CSV."""
        return self.info.hash

    @classmethod
    def load(cls, dataset: Dataset, name: str | None = None) -> Self:
        """Load folds by name, or the only ones there are.

        Raises:
            SkinError: there are none, or several and no name; the file was edited, is of another
                dataset, or has a lesion, patient or group in two folds.
        """
        name = _choose(dataset, name)
        path = _csv_path(dataset, name)
        info = _load_info(path.with_suffix(".json"))
        if not path.is_file():
            raise SkinError(f"{path} is missing; run `skin data folds --overwrite`")
        data = path.read_bytes()
        if sha256_bytes(data) != info.hash:
            raise SkinError(
                f"{path} was changed after it was made (its hash differs from "
                f"{path.stem}.json); restore it, or run `skin data folds --overwrite`"
            )
        if info.dataset_hash != dataset.hash:
            raise SkinError(
                f"{path} splits another state of dataset '{dataset.name}' than the one here; "
                "run `skin data folds --overwrite`"
            )
        table = pd.read_csv(path, dtype={"fold": np.int64}, keep_default_na=False)
        verify(dataset.table, table, info.k, str(path))
        return cls(name, info, table)

    def split(self, fold: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the dataset's table to train on, and those held out.

        Raises:
            SkinError: there is no such fold.
        """
        if not 0 <= fold < self.k:
            raise SkinError(f"no fold {fold} in '{self.name}': there are 0 to {self.k - 1}")
        held_out = self.table["fold"].to_numpy() == fold
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)

    def class_counts(self) -> pd.DataFrame:
        """Images by fold (rows) and diagnosis (columns)."""
        return pd.crosstab(self.table["fold"], self.table["dx"])


def make_folds(
    dataset: Dataset,
    k: int = 5,
    seed: int = 0,
    *,
    name: str | None = None,
    overwrite: bool = False,
) -> Folds:
    """Split a dataset into k folds and freeze them to `folds/<name>.csv` and `.json`.

    Images of one lesion, of one patient, or of one photograph stay together. Such groups are
    spread evenly, see `assign_folds`.

    Args:
        dataset: to split.
        k: number of folds, at least 2.
        seed: of the assignment; the same seed gives the same folds.
        name: of the folds; `k5-seed0` for 5 folds and seed 0 if not given.
        overwrite: replace folds of that name that were made otherwise.

    Raises:
        SkinError: a fold would hold no image of some class, or there are other folds of the name.
    """
    name = name or f"k{k}-seed{seed}"
    path = _csv_path(dataset, name)
    if path.with_suffix(".json").is_file() and not overwrite:
        return _same_or_refuse(Folds.load(dataset, name), dataset, k, seed)
    duplicates = near_duplicates(dataset)
    pairs = duplicates[["first", "second"]].to_numpy()
    groups = group_images(dataset.table, pairs)
    table = dataset.table[["image_id", "lesion_id", "dx"]].assign(
        group=_name_groups(groups, dataset.table["lesion_id"]),
        fold=assign_folds(dataset.table, groups, k, seed),
    )[_COLUMNS]
    verify(dataset.table, table, k, f"folds '{name}'")
    lesions = dataset.table["lesion_id"].to_numpy()
    text = table.to_csv(index=False, lineterminator="\n")
    info = FoldsInfo(
        k=k,
        seed=seed,
        dataset_hash=dataset.hash,
        hash=sha256_bytes(text.encode()),
        groups=int(groups.max()) + 1,
        near_duplicates=int((lesions[pairs[:, 0]] != lesions[pairs[:, 1]]).sum()),
        hash_bits=HASH_BITS,
        correlation=CORRELATION,
    )
    # The JSON last: it says that the folds are whole.
    path.with_suffix(".json").unlink(missing_ok=True)
    write_text(path, text)
    write_text(path.with_suffix(".json"), info.model_dump_json(indent=2) + "\n")
    return Folds.load(dataset, name)


def verify(images: pd.DataFrame, folds: pd.DataFrame, k: int, name: str) -> None:
    """Check that folds cover a dataset's table once and share nothing.

    Args:
        images: the dataset's table.
        folds: the folds' table.
        k: number of folds.
        name: of the folds, for messages.

    Raises:
        SkinError: an image is missing or there twice, a lesion, patient or group is in two
            folds, or a fold holds no image of some class.
    """
    if folds["image_id"].tolist() != images["image_id"].tolist():
        raise SkinError(f"{name} does not hold each image of the dataset once, in its order")
    if not folds["fold"].between(0, k - 1).all():
        raise SkinError(f"{name} names folds beyond 0 to {k - 1}")
    keys = images[["lesion_id", "patient_id"]].assign(group=folds["group"])
    for column in keys:
        parts = folds["fold"].groupby(keys[column].to_numpy()).nunique()
        split = parts.index[parts > 1]
        if len(split):
            raise SkinError(
                f"{name} leaks: {column} {name_some(split)} is in more than one fold; "
                "run `skin data folds --overwrite`"
            )
    counts = pd.crosstab(folds["fold"], images["dx"]).reindex(range(k), fill_value=0)
    for dx in counts:
        empty = counts.index[counts[dx] == 0]
        if len(empty):
            raise SkinError(
                f"{name}: fold {empty[0]} holds no image of class '{dx}', which has "
                f"{counts[dx].sum()} images; use fewer folds, or add images of that class"
            )


def _name_groups(groups: NDArray[np.int64], lesions: pd.Series[str]) -> NDArray[np.str_]:
    """Name each image's group by its first lesion."""
    return lesions.groupby(groups).transform("min").to_numpy()


def _same_or_refuse(folds: Folds, dataset: Dataset, k: int, seed: int) -> Folds:
    info = folds.info
    made = (info.k, info.seed, info.hash_bits, info.correlation)
    if made != (k, seed, HASH_BITS, CORRELATION):
        raise SkinError(
            f"dataset '{dataset.name}' has folds '{folds.name}' made with other settings "
            f"(k {info.k}, seed {info.seed}); choose another --name, or use --overwrite"
        )
    note(f"folds '{folds.name}' are there already")
    return folds


def _csv_path(dataset: Dataset, name: str) -> Path:
    return dataset.root / "folds" / f"{name}.csv"


def _choose(dataset: Dataset, name: str | None) -> str:
    names = sorted(path.stem for path in (dataset.root / "folds").glob("[!.]*.json"))
    if not names:
        raise SkinError(f"dataset '{dataset.name}' has no folds; run `skin data folds` first")
    if name is None:
        if len(names) > 1:
            raise SkinError(
                f"dataset '{dataset.name}' has several folds, name one: {', '.join(names)}"
            )
        note(f"folds: {names[0]}, the only ones of '{dataset.name}'")
        return names[0]
    if name not in names:
        raise SkinError(
            f"dataset '{dataset.name}' has no folds '{name}': {did_you_mean(name, names)}"
        )
    return name


def _load_info(path: Path) -> FoldsInfo:
    try:
        return FoldsInfo.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise SkinError(
            f"{path}: {place}: {first['msg']}; run `skin data folds --overwrite`"
        ) from None
