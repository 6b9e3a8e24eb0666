"""The probed runs of a comparison, and how their maps differ on the same images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from skin.analysis.localisation.results import (
    LINEAR,
    LOCAL,
    NAME,
    HeatmapResult,
    MapResult,
    read_images,
)
from skin.analysis.localisation.settings import Constants
from skin.analysis.localisation.summary import (
    Difference,
    own_over_other,
    paired_differences,
    same_images,
)
from skin.analysis.report.compare import Comparison, Row
from skin.analysis.report.probed import Found, Probed, find_results
from skin.runs import Run

OVER_OTHER = "energy_over_other"  # the figure that claims go by


class OneMap(NamedTuple):
    """One kind of map of one run."""

    run: RunMaps
    name: str

    @property
    def found(self) -> MapResult:
        """What was measured of it."""
        return self.run.result.maps[self.name]

    @property
    def key(self) -> tuple[str, str]:
        """The run's name and the map's."""
        return self.run.name, self.name

    @property
    def table(self) -> pd.DataFrame:
        """Its rows of the run's table of images."""
        table = self.run.table
        return table[table["map"] == self.name]


@dataclass(frozen=True, eq=False)
class RunMaps:
    """A run and what its probe found.

    Attributes:
        row: in the comparison.
        result: of its present weights.
        table: the rows beside it.
        comparable: whether it was measured on the reference's images, by its masks.
    """

    row: Row
    result: HeatmapResult
    table: pd.DataFrame
    comparable: bool

    @property
    def name(self) -> str:
        """The run's name."""
        return self.row.entry.name

    @property
    def maps(self) -> list[OneMap]:
        """Its maps."""
        return [OneMap(self, name) for name in self.result.maps]


@dataclass(frozen=True, eq=False)
class Compared:
    """Maps beside each other.

    Attributes:
        runs: in the comparison's order.
        reference: the map that the others are compared with.
        over_other: by measure, then by `OneMap.key`, each map's mean on its own image's masks less
            that on other lesions'; corrected by Holm over all maps, measure by measure.
        differences: by measure, then by `OneMap.key`, to the reference on the same images;
            corrected likewise.
    """

    runs: tuple[RunMaps, ...]
    reference: OneMap
    over_other: Mapping[str, Mapping[tuple[str, str], Difference]]
    differences: Mapping[str, Mapping[tuple[str, str], Difference]]

    @property
    def maps(self) -> list[OneMap]:
        """All runs' maps."""
        return [one for run in self.runs for one in run.maps]

    @property
    def comparable(self) -> list[OneMap]:
        """Those that were measured on the reference's images, by its masks."""
        return [one for one in self.maps if one.run.comparable]


def find_maps(comparison: Comparison) -> Found[HeatmapResult]:
    """Read the results of a comparison's runs; ensembles have none."""
    return find_results(
        comparison.rows, NAME, HeatmapResult, options=" --masks SOURCE", outdated=_outdated
    )


def compare_maps(
    probed: Sequence[Probed[HeatmapResult]], baseline: str | None, *, resamples: int, seed: int
) -> Compared:
    """Compare maps with the first map, as a rule Grad-CAM, of one run.

    This run is the baseline or, where there is none that was probed, a plain one: without attention
    and with a head that has none. Of several it is the one whose images most others share, and then
    the first. Where none is plain, it is chosen likewise among all.

    Args:
        probed: one or more, as `find_maps` gives them.
        baseline: a run's name, if the user chose one.
        resamples: of the lesions.
        seed: of the resamples.

    Raises:
        SkinError: a table beside a result is damaged or missing.
    """
    tables = [read_images(row.entry.folder, result) for row, result in probed]
    alike = _alike([result for _, result in probed], tables)
    chosen = _reference(probed, alike, baseline)
    runs = tuple(
        RunMaps(row, result, table, same)
        for (row, result), table, same in zip(probed, tables, alike[chosen], strict=True)
    )
    reference = runs[chosen].maps[0]
    every = {one.key: one.table for run in runs for one in run.maps}
    others = {
        one.key: one.table
        for run in runs
        if run.comparable
        for one in run.maps
        if one.key != reference.key
    }
    differences = {
        measure: paired_differences(
            others, reference.table, measure, resamples=resamples, seed=seed
        )
        for measure in (*LOCAL, *(f"{name}_over_other" for name in LINEAR))
    }
    over_other = {
        measure: own_over_other(every, measure, resamples=resamples, seed=seed)
        for measure in LINEAR
    }
    return Compared(runs, reference, over_other, differences)


def is_plain(folder: Path) -> bool:
    """Whether a run has neither attention nor a head that has some."""
    model = Run(folder).finished_folds()[0].config().model
    return model.attention == "none" and model.head.kind != "hierarchical"


def _reference(
    probed: Sequence[Probed[HeatmapResult]], alike: Sequence[Sequence[bool]], baseline: str | None
) -> int:
    names = [row.entry.name for row, _ in probed]
    if baseline in names:
        return names.index(baseline)
    plain = [i for i, (row, _) in enumerate(probed) if is_plain(row.entry.folder)]
    # The first of those with as many.
    return max(plain or range(len(probed)), key=lambda i: sum(alike[i]))


def _alike(results: Sequence[HeatmapResult], tables: Sequence[pd.DataFrame]) -> list[list[bool]]:
    """Which results were measured on the same images by the same masks as which."""
    known = list(zip(results, tables, strict=True))
    return [
        [
            one.masks_sha256 == other.masks_sha256 and same_images(table, other_table)
            for other, other_table in known
        ]
        for one, table in known
    ]


def _outdated(result: HeatmapResult) -> str:
    return "" if result.constants == Constants.now() else "it was measured otherwise than now"
