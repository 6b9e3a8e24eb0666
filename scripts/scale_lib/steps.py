"""The steps that are measured, as a user's commands do them."""

from __future__ import annotations

from pathlib import Path

from skin.console import note
from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.cache import Store
from skin.data.check import check_dataset
from skin.data.dataset import find_dataset
from skin.data.folds import make_folds
from skin.data.sources.isic2024 import Isic2024
from skin.errors import SkinError, name_some

NAME = "isic2024"


def add(source: Path, data: Path, short_side: int, store: Store) -> None:
    """As `skin data add isic2024 SOURCE --short-side N --store files`."""
    reader = Isic2024(Archive(source))
    done = add_dataset(reader, data, name=NAME, short_side=short_side, store=store).done
    note(f"{data / NAME}: {done}")


def check(data: Path) -> None:
    """As `skin data check`."""
    findings = check_dataset(find_dataset(data, NAME).root)
    if findings.bad:
        raise SkinError(f"`skin data check` finds {name_some(findings.bad)}")


def split(data: Path) -> None:
    """As `skin data folds --overwrite`."""
    make_folds(find_dataset(data, NAME), overwrite=True)
