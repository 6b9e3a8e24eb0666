"""Try `skin` on a dataset as large as ISIC 2024's; `scripts/scale` runs it."""  # noqa: INP001 - a script, in no package

from __future__ import annotations

import filecmp
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.table import Table

from skin.console import fail, note, out
from skin.errors import SkinError

if TYPE_CHECKING:
    from scale_lib.watch import Taken

    from skin.data.cache import Store

_GB = 1e9
_REPOSITORY = Path(__file__).resolve().parents[1]


def main(
    folder: Annotated[
        Path, typer.Argument(help="Where to work, outside the repository.", show_default=False)
    ],
    images: Annotated[int, typer.Option(min=100, help="How many.")] = 400_000,
    short_side: Annotated[int, typer.Option(min=16, help="Of the cached images.")] = 128,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Cache decoded pixels, not the files: ten times more.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the images.")] = 0,
) -> None:
    """Make a dataset in SLICE-3D's layout; add it, kill that half-way, go on; check; split.

    It is added twice, without and with a kill, and both must be the same byte for byte.

    Examples:
      scripts/scale /scratch/scale

      scripts/scale /scratch/scale --images 40000 --pixels
    """
    from scale_lib import steps  # noqa: PLC0415 - slow to import
    from scale_lib.generate import generate  # noqa: PLC0415
    from scale_lib.watch import run, size  # noqa: PLC0415

    if folder.resolve().is_relative_to(_REPOSITORY):
        raise SkinError(f"{folder} is inside the repository; name a folder elsewhere")
    source, data, other = folder / "source", folder / "data", folder / "data-uninterrupted"
    copies = generate(source, images, seed)
    for old in (data, other):
        shutil.rmtree(old, ignore_errors=True)
    store: Store = "pixels" if pixels else "files"
    what = (source, short_side, store)
    taken = {"add": run(steps.add, what[0], other, *what[1:])}
    half = size(other / steps.NAME / "cache") // 2
    partial = data / f".{steps.NAME}.partial"
    first = run(steps.add, what[0], data, *what[1:], until=lambda: size(partial) > half)
    if not first.killed:
        raise SkinError("adding ended before it could be killed; take more --images")
    taken |= {
        "add, killed half-way": first,
        "... and gone on with": run(steps.add, source, data, *what[1:]),
    }
    _require_equal(other / steps.NAME, data / steps.NAME)
    note("the dataset that was killed is the other one, byte for byte")
    shutil.rmtree(other)
    taken |= {"folds": run(steps.split, data), "check": run(steps.check, data)}
    _show(taken, images)
    _show_sizes(data / steps.NAME, source, copies)


def _require_equal(one: Path, other: Path) -> None:
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    there = sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    differ = [name for name in files if not filecmp.cmp(one / name, other / name, shallow=False)]
    if files != there or differ:
        raise SkinError(f"{one} and {other} differ: {differ or set(files) ^ set(there)}")


def _show(taken: dict[str, Taken], images: int) -> None:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    table.add_column(f"{images:,} images")
    for name in ("seconds", "of processors", "images/s", "most memory, GB"):
        table.add_column(name, justify="right")
    for name, one in taken.items():
        speed = "" if one.killed or "gone on" in name else f"{images / one.seconds:,.0f}"
        memory = f"{max(one.memory) / _GB:.2f}"
        table.add_row(name, f"{one.seconds:.0f}", f"{one.cpu_seconds:.0f}", speed, memory)
    out.print(table)
    growth = taken["add"].growth / _GB
    out.print(f"memory's growth while images were added: {growth:+.3f} GB")


def _show_sizes(dataset: Path, source: Path, copies: int) -> None:
    from scale_lib.watch import size  # noqa: PLC0415

    from skin.data.dataset import Dataset  # noqa: PLC0415
    from skin.data.folds import Folds  # noqa: PLC0415

    joined = Folds.load(Dataset.load(dataset)).info.near_duplicates
    sizes = {"source": source, "cache": dataset / "cache", "folds": dataset / "folds"}
    disk = ", ".join(f"{name} {size(path) / _GB:.2f} GB" for name, path in sizes.items())
    out.print(f"disk: {disk}\ncopies of other patients' images: {copies} made, {joined} joined")


if __name__ == "__main__":
    try:
        typer.run(main)
    except SkinError as error:
        fail(str(error))
        sys.exit(2)
