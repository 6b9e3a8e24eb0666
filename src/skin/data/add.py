"""Adding a dataset: read a source once, write its table and its cache."""

from __future__ import annotations

import errno
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from skin.console import note, warn
from skin.data.build import build_cache, build_dataset, list_bad
from skin.data.cache import ImageCache, Store, are_files_there, move_cache, share_files
from skin.data.dataset import Dataset, write_dataset
from skin.data.scan import Wanted
from skin.data.sources import Source
from skin.errors import SkinError, plural

_METADATA = ("dx_type", "age", "sex", "site")  # that no hash of images and labels covers
_GO_ON = "what was read is kept; free some space and run the same command again"

Done = Literal["added", "cache added", "source updated", "nothing to do"]


@dataclass(frozen=True)
class Added:
    """What `add_dataset` did.

    Attributes:
        dataset: the dataset as it is now.
        short_side: of the cache that was asked for.
        store: what it keeps.
        done: what had to be done.
        seconds: how long that took.
    """

    dataset: Dataset
    short_side: int
    store: Store
    done: Done
    seconds: float


def add_dataset(
    source: Source,
    data_dir: Path,
    *,
    name: str,
    short_side: int,
    store: Store | None = None,
    skip_bad: bool = False,
    overwrite: bool = False,
) -> Added:
    """Add a dataset under `data_dir`, or only what is not there yet.

    All is written beside its place and renamed, so that a kill leaves no half of a dataset; the
    next call goes on with what was read. A source that was added before is told by its
    fingerprint, without reading an image; another short side or store then adds only a cache.

    Args:
        source: the images and their metadata.
        data_dir: the folder of all datasets.
        name: the dataset's folder in it.
        short_side: pixels of the cached images' short side.
        store: what is kept of the images: `pixels`, to be read at once, or the `files`' own
            bytes, a tenth as much or less, to be decoded whenever they are read. None keeps what
            the dataset there keeps, and pixels of a new one.
        skip_bad: leave out images that cannot be read, instead of stopping.
        overwrite: replace a dataset of that name that holds other images or labels or is damaged,
            folds too; and let metadata go that the source does not tell.

    Raises:
        SkinError: the source is not as it must be, a dataset of that name differs, is damaged or
            tells more, the disk is too small, or another process is adding it.
    """
    start = time.monotonic()
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise SkinError(f"'{name}' cannot name a dataset; use letters, digits, '-', '_' and '.'")
    with _locked(data_dir, name):
        root = data_dir / name
        existing = _existing(root, overwrite=overwrite)
        wanted = Wanted(short_side, store or _default_store(existing, short_side))
        if existing is None or _is_changed(existing, source):
            done = _add(source, root, existing, wanted, skip_bad=skip_bad, overwrite=overwrite)
        elif _store_of(existing, short_side) != wanted.store:
            done = _add_cache(source, existing, wanted)
        elif existing.info.skipped and not skip_bad:
            raise _still_bad(existing)
        else:
            done = "nothing to do"
        return Added(Dataset.load(root), *wanted, done, time.monotonic() - start)


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
        is_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        hint = f"; {_GO_ON}" if is_full else ""
        raise SkinError(f"cannot write {place}: {error.strerror or error}{hint}") from error


def _existing(root: Path, *, overwrite: bool) -> Dataset | None:
    """The dataset that is there; none of a damaged one that is to be replaced."""
    old = _old(root)
    if old.exists() and not root.exists():  # killed while it replaced the dataset
        old.rename(root)
    shutil.rmtree(old, ignore_errors=True)
    if (root / "dataset.json").exists() or (root / "dataset.csv").exists():
        try:
            return Dataset.load(root)
        except SkinError:
            if not overwrite:
                raise
            warn(f"'{root.name}' is damaged and is replaced, its folds too")
            return None
    if root.exists() and any(root.iterdir()):
        raise SkinError(f"{root} exists and is no dataset; choose another --name")
    return None


def _is_changed(existing: Dataset, source: Source) -> bool:
    before = existing.info.source
    return (before.reader, before.fingerprint) != (source.reader, source.fingerprint())


