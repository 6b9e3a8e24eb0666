"""Measuring a run's heatmaps, each image under the model of the fold that held it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from skin.analysis.localisation import sanity
from skin.analysis.localisation.assemble import FoldPasses, image_table, map_results, masks_hash
from skin.analysis.localisation.others import Others
from skin.analysis.localisation.passes import locate, randomise, trace
from skin.analysis.localisation.results import (
    COLUMNS,
    HeatmapResult,
    Probed,
    write_probed,
)
from skin.analysis.localisation.sample import Sample, draw_sample
from skin.analysis.localisation.settings import STAGES, Constants, Settings
from skin.analysis.localisation.views import Views
from skin.analysis.probes.store import Origin, probes_folder
from skin.analysis.probes.subjects import Subject
from skin.analysis.text import plural
from skin.console import note, progress, warn
from skin.data.masks import Masks, require_sound
from skin.errors import SkinError, name_some
from skin.files import locked, remove_leftovers
from skin.training.held_out import HeldOut

_FEWEST = 2  # lesions: a threshold is chosen, and a map judged, on the masks of others


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
        SkinError: as `HeatmapProbe.plan` and `measure`, the run is being probed, or its folder
            cannot be written.
    """
    probe = HeatmapProbe.plan(subject, masks, settings)
    folder = probes_folder(subject.run.folder)
    with locked(folder, "probed"):
        remove_leftovers(folder)
        return _probe(probe, device)


def _probe(probe: HeatmapProbe, device: torch.device) -> Probed:
    run = probe.subject.run
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
        warn(
            f"{run.name}: {plural(len(blank), 'image')} left out, of which the masks cover nothing "
            f"or all: {name_some(blank)}"
        )
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
        images = len(self.sample.rows)
        return 3 * images + min(self.settings.traced, images) * (1 + len(STAGES))

    def measure(
        self, device: torch.device, advance: Callable[[int], None] = lambda _: None
    ) -> Probed:
        """Measure the heatmaps.

        Args:
            device: to compute on.
            advance: called with the number of images after each batch of each pass.

        Raises:
            SkinError: weights are missing, masks are damaged or of another aspect than their
                images, too few views can be judged by them, or a model has no spatial feature map.
        """
        folds, seed = [part.held_out for part in self.subject.parts], self.subject.seed
        origin = Origin.of(self.subject.run, [held.fold for held in folds], seed)
        views = [Views(held_out, self.masks, device) for held_out in folds]
        others = self._others(views, advance)
        passes = [
            self._measure_fold(held_out, each, others, device, advance)
            for held_out, each in zip(folds, views, strict=True)
        ]
        on_all = [
            others.on_all_maps(each, self._seen(part), advance)
            for part, each in zip(passes, views, strict=True)
        ]
        table = image_table(passes, on_all, folds[0], seed)
        blank = [row for part in passes for row in part.located.blank]
        ids = folds[0].dataset.table["image_id"]
        result = HeatmapResult(
            origin=origin,
            settings=self.settings,
            constants=Constants.now(),
            masks=self.masks.archive.root.name,
            masks_sha256=masks_hash(self.masks, table["image_id"]),
            lesions=table["lesion_id"].nunique(),
            without_mask=self.sample.missing,
            without_lesion=tuple(sorted(ids.iloc[blank])),
            maps=map_results(table, passes, self.settings.resamples, seed),
        )
        return Probed(result, table[list(COLUMNS)])

    def _others(self, views: Sequence[Views], advance: Callable[[int], None]) -> Others:
        """The sum of all folds' masks."""
        require_sound(self.masks, self._images())
        others = Others()
        for part, each in zip(self.subject.parts, views, strict=True):
            others.add_masks(each, self.sample.of_fold(part.held_out.fold.fold), advance)
        if others.images < _FEWEST:
            raise SkinError(
                f"the views of {self.subject.run.folder}'s images show no lesion by these masks, "
                "or nothing but lesion: are the masks inverted, or of another crop of the images?"
            )
        if others.inverted():
            warn(
                f"{self.masks.archive.root}: these lesions are at the images' rims rather than in "
                "their middles; are the masks inverted?"
            )
        return others

    def _images(self) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """The ids and pixels of the sample."""
        for part in self.subject.parts:
            images, ids = part.held_out.images().images, part.held_out.dataset.table["image_id"]
            for row in self.sample.of_fold(part.fold).tolist():
                yield str(ids.iloc[row]), images[row]

    def _seen(self, part: FoldPasses) -> NDArray[np.int64]:
        """The rows of a fold whose views can be judged."""
        rows = self.sample.of_fold(part.fold)
        seen: NDArray[np.int64] = rows[~np.isin(rows, part.located.blank)]
        return seen

    def _measure_fold(
        self,
        held_out: HeldOut,
        views: Views,
        others: Others,
        device: torch.device,
        advance: Callable[[int], None],
    ) -> FoldPasses:
        number, methods, seed = held_out.fold.fold, self.settings.methods, self.subject.seed
        rows = self.sample.of_fold(number)
        model = held_out.load(device)
        try:
            located = locate(model, views, rows, methods, others, advance=advance)
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
