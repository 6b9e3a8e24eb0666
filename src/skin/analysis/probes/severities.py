"""Which corruptions there are, and how strong each severity is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from skin.analysis.text import MINUS, PERCENT

VERSION: Final = 1  # to be raised when an image of some severity comes out otherwise
SEVERITIES: Final = (1, 2, 3, 4, 5)
NOISE_SIDE: Final = 224  # pixels of an image's side: where a pixel's noise is as the table says


@dataclass(frozen=True)
class Corruption:
    """One way in which photographs go wrong.

    Attributes:
        title: for readers.
        measure: what `levels` are, said of one, as `{} stops`.
        levels: of severity 1 to 5.
    """

    title: str
    measure: str
    levels: tuple[float, float, float, float, float]

    def say(self, severity: int) -> str:
        """The level of a severity, for readers."""
        said = self.measure.format(self.levels[severity - 1])
        return said.replace("-", MINUS).replace("%", PERCENT)


CORRUPTIONS: Final[Mapping[str, Corruption]] = MappingProxyType(
    {
        "defocus": Corruption(
            "Defocus blur", "radius {:.2%} of the side", (0.005, 0.01, 0.015, 0.0225, 0.03)
        ),
        "noise": Corruption(
            "Noise",
            f"deviation {{:.0%}} of white at {NOISE_SIDE} px",
            (0.03, 0.06, 0.1, 0.15, 0.2),
        ),
        "brighter": Corruption("Brighter", "{:+g} stops", (0.25, 0.5, 0.75, 1.0, 1.5)),
        "darker": Corruption("Darker", "{:+g} stops", (-0.5, -1.0, -1.5, -2.0, -2.5)),
        "contrast": Corruption("Low contrast", "{:.0%} kept", (0.8, 0.65, 0.5, 0.35, 0.2)),
        "jpeg": Corruption("JPEG", "quality {:g}", (60, 40, 25, 15, 8)),
        "hair": Corruption("Hair", "{:g} hairs", (4, 8, 16, 32, 64)),
        "rotation": Corruption("Rotation", "{:g}°", (5, 10, 20, 30, 45)),
        "zoom_in": Corruption("Zoom in", "{:g} times as large", (1.1, 1.25, 1.5, 1.75, 2.0)),
        "zoom_out": Corruption("Zoom out", "{:g} times as large", (0.95, 0.9, 0.8, 0.7, 0.6)),
    }
)
"""By name, as `skin.analysis.probes.corruptions` makes them."""
