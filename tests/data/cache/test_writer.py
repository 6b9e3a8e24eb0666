from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skin.data.cache import CacheWriter, ImageCache, cached_short_sides

RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 256, (4, width, 3), np.uint8) for width in (4, 7, 5, 6)]
IMAGES[2] = IMAGES[0]  # of the same file
HASHES = [f"{number:064x}" for number in (1, 2, 1, 3)]
FILES = ("pixels.u8", "thumbnails.u8", "records")


class KilledError(Exception):
    pass


def write(root: Path, count: int = 4, plan: str | None = "plan"):
    """Write the first `count` images after those that are there; fewer than all is a kill."""
    with CacheWriter(root, 4, plan=plan) as writer:
        for row in range(len(writer), count):
            writer.add(IMAGES[row], HASHES[row])
        if count < len(IMAGES):
            raise KilledError


def content(root: Path):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def partial(root: Path):
    return root / "cache" / ".4.partial"


def test_files_that_are_the_same_are_written_once(tmp_path: Path):
    write(tmp_path)
    cache = ImageCache.open(tmp_path, 4)
    assert cache.sha256.tolist() == HASHES
    assert np.array_equal(cache[2], IMAGES[0])
    assert cache.nbytes == sum(IMAGES[row].size for row in (0, 1, 3))
    assert list(cache.damaged_rows()) == []


def test_without_a_plan_a_writer_that_fails_leaves_only_the_old_cache(tmp_path: Path):
    write(tmp_path)
    with pytest.raises(KilledError):
        write(tmp_path, count=1, plan=None)
    assert len(ImageCache.open(tmp_path, 4)) == 4
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["4"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_what_a_kill_left_is_gone_on_with_whatever_it_was(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
):
    """Files may have been cut anywhere, or hold other bytes than were written."""
    whole, root = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("killed")
    write(whole)
    with pytest.raises(KilledError):
        write(root, count=data.draw(st.integers(0, 3)))
    for name in FILES:
        file = partial(root) / name
        written = bytearray(file.read_bytes())
        if written and data.draw(st.booleans()):
            written[data.draw(st.integers(0, len(written) - 1))] ^= 1
        file.write_bytes(written[: data.draw(st.integers(0, len(written)))])
    assert cached_short_sides(root) == ()
    write(root)
    assert content(root) == content(whole)


def test_rows_are_taken_over(tmp_path: Path):
    with pytest.raises(KilledError):
        write(tmp_path, count=3)
    with CacheWriter(tmp_path, 4, plan="plan") as writer:
        assert len(writer) == 3
        writer.truncate(1)
        assert len(writer) == 1
        writer.add(IMAGES[3], HASHES[3])
    cache = ImageCache.open(tmp_path, 4)
    assert cache.sha256.tolist() == [HASHES[0], HASHES[3]]
    assert np.array_equal(cache[1], IMAGES[3])


def test_another_plan_begins_anew(tmp_path: Path):
    with pytest.raises(KilledError):
        write(tmp_path, count=3, plan="of another source")
    with CacheWriter(tmp_path, 4, plan="plan") as writer:
        assert len(writer) == 0
    assert len(ImageCache.open(tmp_path, 4)) == 0