def _still_bad(existing: Dataset) -> SkinError:
    """What was left out when a dataset was added, of a source that did not change since."""
    skipped = existing.info.skipped
    return SkinError(
        f"{len(skipped)} of {len(existing) + len(skipped)} images cannot be used: "
        f"{list_bad(skipped)}; mend them, or leave them out with --skip-bad, as they were when "
        f"'{existing.name}' was added"
    )


def _store_of(existing: Dataset, short_side: int) -> Store | None:
    """What a dataset keeps of its images at a short side, if it has them of its own."""
    if short_side not in existing.short_sides:
        return None
    cache = existing.open_cache(short_side)
    return cache.store if isinstance(cache, ImageCache) else None


def _default_store(existing: Dataset | None, short_side: int) -> Store:
    """What a dataset keeps there, or else at its largest short side; pixels if it has none."""
    if existing is None or not existing.short_sides:
        return "pixels"
    there = _store_of(existing, short_side) or _store_of(existing, existing.short_sides[-1])
    return there or "pixels"


def _add(
    source: Source,
    root: Path,
    existing: Dataset | None,
    wanted: Wanted,
    *,
    skip_bad: bool,
    overwrite: bool,
) -> Done:
    """Build the dataset in a folder beside its place, then move it there."""
    stage = root.with_name(f".{root.name}.partial")
    staged = build_dataset(source, stage, root.name, wanted, existing, skip_bad=skip_bad)
    try:
        return _install(staged, root, existing, wanted, overwrite=overwrite)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _add_cache(source: Source, existing: Dataset, wanted: Wanted) -> Done:
    """Cache the images of a dataset at a further short side, or in another store.

    Those that were left out when it was added stay so.
    """
    if existing.info.skipped:
        warn(f"left out, as when '{existing.name}' was added: {list_bad(existing.info.skipped)}")
    if wanted.store == "files" and are_files_there(existing.root):
        share_files(existing.root, wanted.short_side)
        existing.open_cache(wanted.short_side)
    else:
        build_cache(source, existing, wanted)
    return "cache added"


def _install(
    staged: Dataset, root: Path, existing: Dataset | None, wanted: Wanted, *, overwrite: bool
) -> Done:
    """Move a staged dataset to its place."""
    if existing is not None and staged.hash == existing.hash:
        # The same images and labels at another place: caches and folds stay good.
        _compare_metadata(staged, existing, overwrite=overwrite)
        if _store_of(existing, wanted.short_side) != wanted.store:
            move_cache(staged.root, root, *wanted)
        write_dataset(root, staged.table, staged.info)
        return "source updated"
    if existing is not None and not overwrite:
        raise SkinError(
            f"{root} holds other images or labels than {staged.info.source.path} "
            f"(it was added from {existing.info.source.path}); "
            "choose another --name, or replace it with --overwrite"
        )
    if existing is not None and (root / "folds").exists():
        note(f"the folds of the old '{root.name}' do not fit the new one and are removed with it")
    if root.exists():
        root.rename(_old(root))
    staged.root.rename(root)
    shutil.rmtree(_old(root), ignore_errors=True)
    return "added"


def _compare_metadata(staged: Dataset, existing: Dataset, *, overwrite: bool) -> None:
    """Say what a source tells of the same images that the last one did not, or otherwise.

    Raises:
        SkinError: it does not tell what the last one did, and that is not to be overwritten.
    """
    now, before = staged.table, existing.table
    said: dict[str, list[str]] = {"gained": [], "lost": [], "changed": []}
    for column in _METADATA:
        here, there = now[column].notna(), before[column].notna()
        differs = here & there & now[column].ne(before[column])
        for counts, which in zip(
            said.values(), (here & ~there, there & ~here, differs), strict=True
        ):
            if which.any():
                counts.append(f"{column} of {plural(int(which.sum()), 'image')}")
    if said["lost"] and not overwrite:
        raise SkinError(
            f"{staged.info.source.path} does not tell {', '.join(said['lost'])}, which "
            f"'{existing.name}' has from {existing.info.source.path}; name a source that does, "
            "choose another --name, or let them go with --overwrite"
        )
    for what, counts in said.items():
        if counts:
            note(f"{what}: {', '.join(counts)}")


def _old(root: Path) -> Path:
    return root.with_name(f".{root.name}.old")
