"""HAM10000's files at the Harvard Dataverse.

API: https://guides.dataverse.org/en/latest/api/ (native API for the list, access API for files).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlencode

from pydantic import BaseModel, Field, ValidationError

from skin.data.hosts.http import read_listing
from skin.data.hosts.remote import Checksum, RemoteFile
from skin.errors import SkinError

SERVER: Final = "https://dataverse.harvard.edu"
HAM10000_DOI: Final = "doi:10.7910/DVN/DBW86T"

_NEEDED = re.compile(r"HAM10000_(metadata(\.\w+)?|images_part_[12]\.zip)")
_FILES = 3  # the metadata and both parts of the images


class _Checksum(BaseModel):
    type: str
    value: str


class _DataFile(BaseModel):
    id: int
    filename: str
    filesize: int
    checksum: _Checksum
    # A table is kept twice: as it was uploaded, and converted to tab-separated text, which is
    # the one that `filename` and `filesize` tell of. The checksum is of the upload.
    original_format: str | None = Field(None, alias="originalFileFormat")
    original_name: str | None = Field(None, alias="originalFileName")
    original_size: int | None = Field(None, alias="originalFileSize")


class _Listed(BaseModel):
    data_file: _DataFile = Field(alias="dataFile")


class _Answer(BaseModel):
    data: list[_Listed]


def ham10000_files(server: str = SERVER) -> list[RemoteFile]:
    """List the metadata and the images of HAM10000 with the checksums that the host publishes.

    Args:
        server: base URL of the Dataverse.

    Raises:
        SkinError: the server cannot be reached, or its answer is not the expected list.
    """
    query = urlencode({"persistentId": HAM10000_DOI})
    url = f"{server}/api/datasets/:persistentId/versions/:latest-published/files?{query}"
    instead = f"fetch {HAM10000_DOI} in a browser and give its folder to `skin data add ham10000`"
    try:
        answer = _Answer.model_validate(read_listing(url, server, instead))
    except ValidationError as error:
        raise SkinError(f"{url} did not answer with a list of files: {error}") from error
    files = [_remote(server, entry.data_file) for entry in answer.data]
    needed = sorted((f for f in files if _NEEDED.fullmatch(f.name)), key=lambda f: f.size or 0)
    if len(needed) != _FILES:
        there = ", ".join(file.name for file in files)
        raise SkinError(
            f"{HAM10000_DOI} at {server} is not laid out as expected: of HAM10000_metadata, "
            f"HAM10000_images_part_1.zip and _2.zip there are {len(needed)} among {there}"
        )
    return needed


def _remote(server: str, file: _DataFile) -> RemoteFile:
    if file.checksum.type != "MD5":
        raise SkinError(f"{server} gives no MD5 for {file.filename} but {file.checksum.type}")
    url = f"{server}/api/access/datafile/{file.id}"
    name, size = file.filename, file.filesize
    if file.original_format is not None:
        name, size = file.original_name or name, file.original_size or size
        url += "?format=original"
    return RemoteFile(PurePosixPath(name).name, url, size, Checksum("md5", file.checksum.value))
