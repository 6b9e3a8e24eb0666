from __future__ import annotations

import io
from itertools import pairwise

import pytest
from rich.console import Console

from skin.data.catalogue.listing import Damaged, Listed
from skin.data.catalogue.tables import listing_table

LISTED = Listed(
    name="isic2018-validation",
    splits=("validation",),
    images=401_059,
    lesions=400_100,
    patients=1_042,
    labels={"nv": 2, "mel": 1},
    folds=("k5-seed0",),
    short_sides={128: 10, 256: 20},
    bytes=12_300_000_000,
    parts=(),
    licence="the terms of a site, to be accepted there on registration",
    hash="0123456789abcdef",
)


def lines(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    listed = [LISTED, Damaged(name="broken", error="it is")]
    console.print(listing_table(listed, width))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_all_columns_where_there_is_room():
    header, row, damaged = lines(120)
    assert header.split()[-2:] == ["licence", "hash"]
    assert row.split()[:5] == [LISTED.name, "validation", "401,059", "400,100", "1,042"]
    assert row.split()[-5:] == ["128,256", "12.30", "see", "info", "01234567"]
    assert damaged.split() == ["broken", "damaged"]


@pytest.mark.parametrize("width", [120, 100, 80, 60, 40])
def test_a_dataset_has_one_line_of_whole_cells(width: int):
    table = lines(width)
    assert len(table) == 3
    assert all(len(line) <= width for line in table)
    assert table[1].split()[:3] == [LISTED.name, "validation", "401,059"]
    assert not any("\N{HORIZONTAL ELLIPSIS}" in line for line in table)


def test_a_narrower_terminal_shows_no_more():
    columns = [len(lines(width)[0].split()) for width in range(120, 38, -4)]
    assert all(wide >= narrow for wide, narrow in pairwise(columns))
    assert columns[0] == 11
