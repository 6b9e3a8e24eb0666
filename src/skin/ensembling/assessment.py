"""Every figure that a leaderboard shows, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from skin.analysis.calibration import Calibration
from skin.analysis.metrics import FloatArray
from skin.analysis.statistics import Bootstrap, Interval
from skin.taxonomy import Task


@dataclass(frozen=True, eq=False)
class Line:
    """A run alone, or a way to combine all of them.

    Attributes:
        name: of the run or of the method.
        title: the method in a few words; the run's name for a run.
        kind: which of the two.
        bootstrap: of predictions by what was fitted without the image's lesion.
        in_sample: the BACC where fitting and judging are on the same images: too good.
        difference: BACC minus that of the best run, paired; None for the best run itself.
        chosen: whether the ensemble is made by it.
    """

    name: str
    title: str
    kind: Literal["run", "method"]
    bootstrap: Bootstrap
    in_sample: float
    difference: Interval | None
    chosen: bool = False


@dataclass(frozen=True, eq=False)
class Step:
    """One step of the way from one run's single view to the final decision.

    Attributes:
        title: what was added, as `EfficientNet-Lite1 joins`.
        bootstrap: after it.
        gain: BACC minus that of the step before, paired; None for the first.
    """

    title: str
    bootstrap: Bootstrap
    gain: Interval | None


@dataclass(frozen=True, eq=False)
class CalibrationLine:
    """A way to calibrate the chosen method, fitted without the image's lesion.

    Attributes:
        name: as `vector`.
        calibration: the figures and the reliability diagram.
        chosen: whether the ensemble has it.
    """

    name: str
    calibration: Calibration
    chosen: bool


@dataclass(frozen=True, eq=False)
class RuleLine:
    """A decision rule on the calibrated probabilities, fitted without the image's lesion.

    Attributes:
        name: as `prior` or `sensitivity:MEL=0.95`, or that of the argmax before calibration.
        bootstrap: of the decisions.
        chosen: whether the ensemble has it.
    """

    name: str
    bootstrap: Bootstrap
    chosen: bool


@dataclass(frozen=True, eq=False)
class Growth:
    """What the plain mean scores as runs join it, the best first, then by gain.

    Attributes:
        name: the run that joins.
        bacc: of the mean with it.
    """

    name: str
    bacc: Interval


@dataclass(frozen=True, eq=False)
class Selective:
    """What referring the unsure cases brings.

    Attributes:
        coverage: (K,) the share of images that is kept, ascending.
        risk: (K,) the share of wrong decisions among the kept.
        area: under the curve of risk over coverage.
        referred: the share that the ensemble refers.
        kept_risk: the share of wrong decisions among the others.
    """

    coverage: FloatArray
    risk: FloatArray
    area: float
    referred: float
    kept_risk: float


@dataclass(frozen=True, eq=False)
class SetsLine:
    """Conformal prediction sets, fitted without the image's lesion.

    Attributes:
        asked: the coverage that was asked for, as 0.9.
        coverage: (C,) the share of each class's images whose set holds it; NaN for no image.
        size: the mean number of classes in a set.
        single: the share of sets with one class.
    """

    asked: float
    coverage: FloatArray
    size: float
    single: float


@dataclass(frozen=True, eq=False)
class UnknownLine:
    """An outlier score, its threshold fitted without the image's lesion.

    Attributes:
        name: of the score, or `auto` for the choosing within.
        chosen: whether the ensemble has it.
        auroc: of telling images outside the classes from known ones; None without any.
        found: the share of images outside the classes that is taken for unknown; None likewise.
        kept: the share of known images that is not, the mean over the classes.
        kept_by_class: (C,) the same of each class; NaN for no image.
        cost: BACC of the known classes where known images that are taken for unknown count as
            wrong, minus that without a threshold, paired.
        bacc: mean recall over the classes and the unknown as one more; None without any.
    """

    name: str
    chosen: bool
    auroc: Interval | None
    found: Interval | None
    kept: Interval
    kept_by_class: FloatArray
    cost: Interval
    bacc: Interval | None


@dataclass(frozen=True, eq=False)
class UnknownLines:
    """How lesions that are none of the classes are told.

    Attributes:
        code: of the submission's column, as `UNK`.
        score: that the ensemble has.
        threshold: of the standardised score.
        asked: the share of known images that was to be kept.
        outside: how many held-out images are outside the classes.
        lines: the scores, and the choosing within where there is anything to choose by.
    """

    code: str
    score: str
    threshold: float
    asked: float
    outside: int
    lines: tuple[UnknownLine, ...]


@dataclass(frozen=True, eq=False)
class Assessment:
    """All that is known of an ensemble out of fold.

    Attributes:
        task: what it predicts.
        leaking: whether a run was trained on lesions that it is judged on.
        chosen_on_held_out: whether a checkpoint was chosen by the images that it is judged on.
        method: the name of the method that was chosen, or asked for.
        lines: runs and methods, best first.
        steps: the way from one run to the final decision; empty for one run.
        names: of the R runs, in the ensemble's order.
        correlation: (R, R) Pearson correlation of the log-odds of the true class, each class's
            mean taken off.
        disagreement: (R, R) the share of images that two runs decide differently.
        growth: the mean as runs join.
        calibrations: of the chosen method.
        rules: on the chosen method, calibrated.
        selective: referral by the chosen rule.
        sets: conformal prediction sets.
        resamples: of the bootstrap.
        parts: how many parts were left out in turn.
        unknown: lesions that are none of the classes; None if the ensemble does not tell them.
    """

    task: Task
    leaking: bool
    chosen_on_held_out: bool
    method: str
    lines: tuple[Line, ...]
    steps: tuple[Step, ...]
    names: tuple[str, ...]
    correlation: FloatArray
    disagreement: FloatArray
    growth: tuple[Growth, ...]
    calibrations: tuple[CalibrationLine, ...]
    rules: tuple[RuleLine, ...]
    selective: Selective
    sets: SetsLine
    resamples: int
    parts: int
    unknown: UnknownLines | None = None
