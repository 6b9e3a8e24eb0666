"""Putting a pool in its place, whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pandas as pd
from filelock import FileLock, Timeout

from skin.console import note, warn
from skin.data.dataset import Dataset, DatasetInfo, write_dataset
from skin.data.pool.record import RECORD, PoolRecord, is_pool
from skin.data.pooled_cache import PooledRows, write_rows
from skin.errors import SkinError
from skin.files import write_text

Done = Literal["pooled", "pooled again, the same images"]


def require_place(data_dir: Path, name: str, parts: Sequence[str], *, overwrite: bool) -> None:
    """Refuse a pool's folder whose name is not good or taken, before any work is done.

    Raises:
        SkinError: the name is no folder's, or that of one of its datasets; or something else than
            a pool is there, or a damaged one that is not to be replaced.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise SkinError(f"'{name}' cannot name a pool; use letters, digits, '-', '_' and '.'")
    if name in parts:
        raise SkinError(f"'{name}' is one of the datasets to pool; give the pool another name")
    root = data_dir / name
    if _is_taken(root) and not overwrite:
        Dataset.load(root)


def install(
    root: Path,
    table: pd.DataFrame,
    info: DatasetInfo,
    rows: PooledRows,
    record: PoolRecord,
    *,
    overwrite: bool,
) -> Done:
    """Write a pool beside its place and move it there; a kill leaves the old one or the new one.

    The folds of a pool of the same images are kept.

    Raises:
        SkinError: something else is there, or a damaged pool that is not to be replaced; or
            another process makes it.
    """
    stage, old = (root.with_name(f".{root.name}.{word}") for word in ("partial", "old"))
    with _locked(root):
        if old.exists() and not root.exists():  # killed while it replaced the pool
            old.rename(root)
        existing = _existing(root, overwrite=overwrite)
        shutil.rmtree(stage, ignore_errors=True)
        try:
            staged = write_dataset(stage, table, info)
            write_rows(stage, rows)
            write_text(stage / RECORD, record.model_dump_json(indent=2) + "\n")
            is_same = existing is not None and existing.hash == staged.hash
            if existing is not None:
                _keep_folds(existing, stage, is_same=is_same, overwrite=overwrite)
            shutil.rmtree(old, ignore_errors=True)
            if root.exists():
                root.rename(old)
            stage.rename(root)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return "pooled again, the same images" if is_same else "pooled"


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold a name against other processes, as `skin data add` does."""
    try:
        with FileLock(root.with_name(f".{root.name}.lock"), timeout=0):
            yield
    except Timeout:
        raise SkinError(f"another process is making {root}; let it end") from None
    except OSError as error:
        place = error.filename or root
        raise SkinError(f"cannot write {place}: {error.strerror or error}") from error


def _existing(root: Path, *, overwrite: bool) -> Dataset | None:
    """The pool that is there; none of a damaged one that is to be replaced."""
    if not _is_taken(root):
        return None
    try:
        return Dataset.load(root)
    except SkinError:
        if not overwrite:
            raise
        warn(f"'{root.name}' is damaged and is replaced, its folds too")
        return None


def _is_taken(root: Path) -> bool:
    """Whether a pool is there, be it damaged.

    Raises:
        SkinError: something else is.
    """
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    if not is_pool(root):
        raise SkinError(f"{root} exists and is no pool; choose another name")
    return True


def _keep_folds(existing: Dataset, stage: Path, *, is_same: bool, overwrite: bool) -> None:
    folds = existing.root / "folds"
    if is_same:
        if folds.is_dir():
            shutil.copytree(folds, stage / "folds")
    elif not overwrite:
        raise SkinError(
            f"{existing.root} is a pool of other images (made of {existing.info.source.path}); "
            "choose another name, or replace it with --overwrite"
        )
    elif folds.is_dir():
        note(
            f"the folds of the old '{existing.name}' do not fit the new one and are removed with it"
        )
