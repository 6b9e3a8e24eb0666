"""Verifying a dataset: source files, table, caches and folds against each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from skin.console import progress
from skin.data.archive import Archive
from skin.data.cache import Cache, ImageCache
from skin.data.dataset import Dataset
from skin.data.folds import Folds
from skin.data.folds_info import list_folds
from skin.data.parallel import available_cpus, map_ahead
from skin.errors import SkinError, name_some
from skin.files import sha256_bytes
from skin.taxonomy import LABELS


@dataclass
class Findings:
    """What `check_dataset` saw.

    Attributes:
        good: what was verified.
        bad: what is wrong, each with what to do.
        unseen: what could not be verified.
    """

    good: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)


def check_dataset(root: Path) -> Findings:
    """Verify all that a dataset's folder holds, and its source where that is still there.

    Raises:
        SkinError: the table itself cannot be loaded, so that there is nothing to verify against.
    """
    dataset = Dataset.load(root)
    findings = Findings()
    findings.good.append(f"table: {len(dataset):,} rows match their hash")
    _check_labels(dataset, findings)
    if dataset.info.parts:
        _check_parts(dataset, findings)
    else:
        _check_source(dataset, findings)
    _check_caches(dataset, findings)
    _check_folds(dataset, findings)
    return findings


def _check_labels(dataset: Dataset, findings: Findings) -> None:
    labels = dataset.table["dx"].dropna()  # images to be scored on may have none
    unknown = dataset.table["image_id"][labels.index[~labels.isin(list(LABELS))]]
    if len(unknown):
        findings.bad.append(f"labels: unknown dx of {name_some(unknown)}")
    elif labels.empty:
        findings.unseen.append("labels: no image has one")
    else:
        findings.good.append(f"labels: {labels.nunique()} classes, all known")


def _check_parts(pool: Dataset, findings: Findings) -> None:
    for part in pool.info.parts:
        try:
            is_same = Dataset.load(pool.root.parent / part.name).hash == part.hash
        except SkinError as error:
            findings.bad.append(f"pool: {error}")
            continue
        if is_same:
            findings.good.append(f"pool: {part.name} is as it was pooled")
        else:
            findings.bad.append(
                f"pool: {part.name} holds other images or labels than were pooled; "
                "restore it, or pool again with --overwrite"
            )


def _check_source(dataset: Dataset, findings: Findings) -> None:
    path = Path(dataset.info.source.path)
    if not path.exists():
        findings.unseen.append(f"source: {path} is no longer there")
        return
    try:
        archive = Archive(path)
    except SkinError as error:
        findings.bad.append(f"source: {error}")
        return
    wrong = list(_changed_files(dataset, archive))
    if wrong:
        findings.bad.append(
            f"source: {len(wrong)} files differ from when they were added: {name_some(wrong)}; "
            "restore them, or add the dataset again"
        )
    else:
        findings.good.append(f"source: {len(dataset):,} files in {path} match their hashes")


def _changed_files(dataset: Dataset, archive: Archive) -> Iterator[str]:
    files = dataset.table[["path", "sha256"]].itertuples(index=False, name=None)

    def is_same(file: tuple[str, str]) -> bool:
        ref, sha256 = file
        try:
            return sha256_bytes(archive.read(ref)) == sha256
        except SkinError:
            return False  # gone or damaged: not the file that was added

    workers = available_cpus()
    with ThreadPoolExecutor(workers) as pool, progress() as bar:
        same = map_ahead(pool, is_same, files, 64 * workers)
        tracked = bar.track(same, total=len(dataset), description="checking files")
        yield from (
            ref for ref, is_good in zip(dataset.table["path"], tracked, strict=True) if not is_good
        )


def _check_caches(dataset: Dataset, findings: Findings) -> None:
    if not dataset.short_sides:
        findings.bad.append("cache: there is none; run `skin data add` again")
    damaged: dict[Path, list[int]] = {}
    wrong: dict[str, None] = {}  # each once: short sides that share files share their damage
    for short_side in dataset.short_sides:
        try:
            cache = dataset.open_cache(short_side)
            place = cache.folder / str(short_side)  # a pool's bytes lie with its parts
            if isinstance(cache, ImageCache):
                place = cache.place
            if place not in damaged:
                damaged[place] = list(cache.damaged_rows())
        except SkinError as error:
            wrong[f"cache: {error}"] = None
            continue
        if damaged[place]:
            wrong[_describe_damage(dataset, cache, damaged[place])] = None
        else:
            findings.good.append(f"cache: {len(cache):,} images at short side {short_side}")
    findings.bad.extend(wrong)


def _describe_damage(dataset: Dataset, cache: Cache, rows: list[int]) -> str:
    names = name_some(dataset.table["image_id"].iloc[rows])
    place, mend = cache.folder, "see which of its parts `skin data check` finds wrong"
    if isinstance(cache, ImageCache):
        place, mend = cache.place, cache.how_to_mend
    return f"cache: {len(rows)} images in {place} are damaged: {names}; {mend}"


def _check_folds(dataset: Dataset, findings: Findings) -> None:
    names = list_folds(dataset)
    if not names:
        findings.unseen.append("folds: none yet; `skin data folds` makes them")
    for name in names:
        try:
            folds = Folds.load(dataset, name)
        except SkinError as error:
            findings.bad.append(f"folds: {error}")
        else:
            findings.good.append(f"folds: '{name}', {_describe_folds(folds)}")


def _describe_folds(folds: Folds) -> str:
    parts = "folds" if folds.k > 1 else "parts"
    amount = f"in {len(folds.info.parts)} {parts}"
    if folds.leaking:
        return (
            f"{folds.info.groups:,} images {amount}, split by image as recorded: they leak on "
            f"purpose, {folds.leak().lesions:,} lesions are in more than one"
        )
    return f"{folds.info.groups:,} groups {amount}, none split"
