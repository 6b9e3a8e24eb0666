"""Made-up assessments: simulated runs, scored as real ones are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from skin.analysis import calibration
from skin.analysis.metrics import FloatArray, IntArray
from skin.analysis.statistics import Bootstrap, bootstrap, paired_difference
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
from skin.taxonomy import TASKS, Task

RULES = {"prior": 0.3, "argmax": 0.0, "sensitivity:MEL=0.95": -1.0}  # added for each class
METHODS = {
    "mean": "mean of probabilities",
    "log-mean": "mean of log-probabilities (geometric mean)",
    "rank-mean": "mean of ranks within each class",
    "weights": "weights that minimise the log loss",
    "bacc-weights": "weights that maximise BACC",
    "greedy": "greedy forward selection with replacement, bagged",
    "subset": "the best subset, all tried",
    "logistic": "multinomial logistic regression on log-probabilities",
    "logistic+metadata": "the same, with age, sex and site",
    "boosting": "gradient boosting on log-probabilities",
    "boosting+metadata": "the same, with age, sex and site",
    "best": "the best of these, chosen within",
}


@dataclass
class Simulation:
    """Simulated predictions, and assessments of them.

    Attributes:
        runs: names of the runs; each is a little better than the one before.
        methods: how many of `METHODS` there are.
        absent: codes of classes without an image.
        chosen: the names of what the ensemble has: method, calibration, rule.
        leaking: what the assessment says.
        chosen_on_held_out: likewise.
    """

    runs: tuple[str, ...] = ("plain", "se", "cbam")
    methods: int = 3
    task: Task = TASKS["isic2018"]
    absent: tuple[str, ...] = ()
    chosen: tuple[str, str, str] = ("rank-mean", "vector", "prior")
    leaking: bool = False
    chosen_on_held_out: bool = True
    images: int = 240
    resamples: int = 30
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    targets: IntArray = field(init=False)
    lesions: IntArray = field(init=False)
    logits: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.task)
        prior = 0.6 ** np.arange(count) * ~np.isin(self.task.codes, self.absent)
        self.lesions = np.sort(self.rng.integers(3 * self.images // 4, size=self.images))
        of_lesion = self.rng.choice(count, size=self.images, p=prior / prior.sum())
        self.targets = of_lesion[self.lesions]
        shared = self.rng.normal(size=(self.images, count))
        own = self.rng.normal(size=(len(self.runs), self.images, count))
        skill = np.linspace(1.8, 2.2, len(self.runs))[:, None, None]
        truth = np.eye(count)[self.targets]
        self.logits = skill * truth + 0.6 * shared + own + np.log(prior + 1e-3)

    def assess(self) -> Assessment:
        """Everything a leaderboard shows; what is not scored here is drawn by lot."""
        method, calibrator, rule = self.chosen
        runs = [self.decide(logits, rule) for logits in self.logits]
        best = max(runs, key=lambda one: one.scores.bacc)
        mean = self.logits.mean(axis=0)
        singles = [
            self.line(name, name, "run", one, best)
            for name, one in zip(self.runs, runs, strict=True)
        ]
        blends = [
            self.line(name, title, "method", self.decide(way, rule), best, chosen=name == method)
            for (name, title), way in self.ways(mean).items()
        ]
        main = next(way for (name, _), way in self.ways(mean).items() if name == method)
        lines = sorted((*singles, *blends), key=lambda line: -line.bootstrap.scores.bacc)
        growth = [self.score(self.logits[-1 - i :].mean(axis=0)) for i in range(len(runs))]
        return Assessment(
            task=self.task,
            leaking=self.leaking,
            chosen_on_held_out=self.chosen_on_held_out,
            method=method,
            lines=tuple(lines),
            steps=self.steps(growth),
            names=self.runs,
            correlation=np.atleast_2d(np.corrcoef(self.logits[:, :, 0])),
            disagreement=self.disagreement(),
            growth=tuple(
                Growth(name, one.interval("bacc"))
                for name, one in zip(self.runs[::-1], growth, strict=True)
            ),
            calibrations=tuple(
                CalibrationLine(name, self.calibration(sharpness * mean), name == calibrator)
                for name, sharpness in {"none": 1.9, "vector": 1.1, "isotonic": 1.2}.items()
            ),
            rules=tuple(
                RuleLine(name, self.decide(main, name), name == rule)
                for name in RULES
                if ":" not in name or "MEL" in self.task.codes
            ),
            selective=self.selective(main + RULES[rule] * np.arange(len(self.task))),
            sets=SetsLine(0.9, self.recalls(mean) ** 0.4, 1.42, 0.703),
            resamples=self.resamples,
            parts=5,
        )

    def line(self, name, title, kind, one, best, *, chosen=False) -> Line:
        difference = None if one is best else paired_difference(one, best)
        return Line(name, title, kind, one, one.scores.bacc + 0.012, difference, chosen)

    def steps(self, growth) -> tuple[Step, ...]:
        if len(growth) == 1:
            return ()
        titles = [f"{self.runs[-1]}, one view", *(f"{name} joins" for name in self.runs[-2::-1])]
        before = [None, *growth[:-1]]
        return tuple(
            Step(title, one, last and paired_difference(one, last))
            for title, one, last in zip(titles, growth, before, strict=True)
        )

    def selective(self, logits) -> Selective:
        probabilities = softmax(logits)
        order = np.argsort(-probabilities.max(axis=1))
        wrong = (probabilities.argmax(axis=1) != self.targets)[order]
        kept = np.arange(1, len(wrong) + 1)
        risk = np.cumsum(wrong) / kept
        at = int(0.8 * len(wrong))
        return Selective(
            coverage=kept / len(wrong),
            risk=risk,
            area=float(risk.mean()),
            referred=1 - at / len(wrong),
            kept_risk=float(risk[at - 1]),
        )

    def recalls(self, logits) -> FloatArray:
        return np.array(self.score(logits).scores.recall)

    def disagreement(self) -> FloatArray:
        decided = self.logits.argmax(axis=2)
        return (decided[:, None] != decided[None]).mean(axis=2)

    def calibration(self, logits) -> calibration.Calibration:
        return calibration.measure(self.targets, softmax(logits), self.task)

    def ways(self, mean) -> dict[tuple[str, str], FloatArray]:
        rng = np.random.default_rng(1)
        return {
            key: mean + 0.1 * rng.normal(size=mean.shape)
            for key in list(METHODS.items())[: self.methods]
        }

    def decide(self, logits, rule) -> Bootstrap:
        return self.score(logits + RULES[rule] * np.arange(len(self.task)))

    def score(self, logits) -> Bootstrap:
        return bootstrap(
            self.targets, softmax(logits), self.lesions, self.task, resamples=self.resamples
        )


def softmax(logits: FloatArray) -> FloatArray:
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


@pytest.fixture(scope="session")
def simulate():
    """Give a function that makes an assessment of simulated runs; see `Simulation`."""
    return lambda **settings: Simulation(**settings).assess()


@pytest.fixture(scope="session")
def assessment(simulate) -> Assessment:
    """Three runs, three methods; the last method is chosen."""
    return simulate()


@pytest.fixture(scope="session")
def alone(simulate) -> Assessment:
    """One run, binary: no steps, no differences, nothing fitted."""
    return simulate(
        runs=("only",), methods=1, task=TASKS["malignant"], chosen=("mean", "none", "argmax")
    )


@pytest.fixture(scope="session")
def awkward(simulate) -> Assessment:
    """Names that Markdown, HTML, rich and matplotlib would read as theirs; a class is absent."""
    return simulate(
        runs=("[bold]x[/bold]", "<b>y</b>|&amp;", "$z_1$ *s*"),
        methods=1,
        absent=("MEL", "VASC"),
        chosen=("mean", "isotonic", "prior"),
    )
