"""The report: runs and ensembles compared, as a page, as tables and as figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from skin.analysis.export import require_formats
from skin.analysis.page import write_page
from skin.analysis.report.collect import Entry
from skin.analysis.report.compare import Comparison, compare
from skin.analysis.report.context import Context, look_for_dataset
from skin.analysis.report.per_class import per_class_table
from skin.analysis.report.render import build_page
from skin.analysis.report.tables import comparison_table, fold_table, markdown
from skin.files import require_writable

FILES = ("index.html", "comparison.csv", "comparison.md", "folds.csv", "per_class.csv")


def write_report(
    entries: Sequence[Entry],
    folder: Path,
    *,
    baseline: str | None = None,
    resamples: int = 2000,
    seed: int = 0,
    data_dir: Path = Path("data"),
    figures: Sequence[str] = (),
    galleries: bool = True,
) -> Comparison:
    """Compare entries and write `FILES`, all tables into tables/, and figures/ where asked.

    The same entries, dataset, baseline and seed give the same files, byte for byte.

    Args:
        entries: to compare.
        folder: made if need be.
        baseline: the name of the entry that the others are compared with; the best if not given.
        resamples: of each bootstrap.
        seed: of the resamples, and of whatever else is drawn.
        data_dir: where the datasets are, for what images and metadata tell.
        figures: formats to write all figures in: svg, png, pdf.
        galleries: whether the models are shown images again, for their heatmaps.

    Raises:
        SkinError: `folder` is a file or cannot be written, a format is unknown, or the baseline
            cannot be one.
    """
    require_writable(folder)
    require_formats(figures)
    comparison = compare(entries, baseline=baseline, resamples=resamples, seed=seed)
    dataset, missing = look_for_dataset(entries, data_dir)
    context = Context(comparison, dataset, missing, data_dir, resamples, seed)
    beside = {
        "comparison.csv": comparison_table(comparison).to_csv(index=False),
        "comparison.md": markdown(comparison),
        "folds.csv": fold_table(comparison).to_csv(index=False),
        "per_class.csv": per_class_table(comparison).to_csv(index=False),
    }
    page = build_page(context, galleries=galleries)
    write_page(page, folder, figures=figures, beside=beside)
    return comparison
