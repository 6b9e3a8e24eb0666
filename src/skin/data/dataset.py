"""A dataset: one table with a row for each image, and the caches beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Self

import pandas as pd

from skin.console import note
from skin.data.cache import Cache, ImageCache, cached_short_sides
from skin.data.dataset_info import DatasetInfo, PoolPart, Skipped, SourceInfo, load_info
from skin.data.pooled_cache import PooledCache, how_to_share_a_side, pooled_short_sides
from skin.errors import SkinError, did_you_mean, name_some
from skin.files import sha256_bytes, sha256_file, write_text

__all__ = [
    "DTYPES",
    "RAW",
    "TEXT",
    "Dataset",
    "DatasetInfo",
    "PoolPart",
    "Skipped",
    "SourceInfo",
    "dataset_folders",
    "find_dataset",
    "is_dataset",
    "metadata_hash",
    "table_hash",
    "tidy",
    "verify_table",
    "write_dataset",
]

RAW: Final = ("dx", "age", "sex", "site")
"""The fields whose published text is kept as `<field>_raw`."""

TEXT: Final = "string[python]"
_NUMBER: Final = "float64"
_COUNT: Final = "int64"

DTYPES: Mapping[str, Literal["string[python]", "float64", "int64"]] = {
    "image_id": TEXT,
    "path": TEXT,
    "lesion_id": TEXT,
    "patient_id": TEXT,
    "dx": TEXT,
    "dx_type": TEXT,
    "age": _NUMBER,
    "sex": TEXT,
    "site": TEXT,
    "source": TEXT,
    "split": TEXT,
    "width": _COUNT,
    "height": _COUNT,
    "sha256": TEXT,
    "phash": TEXT,
    **{f"{field}_raw": TEXT for field in RAW},
}
"""The table's columns, in order. Where text is missing it is `pd.NA`; a missing age is NaN."""

_ALWAYS_THERE = ("image_id", "path", "lesion_id", "source", "split", "sha256", "phash")
_IDENTITY = ["image_id", "lesion_id", "patient_id", "dx", "split", "sha256"]
_METADATA = ["image_id", "age", "sex", "site"]
_SIGNS = ("dataset.json", "dataset.csv", "cache")


@dataclass(frozen=True)
class Dataset:
    """A dataset that was loaded and verified.

    Attributes:
        root: its folder.
        table: one row an image, columns and types as `DTYPES`, sorted by `image_id`.
        info: what `dataset.json` says.
    """

    root: Path
    table: pd.DataFrame
    info: DatasetInfo

    def __len__(self) -> int:
        return len(self.table)

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.info.name

    @property
    def hash(self) -> str:
        """The same for the same images and labels, wherever they were added from."""
        return self.info.hash

    @property
    def metadata_hash(self) -> str:
        """The same for the same ages, sexes and sites of the same images."""
        return self.info.metadata_hash

    @property
    def split(self) -> str:
        """The challenge's splits that the images are of, as `train`."""
        return "+".join(sorted(set(self.table["split"])))

    @property
    def licence(self) -> str:
        """Under which the images may be used."""
        return self.info.licence

    @property
    def citation(self) -> str:
        """What to cite."""
        return self.info.citation

    @property
    def short_sides(self) -> tuple[int, ...]:
        """The short sides that all images are cached at, ascending."""
        return pooled_short_sides(self.root) if self.info.parts else cached_short_sides(self.root)

    def require_short_sides(self) -> tuple[int, ...]:
        """The short sides that all images are cached at, ascending.

        Raises:
            SkinError: there is none; the message says what to add.
        """
        sides = self.short_sides
        if sides:
            return sides
        if self.info.parts:
            parts = tuple(part.name for part in self.info.parts)
            why = how_to_share_a_side(self.root.parent, parts)
            raise SkinError(f"pool '{self.name}' has no images to read: {why}")
        raise SkinError(f"dataset '{self.name}' has no cached images; run `skin data add` again")

    def short_side_for(self, pixels: int) -> int:
        """The smallest short side that images are cached at and that needs no enlarging.

        Args:
            pixels: of the short side that is wanted; the largest cached one if none reaches it.

        Raises:
            SkinError: no images are cached.
        """
        sides = self.require_short_sides()
        return min((side for side in sides if side >= pixels), default=sides[-1])

    @classmethod
    def load(cls, root: Path) -> Self:
        """Load a dataset and verify its table against `dataset.json`.

        Raises:
            SkinError: a file is missing, the table was edited, lacks a column or holds an image
                twice.
        """
        info = load_info(root / "dataset.json")
        return cls(root, _read_table(verify_table(root, info)), info)

    def open_cache(self, short_side: int) -> Cache:
        """Open the cache whose row i is row i of the table.

        Raises:
            SkinError: there is none for that short side, or it is of other images.
        """
        if self.info.parts:
            return PooledCache.open(self.root, short_side, self.table["sha256"].to_numpy(str))
        cache = ImageCache.open(self.root, short_side)
        if cache.sha256.tolist() != self.table["sha256"].tolist():
            raise SkinError(
                f"the image cache {cache.place} is of other images than {self.root}/dataset.csv; "
                f"{cache.how_to_mend}"
            )
        return cache


