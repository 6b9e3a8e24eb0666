"""The report: runs and ensembles compared, as a page, as Markdown and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skin.analysis.report.collect import Entry
from skin.analysis.report.compare import Comparison, compare
from skin.analysis.report.per_class import per_class_table
from skin.analysis.report.render import page
from skin.analysis.report.tables import comparison_table, fold_table, markdown
from skin.errors import SkinError
from skin.files import write_text

FILES = ("index.html", "comparison.csv", "comparison.md", "folds.csv", "per_class.csv")


def write_report(
    entries: Sequence[Entry],
    folder: Path,
    *,
    baseline: str | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare entries and write `FILES`.

    The same entries, baseline and seed give the same files, byte for byte.

    Raises:
        SkinError: `folder` is a file or cannot be written, or the baseline cannot be one.
    """
    if folder.exists() and not folder.is_dir():
        raise SkinError(f"{folder} is a file: give a folder with --out")
    comparison = compare(entries, baseline=baseline, resamples=resamples, seed=seed)
    files = {
        "comparison.csv": comparison_table(comparison).to_csv(index=False),
        "folds.csv": fold_table(comparison).to_csv(index=False),
        "per_class.csv": per_class_table(comparison).to_csv(index=False),
        "comparison.md": markdown(comparison),
        "index.html": page(comparison),
    }
    for name, text in files.items():
        write_text(folder / name, text)
    return comparison
