"""PAD-UFES-20's files at Mendeley Data: `metadata.csv`, and the images in three zips.

The public API lists a dataset's folders and, folder by folder, its files with size and SHA-256.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from skin.data.hosts.http import read_listing
from skin.data.hosts.remote import Checksum, RemoteFile
from skin.errors import SkinError

SERVER: Final = "https://data.mendeley.com"
PAD_UFES_DATASET: Final = "zr7vgbcyr2"
_VERSION = 1
_NEEDED = re.compile(r"metadata\.csv|imgs_part_[123]\.zip")
_FILES = 4


class _Folder(BaseModel):
    id: str


class _Content(BaseModel):
    download_url: str
    sha256_hash: str


class _File(BaseModel):
    filename: str
    size: int
    content_details: _Content


_FOLDERS = TypeAdapter(list[_Folder])
_LISTED = TypeAdapter(list[_File])


def pad_ufes_files(server: str = SERVER) -> list[RemoteFile]:
    """List the metadata and the images of PAD-UFES-20 with the checksums that the host publishes.

    Args:
        server: base URL of Mendeley Data.

    Raises:
        SkinError: the server cannot be reached, or its answers are not the expected lists.
    """
    base = f"{server}/public-api/datasets/{PAD_UFES_DATASET}"
    instead = (
        f"fetch https://doi.org/10.17632/{PAD_UFES_DATASET}.{_VERSION} in a browser and give its "
        "folder to `skin data add pad-ufes-20`"
    )
    try:
        listed = read_listing(f"{base}/folders/{_VERSION}", server, instead)
        folders = ["root", *(folder.id for folder in _FOLDERS.validate_python(listed))]
        files = []
        for folder in folders:
            url = f"{base}/files?folder_id={folder}&version={_VERSION}"
            files += _LISTED.validate_python(read_listing(url, server, instead))
    except ValidationError as error:
        raise SkinError(f"{base} did not answer with lists of files: {error}") from error
    remote = [_remote(file) for file in files]
    needed = sorted((f for f in remote if _NEEDED.fullmatch(f.name)), key=lambda f: f.size or 0)
    if len(needed) != _FILES:
        there = ", ".join(file.name for file in remote)
        raise SkinError(
            f"PAD-UFES-20 at {server} is not laid out as expected: of metadata.csv and "
            f"imgs_part_1.zip to _3.zip there are {len(needed)} among {there}"
        )
    return needed


def _remote(file: _File) -> RemoteFile:
    content = file.content_details
    name = PurePosixPath(file.filename).name
    checksum = Checksum("sha256", content.sha256_hash.lower())
    return RemoteFile(name, content.download_url, file.size, checksum)
