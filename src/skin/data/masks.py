"""Lesion masks: which pixels of an image are the lesion, from a folder or a zip of PNG files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import albumentations as A  # noqa: N812 - the name its documentation uses
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skin.data.archive import Archive, Entry
from skin.data.images import open_rgb
from skin.errors import SkinError, name_some
from skin.randomness import image_generators

# The first kind is taken where a tree holds several: a bare `<image_id>.png` may be the photograph.
_KINDS = ("_segmentation", "_mask", "")
_NAME = re.compile(rf"(?P<image_id>.+?)(?P<kind>{'|'.join(_KINDS)})\.png", re.IGNORECASE)
_ROUNDING = 1  # pixels: what one aspect may differ by between two scales
_NAMED = 3  # of the masks that cannot be used
_BIT_DEPTH_AT = 24  # of a PNG file's bytes
_DEEP = 16


@dataclass(frozen=True, eq=False)
class Masks:
    """Masks by image id; a mask is decoded when it is asked for.

    Attributes:
        archive: where they are.
        refs: image id -> its file in the archive.
    """

    archive: Archive
    refs: dict[str, str]

    @property
    def ids(self) -> frozenset[str]:
        """The images that have a mask."""
        return frozenset(self.refs)

    def for_image(self, image_id: str, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Decode a mask in the frame of its image's pixels.

        Args:
            image_id: the image's id.
            image: (H, W, 3) at any scale.

        Returns:
            (H, W), true in the lesion; scaled by the nearest pixel.

        Raises:
            SkinError: the image has no mask, its file is no whole PNG of 8 bits or fewer, or the
                mask has another aspect than the image.
        """
        mask = self._open(image_id)
        height, width = image.shape[:2]
        scale = min(height, width) / min(mask.size)
        fitting = (_side(mask.width, scale), _side(mask.height, scale))
        if not _close(fitting, (width, height)):
            raise SkinError(
                f"{self.refs[image_id]} has {mask.width}x{mask.height} pixels, another aspect than "
                f"the {width}x{height} of image {image_id}: give the mask of the whole image as it "
                "is in the dataset"
            )
        return _scaled(mask, (width, height))

    def read(self, image_id: str) -> bytes:
        """Give the bytes of a mask's file.

        Raises:
            SkinError: the image has no mask, or its file cannot be read.
        """
        if image_id not in self.refs:
            raise SkinError(
                f"{self.archive.root} has no mask of image {image_id}: it needs a file "
                f"{image_id}_segmentation.png, {image_id}_mask.png or {image_id}.png"
            )
        return self.archive.read(self.refs[image_id])

    def _open(self, image_id: str) -> Image.Image:
        data = self.read(image_id)
        name = self.refs[image_id]
        image = open_rgb(data, name)
        if data[_BIT_DEPTH_AT] == _DEEP:  # its low byte would be lost, and with it a mask of ones
            raise SkinError(f"{name} has 16 bits a pixel: save the mask with 8 or with 1")
        return Image.fromarray(np.asarray(image).any(axis=2))


def open_masks(source: Path) -> Masks:
    """Find the masks anywhere below a folder, or in a zip.

    Files are `<image_id>_segmentation.png` (as HAM10000's masks are published),
    `<image_id>_mask.png` or `<image_id>.png`; a pixel that is not black belongs to the lesion.
    Where an image has files of several kinds, the first kind counts.

    Raises:
        SkinError: the source is missing or holds no such file, or two files of one kind for one
            image differ.
    """
    archive = Archive(source)
    found: defaultdict[str, list[tuple[int, Entry]]] = defaultdict(list)
    for entry in archive.entries:
        match = _NAME.fullmatch(entry.path.name)
        if match:
            kind = _KINDS.index(match["kind"].lower())
            found[match["image_id"]].append((kind, entry))
    if not found:
        raise SkinError(
            f"{source} holds no masks: they are PNG files named <image_id>_segmentation.png, "
            "<image_id>_mask.png or <image_id>.png"
        )
    return Masks(archive, {image_id: _only(archive, files) for image_id, files in found.items()})


def require_sound(masks: Masks, images: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
    """Refuse masks that do not fit their images, all that there are in one message.

    Args:
        masks: of the images.
        images: ids and pixels (H, W, 3).

    Raises:
        SkinError: as `Masks.for_image`; of several, how many and what is wrong with the first.
    """
    errors = []
    for image_id, image in images:
        try:
            masks.for_image(image_id, image)
        except SkinError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        more = f"; and {len(errors) - _NAMED:,} more" if len(errors) > _NAMED else ""
        said = "; ".join(map(str, errors[:_NAMED]))
        raise SkinError(f"{masks.archive.root}: {len(errors):,} masks cannot be used: {said}{more}")


def evaluate_with_mask(
    pipeline: A.Compose, image: NDArray[np.uint8], mask: NDArray[np.bool_], row: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Bring an image and its mask to what the model is evaluated on, the same crop of both.

    Args:
        pipeline: the evaluation's, as `AugmentedImages.pipeline`.
        image: (H, W, 3).
        mask: (H, W).
        row: the image's row in the dataset's table, which keys what a pipeline draws at random,
            as the evaluation's loader does.

    Returns:
        (S, S, 3) and (S, S); the mask is scaled by the nearest pixel.

    Raises:
        SkinError: the two differ in size.
    """
    if image.shape[:2] != mask.shape:
        (height, width), (mask_height, mask_width) = image.shape[:2], mask.shape
        raise SkinError(
            f"a mask of {mask_width}x{mask_height} pixels is not of an image of {width}x{height}: "
            "masks need the aspect of their images"
        )
    pipeline.set_random_state(*image_generators(0, row))
    both = pipeline(image=image, mask=mask.astype(np.uint8))
    return both["image"], both["mask"].astype(bool)


def _only(archive: Archive, files: list[tuple[int, Entry]]) -> str:
    """The file of the first kind there is; copies of one file are as good as one."""
    first = min(kind for kind, _ in files)
    refs = [entry.ref for kind, entry in files if kind == first]
    if len(refs) > 1 and len({archive.read(ref) for ref in refs}) > 1:
        raise SkinError(f"{archive.root} has masks of one image that differ: {name_some(refs)}")
    return refs[0]


def _side(pixels: int, scale: float) -> int:
    return max(1, round(pixels * scale))


def _close(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _ROUNDING


def _scaled(mask: Image.Image, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Scale to (width, height)."""
    scaled = mask if mask.size == size else mask.resize(size, Image.Resampling.NEAREST)
    return np.array(scaled, dtype=bool)
