"""Measuring a run's heatmaps, each image under the model of the fold that held it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from skin.analysis.localisation import sanity
from skin.analysis.localisation.assemble import FoldPasses, image_table, map_results, masks_hash
from skin.analysis.localisation.passes import locate, randomise, trace
from skin.analysis.localisation.results import (
    COLUMNS,
    HeatmapResult,
    Probed,
    write_probed,
)
from skin.analysis.localisation.sample import Sample, draw_sample
from skin.analysis.localisation.settings import STAGES, Settings
from skin.analysis.localisation.views import Views
from skin.analysis.probes.store import Origin
from skin.analysis.probes.subjects import Subject
from skin.analysis.text import plural
from skin.console import note, progress, warn
from skin.data.masks import Masks
from skin.errors import SkinError, name_some
from skin.files import require_writable
from skin.training.held_out import HeldOut


def probe_heatmaps(
    subject: Subject, masks: Masks, settings: Settings, device: torch.device
) -> Probed:
    """Measure a run's heatmaps and write `probes/heatmaps.json` and `.csv` into its folder.

    Args:
        subject: the run, and the folds whose models and held-out images are taken.
        masks: of the held-out images; those without one are named and left out.
        settings: how many images, which maps.
        device: to compute on.

    Raises:
        SkinError: as `HeatmapProbe.plan` and `measure`, or the folder cannot be written.
    """
    probe = HeatmapProbe.plan(subject, masks, settings)
    run = subject.run
    require_writable(run.folder)
    missing = probe.sample.missing
    if missing:
        warn(f"{run.name}: {len(missing)} held-out images have no mask: {name_some(missing)}")
    drawn = plural(len(probe.sample.rows), "image")
    note(f"{run.name}: {drawn} of as many lesions, each under the model that never saw it")
    with progress() as bar:
        task = bar.add_task(run.name, total=probe.work)
        probed = probe.measure(device, lambda images: bar.advance(task, images))
    blank = probed.result.without_lesion
    if blank:
        warn(f"{run.name}: {len(blank)} views show no lesion and are left out: {name_some(blank)}")
    write_probed(run.folder, probed)
    return probed


@dataclass(frozen=True, eq=False)
class HeatmapProbe:
    """What is to be measured, on which images.

    Attributes:
        subject: the run and its folds.
        masks: of the held-out images.
        settings: how many images, which maps.
        sample: the images.
    """

    subject: Subject
    masks: Masks
    settings: Settings
    sample: Sample

    @classmethod
    def plan(cls, subject: Subject, masks: Masks, settings: Settings) -> Self:
        """Draw the images.

        Raises:
            SkinError: fewer than two lesions have a mask.
        """
        folds = [part.held_out for part in subject.parts]
        return cls(
            subject, masks, settings, draw_sample(folds, masks, settings.images, subject.seed)
        )

    @property
    def work(self) -> int:
        """How many images `measure` tells of in all: each pass over one counts."""
        traced = min(self.settings.traced, len(self.sample.rows))
        return len(self.sample.rows) + traced * (1 + len(STAGES))

    def measure(
        self, device: torch.device, advance: Callable[[int], None] = lambda _: None
    ) -> Probed:
        """Measure the heatmaps.

        Args:
            device: to compute on.
            advance: called with the number of images after each batch of each pass.

        Raises:
            SkinError: a mask is damaged or of another aspect than its image, too few views show a
                lesion, or a model has no spatial feature map.
        """
        folds, seed = [part.held_out for part in self.subject.parts], self.subject.seed
        passes = [self._measure_fold(held_out, device, advance) for held_out in folds]
        table = image_table(passes, folds[0], seed)
        blank = [row for part in passes for row in part.located.blank]
        ids = folds[0].dataset.table["image_id"]
        result = HeatmapResult(
            origin=Origin.of(self.subject.run, [held.fold for held in folds], seed),
            settings=self.settings,
            masks=self.masks.archive.root.name,
            masks_sha256=masks_hash(self.masks, table["image_id"]),
            lesions=table["lesion_id"].nunique(),
            without_mask=self.sample.missing,
            without_lesion=tuple(sorted(ids.iloc[blank])),
            maps=map_results(table, passes, self.settings.resamples, seed),
        )
        return Probed(result, table[list(COLUMNS)])

    def _measure_fold(
        self, held_out: HeldOut, device: torch.device, advance: Callable[[int], None]
    ) -> FoldPasses:
        number, methods, seed = held_out.fold.fold, self.settings.methods, self.subject.seed
        views = Views(held_out, self.masks, device)
        model = held_out.load(device)
        try:
            located = locate(model, views, self.sample.of_fold(number), methods, advance=advance)
        except SkinError as error:
            raise SkinError(f"{held_out.fold.folder}: {error}") from error
        first = self.sample.of_fold(number, self.settings.traced)
        rows = first[~np.isin(first, located.blank)]
        if not len(rows):
            return FoldPasses(number, located, [], [])
        traces = trace(model, views, rows, methods, seed=seed, advance=advance)
        fresh = sanity.untrained(held_out.experiment.config, seed, number).to(device)
        compared = randomise(model, fresh, views, rows, methods, advance=advance)
        return FoldPasses(number, located, traces, compared)
