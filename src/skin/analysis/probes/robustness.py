"""The robustness probe: BACC on images that were corrupted, against the same images as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from rich.progress import Progress

from skin.analysis import metrics
from skin.analysis.metrics import TIED
from skin.analysis.probes.altered import Predictor
from skin.analysis.probes.conditions import score_decisions
from skin.analysis.probes.corruptions import corrupt
from skin.analysis.probes.decisions import Decided, Decisions
from skin.analysis.probes.results import (
    CLEAN,
    DECIDED,
    ROBUSTNESS,
    Damage,
    Figure,
    RobustnessResult,
    Settings,
)
from skin.analysis.probes.severities import CORRUPTIONS, SEVERITIES
from skin.analysis.probes.store import Origin, probes_folder, write_result
from skin.analysis.probes.subjects import Part, Subject
from skin.console import progress
from skin.files import locked, remove_leftovers
from skin.taxonomy import Task


def probe_robustness(
    subject: Subject, device: torch.device, *, tta: str = "none", resamples: int = 2000
) -> RobustnessResult:
    """Predict a run's images under every corruption, and write what came of it into the run.

    A probe that was stopped goes on at the corruption that it was at.

    Args:
        subject: the models and the images.
        device: where to predict.
        tta: the views of each image.
        resamples: of the intervals.

    Raises:
        SkinError: weights are damaged, or the run is being probed or cannot be written.
    """
    folder = subject.run.folder
    origin = Origin.of(subject.run, [part.held_out.fold for part in subject.parts], subject.seed)
    settings = Settings.of(tta, device.type, subject.keys["image_id"])
    with locked(probes_folder(folder), "probed"):
        remove_leftovers(probes_folder(folder))
        decisions = Decisions(
            probes_folder(folder) / f".{ROBUSTNESS}.partial.json", origin, settings
        )
        with progress() as bar:
            _predict(subject, decisions, device, tta, bar)
        table = _table(subject.parts, decisions)
        result = summarise(table, subject.task, origin, settings, resamples)
        write_result(folder, ROBUSTNESS, result, table)
        decisions.close()
    return result


def summarise(
    table: pd.DataFrame, task: Task, origin: Origin, settings: Settings, resamples: int
) -> RobustnessResult:
    """Score a table of decisions: the images' keys, then a class code for each of `DECIDED`."""
    columns = [column for each in DECIDED.values() for column in each]
    scores = score_decisions(table, task, columns, resamples, origin.seed)
    clean = scores[[0]]

    def damage(conditions: Sequence[str]) -> Damage:
        chosen = scores[[columns.index(column) for column in conditions]]
        difference = chosen.mean_difference(clean)
        base = clean.mean().value
        return Damage(
            bacc=Figure.of(chosen.mean()),
            difference=Figure.of(difference),
            relative_loss=-difference.value / base if base else None,
        )

    return RobustnessResult(
        origin=origin,
        task=task.name,
        settings=settings,
        images=len(table),
        lesions=table["lesion_id"].nunique(),
        classes=table["target"].nunique(),
        resamples=resamples,
        clean=Figure.of(clean.mean()),
        severities={
            name: tuple(damage([column]) for column in DECIDED[name]) for name in CORRUPTIONS
        },
        by_corruption={name: damage(DECIDED[name]) for name in CORRUPTIONS},
        by_severity=tuple(
            damage([DECIDED[name][place] for name in CORRUPTIONS])
            for place in range(len(SEVERITIES))
        ),
        overall=damage(columns[1:]),
    )


@dataclass(frozen=True)
class _Corrupt:
    """Corrupts by one corruption; way 0 is severity 1."""

    name: str
    image_ids: NDArray[np.str_]
    seed: int

    def __call__(self, image: NDArray[np.uint8], row: int, way: int) -> NDArray[np.uint8]:
        return corrupt(self.name, SEVERITIES[way], image, self.image_ids[row], self.seed)


def _as_it_is(image: NDArray[np.uint8], row: int, way: int) -> NDArray[np.uint8]:
    del row, way
    return image


def _predict(
    subject: Subject, decisions: Decisions, device: torch.device, tta: str, bar: Progress
) -> None:
    """Decide whatever is not decided yet, a corruption of a fold at a time."""
    todo = {
        part: [
            kind for kind, columns in DECIDED.items() if not decisions.has(part.fold, columns[0])
        ]
        for part in subject.parts
    }
    images = sum(len(DECIDED[kind]) * len(part.rows) for part in todo for kind in todo[part])
    task = bar.add_task(subject.run.name, total=images)
    for part, kinds in todo.items():
        if not kinds:
            continue
        predictor = Predictor.load(part, device, tta)
        for kind in kinds:
            bar.update(task, description=f"{subject.run.name} fold {part.fold}: {kind}")
            decided = _decide(predictor, kind, subject.seed, lambda n: bar.advance(task, n))
            decisions.add(part.fold, decided)


def _decide(predictor: Predictor, kind: str, seed: int, on_batch: Callable[[int], None]) -> Decided:
    held_out = predictor.part.held_out
    codes = np.array((*held_out.task.codes, TIED))
    ids = held_out.dataset.table["image_id"].to_numpy(dtype=str)
    alter = _as_it_is if kind == CLEAN else _Corrupt(kind, ids, seed)
    columns = DECIDED[kind]
    probabilities = predictor.predict(alter, len(columns), on_batch)
    return {
        column: tuple(codes[metrics.decide(each)].tolist())
        for column, each in zip(columns, probabilities, strict=True)
    }


def _table(parts: Sequence[Part], decisions: Decisions) -> pd.DataFrame:
    """The images' keys and decisions, in the order of the images."""
    columns = [column for each in DECIDED.values() for column in each]
    tables = [
        pd.concat([part.keys, pd.DataFrame(decisions.of(part.fold))[columns]], axis=1)
        for part in parts
    ]
    return pd.concat(tables).sort_values("image_id", ignore_index=True)
