"""What one fold's training needs, resolved from a config and a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skin.config import Config
from skin.console import note
from skin.data.augment import build_pipeline, build_train_pipelines
from skin.data.balance import TrainingPart, balance
from skin.data.blend import BlendedImages, extended_targets
from skin.data.cache import Cache
from skin.data.dataset import Dataset, find_dataset
from skin.data.encode import encode_metadata
from skin.data.folds import Folds, Parts
from skin.data.loader import AugmentedImages
from skin.data.order import TrainingOrder
from skin.data.parallel import available_cpus
from skin.errors import SkinError, did_you_mean, name_some
from skin.randomness import INITIALISE, key
from skin.taxonomy import LABELS, OUTSIDE, Task, get_task


@dataclass(frozen=True)
class Experiment:
    """A config with every open choice made: the dataset, its folds, its cache.

    Attributes:
        config: says dataset, folds and short side by name.
        targets: each table row's class index (N,); -1 for what is outside the task.
    """

    config: Config
    dataset: Dataset
    folds: Folds
    targets: NDArray[np.int64]

    @property
    def task(self) -> Task:
        """What the model predicts."""
        return get_task(self.config.task)

    def open_cache(self) -> Cache:
        """Open the decoded images, by row of the table."""
        return self.dataset.open_cache(_short_side(self.config, self.dataset))

    def evaluation_images(self) -> AugmentedImages:
        """The images by row of the table, as they are evaluated.

        Raises:
            SkinError: the pipeline is wrong.
        """
        side = self.config.data.image_size
        pipeline = build_pipeline(self.config.augment.evaluate, side, "augment.evaluate")
        return AugmentedImages(self.open_cache(), pipeline, side)

    @property
    def metadata(self) -> NDArray[np.float32] | None:
        """Each table row's encoded metadata (N, M); none if not used."""
        return encode_metadata(self.dataset.table) if self.config.model.metadata.used else None

    @property
    def metadata_hash(self) -> str | None:
        """The identity of what the model sees beside the images; none if it sees no more."""
        return self.dataset.metadata_hash if self.config.model.metadata.used else None

    def parts(self, fold: int) -> Parts:
        """The fold's rows, less those that are outside the task.

        Raises:
            SkinError: there is no such fold.
        """
        return Parts(*(rows[self.targets[rows] >= 0] for rows in self.folds.split(fold)))

    def outside(self, fold: int) -> NDArray[np.int64]:
        """The held-out rows that are none of the task's classes: unknown to the fold's model.

        A label that may be one of the classes, as `benign` may be a nevus, is no such row, though
        it is not trained on either.
        """
        rows = self.folds.split(fold).held_out
        kinds = frozenset[str]().union(*(diagnosis.kinds for diagnosis in self.task.classes))
        none_of_them = [label for label, parts in LABELS.items() if not parts & kinds]
        return rows[self.dataset.table["dx"].iloc[rows].isin(none_of_them).to_numpy()]

    def seed(self, fold: int) -> int:
        """A fold's own seed."""
        return key(INITIALISE, self.config.seed, fold)


@dataclass(frozen=True)
class FoldPlan:
    """One fold of an experiment: who trains, who is held out, and how both are seen.

    Attributes:
        parts: the rows of the dataset's table to train on, to validate on, and held out.
        training: the training part after balancing; rows beyond the table are blends.
        train_images: by row, augmented.
        evaluation_images: by row, as they are evaluated.
    """

    experiment: Experiment
    fold: int
    parts: Parts
    training: TrainingPart
    train_images: AugmentedImages
    evaluation_images: AugmentedImages

    @property
    def config(self) -> Config:
        """The experiment's config."""
        return self.experiment.config

    @property
    def seed(self) -> int:
        """This fold's own seed."""
        return self.experiment.seed(self.fold)

    @property
    def train_counts(self) -> NDArray[np.int64]:
        """Training images of each class (C,), after balancing."""
        targets = self.targets[self.training.rows]
        return np.bincount(targets, minlength=len(self.experiment.task))

    @property
    def targets(self) -> NDArray[np.int64]:
        """Each row's class index: the dataset's table, then the blends."""
        return extended_targets(self.experiment.targets, self.training.blends)

    @property
    def metadata(self) -> NDArray[np.float32] | None:
        """Each row's encoded metadata, a blend's being its first image's; none if not used."""
        encoded = self.experiment.metadata
        if encoded is None:
            return None
        return np.concatenate([encoded, encoded[self.training.blends.first]])

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """How often each training image is drawn, relative to others; None: all alike.

        Aligned with `training.rows`; a blend counts as of its first image's source.
        """
        chosen = self.config.sampler.source_weights
        if not chosen:
            return None
        weights = self.experiment.dataset.table["source"].map(chosen).fillna(1.0)
        of_table = weights.to_numpy(np.float64)
        of_all = np.concatenate([of_table, of_table[self.training.blends.first]])
        return of_all[self.training.rows]

    @property
    def order(self) -> TrainingOrder:
        """The batches of all epochs."""
        return TrainingOrder(
            rows=self.training.rows,
            targets=self.targets[self.training.rows],
            sampler=self.config.sampler,
            batch_size=self.config.training.batch_size,
            seed=self.seed,
            weights=self.weights,
        )


