"""The catalogue in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from rich.table import Table
from rich.text import Text

from skin.data.catalogue.description import Description, FoldsState
from skin.data.catalogue.listing import Damaged, Listed
from skin.data.catalogue.uses import TaskUse
from skin.errors import name_some

_HASH: Final = 12  # characters of a hash that tell datasets apart
_SHORT_HASH: Final = 8  # that do in a list
_RAW: Final = 4  # published diagnoses that are shown for a label

_LONGEST_LICENCE: Final = 15  # characters that are shown in a list
_GAP: Final = 1  # characters between columns
_COLUMNS: Final[Mapping[str, Literal["left", "right"]]] = {
    "dataset": "left",
    "split": "left",
    **dict.fromkeys(("images", "lesions", "patients", "dx", "folds", "sides", "GB"), "right"),
    "licence": "left",
    "hash": "left",
}
_LEAST_FIRST: Final = ("sides", "GB", "patients", "licence", "folds", "hash", "dx", "lesions")


def listing_table(listed: Sequence[Listed | Damaged], width: int) -> Table:
    """One row a dataset, in one line each; where all columns do not fit, some are left out.

    Args:
        listed: as `list_datasets` gives them.
        width: characters of a line.
    """
    rows = [_row(each) for each in listed]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) + _GAP for name in _COLUMNS}
    for name in _LEAST_FIRST:
        if sum(widths.values()) - _GAP > width:
            del widths[name]
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    for name in widths:
        table.add_column(name, justify=_COLUMNS[name], no_wrap=True)
    for row in rows:
        _add(table, *(row[name] for name in widths))
    return table


def description_tables(description: Description) -> list[Table]:
    """The dataset, its diagnoses, its folds and what it can be used for."""
    tables = [
        _overview(description),
        _diagnoses(description),
        _folds(description.folds),
        _tasks(description.tasks),
    ]
    return [table for table in tables if table.row_count]


def _row(each: Listed | Damaged) -> dict[str, str]:
    """The cells by column."""
    if isinstance(each, Damaged):
        return {**dict.fromkeys(_COLUMNS, ""), "dataset": each.name, "split": "damaged"}
    is_short = len(each.licence) <= _LONGEST_LICENCE
    return {
        "dataset": each.name,
        "split": "+".join(each.splits),
        "images": f"{each.images:,}",
        "lesions": f"{each.lesions:,}",
        "patients": f"{each.patients:,}" if each.patients else "-",
        "dx": f"{len(each.labels)}" if each.labels else "-",
        "folds": f"{len(each.folds)}" if each.folds else "-",
        "sides": ",".join(map(str, each.short_sides)) or "-",
        "GB": _gigabytes(each.bytes),
        "licence": each.licence if is_short else "see info",
        "hash": each.hash[:_SHORT_HASH],
    }


def _overview(description: Description) -> Table:
    listed = description.summary
    source = description.source
    table = Table(title=listed.name, show_header=False)
    for _ in range(2):
        table.add_column(overflow="fold")
    _add(table, "split", "+".join(listed.splits))
    _add(table, "images", f"{listed.images:,}")
    _add(table, "lesions", f"{listed.lesions:,}")
    _add(table, "patients", f"{listed.patients:,}" if listed.patients else "not known")
    for name, images in description.sources.items():
        _add(table, "source" if not listed.parts else "from", f"{name}: {images:,}")
    for part in description.parts:
        _add(table, "part", f"{part.name}: {part.state} ({part.hash[:_HASH]})")
    for column, images in description.missing.items():
        _add(table, f"{column} missing", f"{images:,}  ({images / listed.images:.1%})")
    if description.skipped:
        names = name_some(image.image_id for image in description.skipped)
        _add(table, "left out as unusable", f"{len(description.skipped):,}: {names}")
    for side, size in listed.short_sides.items():
        _add(table, f"cache at {side}", "its parts'" if listed.parts else f"{_gigabytes(size)} GB")
    _add(table, "on disk", f"{_gigabytes(listed.bytes)} GB")
    _add(table, "read from", f"{source.path} ({source.reader})")
    _add(table, "hash", listed.hash)
    _add(table, "metadata hash", description.metadata_hash)
    _add(table, "licence", listed.licence)
    _add(table, "cite", description.citation)
    return table


def _diagnoses(description: Description) -> Table:
    listed = description.summary
    table = Table(title="diagnoses")
    table.add_column("dx")
    table.add_column("images", justify="right")
    table.add_column("share", justify="right")
    table.add_column("as published")
    for dx, images in listed.labels.items():
        share = f"{images / listed.images:.1%}"
        _add(table, dx, f"{images:,}", share, _published(description.raw[dx]))
    if description.unmapped:
        most = len(description.unmapped)
        table.caption = Text(f"not in the taxonomy: {_published(description.unmapped, most)}")
    return table


def _folds(folds: Sequence[FoldsState | Damaged]) -> Table:
    table = Table("folds", "parts", "hash", "", title="folds")
    for each in folds:
        if isinstance(each, Damaged):
            _add(table, each.name, "", "", each.error)
            continue
        remarks = [
            *(["leaks: split by image"] if each.leaking else []),
            *([] if each.current else ["of another state of the dataset"]),
        ]
        parts = str(len(each.parts)) if each.parts[0].startswith("fold") else ", ".join(each.parts)
        _add(table, each.name, parts, each.hash[:_HASH], "; ".join(remarks))
    return table


def _tasks(tasks: Sequence[TaskUse]) -> Table:
    table = Table("task", "images by class", "can be trained", "submissions to", title="tasks")
    for use in tasks:
        classes = ", ".join(f"{code} {images:,}" for code, images in use.classes.items())
        challenges = ", ".join(use.challenges) if not use.missing else ""
        _add(table, use.task, classes, _verdict(use), challenges)
    return table


def _verdict(use: TaskUse) -> str:
    if use.missing:
        return f"no: no image of {name_some(use.missing, len(use.missing))}"
    if use.outside:
        return f"with data.outside=drop, without {use.outside:,} images of other lesions"
    return "yes"


def _add(table: Table, *cells: str) -> None:
    """Add a row of plain text: what was published may look like markup."""
    table.add_row(*map(Text, cells))


def _published(counts: Mapping[str, int], most: int = _RAW) -> str:
    return name_some((f"{raw} ({images:,})" for raw, images in counts.items()), most)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f}"
