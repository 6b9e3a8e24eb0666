"""Tables that sum a dataset and its folds up for the terminal."""

from __future__ import annotations

from rich.table import Table

from skin.data.add import Added
from skin.data.folds import Folds

_OPTIONAL = ("patient_id", "dx_type", "age", "sex", "site")


def summarise_added(added: Added) -> Table:
    """What a dataset holds: images, lesions, classes, missing values, time, size."""
    dataset = added.dataset
    images = dataset.table
    cache = dataset.open_cache(added.short_side)
    table = Table("", "", title=f"{dataset.name}: {added.done}", show_header=False)
    table.add_row("images", f"{len(images):,}")
    table.add_row("lesions", f"{images['lesion_id'].nunique():,}")
    for dx, count in images["dx"].value_counts().items():
        table.add_row(f"  {dx}", f"{count:,}  ({count / len(images):.1%})")
    for column in _OPTIONAL:
        missing = int(images[column].isna().sum())
        if missing:
            table.add_row(f"{column} missing", f"{missing:,}")
    if dataset.info.skipped:
        table.add_row("left out as unusable", f"{len(dataset.info.skipped):,}")
    table.add_row("short sides cached", ", ".join(map(str, dataset.short_sides)))
    table.add_row(f"cache at {added.short_side}", f"{cache.nbytes / 1e9:.2f} GB")
    table.add_row("seconds", f"{added.seconds:.1f}")
    table.add_row("licence", dataset.licence)
    table.add_row("where", str(dataset.root))
    return table


def summarise_folds(folds: Folds) -> Table:
    """Images by fold and class."""
    counts = folds.class_counts()
    info = folds.info
    table = Table(
        title=f"folds '{folds.name}'",
        caption=f"{info.groups:,} groups; near-duplicates of other lesions: {info.near_duplicates}",
    )
    table.add_column("fold")
    for dx in counts:
        table.add_column(str(dx), justify="right")
    table.add_column("images", justify="right")
    for fold, row in zip(counts.index, counts.to_numpy(), strict=True):
        table.add_row(str(fold), *(f"{count:,}" for count in row), f"{row.sum():,}")
    return table
