"""Adding a dataset: read a source once, write its table and its decoded cache."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from filelock import FileLock, Timeout

from skin.console import note, progress, warn
from skin.data.cache import CacheWriter, cache_folder
from skin.data.dataset import (
    Dataset,
    DatasetInfo,
    Skipped,
    SourceInfo,
    tidy,
    write_dataset,
)
from skin.data.images import BadImageError
from skin.data.scan import Facts, Known, Scanned, scan
from skin.data.sources import Source
from skin.errors import SkinError, name_some

Done = Literal["added", "cache added", "source updated", "nothing to do"]


@dataclass(frozen=True)
class Added:
    """What `add_dataset` did.

    Attributes:
        dataset: the dataset as it is now.
        short_side: of the cache that was asked for.
        done: what had to be done.
        seconds: how long that took.
    """

    dataset: Dataset
    short_side: int
    done: Done
    seconds: float


def add_dataset(
    source: Source,
    data_dir: Path,
    *,
    name: str,
    short_side: int,
    skip_bad: bool = False,
    overwrite: bool = False,
) -> Added:
    """Add a dataset under `data_dir`, or only what is not there yet.

    All is written beside its place and renamed, so that a kill leaves no half of a dataset; the
    next call clears what it left. A source that was added before is told by its fingerprint,
    without reading an image; another short side then adds only a cache.

    Args:
        source: the images and their metadata.
        data_dir: the folder of all datasets.
        name: the dataset's folder in it.
        short_side: pixels of the cached images' short side.
        skip_bad: leave out images that cannot be read, instead of stopping.
        overwrite: replace a dataset of that name that holds other images or labels, folds too.

    Raises:
        SkinError: the source is not as it must be, a dataset of that name differs, or another
            process is adding it.
    """
    start = time.monotonic()
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise SkinError(f"'{name}' cannot name a dataset; use letters, digits, '-', '_' and '.'")
    with _locked(data_dir, name):
        root = data_dir / name
        existing = _existing(root)
        if existing is None or _is_changed(existing, source, skip_bad=skip_bad):
            done = _add(source, root, existing, short_side, skip_bad=skip_bad, overwrite=overwrite)
        elif short_side not in existing.short_sides:
            done = _add_cache(source, existing, short_side)
        else:
            existing.open_cache(short_side)
            done = "nothing to do"
        return Added(Dataset.load(root), short_side, done, time.monotonic() - start)


@contextmanager
def _locked(data_dir: Path, name: str) -> Iterator[None]:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(data_dir / f".{name}.lock", timeout=0):
            yield
    except Timeout:
        raise SkinError(f"another process is adding '{name}' to {data_dir}; let it end") from None
    except OSError as error:
        place = error.filename or data_dir
        raise SkinError(f"cannot write {place}: {error.strerror or error}") from error


def _existing(root: Path) -> Dataset | None:
    old = _old(root)
    if old.exists() and not root.exists():  # killed while it replaced the dataset
        old.rename(root)
    shutil.rmtree(old, ignore_errors=True)
    if (root / "dataset.json").exists():
        return Dataset.load(root)
    if root.exists() and any(root.iterdir()):
        raise SkinError(f"{root} exists and is no dataset; choose another --name")
    return None


def _is_changed(existing: Dataset, source: Source, *, skip_bad: bool) -> bool:
    info = existing.info
    return (
        (info.source.reader, info.source.fingerprint) != (source.reader, source.fingerprint())
        or (bool(info.skipped) and not skip_bad)  # to be told again what is bad
    )


def _add(
    source: Source,
    root: Path,
    existing: Dataset | None,
    short_side: int,
    *,
    skip_bad: bool,
    overwrite: bool,
) -> Done:
    """Build the dataset in a folder beside its place, then move it there."""
    metadata = source.read().sort_values("image_id", ignore_index=True)
    stage = root.with_name(f".{root.name}.partial")
    shutil.rmtree(stage, ignore_errors=True)
    try:
        known = _known(existing, short_side)
        there, absent = _without_absent(source, metadata, skip_bad=skip_bad)
        table, bad = _cache_images(source, stage, short_side, there, known)
        _judge_bad(bad, len(there), skip_bad=skip_bad)
        info = DatasetInfo(
            name=root.name,
            namespace=source.namespace,
            source=_source_info(source),
            skipped=(*absent, *bad),
            licence=source.licence,
            citation=source.citation,
        )
        staged = write_dataset(stage, table, info)
        return _install(staged, root, existing, short_side, overwrite=overwrite)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _add_cache(source: Source, existing: Dataset, short_side: int) -> Done:
    """Cache the images of a dataset at a further short side."""
    refs = existing.table["path"].tolist()
    hashes = existing.table["sha256"].tolist()
    with CacheWriter(existing.root, short_side) as writer:
        images = _scan(source, refs, short_side, {})
        for ref, sha256, image in zip(refs, hashes, images, strict=True):
            if isinstance(image, BadImageError):
                raise image
            if image.facts.sha256 != sha256:
                raise SkinError(f"{ref} changed since '{existing.name}' was added; add it again")
            writer.add(image.pixels, sha256)
    return "cache added"


def _cache_images(
    source: Source,
    root: Path,
    short_side: int,
    metadata: pd.DataFrame,
    known: Mapping[str, Known],
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Write the cache of all good images; give their table, and the bad ones."""
    facts: dict[int, Facts] = {}
    skipped = []
    refs = metadata["path"].tolist()
    with CacheWriter(root, short_side) as writer:
        for row, image in enumerate(_scan(source, refs, short_side, known)):
            if isinstance(image, BadImageError):
                name = metadata["image_id"][row]
                skipped.append(Skipped(image_id=name, path=refs[row], reason=image.reason))
            else:
                facts[row] = image.facts
                writer.add(image.pixels, image.facts.sha256)
    measured = pd.DataFrame(
        [asdict(fact) for fact in facts.values()],
        index=list(facts),
        columns=["width", "height", "sha256", "phash"],
    )
    return tidy(metadata.join(measured, how="inner")), skipped