def resolve(config: Config, data_dir: Path) -> Experiment:
    """Make the open choices and load the tables.

    Raises:
        SkinError: no dataset, folds or cache, several where the config names none, a diagnosis
            that the task does not know, or a sampler that does not fit.
    """
    dataset = find_dataset(data_dir, config.data.dataset)
    folds = Folds.load(dataset, config.data.folds)
    short_side = _short_side(config, dataset)
    chosen = {"dataset": dataset.name, "folds": folds.name, "short_side": short_side}
    config = config.model_copy(update={"data": config.data.model_copy(update=chosen)})
    task = get_task(config.task)
    _check_sampler(config, dataset)
    return Experiment(config, dataset, folds, _targets(dataset, task, config.data.outside))


def _check_sampler(config: Config, dataset: Dataset) -> None:
    if config.sampler.kind == "undersample" and config.balance:
        raise SkinError(
            "balance and sampler.kind=undersample both cut classes to size: drop one of them"
        )
    sources = set(dataset.table["source"])
    for source in config.sampler.source_weights:
        if source not in sources:
            raise SkinError(
                f"sampler.source_weights: dataset '{dataset.name}' has no images of source "
                f"'{source}': {did_you_mean(source, sources)}"
            )


def _targets(dataset: Dataset, task: Task, outside: str) -> NDArray[np.int64]:
    index = dataset.table["dx"].map(dict(task.index_by_dx()))
    targets: NDArray[np.int64] = np.array(index.fillna(OUTSIDE), np.int64)
    unknown = dataset.table.loc[targets == OUTSIDE, "dx"]
    if unknown.empty:
        return targets
    if outside == "error":
        raise SkinError(
            f"dataset '{dataset.name}' has diagnoses that task '{task.name}' does not know: "
            f"{name_some(sorted(unknown.unique()))}; choose another --set task=NAME, or leave "
            f"their {len(unknown):,} images out with --set data.outside=drop"
        )
    counts = unknown.value_counts()
    listed = name_some(f"{dx} ({count:,})" for dx, count in counts.items())
    note(f"{len(unknown):,} images are outside task '{task.name}' and left out: {listed}")
    return targets


def plan_fold(experiment: Experiment, fold: int) -> FoldPlan:
    """Split the rows and build the pipelines of one fold.

    Raises:
        SkinError: the fold does not exist, a class has no training image, or a pipeline is wrong.
    """
    config, dataset = experiment.config, experiment.dataset
    parts = experiment.parts(fold)
    side = config.data.image_size
    cache = experiment.open_cache()
    codes = experiment.task.codes
    training = balance(
        parts.train, experiment.targets, config.balance, cache, codes, experiment.seed(fold)
    )
    augmented = build_train_pipelines(config.augment, side, codes)
    plan = FoldPlan(
        experiment,
        fold,
        parts,
        training,
        AugmentedImages(
            BlendedImages(cache, len(dataset), training.blends),
            augmented.default,
            side,
            augmented.by_class,
            extended_targets(experiment.targets, training.blends),
        ),
        experiment.evaluation_images(),
    )
    empty = [c for c, n in zip(experiment.task.codes, plan.train_counts, strict=True) if n == 0]
    if empty:
        raise SkinError(
            f"fold {fold} of dataset '{dataset.name}' has no training image of {name_some(empty)}"
        )
    _require_drawn(plan)
    return plan


def _require_drawn(plan: FoldPlan) -> None:
    """Refuse weights of sources by which a class is never drawn."""
    codes, order = plan.experiment.task.codes, plan.order
    weights = np.bincount(order.targets, order.weights, minlength=len(codes))
    never = [code for code, weight in zip(codes, weights, strict=True) if weight == 0]
    if never:
        raise SkinError(
            f"fold {plan.fold}: all training images of {name_some(never)} are of sources that "
            "sampler.source_weights sets to 0; give one of them a weight"
        )


def loader_workers(wanted: int | None, *, on_gpu: bool) -> int:
    """Give the number of loader processes.

    On a CPU the model needs the cores, and one process outruns it; a GPU can use them all.
    """
    if wanted is not None:
        return wanted
    cores = available_cpus()
    return min(cores, 16) if on_gpu else max(1, cores // 8)


def _short_side(config: Config, dataset: Dataset) -> int:
    sides = dataset.require_short_sides()
    wanted = config.data.short_side
    if wanted is None and len(sides) == 1:
        return sides[0]
    if wanted in sides:
        return wanted
    have = f"dataset '{dataset.name}' has caches of short side {name_some(sides)}"
    if wanted is None:
        raise SkinError(f"{have}: choose with --set data.short_side={sides[-1]}")
    raise SkinError(f"data.short_side: {have}, not {wanted}; add it with --short-side {wanted}")
