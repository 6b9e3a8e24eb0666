"""PAD-UFES-20: clinical photographs from smartphones, six diagnoses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from skin.data.sources.contents import unpack_hint
from skin.data.sources.hierarchy import label_levels
from skin.data.sources.metadata import normalise
from skin.data.sources.published import PublishedSource

_COLUMNS = {
    "image_id": "img_id",
    "lesion_id": "lesion_id",
    "patient_id": "patient_id",
    "dx": "diagnostic",
    "age": "age",
    "sex": "gender",
    "site": "region",
}
_BIOPSED = "biopsed"
_DX_TYPES = {"true": "histo", "false": "consensus"}


@dataclass(frozen=True)
class PadUfes(PublishedSource):
    """PAD-UFES-20 as Mendeley Data publishes it: `metadata.csv` and `imgs_part_1.zip` to `3`.

    `SCC` is squamous cell carcinoma with Bowen's disease. What was not biopsied was diagnosed by a
    consensus of dermatologists (Pacheco et al. 2020, section 2).
    """

    reader: ClassVar[str] = "pad_ufes"

    @property
    def missing_hint(self) -> str:
        """All three parts of the images are needed."""
        return f"imgs_part_1.zip, _2 and _3 are all needed{unpack_hint(self.archive)}"

    def _rows(self) -> pd.DataFrame:
        name, rows = self._contents.require("metadata.csv")
        columns = dict(_COLUMNS)
        if _BIOPSED in rows:
            columns["dx_type"] = _BIOPSED
        table = normalise(rows, columns, name, strict_dx=False)
        unsure = pd.Series("unknown", rows.index)
        table["dx"] = label_levels(rows[["diagnostic"]], unsure, name, counts="diagnosis")
        table["dx_type"] = table["dx_type"].map(_DX_TYPES)
        return table
