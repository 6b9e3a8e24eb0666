from __future__ import annotations

import json

import pytest

from skin.data.hosts.dataverse import ham10000_files
from skin.data.hosts.remote import Checksum, RemoteFile
from skin.errors import SkinError

LISTING = (
    "/api/datasets/:persistentId/versions/:latest-published/files"
    "?persistentId=doi%3A10.7910%2FDVN%2FDBW86T"
)


def listed(number: int, name: str, **extra: object):
    file = {
        "id": number,
        "filename": name,
        "filesize": 100 * number,
        "checksum": {"type": "MD5", "value": f"{number:032x}"},
        **extra,
    }
    return {"label": name, "dataFile": file}


FILES = [
    listed(3, "HAM10000_images_part_1.zip"),
    listed(
        1,
        "HAM10000_metadata.tab",
        originalFileFormat="text/csv",
        originalFileName="HAM10000_metadata.csv",
        originalFileSize=77,
    ),
    listed(4, "HAM10000_images_part_2.zip"),
    listed(5, "HAM10000_segmentations_lesion_tschandl.zip"),
    listed(6, "ISIC2018_Task3_Test_Images.zip"),
]


def answer(files: list[dict[str, object]]):
    return json.dumps({"status": "OK", "data": files}).encode()


def md5(number: int):
    return Checksum("md5", f"{number:032x}")


def test_lists_what_is_needed_with_its_checksums(host):
    host.files[LISTING] = answer(FILES)
    base = f"{host.url}/api/access/datafile"
    assert ham10000_files(host.url) == [
        # As it was uploaded, which the checksum is of.
        RemoteFile("HAM10000_metadata.csv", f"{base}/1?format=original", 77, md5(1)),
        RemoteFile("HAM10000_images_part_1.zip", f"{base}/3", 300, md5(3)),
        RemoteFile("HAM10000_images_part_2.zip", f"{base}/4", 400, md5(4)),
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (answer(FILES[:2]), "there are 2 among"),
        (b"<html>maintenance</html>", "did not answer with a list"),
        (b'{"status": "OK"}', "did not answer with a list"),
        (
            answer([listed(1, "a.zip", checksum={"type": "SHA-1", "value": "0"})]),
            "gives no MD5 for a.zip but SHA-1",
        ),
        (None, r"cannot reach .*404.*in a browser"),
    ],
)
def test_answers_that_do_not_serve(host, body: bytes | None, message: str):
    if body is not None:
        host.files[LISTING] = body
    with pytest.raises(SkinError, match=message):
        ham10000_files(host.url)
