"""Building a pool: read the datasets' tables, join, protect the test sets, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.dataset import Dataset, DatasetInfo, PoolPart, SourceInfo, tidy
from skin.data.duplicates import CORRELATION, HASH_BITS, similar_pairs
from skin.data.links import Edges
from skin.data.pool.findings import left_out_images, part_counts, same_ids, same_photographs
from skin.data.pool.install import Done, install, require_place
from skin.data.pool.merge import merge
from skin.data.pool.parts import gather, load_parts, thumbnails
from skin.data.pool.protect import TestSet, find_test_sets, leave_out
from skin.data.pool.record import PoolRecord
from skin.data.pooled_cache import PooledRows, how_to_share_a_side
from skin.errors import SkinError
from skin.files import sha256_bytes


@dataclass(frozen=True)
class Pooled:
    """What `pool_datasets` made.

    Attributes:
        dataset: the pool.
        record: how it came about.
        done: whether it was there already.
    """

    dataset: Dataset
    record: PoolRecord
    done: Done


def pool_datasets(
    name: str,
    parts: Sequence[str],
    data_dir: Path,
    *,
    protect: Sequence[Path] = (),
    drop_copies: bool = False,
    overwrite: bool = False,
) -> Pooled:
    """Make one dataset of several, each image once and each lesion whole.

    Equal ids of one namespace are one image: the dataset named first gives its picture and its
    row, and the others what that does not say. The same photograph under other ids is joined to
    one lesion. Diagnoses of one photograph are narrowed to what all say; where they contradict
    each other, the first counts. Training images of a known test set, and the other images of
    their lesions and patients, are left out. No pixels are copied.

    The same photograph is told by a perceptual hash and the correlation of thumbnails, which
    find it resized or encoded anew, and not mirrored, turned or cropped under another id.

    Args:
        name: of the pool, a folder under `data_dir`.
        parts: names of the datasets, the one that counts first coming first.
        data_dir: the folder of all datasets.
        protect: further test sets: CSVs of image ids, and folders or zips of images.
        drop_copies: leave out copies of other datasets' images under other ids, instead of
            joining them to one lesion; a dataset's own copies stay.
        overwrite: replace a pool of that name that holds other images or is damaged, folds too.

    Raises:
        SkinError: a dataset is not there or does not fit the others, the name is taken, a test
            set cannot be read, or nothing is left.
    """
    require_place(data_dir, name, parts, overwrite=overwrite)
    datasets = load_parts(data_dir, parts)
    _require_side(data_dir, datasets)
    training = datasets[0].split == "train"
    test_sets = find_test_sets(data_dir, datasets, protect) if training else []
    everything = gather(datasets)
    pairs = _similar(everything, datasets, test_sets)
    left_out, protected = leave_out(everything, pairs, test_sets)
    rows, pairs = _without(everything, pairs, left_out["row"].to_numpy(np.int64))
    if rows.empty:
        raise SkinError(f"nothing is left of {', '.join(parts)} without the test sets' images")
    merged = merge(rows, pairs, drop_copies=drop_copies)
    pool = merged.table[merged.keeper == np.arange(len(rows))]
    pool = pool.sort_values("image_id", ignore_index=True)
    record = PoolRecord(
        parts=part_counts(datasets, pool),
        drop_copies=drop_copies,
        protected=protected,
        hash_bits=HASH_BITS,
        correlation=CORRELATION,
        same_id=same_ids(rows, merged.differs),
        same_photograph=same_photographs(rows, pairs, merged),
        left_out=left_out_images(everything, left_out),
        conflicts=merged.conflicts,
    )
    places = PooledRows(tuple(parts), pool["part"].to_numpy(), pool["row"].to_numpy())
    info = _info(name, datasets, record)
    done = install(data_dir / name, tidy(pool), info, places, record, overwrite=overwrite)
    dataset = Dataset.load(data_dir / name)
    dataset.open_cache(dataset.require_short_sides()[0])  # which checks every image's hash
    return Pooled(dataset, record, done)


def _require_side(data_dir: Path, datasets: Sequence[Dataset]) -> None:
    if not set.intersection(*(set(dataset.short_sides) for dataset in datasets)):
        names = tuple(dataset.name for dataset in datasets)
        raise SkinError(how_to_share_a_side(data_dir, names))


def _similar(
    rows: pd.DataFrame, datasets: Sequence[Dataset], test_sets: Sequence[TestSet]
) -> Edges:
    """Pairs (P, 2) of one photograph, among the rows and from N on the test sets' images."""
    seen = [test for test in test_sets if len(test.thumbnails)]
    columns = ["phash", "sha256"]
    images = pd.concat([rows[columns], *(test.table[columns] for test in seen)], ignore_index=True)
    small = np.concatenate([thumbnails(datasets), *(test.thumbnails for test in seen)])
    hashes = np.array([int(value, 16) for value in images["phash"]], np.uint64)
    found = similar_pairs(hashes, small, images["sha256"].to_numpy(str))
    pairs: Edges = found[["first", "second"]].to_numpy(np.int64)
    return pairs


def _without(
    rows: pd.DataFrame, pairs: Edges, left_out: NDArray[np.int64]
) -> tuple[pd.DataFrame, Edges]:
    """The rows that stay, numbered anew, and the pairs among them."""
    stays = np.ones(len(rows), np.bool_)
    stays[left_out] = False
    number = np.cumsum(stays) - 1
    pairs = pairs[(pairs < len(rows)).all(axis=1)]
    pairs = pairs[stays[pairs].all(axis=1)]
    return rows[stays].reset_index(drop=True), number[pairs]


def _info(name: str, datasets: Sequence[Dataset], record: PoolRecord) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        namespace=next((one.info.namespace for one in datasets if one.info.namespace), ""),
        source=SourceInfo(
            reader="pool",
            path=" + ".join(one.name for one in datasets),
            fingerprint=sha256_bytes(record.model_dump_json().encode()),
        ),
        parts=tuple(PoolPart(name=one.name, hash=one.hash) for one in datasets),
        skipped=(),
        # Several may be under the same terms, which then are told once.
        licence="; ".join(dict.fromkeys(one.licence for one in datasets)),
        citation="; ".join(dict.fromkeys(one.citation for one in datasets)),
    )
