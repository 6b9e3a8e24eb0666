"""The probed runs of a comparison, and how their maps differ on the same images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from skin.analysis.localisation.results import LOCAL, HeatmapResult, MapResult, Probed, read_probed
from skin.analysis.localisation.summary import Difference, paired_differences, same_images
from skin.analysis.probes.store import why_stale
from skin.analysis.report.compare import Comparison, Row
from skin.runs import Run


class Found(NamedTuple):
    """The results of a comparison's runs.

    Attributes:
        probed: those of the runs' present weights, with the runs' rows, in their order.
        missing: the runs that were not probed.
        stale: by run, what changed since it was probed.
    """

    probed: list[tuple[Row, Probed]]
    missing: list[str]
    stale: dict[str, str]


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
        table = self.run.probed.table
        return table[table["map"] == self.name]


@dataclass(frozen=True, eq=False)
class RunMaps:
    """A run and what its probe found.

    Attributes:
        row: in the comparison.
        probed: of its present weights.
        comparable: whether it was measured on the reference's images.
    """

    row: Row
    probed: Probed
    comparable: bool

    @property
    def name(self) -> str:
        """The run's name."""
        return self.row.entry.name

    @property
    def result(self) -> HeatmapResult:
        """The probe's result."""
        return self.probed.result

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
        differences: by measure, then by `OneMap.key`, to the reference on the same images;
            corrected by Holm over all maps, measure by measure.
    """

    runs: tuple[RunMaps, ...]
    reference: OneMap
    differences: Mapping[str, Mapping[tuple[str, str], Difference]]

    @property
    def maps(self) -> list[OneMap]:
        """All runs' maps."""
        return [one for run in self.runs for one in run.maps]

    @property
    def comparable(self) -> list[OneMap]:
        """Those that were measured on the reference's images."""
        return [one for one in self.maps if one.run.comparable]


def find_results(comparison: Comparison) -> Found:
    """Read the results of a comparison's runs; ensembles have none.

    Raises:
        SkinError: a result or its table is damaged.
    """
    found = Found([], [], {})
    for row in comparison.rows:
        if row.entry.kind == "run":
            probed = read_probed(row.entry.folder)
            if probed is None:
                found.missing.append(row.entry.name)
            elif changed := why_stale(row.entry.folder, probed.result):
                found.stale[row.entry.name] = changed
            else:
                found.probed.append((row, probed))
    return found


def compare_maps(
    probed: list[tuple[Row, Probed]], baseline: str | None, *, resamples: int, seed: int
) -> Compared:
    """Compare maps with the first map, as a rule Grad-CAM, of one run.

    This run is the baseline or, where there is none that was probed, a plain one: without attention
    and with a head that has none. Of several it is the one whose images most others share, and then
    the first. Where none is plain, it is chosen likewise among all.

    Args:
        probed: one or more, as `find_results` gives them.
        baseline: a run's name, if the user chose one.
        resamples: of the lesions.
        seed: of the resamples.
    """
    chosen = _reference(probed, baseline)
    runs = tuple(
        RunMaps(row, one, same_images(one.table, probed[chosen][1].table)) for row, one in probed
    )
    reference = runs[chosen].maps[0]
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
        for measure in LOCAL
    }
    return Compared(runs, reference, differences)


def is_plain(folder: Path) -> bool:
    """Whether a run has neither attention nor a head that has some."""
    model = Run(folder).finished_folds()[0].config().model
    return model.attention == "none" and model.head.kind != "hierarchical"


def _reference(probed: list[tuple[Row, Probed]], baseline: str | None) -> int:
    names = [row.entry.name for row, _ in probed]
    if baseline in names:
        return names.index(baseline)
    plain = [i for i, (row, _) in enumerate(probed) if is_plain(row.entry.folder)]

    def partners(i: int) -> int:
        return sum(same_images(one.table, probed[i][1].table) for _, one in probed)

    return max(plain or range(len(probed)), key=partners)  # the first of those with as many
