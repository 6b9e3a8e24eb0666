"""From several runs' predictions to a decision: combine, calibrate, decide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from skin.analysis.metrics import FloatArray, IntArray
from skin.data.encode import METADATA_SIZE
from skin.ensembling.calibrate import CALIBRATIONS, Calibrator, NoCalibration
from skin.ensembling.combine import Combiner, Mean
from skin.ensembling.decide import Argmax, Rule, RuleFit
from skin.ensembling.uncertainty import (
    ConformalSets,
    Referral,
    decision_uncertainty,
    fit_conformal,
    fit_referral,
)


class Decision(BaseModel):
    """What is done with one set of log-probabilities.

    Attributes:
        calibrator: brings them to what really happens.
        rule: makes scores of them whose argmax is the decision.
        conformal: gives each case a set of classes; none for models that were not calibrated.
        referral: says which cases are too unsure to be decided; none likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calibrator: Calibrator
    rule: Rule
    conformal: ConformalSets | None
    referral: Referral | None

    def calibrate(self, combined: FloatArray) -> FloatArray:
        """Give calibrated probabilities (N, C) for combined log-probabilities (N, C)."""
        return np.exp(self.calibrator.apply(combined))

    def scores(self, probabilities: FloatArray) -> FloatArray:
        """Give scores (N, C) in [0, 1] whose plain argmax is the decision.

        Args:
            probabilities: (N, C), calibrated.
        """
        return self.rule.apply(probabilities)

    def sets(self, probabilities: FloatArray) -> NDArray[np.bool_] | None:
        """Give each case's conformal set of classes (N, C), if there are any."""
        return None if self.conformal is None else self.conformal.sets(probabilities)

    def refers(self, probabilities: FloatArray) -> NDArray[np.bool_] | None:
        """Say which cases (N,) are too unsure to be decided, if that is known."""
        if self.referral is None:
            return None
        unsure = decision_uncertainty(probabilities, self.scores(probabilities))
        return self.referral.refer(unsure)


class Pipeline(Decision):
    """Everything that was fitted on out-of-fold predictions; plain data that JSON can hold.

    Attributes:
        combiner: makes one prediction of the runs' predictions.
    """

    combiner: Combiner

    @classmethod
    def plain(cls, runs: int = 1) -> Pipeline:
        """The mean of that many runs and its argmax: nothing is fitted."""
        return cls(
            combiner=Mean.equal(runs),
            calibrator=NoCalibration(),
            rule=Argmax(),
            conformal=None,
            referral=None,
        )

    def probabilities(
        self, log_probabilities: FloatArray, metadata: NDArray[np.float32] | None = None
    ) -> FloatArray:
        """Combine and calibrate: (R, N, C) log-probabilities to (N, C) probabilities.

        Args:
            log_probabilities: of the runs, in the ensemble's order.
            metadata: (N, M) as `encode_metadata` gives it; none if nothing is known.
        """
        return self.calibrate(self.combiner.combine(log_probabilities, metadata))

    def check(self, runs: int, classes: int) -> None:
        """Raise ValueError unless everything fits that many runs and classes."""
        uniform = np.full((runs, 1, classes), -np.log(classes))
        probabilities = self.probabilities(uniform, np.zeros((1, METADATA_SIZE), np.float32))
        self.scores(probabilities)
        self.sets(probabilities)


@dataclass(frozen=True)
class DecisionPlan:
    """Which decision is to be fitted.

    Attributes:
        calibration: a key of `CALIBRATIONS`.
        rule: how the decision rule is fitted.
        coverage: of the conformal sets, for each class.
        referred: the share of cases to refer.
    """

    calibration: str
    rule: RuleFit
    coverage: float = 0.9
    referred: float = 0.2

    def fit(
        self, combined: FloatArray, targets: IntArray, parts: IntArray | None = None
    ) -> Decision:
        """Fit on predictions (N, C) that did not see their targets (N,).

        The rule, the conformal sets and the referral are fitted on calibrated probabilities; a
        calibrator that has seen the targets would make these too sure.

        Args:
            combined: log-probabilities.
            targets: class indices.
            parts: (N,) part numbers: what comes after the calibration is fitted on probabilities
                by calibrators of the other parts. None takes the one calibrator, which is
                quicker, and too sure by what it has overfitted.

        Raises:
            SkinError: the targets lack a class that the rule needs.
        """
        calibrator = self._calibrator(combined, targets)
        probabilities = np.exp(calibrator.apply(combined))
        for number in () if parts is None else np.unique(parts):
            held = parts == number
            unseeing = self._calibrator(combined[~held], targets[~held])
            probabilities[held] = np.exp(unseeing.apply(combined[held]))
        rule = self.rule.fit(probabilities, targets)
        classes = combined.shape[1]
        unsure = decision_uncertainty(probabilities, rule.apply(probabilities))
        return Decision(
            calibrator=calibrator,
            rule=rule,
            conformal=fit_conformal(probabilities, targets, classes, coverage=self.coverage),
            referral=fit_referral(unsure, self.referred),
        )

    def _calibrator(self, combined: FloatArray, targets: IntArray) -> Calibrator:
        fit: Callable[[FloatArray, IntArray], Calibrator] = CALIBRATIONS[self.calibration]
        return fit(combined, targets)
