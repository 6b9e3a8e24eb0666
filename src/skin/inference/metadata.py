"""What is known of the patients whose images are predicted: age, sex and site, from a CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.console import note, warn
from skin.data.encode import METADATA_FIELDS, OTHER_SITE, SEXES, SITES, encode_metadata
from skin.data.sources.metadata import image_id, name_rows, normalise, read_csv
from skin.errors import SkinError, name_some
from skin.inference.inputs import InputImage

# The names that this project's tables, HAM10000 and the ISIC challenges and archive give them; of
# several that a file has, the first counts.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "image_id": ("image_id", "image", "image_name", "isic_id"),
    "age": ("age", "age_approx", "age_approximate"),
    "sex": ("sex",),
    "site": (
        "site",
        "localization",
        "anatom_site_general",
        "anatom_site_general_challenge",
    ),
}


def metadata_for(
    inputs: Sequence[InputImage], path: Path | None, *, used: bool
) -> NDArray[np.float32] | None:
    """Encode what a CSV knows of the images, and say how much that is.

    Args:
        inputs: the images to predict.
        path: the CSV; none if there is none.
        used: whether any model takes metadata; if not, the file is not read.

    Returns:
        (N, M), a row for each of `inputs`, zeros where nothing is known; none if there is no file
        or no use for it.

    Raises:
        SkinError: see `read_metadata`.
    """
    if not used:
        if path is not None:
            note(f"{path} is not used: no model takes metadata")
        return None
    if path is None:
        warn(
            "the models take age, sex and site, and none is given, so all count as missing; "
            "give a CSV with --metadata"
        )
        return None
    # Files may be called as ISIC 2019 calls them, `_downsampled`; tables are by the bare ids.
    table = read_metadata(path).reindex([image_id(image.image_id) for image in inputs])
    _tell(table, path)
    return encode_metadata(table)


def read_metadata(path: Path) -> pd.DataFrame:
    """Read a CSV of image ids with any of age, sex and site, under the names of `_COLUMNS`.

    Returns:
        Columns `age`, `sex` and `site` as a dataset's table has them, by image id.

    Raises:
        SkinError: the file cannot be read, names no images or nothing about them, holds an image
            twice, or an age or a sex is wrong. The message names the file and the rows.
    """
    try:
        raw = read_csv(path.read_bytes(), str(path))
    except OSError as error:
        raise SkinError(f"cannot read {path}: {error.strerror}") from None
    found = {
        field: next((name for name in names if name in raw.columns), None)
        for field, names in _COLUMNS.items()
    }
    columns = {field: name for field, name in found.items() if name is not None}
    if "image_id" not in columns:
        raise SkinError(
            f"{path} has no column of images ({', '.join(_COLUMNS['image_id'])}); "
            f"it has {name_some(raw.columns)}"
        )
    if len(columns) == 1:
        known = ", ".join(name for field in METADATA_FIELDS for name in _COLUMNS[field])
        raise SkinError(
            f"{path} says nothing of age, sex or site: it has none of the columns {known}"
        )
    table = normalise(raw, columns, str(path))
    _check_sexes(table["sex"], path)
    return table.set_index("image_id")[list(METADATA_FIELDS)]


def _check_sexes(sexes: pd.Series[str], path: Path) -> None:
    wrong = sexes[sexes.notna() & ~sexes.isin(SEXES)]
    if len(wrong):
        values = name_some(f"'{value}'" for value in wrong.unique())
        raise SkinError(
            f"{path}, {name_rows(wrong.index)}: sex {values} is not one of {', '.join(SEXES)}; "
            "leave it empty where it is not known"
        )


def _tell(table: pd.DataFrame, path: Path) -> None:
    """Say of how many images something is known, and which sites the models do not know."""
    known = table.notna()
    some = int(known.any(axis=1).sum())
    if some == 0:
        warn(f"{path} says nothing of any of these images, so all metadata count as missing")
        return
    fields = ", ".join(f"{field} of {int(known[field].sum()):,}" for field in METADATA_FIELDS)
    note(f"metadata for {some:,} of {len(table):,} images ({fields})")
    sites = table["site"].dropna().unique()
    other = [site for site in sites if site not in (*SITES, OTHER_SITE)]
    if other:
        note(f"sites that count as '{OTHER_SITE}': {name_some(other)}")
