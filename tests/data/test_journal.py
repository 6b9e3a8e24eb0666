from __future__ import annotations

from pathlib import Path

import pytest

from skin.data.images import BadImageError
from skin.data.journal import Journal
from skin.data.scan import Facts, Scanned

RESULTS = [
    Scanned(Facts(4, 3, "a" * 64, "0" * 16), b"", None),
    BadImageError("b.jpg", 'it is "half"\nan image'),
    Scanned(Facts(8, 6, "c" * 64, "1" * 16), b"", None),
    BadImageError("d.jpg", "it is empty"),
]


@pytest.fixture
def path(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    with Journal(path, 0) as journal:
        for result in RESULTS:
            journal.append(result)
        assert (journal.count, journal.good) == (4, 2)
    return path


def test_what_was_noted_comes_back(path: Path):
    with Journal(path, 2) as journal:
        assert (journal.count, journal.good) == (4, 2)
        assert journal.facts().reset_index().to_dict("records") == [
            {"index": 0, "width": 4, "height": 3, "sha256": "a" * 64, "phash": "0" * 16},
            {"index": 2, "width": 8, "height": 6, "sha256": "c" * 64, "phash": "1" * 16},
        ]
        assert journal.bad() == {1: 'it is "half"\nan image', 3: "it is empty"}


@pytest.mark.parametrize(("cached", "noted"), [(0, 0), (1, 2), (2, 4), (3, 4)])
def test_what_goes_beyond_the_cache_is_cut_off(path: Path, cached: int, noted: int):
    with Journal(path, cached) as journal:
        assert journal.count == noted
    assert len(path.read_bytes().splitlines()) == noted


@pytest.mark.parametrize("cut", [1, 2, 20])
def test_an_unfinished_line_is_written_anew(path: Path, cut: int):
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with Journal(path, 2) as journal:
        assert (journal.count, journal.good) == (3, 2)
        journal.append(RESULTS[3])
    assert path.read_bytes() == whole