def _scan(
    source: Source, refs: list[str], short_side: int, known: Mapping[str, Known]
) -> Iterator[Scanned | BadImageError]:
    with progress() as bar:
        images = scan(source.archive, refs, short_side, known)
        yield from bar.track(images, total=len(refs), description="reading images")


def _known(existing: Dataset | None, short_side: int) -> dict[str, Known]:
    """The images that are cached already, by hash."""
    if existing is None or short_side not in existing.short_sides:
        return {}
    cache = existing.open_cache(short_side)
    columns = (existing.table[column] for column in ("width", "height", "sha256", "phash"))
    facts = (Facts(*values) for values in zip(*columns, strict=True))
    return {fact.sha256: (fact, cache[row]) for row, fact in enumerate(facts)}


def _without_absent(
    source: Source, metadata: pd.DataFrame, *, skip_bad: bool
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Take out the rows whose image is not there; before any image is read."""
    absent = metadata.loc[metadata["path"].isna(), "image_id"]
    if absent.empty:
        return metadata, []
    where = f"{len(absent):,} of {len(metadata):,} images have no file in {source.archive.root}"
    hint = f"; {source.missing_hint}" if source.missing_hint else ""
    if not skip_bad or len(absent) == len(metadata):
        raise SkinError(
            f"{where}: {name_some(absent)}{hint}; "
            "add what is missing, or leave their rows out with --skip-bad"
        )
    warn(f"{where}, and their rows are left out: {name_some(absent)}{hint}")
    skipped = [Skipped(image_id=image, path="", reason="there is no such file") for image in absent]
    return metadata[metadata["path"].notna()].reset_index(drop=True), skipped


def _judge_bad(skipped: list[Skipped], count: int, *, skip_bad: bool) -> None:
    if not skipped:
        return
    listed = name_some(f"{bad.path} ({bad.reason})" for bad in skipped)
    if not skip_bad:
        raise SkinError(
            f"{len(skipped)} of {count} images cannot be used: {listed}; "
            "mend them, or leave them out with --skip-bad"
        )
    if len(skipped) == count:
        raise SkinError(f"none of the {count} images can be used: {listed}")
    warn(f"{len(skipped)} of {count} images cannot be used and are left out: {listed}")


def _source_info(source: Source) -> SourceInfo:
    return SourceInfo(
        reader=source.reader,
        path=str(source.archive.root),
        fingerprint=source.fingerprint(),
    )


def _install(
    staged: Dataset, root: Path, existing: Dataset | None, short_side: int, *, overwrite: bool
) -> Done:
    """Move a staged dataset to its place."""
    if existing is None:
        if root.exists():
            root.rmdir()
        staged.root.rename(root)
        return "added"
    if staged.hash == existing.hash:
        # The same images and labels at another place: caches and folds stay good.
        if short_side not in existing.short_sides:
            cache = cache_folder(root, short_side)
            cache.parent.mkdir(exist_ok=True)
            cache_folder(staged.root, short_side).rename(cache)
        write_dataset(root, staged.table, staged.info)
        return "source updated"
    if not overwrite:
        raise SkinError(
            f"{root} holds other images or labels than {staged.info.source.path} "
            f"(it was added from {existing.info.source.path}); "
            "choose another --name, or replace it with --overwrite"
        )
    if (root / "folds").exists():
        note(f"the folds of the old '{root.name}' do not fit the new one and are removed with it")
    root.rename(_old(root))
    staged.root.rename(root)
    shutil.rmtree(_old(root))
    return "added"


def _old(root: Path) -> Path:
    return root.with_name(f".{root.name}.old")
