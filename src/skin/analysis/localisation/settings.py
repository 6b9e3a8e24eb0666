"""What is asked of the probe, and the constants that its figures depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict

VERSION = 2
"""Of the measures: a result of another version is not shown; 2 has other lesions' masks."""

THRESHOLDS: tuple[float, ...] = tuple(i / 20 for i in range(20))
"""Of a map, as shares of its maximum; at 0 the whole image is taken, so that chance is open."""

PARTS = 5
"""The parts of the lesions: the threshold of each is chosen on the others."""

GAUSSIAN_SIGMA = 0.25
"""The standard deviation of the centred Gaussian, as a share of the image's side."""

STEPS = 16
"""Of deletion and insertion: a map of 4x4 cells takes one a step."""

BLUR_SIGMA = 0.125
"""Of the blur that stands for a pixel that is not there, as a share of the image's side."""

STAGES: Mapping[str, float] = {"head": 0.0, "quarter": 0.25, "half": 0.5, "all": 1.0}
"""The share of the backbone's layers, from the last one on, that is random besides the head."""


class Settings(BaseModel):
    """What was asked for.

    Attributes:
        images: how many were asked for.
        methods: of class activation maps.
        traced: how many of the images get curves and the sanity check.
        resamples: of the bootstrap.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: int = 500
    methods: tuple[str, ...] = ("gradcam",)
    traced: int = 100
    resamples: int = 2000


class Constants(BaseModel):
    """What figures depend on whatever is asked for; no default, so that none is guessed.

    Attributes:
        version: `VERSION`.
        steps: `STEPS`.
        blur_sigma: `BLUR_SIGMA`.
        gaussian_sigma: `GAUSSIAN_SIGMA`.
        thresholds: `THRESHOLDS`.
        threshold_parts: `PARTS`.
        stages: `STAGES`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    steps: int
    blur_sigma: float
    gaussian_sigma: float
    thresholds: tuple[float, ...]
    threshold_parts: int
    stages: dict[str, float]

    @classmethod
    def now(cls) -> Self:
        """As they are in this version."""
        return cls(
            version=VERSION,
            steps=STEPS,
            blur_sigma=BLUR_SIGMA,
            gaussian_sigma=GAUSSIAN_SIGMA,
            thresholds=THRESHOLDS,
            threshold_parts=PARTS,
            stages=dict(STAGES),
        )
