"""What the probes of corruptions and of backgrounds leave: the content of their JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict

from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.severities import CORRUPTIONS, SEVERITIES, VERSION
from skin.analysis.probes.store import Result
from skin.analysis.statistics import Interval
from skin.files import sha256_bytes

ROBUSTNESS: Final = "robustness"
BACKGROUND: Final = "background"
CLEAN: Final = "clean"
TIED: Final = "tied"  # decided for no class
DECIDED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {CLEAN: (CLEAN,)}
    | {name: tuple(f"{name}_{severity}" for severity in SEVERITIES) for name in CORRUPTIONS}
)
"""The columns of `robustness.csv` after the images' keys: `clean`, then a corruption's five."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Strict):
    """A score and its 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, known: Interval) -> Figure:
        """Take an interval's numbers."""
        return cls(value=known.value, low=known.low, high=known.high)

    @property
    def interval(self) -> Interval:
        """The same, to be worked with."""
        return Interval(self.value, self.low, self.high)


class Settings(_Strict):
    """What decides the predictions on corrupted images, beside the weights and the seed.

    Attributes:
        version: of the corruptions.
        levels: corruption -> its levels, of severity 1 to 5.
        tta: the views of each image.
        device: the kind of device that predicted.
        images_sha256: of the images' ids.
    """

    version: int
    levels: dict[str, tuple[float, ...]]
    tta: str
    device: str
    images_sha256: str

    @classmethod
    def of(cls, tta: str, device: str, images: Iterable[str]) -> Settings:
        """Take the corruptions as they are now, and the images by their ids."""
        return cls(
            version=VERSION,
            levels={name: corruption.levels for name, corruption in CORRUPTIONS.items()},
            tta=tta,
            device=device,
            images_sha256=sha256_bytes("\n".join(images).encode()),
        )

    @property
    def current(self) -> bool:
        """Whether the corruptions are those of now."""
        now = Settings.of(self.tta, self.device, ())
        return (self.version, self.levels) == (now.version, now.levels)


class Damage(_Strict):
    """What corruptions do: the mean over one or several.

    Attributes:
        bacc: the score on the corrupted images.
        difference: that less the score on the same images as they are, paired.
        relative_loss: what share of the clean score is lost; None where that is 0.
    """

    bacc: Figure
    difference: Figure
    relative_loss: float | None


class RobustnessResult(Result):
    """The content of `probes/robustness.json`.

    Attributes:
        task: that the classes are of.
        settings: what decides the predictions.
        images: how many were probed.
        lesions: how many they show.
        classes: how many classes occur; guessing scores one in so many.
        resamples: of the intervals.
        clean: BACC on the images as they are.
        severities: corruption -> its damage at severity 1 to 5.
        by_corruption: corruption -> the mean over its severities.
        by_severity: the mean over the corruptions at severity 1 to 5.
        overall: the mean over all corruptions and severities.
    """

    task: str
    settings: Settings
    images: int
    lesions: int
    classes: int
    resamples: int
    clean: Figure
    severities: dict[str, tuple[Damage, ...]]
    by_corruption: dict[str, Damage]
    by_severity: tuple[Damage, ...]
    overall: Damage


class Shown(_Strict):
    """What the models score in one condition.

    Attributes:
        bacc: of the argmax.
        malignant_auc: malignant against benign; None where one of the two does not occur.
        kept: (BACC - chance) / (BACC of whole images - chance), paired; None for whole images, and
            where those are not above chance.
    """

    bacc: Figure
    malignant_auc: Figure | None
    kept: Figure | None

    @property
    def ranks(self) -> bool:
        """Whether malignant and benign are told apart better than by chance."""
        return self.malignant_auc is not None and self.malignant_auc.low > 1 / 2


class BackgroundResult(Result):
    """The content of `probes/background.json`.

    Attributes:
        task: that the classes are of.
        masks: the folder's or archive's name.
        masks_fingerprint: of its files' names, sizes and stamps.
        tta: the views of each image.
        device: the kind of device that predicted.
        images: how many were probed.
        lesions: how many they show.
        left_out: images that were chosen, but whose mask is empty or leaves too little skin.
        resamples: of the intervals.
        chance: the BACC of guessing.
        conditions: by name, as in `hiding.CONDITIONS`.
        skin: the colour around the lesion where only that is shown.
        examples: image id -> class code, of the rows of `background.png`.
        examples_sha256: of that file.
    """

    task: str
    masks: str
    masks_fingerprint: str
    tta: str
    device: str
    images: int
    lesions: int
    left_out: int
    resamples: int
    chance: float
    conditions: dict[str, Shown]
    skin: tuple[int, int, int]
    examples: dict[str, str]
    examples_sha256: str

    @property
    def telling(self) -> dict[str, Shown]:
        """The conditions without the lesion that predict: an interval lies above chance."""
        return {
            name: shown
            for name, shown in self.conditions.items()
            if CONDITIONS[name].background and (shown.bacc.low > self.chance or shown.ranks)
        }