def table_hash(table: pd.DataFrame) -> str:
    """The identity of a dataset: SHA-256 over each image, its lesion, patient, diagnosis and split.

    It leaves out where the files lay and what one layout of an archive tells and another does
    not, so that the same images from another archive hash alike.
    """
    return _hash_of(table, _IDENTITY)


def metadata_hash(table: pd.DataFrame) -> str:
    """SHA-256 over what models with metadata see of each image: age, sex and site."""
    return _hash_of(table, _METADATA)


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Bring a table to the columns and types of `DTYPES`, sorted by `image_id`.

    Where the raw columns are missing, nothing is known of what was published.
    """
    unsaid = [f"{field}_raw" for field in RAW if f"{field}_raw" not in table]
    table = table.reindex(columns=[*table.columns, *unsaid])
    return table[list(DTYPES)].astype(DTYPES).sort_values("image_id", ignore_index=True)


def write_dataset(root: Path, table: pd.DataFrame, info: DatasetInfo) -> Dataset:
    """Write `dataset.csv` and `dataset.json`.

    Args:
        root: the folder to write into.
        table: as `tidy` gives it.
        info: what `dataset.json` is to say; its hashes are made anew.
    """
    text = _to_csv(table)
    hashes = {
        "hash": table_hash(table),
        "metadata_hash": metadata_hash(table),
        "file_hash": sha256_bytes(text.encode()),
    }
    info = info.model_copy(update=hashes)
    write_text(root / "dataset.csv", text)
    write_text(root / "dataset.json", info.model_dump_json(indent=2) + "\n")
    return Dataset(root, table, info)


def verify_table(root: Path, info: DatasetInfo) -> Path:
    """Check that a dataset's table is the one that was written, and give its path.

    Raises:
        SkinError: it is missing, or was edited.
    """
    path = root / "dataset.csv"
    if not path.is_file():
        raise SkinError(f"{path} is missing; {info.how_to_mend}")
    if sha256_file(path) != info.file_hash:
        raise SkinError(
            f"{path} is not the table that `skin data {info.command}` wrote (its hash differs "
            f"from dataset.json); restore it, or {info.how_to_mend}"
        )
    return path


def dataset_folders(data_dir: Path) -> list[Path]:
    """The folders that hold a dataset or what is left of one, sorted by name."""
    folders = sorted(data_dir.glob("[!.]*/")) if data_dir.is_dir() else []
    return [folder for folder in folders if is_dataset(folder)]


def is_dataset(root: Path) -> bool:
    """Whether a folder holds a dataset, be it damaged."""
    return any((root / sign).exists() for sign in _SIGNS)


def find_dataset(data_dir: Path, name: str | None = None) -> Dataset:
    """Load the dataset of that name, or the only one there is.

    Raises:
        SkinError: there is none of that name, none at all, or several and no name; or it is
            damaged.
    """
    names = [folder.name for folder in dataset_folders(data_dir)]
    if not names:
        raise SkinError(f"no dataset under {data_dir}; run `skin data add ham10000 SOURCE` first")
    if name is None:
        if len(names) > 1:
            raise SkinError(f"several datasets under {data_dir}, name one: {', '.join(names)}")
        name = names[0]
        note(f"dataset: {name}, the only one in {data_dir}")
    if name not in names:
        raise SkinError(f"no dataset '{name}' under {data_dir}: {did_you_mean(name, names)}")
    return Dataset.load(data_dir / name)


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=DTYPES, keep_default_na=False, na_values=[""])
    except (ValueError, pd.errors.ParserError) as error:
        raise SkinError(f"{path} cannot be read: {error}") from error
    missing = [column for column in DTYPES if column not in table.columns]
    if missing:
        raise SkinError(f"{path} lacks the columns {', '.join(missing)}")
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise SkinError(f"{path} holds images twice: {name_some(twice)}")
    for column in (*_ALWAYS_THERE, "dx"):
        wanted = table["split"].eq("train") if column == "dx" else True  # tests may be unlabelled
        empty = table["image_id"][table[column].isna() & wanted]
        if len(empty):
            raise SkinError(f"{path}: column {column} is empty for {name_some(empty)}")
    return table[list(DTYPES)]


def _hash_of(table: pd.DataFrame, columns: Sequence[str]) -> str:
    known = table[list(columns)].sort_values("image_id")
    return sha256_bytes(_to_csv(known).encode())


def _to_csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\n")
