"""The test sets whose images no pool of training images may hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.archive import Archive
from skin.data.dataset import TEXT, Dataset
from skin.data.images import BadImageError, is_photograph_name
from skin.data.official import listed_images, official_lists
from skin.data.pool.links import Edges, equal, first_of_each
from skin.data.pool.parts import common_ids, own_id, thumbnails
from skin.data.pool.record import FoundBy
from skin.data.scan import Wanted, scan
from skin.data.sources.metadata import image_id, read_csv
from skin.data.thumbnails import SIDE
from skin.errors import SkinError
from skin.taxonomy import CHALLENGES

_COLUMNS = ["image_id", "lesion_id", "sha256", "phash"]
_WANTED = Wanted(short_side=256, store="pixels")  # of given images


@dataclass(frozen=True)
class TestSet:
    """Images to be scored on.

    Attributes:
        name: for the record.
        images: how many there are.
        table: columns `image_id`, `lesion_id`, `sha256` and `phash`, as far as they are known;
            an image may have several rows, with the ids that it could have in the parts.
        thumbnails: (N, 48, 48) of all rows, or none: (0, 48, 48).
    """

    __test__ = False  # it is no test, whatever its name says to pytest

    name: str
    images: int
    table: pd.DataFrame
    thumbnails: NDArray[np.uint8]


def find_test_sets(
    data_dir: Path, parts: Sequence[Dataset], given: Sequence[Path]
) -> list[TestSet]:
    """All test sets that are known here.

    They are the official lists of the package, the datasets of a validation or test split under
    `data_dir`, and what is given: CSVs of image ids, and folders or zips of images.

    Raises:
        SkinError: one of them cannot be read.
    """
    found = [*_datasets(data_dir), *(_given(path, parts) for path in given), *_official()]
    return sorted(found, key=lambda test: not len(test.thumbnails))  # as `leave_out` counts them


def leave_out(rows: pd.DataFrame, pairs: Edges, test_sets: Sequence[TestSet]) -> pd.DataFrame:
    """Find the training images that a test set has, and those of its lesions.

    Args:
        rows: as `gather` gives them, N.
        pairs: (P, 2) that show the same photograph, of `rows` and from N on of the test sets'
            images, in their order.
        test_sets: those with thumbnails first.

    Returns:
        One row an image to leave out: `row`, `test_set` and `found_by`, ascending by row.
    """
    count = len(rows)
    nodes = pd.concat([rows, *(test.table for test in test_sets)], ignore_index=True)[_COLUMNS]
    owner = np.repeat(
        np.array([test.name for test in test_sets], object),
        [len(test.table) for test in test_sets],
    )
    same_id, same_file = equal(nodes["image_id"]), equal(nodes["sha256"])
    links: dict[FoundBy, list[Edges]] = {
        "id": [same_id],
        "file": [same_file],
        "photograph": [pairs[pairs[:, 1] >= count]],
        "lesion": [same_id, same_file, pairs, equal(nodes["lesion_id"])],
    }
    found = [
        _linked(first_of_each(len(nodes), edges), count, owner).assign(found_by=found_by)
        for found_by, edges in links.items()
    ]
    return pd.concat(found).drop_duplicates("row").sort_values("row", ignore_index=True)


def _linked(first: NDArray[np.int64], count: int, owner: NDArray[np.object_]) -> pd.DataFrame:
    """The rows below `count` that are joined to a test set's, and that test set."""
    owners = pd.Series(owner).groupby(first[count:]).first()
    test_set = pd.Series(first[:count]).map(owners).dropna()
    return pd.DataFrame({"row": test_set.index, "test_set": test_set.array})


def _official() -> Iterator[TestSet]:
    for name in official_lists():
        challenge, split = name.split("_")
        ids = listed_images(name)
        yield _listed(f"the official {split} set of {challenge}", ids, ids)


def _datasets(data_dir: Path) -> Iterator[TestSet]:
    for path in sorted(data_dir.glob("[!.]*/dataset.csv")):
        # A glance: one row tells the split of all, and a table of 400,000 takes a while.
        first = pd.read_csv(path, usecols=["split"], nrows=1)
        if first["split"].tolist() == ["train"]:
            continue
        dataset = Dataset.load(path.parent)
        table = common_ids(dataset)[_COLUMNS]
        yield TestSet(f"dataset {dataset.name}", len(table), table, thumbnails([dataset]))


def _given(path: Path, parts: Sequence[Dataset]) -> TestSet:
    if path.suffix.lower() == ".csv":
        return _given_ids(path, parts)
    archive = Archive(path)
    refs = [entry.ref for entry in archive.entries if is_photograph_name(entry.path)]
    if not refs:
        raise SkinError(f"--protect {path}: there is no image; name a CSV of ids, or images")
    rows, small = [], []
    for ref, image in zip(refs, scan(archive, refs, _WANTED), strict=True):
        if isinstance(image, BadImageError):
            raise image
        rows.append((image_id(ref), pd.NA, image.facts.sha256, image.facts.phash))
        small.append(image.thumbnail)
    return TestSet(str(path), len(refs), _table(rows), np.array(small))


def _given_ids(path: Path, parts: Sequence[Dataset]) -> TestSet:
    try:
        table = read_csv(path.read_bytes(), str(path))
    except OSError as error:
        raise SkinError(f"--protect {path}: it cannot be read ({error.strerror})") from error
    columns = sorted({"image_id", *(challenge.index for challenge in CHALLENGES.values())})
    column = next((column for column in columns if column in table), None)
    if column is None:
        raise SkinError(
            f"--protect {path} has no column of image ids; name it {' or '.join(columns)}"
        )
    ids = [image_id(name) for name in table[column]]
    # What the ids are of is not said, so they count in every dataset.
    own = [part.name for part in parts if not part.info.namespace]
    return _listed(str(path), ids, [*ids, *(own_id(name, one) for name in own for one in ids)])


def _listed(name: str, images: Sequence[str], ids: Sequence[str]) -> TestSet:
    table = _table([(image, pd.NA, pd.NA, pd.NA) for image in ids])
    return TestSet(name, len(images), table, np.empty((0, SIDE, SIDE), np.uint8))


def _table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_COLUMNS, dtype=TEXT)
