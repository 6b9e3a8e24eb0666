from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from skin.analysis.blocks import Photo, Strip
from skin.analysis.contact_sheet import ContactSheets
from skin.errors import SkinError


def photo(red, lines=("a line",), tone="plain", side=200):
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[..., 0] = red
    drawn = io.BytesIO()
    Image.fromarray(pixels).save(drawn, "PNG")
    return Photo(drawn.getvalue(), "", lines, tone)


def sheet(folder, *strips):
    sheets = ContactSheets(folder)
    for strip in strips:
        sheets.add(strip)
    return [np.asarray(Image.open(path)).astype(int) for path in sheets.close()]


def places(page, red):
    """The columns and rows that a photograph covers."""
    rows, columns = np.nonzero((page == (red, 0, 0)).all(axis=2))
    return (columns.min(), columns.max() + 1), (rows.min(), rows.max() + 1)


def test_photographs_stand_in_order_and_whole(tmp_path):
    (page,) = sheet(tmp_path, Strip("one", [photo(100), photo(101)]), Strip("two", [photo(102)]))
    across = [places(page, red)[0] for red in (100, 101, 102)]
    down = [places(page, red)[1] for red in (100, 101, 102)]
    assert [end - start for start, end in across + down] == [200] * 6
    assert across == sorted(across)
    assert len(set(down)) == 1  # two short strips share a row
    assert page.shape[1] < across[-1][1] + 60  # no empty margin


def test_right_and_wrong_differ_for_every_eye(tmp_path):
    strip = Strip("x", [photo(100, tone="good"), photo(101, tone="bad"), photo(102)])
    (page,) = sheet(tmp_path, strip)
    below = []
    for red in (100, 101, 102):
        (left, _), (_, bottom) = places(page, red)
        below.append(tuple(page[bottom + 1, left + 5]))
    assert below[:2] == [(0, 114, 178), (213, 94, 0)]  # blue and vermilion of Okabe and Ito
    assert min(below[2]) > 240  # the paper


def test_lines_are_set_below_and_broken_at_the_width(tmp_path):
    long = " ".join(["word"] * 40)
    (short,) = sheet(tmp_path / "a", Strip("x", [photo(100, lines=("word",))]))
    (tall,) = sheet(tmp_path / "b", Strip("x", [photo(100, lines=(long,))]))
    assert tall.shape[0] > short.shape[0] + 50
    assert tall.shape[1] == short.shape[1]


def test_many_strips_make_pages_and_a_shorter_sheet_removes_them(tmp_path):
    strips = [Strip(f"{i}", [photo(50 + i)] * 4) for i in range(40)]
    pages = sheet(tmp_path, *strips)
    names = ["contact_sheet.png", "contact_sheet_2.png", "contact_sheet_3.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    seen = [sorted(set(page[page[..., 1] == 0][:, 0].tolist())) for page in pages]
    assert [red for reds in seen for red in reds] == list(range(50, 90))  # each once, in order
    assert max(len(page) for page in pages) <= 2600
    sheet(tmp_path, strips[0])
    assert [path.name for path in tmp_path.iterdir()] == names[:1]


def test_a_strip_wider_than_a_page_is_shown_whole(tmp_path):
    reds = range(100, 112)
    (page,) = sheet(tmp_path, Strip("wide", [photo(red) for red in reds]))
    for red in reds:
        (left, right), _ = places(page, red)
        assert right - left == 200


def test_a_heading_is_on_the_page_of_its_strips(tmp_path):
    sheets = ContactSheets(tmp_path)
    for i in range(3):
        sheets.heading(f"part {i}")
        for _ in range(9):
            sheets.add(Strip("x", [photo(100 + i)] * 3))
    pages = [np.asarray(Image.open(path)).astype(int) for path in sheets.close()]
    ink = (29, 33, 38)
    for page in pages:
        used = np.flatnonzero((page == ink).all(axis=2).any(axis=1))
        photos = np.flatnonzero(((page[..., 0] > 99) & (page[..., 1] == 0)).any(axis=1))
        assert used.min() < photos.max()
        assert len(page) - photos.max() < 150  # no heading below the last photographs


def test_nothing_to_show_is_no_sheet(tmp_path):
    assert ContactSheets(tmp_path / "new").close() == []
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "there").touch()
    with pytest.raises(SkinError, match="cannot write"):
        sheet(tmp_path / "there", Strip("x", [photo(100)]))
