"""Tables that sum a dataset and its folds up for the terminal."""

from __future__ import annotations

from rich.table import Table

from skin.data.add import Added
from skin.data.folds import Folds

_OPTIONAL = ("patient_id", "dx", "dx_type", "age", "sex", "site")


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
    table.add_row(f"cache at {added.short_side}", f"{cache.nbytes / 1e9:.2f} GB of {added.store}")
    table.add_row("seconds", f"{added.seconds:.1f}")
    table.add_row("licence", dataset.licence)
    table.add_row("where", str(dataset.root))
    return table


def summarise_folds(folds: Folds) -> Table:
    """Images by part and class, and each part's lesions."""
    counts = folds.class_counts()
    lesions = folds.table.groupby("fold")["lesion_id"].nunique()
    table = Table(title=f"folds '{folds.name}'", caption=_caption(folds))
    table.add_column("part")
    for column in (*counts, "images", "lesions"):
        table.add_column(str(column), justify="right")
    for number, part in folds.info.parts.items():
        images = counts.loc[part]
        numbers = [*images, images.sum(), lesions[number]]
        table.add_row(part, *(f"{count:,}" for count in numbers))
    return table


def leak_warning(folds: Folds) -> str:
    """Say how far folds that were split by image leak."""
    leak = folds.leak()
    return (
        f"folds '{folds.name}' leak: they are split by image, so that {leak.lesions:,} of "
        f"{folds.table['lesion_id'].nunique():,} lesions are on both sides, and {leak.images:,} "
        f"of {leak.held_out:,} held-out images ({leak.images / leak.held_out:.1%}) show one of "
        "them. Scores on them are too good; use them only beside those of published work that "
        "split so"
    )


def _caption(folds: Folds) -> str:
    info = folds.info
    if folds.leaking:
        return "split by image: lesions are on both sides"
    return f"{info.groups:,} groups; near-duplicates of other lesions: {info.near_duplicates}"
