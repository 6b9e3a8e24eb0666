from __future__ import annotations

import json

import pytest

from skin.data.hosts.mendeley import pad_ufes_files
from skin.data.hosts.remote import Checksum, RemoteFile
from skin.errors import SkinError

BASE = "/public-api/datasets/zr7vgbcyr2"
FOLDERS = f"{BASE}/folders/1"
ROOT = f"{BASE}/files?folder_id=root&version=1"
IMAGES = f"{BASE}/files?folder_id=f1&version=1"
PARTS = ["imgs_part_1.zip", "imgs_part_2.zip", "imgs_part_3.zip"]


def listed(number: int, name: str):
    return {
        "id": f"id{number}",
        "filename": name,
        "size": 100 * number,
        "content_details": {
            "download_url": f"https://example.org/{number}/file_downloaded",
            "sha256_hash": f"{number:064X}",
        },
    }


def publish(host, names: list[str]):
    images = [listed(number, name) for number, name in enumerate(names, 2)]
    host.files[FOLDERS] = json.dumps([{"id": "f1", "name": "images"}]).encode()
    host.files[ROOT] = json.dumps([listed(1, "metadata.csv")]).encode()
    host.files[IMAGES] = json.dumps(images).encode()


def test_lists_the_files_of_all_folders_with_their_checksums(host):
    publish(host, [*PARTS, "readme.md"])
    assert pad_ufes_files(host.url) == [
        RemoteFile(
            name,
            f"https://example.org/{number}/file_downloaded",
            100 * number,
            Checksum("sha256", f"{number:064x}"),
        )
        for number, name in enumerate(["metadata.csv", *PARTS], 1)
    ]


def test_a_missing_file_is_an_error(host):
    publish(host, PARTS[:2])
    with pytest.raises(SkinError, match=r"there are 3 among metadata\.csv, imgs_part_1\.zip"):
        pad_ufes_files(host.url)


def test_another_answer_is_an_error(host):
    publish(host, PARTS)
    host.files[IMAGES] = b'{"message": "moved"}'
    with pytest.raises(SkinError, match="did not answer with lists of files"):
        pad_ufes_files(host.url)


def test_a_host_that_is_not_there_is_told_with_what_to_do(host):
    with pytest.raises(SkinError, match=r"cannot reach .*zr7vgbcyr2\.1 in a browser"):
        pad_ufes_files(host.url)
