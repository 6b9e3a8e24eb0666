"""The ISIC challenges' files, as https://challenge.isic-archive.com/data/ links them.

They lie in a bucket of Amazon's S3 that publishes no checksums and cannot be listed, so that the
names stand here. https://isic-challenge-data.s3.amazonaws.com holds the same under the same paths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from skin.data.hosts.remote import RemoteFile
from skin.data.sources import Split
from skin.errors import SkinError

SERVER: Final = "https://isic-archive.s3.amazonaws.com/challenges"

ALL: Final = "all"
"""For all splits that there are."""

_FILES: Final[Mapping[str, Mapping[Split, tuple[str, ...]]]] = {
    "isic2017": {
        "train": (
            "2017/ISIC-2017_Training_Part3_GroundTruth.csv",
            "2017/ISIC-2017_Training_Data.zip",
        ),
        "validation": (
            "2017/ISIC-2017_Validation_Part3_GroundTruth.csv",
            "2017/ISIC-2017_Validation_Data.zip",
        ),
        "test": (
            "2017/ISIC-2017_Test_v2_Part3_GroundTruth.csv",
            "2017/ISIC-2017_Test_v2_Data.zip",
        ),
    },
    "isic2018": {
        "train": (
            "2018/ISIC2018_Task3_Training_GroundTruth.zip",
            "2018/ISIC2018_Task3_Training_LesionGroupings.csv",
            "2018/ISIC2018_Task3_Training_Input.zip",
        ),
        "validation": (
            "2018/ISIC2018_Task3_Validation_GroundTruth.zip",
            "2018/ISIC2018_Task3_Validation_Input.zip",
        ),
        "test": (
            "2018/ISIC2018_Task3_Test_GroundTruth.zip",
            "2018/ISIC2018_Task3_Test_Input.zip",
        ),
    },
    "isic2019": {
        "train": (
            "2019/ISIC_2019_Training_GroundTruth.csv",
            "2019/ISIC_2019_Training_Metadata.csv",
            "2019/ISIC_2019_Training_Input.zip",
        ),
        "test": (
            "2019/ISIC_2019_Test_GroundTruth.csv",
            "2019/ISIC_2019_Test_Metadata.csv",
            "2019/ISIC_2019_Test_Input.zip",
        ),
    },
    "isic2020": {
        "train": (
            "2020/ISIC_2020_Training_GroundTruth_v2.csv",
            "2020/ISIC_2020_Training_Duplicates.csv",
            "2020/ISIC_2020_Training_JPEG.zip",
        ),
        "test": ("2020/ISIC_2020_Test_Metadata.csv", "2020/ISIC_2020_Test_JPEG.zip"),
    },
    "isic2024": {
        "train": (
            "2024/ISIC_2024_Training_GroundTruth.csv",
            "2024/ISIC_2024_Training_Supplement.csv",
            "2024/ISIC_2024_Training_Input.zip",
        ),
    },
}


def choose_splits(challenge: str, wanted: str) -> tuple[Split, ...]:
    """The splits that are asked for: one by its name, or `all` that the challenge gives.

    Raises:
        SkinError: the challenge does not give that split's images to download.
    """
    there = tuple(_FILES[challenge])
    chosen = there if wanted == ALL else tuple(split for split in there if split == wanted)
    if not chosen:
        raise SkinError(
            f"{challenge} gives no images of a split '{wanted}' to download; "
            f"there are: {', '.join(there)}"
        )
    return chosen


def challenge_files(
    challenge: str, splits: Sequence[Split], server: str = SERVER
) -> list[RemoteFile]:
    """A challenge's files, of each split the tables before the images.

    Args:
        challenge: as `isic2018`.
        splits: as `choose_splits` gives them.
        server: what the years' folders lie under.
    """
    paths = [path for split in splits for path in _FILES[challenge][split]]
    base = server.rstrip("/")
    return [RemoteFile(path.rpartition("/")[2], f"{base}/{path}", on_s3=True) for path in paths]
