"""Whose models are probed, and on which images: always such as the model never saw."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from skin.console import note, warn
from skin.data.dataset import Dataset
from skin.data.summary import leak_warning
from skin.ensembling.ensemble import load_ensemble, locate_ensemble
from skin.errors import SkinError, name_some
from skin.randomness import ORDER, key
from skin.runs import Run, find_run, locate_run
from skin.taxonomy import Task
from skin.training.held_out import HeldOut
from skin.training.run import parse_folds

IMAGES: Final = 1000  # how many a probe takes by default
ALL: Final = "all"


@dataclass(frozen=True, eq=False)
class Part:
    """One fold's model, and the images that it is probed on.

    Attributes:
        held_out: the model and all images that it never saw.
        rows: (N,) of the dataset's table, ascending.
    """

    held_out: HeldOut
    rows: NDArray[np.int64]

    @property
    def fold(self) -> int:
        """The fold's number."""
        return self.held_out.fold.fold

    @property
    def keys(self) -> pd.DataFrame:
        """`image_id`, `lesion_id`, `fold` and `target`, a class code, of the rows."""
        experiment = self.held_out.experiment
        codes = np.array(experiment.task.codes)
        table = experiment.dataset.table.iloc[self.rows]
        return pd.DataFrame(
            {
                "image_id": table["image_id"].to_numpy(dtype=str),
                "lesion_id": table["lesion_id"].to_numpy(dtype=str),
                "fold": self.fold,
                "target": codes[experiment.targets[self.rows]],
            }
        )


@dataclass(frozen=True, eq=False)
class Subject:
    """A run's models, each with its images.

    Attributes:
        run: the run.
        parts: one a fold.
        seed: that the images were chosen by.
    """

    run: Run
    parts: tuple[Part, ...]
    seed: int

    @property
    def task(self) -> Task:
        """What the models predict."""
        return self.parts[0].held_out.task

    @property
    def dataset(self) -> Dataset:
        """Where the images are."""
        return self.parts[0].held_out.dataset

    @property
    def images(self) -> int:
        """How many images there are."""
        return sum(len(part.rows) for part in self.parts)

    @property
    def keys(self) -> pd.DataFrame:
        """The images of all parts, as `Part.keys`."""
        return pd.concat([part.keys for part in self.parts], ignore_index=True)


def parse_images(text: str) -> int | None:
    """Read a number of images; None for `all`.

    Raises:
        SkinError: it is neither.
    """
    if text.strip() == ALL:
        return None
    if not text.strip().isdecimal() or not int(text):
        raise SkinError(f"--images {text}: say how many, as {IMAGES}, or {ALL}")
    return int(text)


def find_subjects(
    names: Sequence[str],
    *,
    runs_dir: Path,
    ensembles_dir: Path,
    data_dir: Path,
    folds: str,
    images: int | None,
    seed: int,
) -> list[Subject]:
    """Find the named runs, and choose images for each.

    Runs of the same dataset and folds get the same images.

    Args:
        names: of runs, or their folders.
        runs_dir: where the runs are.
        ensembles_dir: where the ensembles are, to tell who names one.
        data_dir: where the datasets are.
        folds: `all` that are finished, or numbers and ranges as `0`, `0,2` or `0..4`.
        images: see `choose_rows`; None for all.
        seed: of the choice.

    Raises:
        SkinError: a run is unknown or an ensemble, a fold is not finished, or a dataset or its
            folds are missing or in another state than in training.
    """
    runs = [_find_run(name, runs_dir, ensembles_dir) for name in names]
    by_folder = {run.folder.resolve(): run for run in runs}
    return [_subject(run, data_dir, folds, images, seed) for run in by_folder.values()]


def choose_rows(
    held_out: Sequence[HeldOut], images: int | None, seed: int
) -> list[NDArray[np.int64]]:
    """Choose about so many of the folds' held-out images.

    Whole lesions are drawn, of each class as many images as of any other as far as there are: BACC
    is a mean over classes, so that rare ones would make it uncertain if they were drawn by their
    share. Of a seed's choices, a smaller one is part of a larger one.

    Args:
        held_out: folds of one dataset.
        images: how many in all; the last lesion may add a few. None for all.
        seed: keys what is drawn.

    Returns:
        Each fold's rows in the dataset's table, ascending.
    """
    rows = np.concatenate([one.rows for one in held_out])
    if images is None or images >= len(rows):
        return [np.sort(one.rows) for one in held_out]
    experiment = held_out[0].experiment
    lesions = experiment.dataset.table["lesion_id"].to_numpy(dtype=str)
    table = pd.DataFrame({"lesion": lesions[rows], "target": experiment.targets[rows]})
    table = table.groupby("lesion").agg(images=("target", "size"), target=("target", "first"))
    draw = np.random.Generator(np.random.PCG64(key(ORDER, seed)))
    table = table.iloc[draw.permutation(len(table))]
    # In turn one lesion of each class, by how many images of its class were taken before it.
    before = table.groupby("target")["images"].cumsum() - table["images"]
    table = table.iloc[np.argsort(before.to_numpy(), kind="stable")]
    taken = table.index[(table["images"].cumsum() - table["images"]).to_numpy() < images]
    return [np.sort(one.rows[np.isin(lesions[one.rows], taken)]) for one in held_out]


def _find_run(name: str, runs_dir: Path, ensembles_dir: Path) -> Run:
    folder = locate_ensemble(name, ensembles_dir)
    if folder is not None and locate_run(name, runs_dir) is None:
        runs = shlex.join(run.name for run in load_ensemble(folder).runs)
        raise SkinError(
            f"{name} is an ensemble, and a probe is of the models of one run: name its runs, {runs}"
        )
    return find_run(name, runs_dir)


def _subject(run: Run, data_dir: Path, folds: str, images: int | None, seed: int) -> Subject:
    finished = {fold.fold: fold for fold in run.finished_folds()}
    if not finished:
        raise SkinError(f"{run.folder} has no finished fold; see `skin train`")
    some = HeldOut.find(next(iter(finished.values())), data_dir)
    wanted = list(finished)
    if folds.strip() != ALL:
        wanted = parse_folds(folds, some.experiment.folds.k)
    missing = [number for number in wanted if number not in finished]
    if missing:
        raise SkinError(
            f"--fold {folds}: {run.name} has not finished fold {name_some(missing)}; it has "
            f"{name_some(finished)}"
        )
    if some.experiment.folds.leaking:
        warn(f"{run.name}: {leak_warning(some.experiment.folds)}")
    held_out = [HeldOut.find(finished[number], data_dir) for number in wanted]
    rows = choose_rows(held_out, images, seed)
    parts = tuple(Part(one, some) for one, some in zip(held_out, rows, strict=True) if len(some))
    subject = Subject(run, parts, seed)
    note(f"{run.name}: fold {name_some(wanted)}, {subject.images:,} images that they never saw")
    return subject
