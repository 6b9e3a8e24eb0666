"""Assessing an ensemble: runs, methods, calibrations and rules, each without its own lesions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from skin.analysis import calibration as calibrating
from skin.analysis.metrics import FloatArray, decide
from skin.analysis.statistics import Bootstrap, bootstrap, paired_difference
from skin.console import note
from skin.ensembling.assessment import (
    Assessment,
    CalibrationLine,
    Growth,
    Line,
    RuleLine,
    Selective,
    SetsLine,
    Step,
)
from skin.ensembling.calibrate import CALIBRATIONS
from skin.ensembling.combine import METHODS
from skin.ensembling.decide import parse_rule
from skin.ensembling.nested import Combined, Judged, alone, bacc, combine_nested, judge
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan
from skin.ensembling.uncertainty import (
    area,
    class_coverage,
    decision_uncertainty,
    risk_coverage,
)
from skin.errors import SkinError

_RULES = ("argmax", "prior", "bacc", "cost")
_SENSITIVITIES = (0.9, 0.95)  # of melanoma, where the task has it
UNCALIBRATED = "argmax, not calibrated"


@dataclass(frozen=True, eq=False)
class Assessor:
    """What is assessed, and how finely.

    Attributes:
        oof: the runs' predictions, with parts that share no lesion.
        plan: the calibration and the rule.
        leaking: whether a run was trained on lesions that it is judged on.
        chosen_on_held_out: whether a checkpoint was chosen by the images that it is judged on.
        single_view: (N, C), the best run's log-probabilities without test-time augmentation; none
            if they were not made.
        tta: the views of `oof`.
        resamples: of each bootstrap.
        seed: of the resamples.
        on_score: told after each bootstrap.
    """

    oof: OutOfFold
    plan: DecisionPlan
    tta: str
    leaking: bool = False
    chosen_on_held_out: bool = False
    single_view: FloatArray | None = None
    resamples: int = 2000
    seed: int = 0
    on_score: Callable[[], None] = lambda: None

    def assess(
        self, methods: Sequence[Combined], main: Combined, judged: Judged, chosen: str
    ) -> Assessment:
        """Score everything.

        Args:
            methods: the ways to combine, `main` among them.
            main: what the ensemble is made by; it may be the choosing itself.
            judged: `main` by the plan.
            chosen: the name of the method that was chosen.
        """
        lines = self._lines(methods, main, judged)
        best = next(line.name for line in lines if line.kind == "run")
        growth = self._growth(self.oof.names.index(best))
        of_main = next(line.bootstrap for line in lines if line.chosen)
        unsure = decision_uncertainty(judged.probabilities, judged.scores)
        wrong = decide(judged.scores) != self.oof.targets
        coverage, risk = risk_coverage(unsure, wrong)
        return Assessment(
            task=self.oof.task,
            leaking=self.leaking,
            chosen_on_held_out=self.chosen_on_held_out,
            method=chosen,
            lines=lines,
            steps=self._steps(growth, of_main, main, chosen),
            names=self.oof.names,
            correlation=_correlation(self.oof),
            disagreement=_disagreement(self.oof),
            growth=tuple(Growth(name, boot.interval("bacc")) for name, boot in growth),
            calibrations=self._calibrations(main, judged),
            rules=self._rules(main, of_main),
            selective=Selective(
                coverage=coverage,
                risk=risk,
                area=area(unsure, wrong),
                referred=float(judged.referred.mean()),
                kept_risk=_mean(wrong[~judged.referred]),
            ),
            sets=SetsLine(
                asked=self.plan.coverage,
                coverage=class_coverage(judged.sets, self.oof.targets, len(self.oof.task)),
                size=float(judged.sets.sum(axis=1).mean()),
                single=float((judged.sets.sum(axis=1) == 1).mean()),
            ),
            resamples=self.resamples,
            parts=len(np.unique(self.oof.parts)),
        )

    def _lines(
        self, methods: Sequence[Combined], main: Combined, of_main: Judged
    ) -> tuple[Line, ...]:
        """Runs and methods under the same calibration and rule, the best first."""
        runs = [alone(self.oof, run) for run in range(len(self.oof.names))]
        lines = [self._line(run, "run", judge(run, self.oof, self.plan)) for run in runs]
        for method in methods:
            judged = of_main if method is main else judge(method, self.oof, self.plan)
            lines.append(replace(self._line(method, "method", judged), chosen=method is main))
        lines.sort(key=lambda line: -line.bootstrap.scores.bacc)
        best = next(line for line in lines if line.kind == "run")
        return tuple(
            line
            if line is best
            else replace(line, difference=paired_difference(line.bootstrap, best.bootstrap))
            for line in lines
        )

    def _line(self, combined: Combined, kind: Literal["run", "method"], judged: Judged) -> Line:
        return Line(
            name=combined.name,
            title=combined.name if kind == "run" else title_of(combined.name),
            kind=kind,
            bootstrap=self._score(judged.scores, judged.probabilities),
            in_sample=bacc(judged.in_sample, self.oof.targets),
            difference=None,
        )

    def _growth(self, best: int) -> list[tuple[str, Bootstrap]]:
        """The plain mean as runs join it: the best, then whichever helps most."""
        probabilities = np.exp(self.oof.log_probabilities)
        order, total = [best], probabilities[best]
        grown = [(self.oof.names[best], self._score(total))]
        while len(order) < len(self.oof.names):
            left = [run for run in range(len(self.oof.names)) if run not in order]
            values = [bacc(total + probabilities[run], self.oof.targets) for run in left]
            joining = left[int(np.argmax(values))]
            order.append(joining)
            total = total + probabilities[joining]
            grown.append((self.oof.names[joining], self._score(total / len(order))))
        return grown

    def _steps(
        self,
        growth: Sequence[tuple[str, Bootstrap]],
        of_main: Bootstrap,
        main: Combined,
        chosen: str,
    ) -> tuple[Step, ...]:
        """The way from the best run to the ensemble's decision."""
        (best, first), *joining = growth
        way = []
        if self.single_view is not None and self.tta != "none":
            way.append((f"{best}, one view", self._score(np.exp(self.single_view))))
            way.append((f"test-time augmentation: {self.tta}", first))
        else:
            way.append((best, first))
        way += [(f"{name} joins the mean", boot) for name, boot in joining]
        mean = combine_nested(self.oof, METHODS["mean"])
        plan = self.plan
        if plan.calibration != "none":
            argmax = replace(plan, rule=parse_rule("argmax", self.oof.task))
            way.append((f"calibration: {plan.calibration}", self._judge(mean, argmax)))
        if plan.rule.name != "argmax":
            way.append((f"decision rule: {plan.rule.name}", self._judge(mean, plan)))
        if main.name != "mean" and len(self.oof.names) > 1:
            how = chosen if main.name == chosen else f"{main.name} ({chosen} at last)"
            way.append((f"{how} instead of the mean", of_main))
        before = [None, *(boot for _, boot in way[:-1])]
        return tuple(
            Step(title, boot, None if last is None else paired_difference(boot, last))
            for (title, boot), last in zip(way, before, strict=True)
        )

    def _calibrations(self, main: Combined, of_main: Judged) -> tuple[CalibrationLine, ...]:
        argmax = parse_rule("argmax", self.oof.task)  # probabilities do not depend on the rule
        lines = []
        for name in CALIBRATIONS:
            chosen = name == self.plan.calibration
            plan = replace(self.plan, calibration=name, rule=argmax)
            judged = of_main if chosen else judge(main, self.oof, plan)
            measured = calibrating.measure(self.oof.targets, judged.probabilities, self.oof.task)
            lines.append(CalibrationLine(name, measured, chosen))
        return tuple(lines)

    def _rules(self, main: Combined, of_main: Bootstrap) -> tuple[RuleLine, ...]:
        task = self.oof.task
        texts = [*_RULES]
        if "MEL" in task.codes:
            texts += [f"sensitivity:MEL={share}" for share in _SENSITIVITIES]
        names = dict.fromkeys(
            [*(parse_rule(text, task).name for text in texts), self.plan.rule.name]
        )
        lines = []
        if self.plan.calibration != "none":
            raw = self._score(np.exp(main.outer))
            lines.append(RuleLine(UNCALIBRATED, raw, chosen=False))
        for name in names:
            if name == self.plan.rule.name:
                lines.append(RuleLine(name, of_main, chosen=True))
                continue
            try:
                boot = self._judge(main, replace(self.plan, rule=parse_rule(name, task)))
            except SkinError as error:  # nobody asked for this rule
                note(f"left out of the decision rules: {name} ({error})")
                continue
            lines.append(RuleLine(name, boot, chosen=False))
        return tuple(lines)

    def _judge(self, combined: Combined, plan: DecisionPlan) -> Bootstrap:
        judged = judge(combined, self.oof, plan)
        return self._score(judged.scores, judged.probabilities)

    def _score(self, scores: FloatArray, probabilities: FloatArray | None = None) -> Bootstrap:
        boot = bootstrap(
            self.oof.targets,
            scores if probabilities is None else probabilities,
            self.oof.lesions,
            self.oof.task,
            scores=scores,
            resamples=self.resamples,
            seed=self.seed,
        )
        self.on_score()
        return boot


def title_of(method: str) -> str:
    """A method in a few words."""
    return METHODS[method].title if method in METHODS else "the best of these, chosen within"


def _correlation(oof: OutOfFold) -> FloatArray:
    """(R, R): how alike the runs err, by the log-odds of the true class less its class's mean."""
    of_truth = oof.log_probabilities[:, np.arange(len(oof)), oof.targets].clip(-30, -1e-12)
    odds = of_truth - np.log(-np.expm1(of_truth))
    for index in np.unique(oof.targets):
        rows = oof.targets == index
        odds[:, rows] -= odds[:, rows].mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):  # a run that says the same of all: NaN
        return np.atleast_2d(np.corrcoef(odds))


def _disagreement(oof: OutOfFold) -> FloatArray:
    """(R, R): the share of images that two runs decide differently."""
    decided = oof.log_probabilities.argmax(axis=2)
    differ: FloatArray = (decided[:, None] != decided[None]).mean(axis=2)
    return differ


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
