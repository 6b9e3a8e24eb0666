"""The test sets whose images no pool of training images may hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.data.archive import Archive
from skin.data.dataset import TEXT, Dataset, dataset_folders
from skin.data.images import BadImageError, is_photograph_name
from skin.data.links import Edges, equal, first_of_each
from skin.data.official import listed_images, official_lists
from skin.data.pool.parts import common_ids, own_id, thumbnails
from skin.data.pool.record import FoundBy, ProtectedSet, is_pool
from skin.data.scan import Wanted, scan
from skin.data.sources.metadata import image_id, read_csv
from skin.data.thumbnails import SIDE
from skin.errors import SkinError
from skin.taxonomy import CHALLENGES

_IDS = ["image_id", "lesion_id", "patient_id"]
_COLUMNS = [*_IDS, "sha256", "phash"]
# A dataset's own id that is one of the ISIC Archive: seven digits are no chance collision.
_ARCHIVE_ID = r"^.*~(?=ISIC_\d{7}$)"
_WANTED = Wanted(short_side=256, store="pixels")  # of given images


@dataclass(frozen=True)
class TestSet:
    """Images to be scored on.

    Attributes:
        name: for the record.
        images: how many there are.
        table: columns `image_id`, `lesion_id`, `patient_id`, `sha256` and `phash`, as far as
            they are known; an image may have several rows, with the ids that it could have in the
            parts.
        thumbnails: (N, 48, 48) of all rows, or none: (0, 48, 48).
        given: whether the user named it.
    """

    __test__ = False  # it is no test, whatever its name says to pytest

    name: str
    images: int
    table: pd.DataFrame
    thumbnails: NDArray[np.uint8]
    given: bool = False


def find_test_sets(
    data_dir: Path, parts: Sequence[Dataset], given: Sequence[Path]
) -> list[TestSet]:
    """All test sets that are known here.

    They are the official lists of the package, the datasets of a validation or test split under
    `data_dir`, and what is given: CSVs of image ids, which may have columns `lesion_id` and
    `patient_id`, and folders or zips of images.

    Raises:
        SkinError: one of them cannot be read.
    """
    found = [*_datasets(data_dir), *(_given(path, parts) for path in given), *_official()]
    return sorted(found, key=lambda test: not len(test.thumbnails))  # as `leave_out` counts them


def leave_out(
    rows: pd.DataFrame, pairs: Edges, test_sets: Sequence[TestSet]
) -> tuple[pd.DataFrame, dict[str, ProtectedSet]]:
    """Find the training images that a test set has, and those of its lesions and patients.

    A dataset without a namespace may hold images of the ISIC Archive under their own ids, which
    count as such here.

    Args:
        rows: as `gather` gives them, N.
        pairs: (P, 2) that show the same photograph, of `rows` and from N on of the test sets'
            images, in their order.
        test_sets: those with thumbnails first.

    Returns:
        One row an image to leave out: `row`, `test_set` and `found_by`, ascending by row; and
        what was found of each test set, by its name.
    """
    count = len(rows)
    nodes = pd.concat([rows, *(test.table for test in test_sets)], ignore_index=True)[_COLUMNS]
    nodes["image_id"] = nodes["image_id"].str.replace(_ARCHIVE_ID, "", regex=True)
    owner = np.repeat(
        np.array([test.name for test in test_sets], object),
        [len(test.table) for test in test_sets],
    )
    same_id, same_file = equal(nodes["image_id"]), equal(nodes["sha256"])
    links: dict[FoundBy, list[Edges]] = {
        "id": [same_id],
        "file": [same_file],
        "photograph": [pairs[pairs[:, 1] >= count]],
        "lesion": (lesion := [same_id, same_file, pairs, equal(nodes["lesion_id"])]),
        "patient": [*lesion, equal(nodes["patient_id"])],
    }
    firsts = {found_by: first_of_each(len(nodes), edges) for found_by, edges in links.items()}
    found = [
        _linked(first, count, owner).assign(found_by=found_by) for found_by, first in firsts.items()
    ]
    left_out = pd.concat(found).drop_duplicates("row").sort_values("row", ignore_index=True)
    everything = firsts["patient"]  # as patients are joined by whatever joins their images
    protected = {
        test.name: ProtectedSet(
            images=test.images,
            found=int(np.isin(everything[:count], everything[count:][owner == test.name]).sum()),
            given=test.given,
        )
        for test in test_sets
    }
    return left_out, protected


def _linked(first: NDArray[np.int64], count: int, owner: NDArray[np.object_]) -> pd.DataFrame:
    """The rows below `count` that are joined to a test set's, and that test set."""
    owners = pd.Series(owner).groupby(first[count:]).first()
    test_set = pd.Series(first[:count]).map(owners).dropna()
    return pd.DataFrame({"row": test_set.index, "test_set": test_set.array})


def _official() -> Iterator[TestSet]:
    for name in official_lists():
        challenge, _, split = name.rpartition("_")
        ids = listed_images(name)
        rows = [(image, pd.NA, pd.NA) for image in ids]
        yield _listed(f"the official {split} set of {challenge}", len(ids), rows)


def _datasets(data_dir: Path) -> Iterator[TestSet]:
    for root in dataset_folders(data_dir):
        # A pool's datasets are there themselves.
        if not (root / "dataset.csv").exists() or is_pool(root) or _is_training(root):
            continue
        dataset = Dataset.load(root)
        table = common_ids(dataset)[_COLUMNS]
        yield TestSet(f"dataset {dataset.name}", len(table), table, thumbnails([dataset]))


def _is_training(root: Path) -> bool:
    """Whether a dataset is of a training split, at a glance.

    One row tells the split of all, and to load a table of 400,000 takes a while.
    """
    try:
        first = pd.read_csv(root / "dataset.csv", usecols=["split"], nrows=1)
    except (ValueError, OSError) as error:
        raise SkinError(
            f"{root} may be a test set, and its dataset.csv cannot be read ({error}): add it again "
            "with --overwrite, or move it away"
        ) from error
    return first["split"].tolist() == ["train"]


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
        rows.append((image_id(ref), pd.NA, pd.NA, image.facts.sha256, image.facts.phash))
        small.append(image.thumbnail)
    return TestSet(str(path), len(refs), _table(rows), np.array(small), given=True)


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
    table = table.assign(image_id=[image_id(name) for name in table[column]])
    ids = list(table.reindex(columns=_IDS).replace("", pd.NA).itertuples(index=False, name=None))
    # What the ids are of is not said, so they count in every dataset.
    own = [part.name for part in parts if not part.info.namespace]
    as_own = (tuple(_own(name, one) for one in row) for name in own for row in ids)
    return _listed(str(path), len(ids), [*ids, *as_own], given=True)


def _own(dataset: str, one: object) -> object:
    return own_id(dataset, one) if isinstance(one, str) else pd.NA


def _listed(
    name: str, images: int, ids: Sequence[tuple[object, ...]], *, given: bool = False
) -> TestSet:
    """A test set of which the image, lesion and patient ids are known, as far as they are."""
    table = _table([(*row, pd.NA, pd.NA) for row in ids])
    return TestSet(name, images, table, np.empty((0, SIDE, SIDE), np.uint8), given)


def _table(rows: Sequence[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=_COLUMNS, dtype=TEXT)
