"""Under which terms each published dataset may be used, and what to cite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Terms:
    """A dataset's terms.

    Attributes:
        title: its name, spelled out.
        licence: under which the images may be used.
        citation: what to cite.
        url: where its publisher tells of it.
    """

    title: str
    licence: str
    citation: str
    url: str

    @property
    def legal_code(self) -> str | None:
        """Where the licence's text is, if it is one of those of Creative Commons."""
        return _LEGAL_CODES.get(self.licence)


_CC0: Final = "CC0 1.0"
_BY: Final = "CC BY 4.0"
_BY_NC: Final = "CC BY-NC 4.0"

_LEGAL_CODES: Final[Mapping[str, str]] = {
    _CC0: "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
    _BY: "https://creativecommons.org/licenses/by/4.0/legalcode",
    _BY_NC: "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
}

_CHALLENGES: Final = "https://challenge.isic-archive.com/data/"

_HAM10000: Final = (
    "P. Tschandl, C. Rosendahl, H. Kittler. The HAM10000 dataset, a large collection of "
    "multi-source dermatoscopic images of common pigmented skin lesions. "
    "Scientific Data 5:180161 (2018). doi:10.1038/sdata.2018.161"
)
_ISIC2017: Final = (
    "N. Codella et al. Skin lesion analysis toward melanoma detection: a challenge at the 2017 "
    "International Symposium on Biomedical Imaging (ISBI), hosted by the International Skin "
    "Imaging Collaboration (ISIC). arXiv:1710.05006 (2017)"
)
_ISIC2018: Final = (
    "N. Codella et al. Skin lesion analysis toward melanoma detection 2018: a challenge hosted by "
    "the International Skin Imaging Collaboration (ISIC). arXiv:1902.03368 (2019)"
)
_BCN20000: Final = (
    "C. Hernández-Pérez et al. BCN20000: dermoscopic lesions in the wild. "
    "Scientific Data 11:641 (2024). doi:10.1038/s41597-024-03387-w"
)
_ISIC2020: Final = (
    "V. Rotemberg et al. A patient-centric dataset of images and metadata for identifying "
    "melanomas using clinical context. Scientific Data 8:34 (2021). "
    "doi:10.1038/s41597-021-00815-z. The dataset: doi:10.34970/2020-ds01"
)
_ISIC2024: Final = (
    "N. Kurtansky et al. The SLICE-3D dataset: 400,000 skin lesion image crops extracted from "
    "3D TBP for skin cancer detection. Scientific Data 11:884 (2024). "
    "doi:10.1038/s41597-024-03743-w. The dataset: doi:10.34970/2024-slice-3d"
)
_PAD_UFES: Final = (
    "A. Pacheco et al. PAD-UFES-20: a skin lesion dataset composed of patient data and clinical "
    "images collected from smartphones. Data in Brief 32:106221 (2020). "
    "doi:10.1016/j.dib.2020.106221. The dataset: doi:10.17632/zr7vgbcyr2.1"
)
_DERM7PT: Final = (
    "J. Kawahara, S. Daneshvar, G. Argenziano, G. Hamarneh. Seven-point checklist and skin lesion "
    "classification using multitask multimodal neural nets. IEEE Journal of Biomedical and Health "
    "Informatics 23(2):538-546 (2019). doi:10.1109/JBHI.2018.2824327"
)

TERMS: Final[Mapping[str, Terms]] = {
    "ham10000": Terms("HAM10000", _BY_NC, _HAM10000, "https://doi.org/10.7910/DVN/DBW86T"),
    "isic2017": Terms("ISIC 2017 part 3", _CC0, _ISIC2017, f"{_CHALLENGES}#2017"),
    "isic2018": Terms(
        "ISIC 2018 task 3", _BY_NC, f"{_HAM10000}; {_ISIC2018}", f"{_CHALLENGES}#2018"
    ),
    "isic2019": Terms(
        "ISIC 2019", _BY_NC, f"{_HAM10000}; {_ISIC2017}; {_BCN20000}", f"{_CHALLENGES}#2019"
    ),
    "isic2020": Terms("SIIM-ISIC 2020", _BY_NC, _ISIC2020, f"{_CHALLENGES}#2020"),
    "isic2024": Terms("ISIC 2024 (SLICE-3D)", _BY_NC, _ISIC2024, f"{_CHALLENGES}#2024"),
    "pad_ufes": Terms("PAD-UFES-20", _BY, _PAD_UFES, "https://doi.org/10.17632/zr7vgbcyr2.1"),
    "derm7pt": Terms(
        "Derm7pt",
        "the terms of https://derm.cs.sfu.ca, to be accepted there on registration",
        _DERM7PT,
        "https://derm.cs.sfu.ca/Download.html",
    ),
    "isic_archive": Terms(
        "ISIC Archive",
        "per image: CC0 1.0, CC BY 4.0 or CC BY-NC 4.0, as metadata.csv says",
        "The ISIC Archive, https://www.isic-archive.com, and each image's attribution in "
        "metadata.csv",
        "https://www.isic-archive.com",
    ),
}
"""The terms by the reader's name, as `Source.reader` gives it."""
