"""The ISIC Archive, fetched with its own client.

The client, isic-cli (https://github.com/ImageMarkup/isic-cli), signs its requests, pages through
the search, fetches in parallel and leaves alone what is there already. Its command line is its
documented interface, so that is what is called.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skin.data.hosts.download import write_terms
from skin.data.hosts.record import Record
from skin.data.hosts.remote import Checked, RemoteFile, digests
from skin.data.images import is_image_name
from skin.data.sources.metadata import read_csv
from skin.errors import SkinError, name_some
from skin.files import locked

METADATA: Final = "metadata.csv"
_CLIENT = "isic"
_API = "https://api.isic-archive.com"
_DATASET = "isic_archive"


@dataclass(frozen=True)
class Query:
    """Which images of the archive to fetch.

    Attributes:
        collections: ids of collections; their images, or all if there are none.
        search: in the archive's query language, as `diagnosis_3:"Nevus" AND sex:male`.
        limit: at most so many; 0 for all.
    """

    collections: tuple[int, ...] = ()
    search: str = ""
    limit: int = 0

    def __str__(self) -> str:
        ids = ",".join(map(str, self.collections))
        return f"collections={ids} search={self.search} limit={self.limit}"


def download_archive(query: Query, folder: Path) -> Mapping[str, int]:
    """Fetch images with their metadata, attributions and licences.

    Args:
        query: which ones.
        folder: where to put them; the images that are there already are not fetched again.

    Returns:
        The number of images under each licence.

    Raises:
        SkinError: the client is not installed or fails, the query asks for the whole archive, or
            images did not arrive.
    """
    if query == Query():
        raise SkinError(
            "say which images: --collections, --search or --limit; without any, "
            "these would be all the archive's, some hundreds of thousands"
        )
    command = _command(query, folder)
    with locked(folder, "downloaded into"):
        # Where the client would ask (a full disk, a bug report), nobody answers, and it ends.
        code = subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode  # noqa: S603 - no shell
        if code:
            raise SkinError(
                f"the ISIC Archive's client ended with {code}, see above; the command was: "
                f"{' '.join(command)}. Run the same command again to go on from here"
            )
        licences = _verify(folder)
        record = Record.load(folder)
        path = folder / METADATA
        file = RemoteFile(METADATA, f"{_API} {query}")
        record.add(file, path, Checked(digests(path, ["sha256"])["sha256"], "images are there"))
        record.parts[_DATASET] = [METADATA]
        record.save(folder)
        write_terms(folder, record.datasets)
    return licences


def _command(query: Query, folder: Path) -> list[str]:
    # The client of the environment that runs this, before one elsewhere.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    client = shutil.which(_CLIENT, path=path)
    if client is None:
        raise SkinError(
            "the ISIC Archive is fetched with its own client, which is not installed: "
            "pip install isic-cli (skin's extra 'isic'), and run the same command again"
        )
    options = [
        f"--collections={','.join(map(str, query.collections))}" if query.collections else "",
        f"--search={query.search}" if query.search else "",
        f"--limit={query.limit}" if query.limit else "",
    ]
    return [client, "image", "download", *filter(None, options), str(folder)]


def _verify(folder: Path) -> Mapping[str, int]:
    """Check that each row of the metadata has its image, and count the licences.

    The client ends well even where single images failed.
    """
    path = folder / METADATA
    if not path.is_file():
        raise SkinError(f"the ISIC Archive's client wrote no {path}; run the same command again")
    table = read_csv(path.read_bytes(), str(path))
    lacking = [column for column in ("isic_id", "copyright_license") if column not in table]
    if lacking:
        raise SkinError(f"{path} lacks the column {lacking[0]}, which the archive's tables have")
    there = {image.stem for image in folder.iterdir() if is_image_name(image)}
    missing = [image for image in table["isic_id"] if image not in there]
    if missing:
        raise SkinError(
            f"{len(missing):,} of {len(table):,} images did not arrive: {name_some(missing)}; "
            "run the same command again, it leaves alone those that are there"
        )
    return dict(sorted(Counter(table["copyright_license"]).items()))
