"""SLICE-3D's layout, its size and its imbalance, with tiles that are drawn in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.console import note, progress
from skin.errors import SkinError
from skin.files import read_json, replacing, write_json

_PER_PATIENT = 385  # images, as the 401,059 of 1,042 patients
_PER_MALIGNANT = 1000
_PER_COPY = 2000
_SITES = ("head/neck", "upper extremity", "lower extremity", "anterior torso", "posterior torso")
_SMALLEST, _LARGEST = 100, 200  # pixels of a tile's side
_CHUNK = 512
_FIELD = 2048  # pixels of a field of noise that tiles are cut from
# Pixels and spread of the noise. With so much shade, as many of the tiles' perceptual hashes are
# near each other as of HAM10000's, 2 pairs in 10,000.
_GRAIN, _SHADE = (4, 7.0), (40, 26.0)
_GREEN, _BLUE = ((np.arange(256) * share).astype(np.uint8) for share in (0.85, 0.75))


def generate(folder: Path, images: int, seed: int) -> int:
    """Write `train-image.hdf5` and `train-metadata.csv`, unless they are there.

    One image in 2,000 is another patient's, encoded and scaled anew under an id of its own.

    Returns:
        The number of such copies.

    Raises:
        SkinError: the folder holds something else.
    """
    wanted = {"images": images, "seed": seed}
    stamp = folder / "made-of.json"
    table = _metadata(images, seed)
    originals = _originals(table, seed)
    if stamp.exists():
        if read_json(stamp) != wanted:
            raise SkinError(f"{folder} holds {read_json(stamp)}, not {wanted}; name another")
        note(f"{folder} is there already")
        return len(originals)
    if folder.parent.is_dir() and any(folder.parent.iterdir()):
        raise SkinError(f"{folder.parent} holds something else, or half of it: name a new folder")
    folder.mkdir(parents=True)
    table.to_csv(folder / "train-metadata.csv", index=False)
    with (
        replacing(folder / "train-image.hdf5") as path,
        h5py.File(path, "w") as file,
        progress() as bar,
    ):
        tiles = _tiles(images, originals, seed)
        for name, tile in bar.track(
            zip(table["isic_id"], tiles, strict=True), total=images, description="drawing tiles"
        ):
            file[name] = np.void(tile)
    write_json(stamp, wanted)
    return len(originals)


def _metadata(images: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng([seed, 0])
    patients = max(20, images // _PER_PATIENT)
    weights = rng.lognormal(0, 1, patients)  # some have a few lesions, some thousands
    patient = rng.choice(patients, images, p=weights / weights.sum())
    age = 5 * rng.integers(4, 18, patients)
    target = np.zeros(images, np.int64)
    target[rng.choice(images, max(20, images // _PER_MALIGNANT), replace=False)] = 1
    return pd.DataFrame(
        {
            "isic_id": [f"ISIC_{number:07d}" for number in range(images)],
            "target": target,
            "patient_id": [f"IP_{number:07d}" for number in patient],
            "age_approx": age[patient].astype(float),
            "sex": np.where(patient % 2, "male", "female"),
            "anatom_site_general": rng.choice(_SITES, images),
            "clin_size_long_diam_mm": rng.uniform(1, 20, images).round(2),
            "image_type": "TBP tile: close-up",
            "attribution": "generated",
            "copyright_license": "CC-0",
            "lesion_id": "",
            "iddx_full": np.where(target, "Malignant", "Benign"),
            "iddx_1": np.where(target, "Malignant", "Benign"),
        }
    )


def _originals(table: pd.DataFrame, seed: int) -> dict[int, int]:
    """Row of each copy -> row of its original, of another patient."""
    rng = np.random.default_rng([seed, 1])
    rows = rng.choice(len(table), 2 * max(5, len(table) // _PER_COPY), replace=False)
    patient = table["patient_id"].to_numpy()
    pairs = rows.reshape(-1, 2).tolist()
    return {max(pair): min(pair) for pair in pairs if patient[pair[0]] != patient[pair[1]]}


def _tiles(images: int, originals: dict[int, int], seed: int) -> Iterator[bytes]:
    fields = _noise(seed, *_GRAIN), _noise(seed, *_SHADE)

    def draw(row: int) -> bytes:
        if row in originals:
            tile = _draw(originals[row], seed, *fields)
            return _encode(cv2.resize(tile, None, fx=1.1, fy=1.1), quality=70)
        return _encode(_draw(row, seed, *fields), quality=85)

    with ThreadPoolExecutor() as pool:
        for start in range(0, images, _CHUNK):  # a map alone would draw ahead without bound
            yield from pool.map(draw, range(start, min(start + _CHUNK, images)))


def _noise(seed: int, grain: int, spread: float) -> NDArray[np.int16]:
    """A field of noise of that grain in pixels, for tiles to be cut from."""
    rng, cells = np.random.default_rng([seed, grain]), _FIELD // grain
    coarse = rng.normal(0, spread, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (_FIELD, _FIELD), interpolation=cv2.INTER_CUBIC), np.int16)


def _draw(
    row: int, seed: int, grain: NDArray[np.int16], shade: NDArray[np.int16]
) -> NDArray[np.uint8]:
    """A dark blob on skin, as all lesions are, with grain of its own."""
    rng = np.random.default_rng([seed, 2, row])
    side = int(rng.integers(_SMALLEST, _LARGEST + 1))
    blob = np.zeros((side, side), np.uint8)
    axes = (rng.uniform(0.12, 0.36, 2) * side).astype(int).tolist()
    middle = (side * rng.uniform(0.42, 0.58, 2)).astype(int).tolist()
    dark = int(rng.integers(40, 130))
    cv2.ellipse(blob, middle, axes, float(rng.uniform(0, 180)), 0, 360, dark, cv2.FILLED)
    blob = cv2.blur(blob, (side // 8, side // 8))
    # Two cuts of one field, turned, so that no two tiles have the same sum.
    noise = _cut(grain, side, rng) + _cut(grain, side, rng).T + _cut(shade, side, rng)
    red = np.clip(190 + noise - blob, 0, 255).astype(np.uint8)
    return cv2.merge([cv2.LUT(red, _BLUE), cv2.LUT(red, _GREEN), red])


def _cut(field: NDArray[np.int16], side: int, rng: np.random.Generator) -> NDArray[np.int16]:
    y, x = rng.integers(0, _FIELD - side, 2)
    return field[y : y + side, x : x + side]


def _encode(tile: NDArray[np.uint8], quality: int) -> bytes:
    _, data = cv2.imencode(".jpg", tile, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return bytes(data)
