"""Against a stand-in for the archive's client, which is a program on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skin.data.hosts import isic_archive
from skin.data.hosts.isic_archive import Query, download_archive
from skin.data.hosts.record import Record
from skin.errors import SkinError

PYTHON = sys.executable
METADATA = "isic_id,attribution,copyright_license\nISIC_1,A,CC-0\nISIC_2,B,CC-BY\nISIC_3,B,CC-0\n"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Give a function that sets up a client which writes files and ends with a code."""

    def install(images: tuple[str, ...], metadata: str | None = METADATA, code: int = 0) -> Path:
        place = tmp_path / "bin" / "isic"
        place.parent.mkdir(exist_ok=True)
        place.write_text(
            f"#!{PYTHON}\nimport pathlib, sys\n"
            "folder = pathlib.Path(sys.argv[-1])\nfolder.mkdir(exist_ok=True)\n"
            f"pathlib.Path({str(tmp_path / 'called')!r}).write_text('|'.join(sys.argv[1:]))\n"
            "assert sys.stdin.read() == ''\n"
            f"for name in {images!r}: (folder / name).write_bytes(b'')\n"
            + (f"(folder / 'metadata.csv').write_text({metadata!r})\n" if metadata else "")
            + f"sys.exit({code})\n"
        )
        place.chmod(0o755)
        return place

    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(isic_archive.sys, "executable", str(tmp_path / "nowhere" / "python"))
    return install


IMAGES = ("ISIC_1.jpg", "ISIC_2.JPG", "ISIC_3.png")


def test_the_client_is_asked_for_the_query(client, tmp_path: Path):
    client(IMAGES)
    folder = tmp_path / "x"
    query = Query(collections=(249, 65), search='sex:male AND diagnosis_3:"Nevus"', limit=3)
    assert download_archive(query, folder) == {"CC-0": 2, "CC-BY": 1}
    assert (tmp_path / "called").read_text() == (
        'image|download|--collections=249,65|--search=sex:male AND diagnosis_3:"Nevus"|--limit=3|'
        f"{folder}"
    )
    assert Record.load(folder).parts == {"isic_archive": ["metadata.csv"]}
    assert "per image" in (folder / "LICENCE.txt").read_text()


def test_images_that_did_not_arrive_are_told(client, tmp_path: Path):
    client(IMAGES[:1])
    with pytest.raises(SkinError, match="2 of 3 images did not arrive: ISIC_2, ISIC_3"):
        download_archive(Query(limit=3), tmp_path / "x")
    assert Record.load(tmp_path / "x").parts == {}


@pytest.mark.parametrize(
    ("metadata", "code", "message"),
    [
        (METADATA, 1, "client ended with 1, see above"),
        (None, 0, "wrote no .*metadata.csv"),
        ("isic_id\nISIC_1\n", 0, "lacks the column copyright_license"),
    ],
)
def test_a_client_that_fails_is_told(client, tmp_path: Path, metadata, code, message):
    client(IMAGES, metadata, code)
    with pytest.raises(SkinError, match=message):
        download_archive(Query(search="sex:male"), tmp_path / "x")


@pytest.mark.usefixtures("client")
def test_without_a_client_it_says_how_to_install_it(tmp_path: Path):
    with pytest.raises(SkinError, match="not installed: pip install isic-cli"):
        download_archive(Query(limit=3), tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_the_whole_archive_is_not_fetched_by_oversight(tmp_path: Path):
    with pytest.raises(SkinError, match="--collections, --search or --limit"):
        download_archive(Query(), tmp_path)
