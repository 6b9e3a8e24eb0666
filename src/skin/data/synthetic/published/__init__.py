"""Small archives of synthetic lesions in the layout that each data set is published in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from skin.data.synthetic.published.derm7pt import write_derm7pt
from skin.data.synthetic.published.isic2017 import write_isic2017
from skin.data.synthetic.published.isic2018 import write_ham10000, write_isic2018
from skin.data.synthetic.published.isic2019 import write_isic2019
from skin.data.synthetic.published.isic2020 import write_isic2020
from skin.data.synthetic.published.isic2024 import write_isic2024
from skin.data.synthetic.published.isic_archive import write_isic_archive
from skin.data.synthetic.published.pad_ufes import write_pad_ufes

LAYOUTS: Mapping[str, Callable[..., None]] = {
    "ham10000": write_ham10000,
    "isic2017": write_isic2017,
    "isic2018": write_isic2018,
    "isic2019": write_isic2019,
    "isic2020": write_isic2020,
    "isic2024": write_isic2024,
    "pad_ufes": write_pad_ufes,
    "derm7pt": write_derm7pt,
    "isic_archive": write_isic_archive,
}
"""By reader: `write_<layout>(folder, *, lesions=40, seed=0, side=48)`.

It writes the training files, quirks included, and the validation and test files where the
challenge has them, into a folder that does not exist or is empty. The same arguments write the
same bytes.
"""
