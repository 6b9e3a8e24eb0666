"""What the probes of corruptions and of backgrounds leave: the content of their JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict

from skin.analysis.probes import hiding
from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.severities import CORRUPTIONS, SEVERITIES, VERSION
from skin.analysis.probes.store import Result
from skin.analysis.significance.pvalues import ALPHA
from skin.analysis.statistics import Interval
from skin.files import sha256_bytes

ROBUSTNESS: Final = "robustness"
BACKGROUND: Final = "background"
CLEAN: Final = "clean"
CHANCE_AUC: Final = 0.5
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
        bacc_p: two-sided, of BACC against chance, corrected by Holm's method over the scores of all
            conditions without the lesion; None for a condition with it.
        malignant_auc_p: likewise of the AUC against 1/2; None too where it is not defined.
    """

    bacc: Figure
    malignant_auc: Figure | None
    kept: Figure | None
    bacc_p: float | None
    malignant_auc_p: float | None

    def decides(self, chance: float) -> bool:
        """Whether BACC was tested and is above chance."""
        return self.bacc_p is not None and self.bacc_p < ALPHA and self.bacc.value > chance

    @property
    def ranks(self) -> bool:
        """Whether the AUC was tested and tells malignant from benign better than chance."""
        return (
            self.malignant_auc is not None
            and self.malignant_auc_p is not None
            and self.malignant_auc_p < ALPHA
            and self.malignant_auc.value > CHANCE_AUC
        )


class HidingSettings(_Strict):
    """What decides the predictions on images with something hidden, beside the weights.

    Attributes:
        version: of what is hidden.
        constants: `hiding.CONSTANTS`.
        tta: the views of each image.
        device: the kind of device that predicted.
        images_sha256: of the ids of the images that were judged.
        masks_sha256: of these images' mask files.
    """

    version: int
    constants: dict[str, float]
    tta: str
    device: str
    images_sha256: str
    masks_sha256: str

    @classmethod
    def of(
        cls, tta: str, device: str, images: Iterable[str], masks: Iterable[bytes]
    ) -> HidingSettings:
        """Take the version and constants of now, the images by their ids, the masks by content."""
        hashes = map(sha256_bytes, masks)
        return cls(
            version=hiding.VERSION,
            constants=dict(hiding.CONSTANTS),
            tta=tta,
            device=device,
            images_sha256=sha256_bytes("\n".join(images).encode()),
            masks_sha256=sha256_bytes("\n".join(hashes).encode()),
        )

    @property
    def current(self) -> bool:
        """Whether the same is hidden now."""
        return (self.version, self.constants) == (hiding.VERSION, dict(hiding.CONSTANTS))


class BackgroundResult(Result):
    """The content of `probes/background.json`.

    Attributes:
        task: that the classes are of.
        masks: the folder's or archive's name.
        settings: what decides the predictions.
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
    settings: HidingSettings
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
    def current(self) -> bool:
        """Whether the conditions are those of now."""
        return self.settings.current and [*self.conditions] == [*CONDITIONS]

    @property
    def telling(self) -> dict[str, Shown]:
        """The conditions without the lesion that predict: a score is above chance."""
        return {
            name: shown
            for name, shown in self.conditions.items()
            if shown.decides(self.chance) or shown.ranks
        }
