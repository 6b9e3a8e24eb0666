"""What a report's sections are worked out from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from skin.analysis.report.collect import Entry
from skin.analysis.report.compare import Comparison
from skin.analysis.report.metadata import EnsembleMetadata, FoldMetadata, parse
from skin.data.dataset import Dataset
from skin.errors import SkinError


@dataclass(frozen=True, eq=False)
class Context:
    """The comparison, and what else there is to look at.

    Attributes:
        comparison: the rows, ranked ones first.
        dataset: that the rows' images are of; None where it is not at hand.
        missing: why there is no dataset, as one sentence; empty where there is one.
        data_dir: where the datasets are.
        resamples: of each bootstrap.
        seed: of whatever is drawn.
    """

    comparison: Comparison
    dataset: Dataset | None
    missing: str = ""
    data_dir: Path = field(default=Path("data"))
    resamples: int = 2000
    seed: int = 0

    @property
    def images(self) -> pd.DataFrame | None:
        """The dataset's rows of the ranked rows' images, in their order; None without a dataset."""
        if self.dataset is None:
            return None
        order = self.comparison.best.entry.oof["image_id"]
        return self.dataset.table.set_index("image_id").loc[order].reset_index()


def look_for_dataset(entries: Sequence[Entry], data_dir: Path) -> tuple[Dataset | None, str]:
    """Find the dataset that entries were trained on.

    Returns:
        The dataset, or None and why there is none, as one sentence.
    """
    recorded = {
        (one.dataset, one.dataset_hash)
        for entry in entries
        for one in _recorded(entry)
        if one.dataset is not None
    }
    if len(recorded) != 1:
        names = ", ".join(sorted({name for name, _ in recorded}))
        return None, (
            f"The rows are of several datasets ({names})."
            if recorded
            else "No run's folder is there to say which dataset the images are of."
        )
    ((name, known),) = recorded
    try:
        dataset = Dataset.load(data_dir / name)
    except SkinError:
        return None, f"Dataset '{name}' is not in {data_dir}; see --data-dir."
    if dataset.hash != known:
        return None, f"Dataset '{name}' in {data_dir} is not in the state that it was trained on."
    return dataset, ""


def _recorded(entry: Entry) -> Iterator[FoldMetadata]:
    if entry.kind == "run":
        yield from (fold.metadata for fold in entry.folds)
        return
    for run in parse(entry.folder / "ensemble.json", EnsembleMetadata).runs:
        for member in run.folds:
            path = entry.folder / member.folder / "metadata.json"
            if path.exists():
                yield parse(path, FoldMetadata)
