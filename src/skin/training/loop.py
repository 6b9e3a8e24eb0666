"""The training of one fold, from the first step to the last."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from skin.data.loader import Batch, training_loader
from skin.errors import SkinError
from skin.files import replacing
from skin.models.build import LesionClassifier, build_model
from skin.randomness import INITIALISE, STEP, key
from skin.training.checkpoint import load_checkpoint, load_weights, save_checkpoint, save_weights
from skin.training.display import Display
from skin.training.evaluation import predict_rows, validation_figures
from skin.training.losses import ClassificationLoss
from skin.training.mixing import Mixer
from skin.training.optimizer import build_optimizer
from skin.training.parts import build_accelerator, build_average, build_schedule
from skin.training.plan import FoldPlan, loader_workers
from skin.training.precision import choose_device, choose_precision
from skin.training.progress import Progress
from skin.training.selection import Selection

CHECKPOINT = "checkpoint.pt"

OnEpoch = Callable[[int, int, float], None]
"""Takes a fold, an epoch that ended, and its validation BACC, whatever epochs are judged by."""


class FoldTrainer:
    """Trains one fold in a folder, and goes on where a former training of it stopped.

    Everything random is drawn from generators keyed by the fold's seed and the step, so a
    checkpoint holds no generator's state, and a training that was killed at any moment ends on
    the CPU with the same bits as one that was not.

    Args:
        plan: the data, and the config.
        folder: of this fold; its checkpoint is taken up if there is one.

    Raises:
        SkinError: the config cannot be trained here, or the checkpoint is of other data.
    """

    def __init__(self, plan: FoldPlan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        training = plan.config.training
        self.selection = Selection.of(
            training.select_by, plan.experiment.task, plan.targets[plan.parts.valid]
        )
        self.device = choose_device(plan.config.runtime.device)
        saved = load_checkpoint(folder / CHECKPOINT)
        torch.manual_seed(key(INITIALISE, plan.seed))
        self.model = build_model(plan.config, pretrained=saved is None)
        if training.channels_last:
            self.model.to(memory_format=torch.channels_last)
        self.precision = (
            saved["precision"]
            if saved
            else choose_precision(training.precision, self.device, self.model)
        )
        self.workers = loader_workers(plan.config.runtime.workers, on_gpu=self.device.type != "cpu")
        self.accelerator = build_accelerator(self.precision, self.device)
        self.order = plan.order
        self.ema = build_average(self.model.to(self.device), training.ema_decay)
        self.schedule = build_schedule(plan, self.order.batches_per_epoch)
        optimizer = build_optimizer(plan.config.optimizer, self.model)
        if training.compile:
            self.model.compile()
        self.wrapped, self.optimizer = self.accelerator.prepare(self.model, optimizer)
        task = plan.experiment.task
        drawn = self.order.class_distribution(len(task))
        loss = ClassificationLoss(plan.config.loss, plan.train_counts, drawn, task.tree)
        self.loss = loss.to(self.device)
        self.mix = Mixer(plan.config.mix, len(task))
        self.targets = torch.from_numpy(plan.targets)
        self.metadata = None if plan.metadata is None else torch.from_numpy(plan.metadata)
        self.progress = Progress()
        if saved:
            self._restore(saved)
        self._save_every = plan.config.runtime.checkpoint_seconds
        self._saved_at = time.monotonic()

    def run(self, on_epoch: OnEpoch | None = None) -> None:
        """Train to the last epoch, or until the figure that epochs are judged by stops rising.

        Args:
            on_epoch: called after each epoch, once all of it is saved.

        Raises:
            SkinError: the loss is no longer a number, or the GPU's memory is too small.
        """
        epochs, steps = self.plan.config.training.epochs, self.order.batches_per_epoch
        batches = training_loader(
            self.plan.train_images,
            self.order.batches(range(self.progress.epoch, epochs), self.progress.batch),
            self.workers,
            pin_memory=self.device.type == "cuda",
        )
        display = Display(f"fold {self.plan.fold}", epochs * steps, self.step, self.selection)
        with display, SummaryWriter(str(self.folder), purge_step=self.progress.epoch) as board:
            while self.progress.epoch < epochs and not self._is_stale():
                self._begin_epoch()
                while self.progress.batch < steps:
                    self._train_batch(next(batches))
                    if display.due():
                        self._show(display)
                    if time.monotonic() - self._saved_at > self._save_every:
                        self._save()
                self._end_epoch(display, board)
                if on_epoch:
                    last = self.progress.history[-1]
                    on_epoch(self.plan.fold, last["epoch"], last["valid_bacc"])
        save_weights(self.folder / "last.safetensors", self.averaged)

    def predict_held_out(self) -> NDArray[np.float64]:
        """Give log-probabilities (N, C) of the held-out rows, by the best checkpoint."""
        load_weights(self.folder / "best.safetensors", self.averaged)
        return self._predict(self.plan.parts.held_out, self.plan.config.training.tta).numpy()

    @property
    def step(self) -> int:
        """The optimizer steps done."""
        return self.progress.epoch * self.order.batches_per_epoch + self.progress.batch

    @property
    def averaged(self) -> LesionClassifier:
        """The model that is evaluated and kept: the average over the steps, where there is one."""
        return self.ema.module if self.ema else self.model

    def _begin_epoch(self) -> None:
        self.model.train()
        self.model.freeze(self.progress.epoch < self.plan.config.training.freeze_epochs)
        self._loss_sum = torch.tensor(self.progress.loss_sum, dtype=torch.float64).to(self.device)
        self._clock = time.perf_counter() - self.progress.epoch_seconds

    def _train_batch(self, batch: Batch) -> None:
        step = self.step
        torch.manual_seed(key(STEP, self.plan.seed, step))
        self.schedule.apply(self.optimizer, step)
        images = batch.images.to(self.device, non_blocking=True)
        targets = self.targets[batch.rows].to(self.device, non_blocking=True)
        images, shares = self.mix(images, targets)
        metadata = None
        if self.metadata is not None:
            metadata = self.metadata[batch.rows].to(self.device, non_blocking=True)
        loss = self.loss(self.wrapped(images, metadata, targets), shares)
        self.accelerator.backward(loss)
        if self.plan.config.training.clip_grad_norm:
            limit = self.plan.config.training.clip_grad_norm
            self.accelerator.clip_grad_norm_(self.wrapped.parameters(), limit)
        self.optimizer.step()
        self.optimizer.zero_grad()
        if self.ema:
            self.ema.update(self.model, step + 1)
        # Reading the loss from a GPU would wait for it, so the sum stays there.
        self._loss_sum += loss.detach()
        self.progress.batch += 1

    def _end_epoch(self, display: Display, board: SummaryWriter) -> None:
        """Validate, keep the best weights, write the history, save."""
        self._read_counters()
        progress, steps = self.progress, self.order.batches_per_epoch
        trained_seconds = progress.epoch_seconds
        validated = self._validate()
        progress.seconds += time.perf_counter() - self._clock
        figure = validated[self.selection.column]
        best = figure > progress.best
        row = {
            "epoch": progress.epoch,
            "stage": "head" if self.model.frozen else "all",
            "lr": max(group["lr"] for group in self.optimizer.param_groups),
            "train_loss": progress.loss_sum / steps,
            **validated,
            "images_per_s": self.order.images_per_epoch / trained_seconds,
            "seconds": time.perf_counter() - self._clock,
        }
        progress.history.append(row)
        if best:
            progress.best, progress.best_epoch = figure, progress.epoch
            progress.best_bacc = validated["valid_bacc"]
        if not self.model.frozen:
            self.schedule.after_epoch(figure)
        progress.epoch, progress.batch = progress.epoch + 1, 0
        progress.loss_sum = progress.epoch_seconds = 0.0
        if best:
            save_weights(self.folder / "best.safetensors", self.averaged)
        with replacing(self.folder / "history.csv") as temporary:
            pd.DataFrame(progress.history).to_csv(temporary, index=False)
        for name in ("train_loss", *validated, "lr"):
            board.add_scalar(name, row[name], row["epoch"])
        display.epoch(row, best=best)
        self._save()

    def _validate(self) -> dict[str, float]:
        """Give loss, BACC, accuracy and the figure that judges, on the validation rows."""
        log_probabilities = self._predict(self.plan.parts.valid, "none")
        targets = self.targets[torch.from_numpy(self.plan.parts.valid)]
        return {
            **validation_figures(log_probabilities, targets),
            **self.selection.areas(log_probabilities.numpy()),
        }

    def _predict(self, rows: NDArray[np.int64], tta: str) -> Tensor:
        return predict_rows(
            self.averaged,
            self.plan.evaluation_images,
            rows,
            tta=tta,
            metadata=self.metadata,
            batch_size=self.plan.config.training.eval_batch_size,
            workers=self.workers,
            device=self.device,
            precision=self.precision,
        )

    def _is_stale(self) -> bool:
        patience = self.plan.config.training.early_stopping
        # While the backbone is frozen no patience runs out.
        since = max(self.progress.best_epoch, self.plan.config.training.freeze_epochs - 1)
        return patience is not None and self.progress.epoch - 1 - since >= patience

    def _read_counters(self) -> None:
        """Bring the figures that the loop keeps elsewhere into `progress`."""
        self.progress.loss_sum = float(self._loss_sum)
        self.progress.epoch_seconds = time.perf_counter() - self._clock
        if not math.isfinite(self.progress.loss_sum):
            raise SkinError(
                f"the loss became {self.progress.loss_sum} in epoch {self.progress.epoch}: lower "
                "optimizer.lr, set training.clip_grad_norm, or use training.precision=fp32"
            )

    def _show(self, display: Display) -> None:
        self._read_counters()
        progress = self.progress
        images = progress.batch * self.order.batch_size
        display.step(
            self.step,
            progress.epoch,
            progress.loss_sum / progress.batch,
            images / progress.epoch_seconds,
        )

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        if self.progress.batch:
            self._read_counters()
        scaler = self.accelerator.scaler
        save_checkpoint(
            self.folder / CHECKPOINT,
            {
                "data": self._data_identity(),
                "precision": self.precision,
                "model": self.model.state_dict(),
                "ema": self.ema.module.state_dict() if self.ema else None,
                "optimizer": self.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "scaler": scaler.state_dict() if scaler else None,
                "progress": asdict(self.progress),
            },
        )

    def _restore(self, saved: dict[str, Any]) -> None:
        if saved["data"] != self._data_identity():
            raise SkinError(
                f"{self.folder} was begun on other data ({saved['data']}) than there is now "
                f"({self._data_identity()}): train with --restart, or under another --name"
            )
        self.model.load_state_dict(saved["model"])
        if self.ema:
            self.ema.module.load_state_dict(saved["ema"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.schedule.load_state_dict(saved["schedule"])
        if self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(saved["scaler"])
        self.progress = Progress(**saved["progress"])

    def _data_identity(self) -> dict[str, str | None]:
        experiment = self.plan.experiment
        return {
            "dataset": experiment.dataset.hash,
            "folds": experiment.folds.hash,
            "metadata": experiment.metadata_hash,
            # SMOTE's neighbours could differ with another library or processor.
            "training": self.plan.training.hash,
        }
