"""Derm7pt: the seven-point checklist's cases, each with a dermoscopic and a clinical image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.data.sources.contents import tell_extra
from skin.data.sources.hierarchy import label_levels
from skin.data.sources.metadata import image_id, name_rows, normalise, require_columns
from skin.data.sources.published import PublishedSource
from skin.errors import SkinError, name_some

_DERMOSCOPIC, _CLINICAL = "derm", "clinic"
_COLUMNS = {
    "image_id": _DERMOSCOPIC,
    "lesion_id": "case_num",
    "dx": "diagnosis",
    "sex": "sex",
    "site": "location",
}


@dataclass(frozen=True)
class Derm7pt(PublishedSource):
    """Derm7pt's `release_v0`: `meta/meta.csv` and the images that it names below `images/`.

    The dermoscopic image (`derm`) is a case's image; the clinical photograph (`clinic`) is not
    used. An image's id is its file's name without suffix, as `Nel026`, and where two of other
    folders have the same name, in any case, `<folder>_<name>`. The lesion is the case
    (`case_num`), the patient `case_id` where there is one. The release's own training, validation
    and test parts (`*_indexes.csv`) are not used: folds are made as for any other dataset.
    """

    reader: ClassVar[str] = "derm7pt"

    def _rows(self) -> pd.DataFrame:
        name, rows = self._contents.require("meta.csv")
        require_columns(rows, (*_COLUMNS.values(), _CLINICAL), name)
        files = rows[[_DERMOSCOPIC, _CLINICAL]].replace(r"\\", "/", regex=True)
        nameless = files.index[files[_DERMOSCOPIC].eq("")]
        if len(nameless):
            raise SkinError(f"{name}, {name_rows(nameless)}: no dermoscopic image is named")
        columns = {**_COLUMNS, **({"patient_id": "case_id"} if "case_id" in rows else {})}
        known = rows.assign(**{_DERMOSCOPIC: _ids(files[_DERMOSCOPIC])})
        table = normalise(known, columns, name, strict_dx=False)
        unsure = pd.Series("unknown", rows.index)
        table["dx"] = label_levels(rows[["diagnosis"]], unsure, name, counts="diagnosis")
        return table.assign(file=files[_DERMOSCOPIC], clinical=files[_CLINICAL])

    def _paths(self, table: pd.DataFrame) -> pd.Series[str]:
        named: dict[str, str] = {}
        alike: defaultdict[str, list[str]] = defaultdict(list)
        for entry in self._files():
            place = entry.ref.rpartition("::")[2].rpartition("images/")[2]
            named[place] = entry.ref
            alike[place.lower()].append(entry.ref)
        found = {file: _file(file, named, alike) for file in table["file"]}
        wanted = {file.lower() for file in (*table["file"], *table["clinical"])}
        tell_extra([ref for place in alike.keys() - wanted for ref in alike[place]])
        return table["file"].map(found)


def _file(file: str, named: Mapping[str, str], alike: Mapping[str, Sequence[str]]) -> str | None:
    """The file of that path, or the only one that differs from it by case."""
    if file in named:
        return named[file]
    refs = alike.get(file.lower(), ())
    if len(refs) > 1:
        raise SkinError(f"'{file}' of Derm7pt's table may be any of {name_some(refs)}; keep one")
    return refs[0] if refs else None


def _ids(paths: pd.Series[str]) -> pd.Series[str]:
    """The files' names without suffix, with the folder's where two are the same."""
    stems = paths.map(image_id)
    folders = paths.str.rpartition("/")[0].str.rpartition("/")[2]
    return stems.mask(stems.str.lower().duplicated(keep=False), folders + "_" + stems)
