"""Which models predict: the ensemble or run that the user names, or the one sensible choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skin.console import note
from skin.ensembling.ensemble import (
    Ensemble,
    all_ensembles,
    from_run,
    load_ensemble,
    locate_ensemble,
)
from skin.errors import SkinError, name_some
from skin.runs import all_runs, locate_run


@dataclass(frozen=True)
class Models:
    """An ensemble's description and where it lies."""

    ensemble: Ensemble
    folder: Path


def split_arguments(
    arguments: Sequence[str], runs_dir: Path, ensembles_dir: Path, *, tta: str | None = None
) -> tuple[Models, list[Path]]:
    """Tell the models from the images: the first argument names models if any are called that.

    Args:
        arguments: the words.
        runs_dir: the folder of runs.
        ensembles_dir: the folder of ensembles.
        tta: the views that are asked for; a run's folds need none in common then.

    Raises:
        SkinError: no image is named, or the models are not there.
    """
    first, *rest = arguments
    named = _find(first, runs_dir, ensembles_dir, tta)
    if named is None and rest and not Path(first).exists():
        raise SkinError(f"'{first}' is no ensemble or run, and no image or folder")
    sources = rest if named else arguments
    if not sources:
        raise SkinError(f"name the images to predict after '{first}'")
    models = named or _newest(runs_dir, ensembles_dir, tta)
    return models, [Path(source) for source in sources]


def _find(name: str, runs_dir: Path, ensembles_dir: Path, tta: str | None) -> Models | None:
    """Load the ensemble or run of that name or folder, if there is one."""
    folder = locate_ensemble(name, ensembles_dir)
    if folder is not None:
        return Models(load_ensemble(folder), folder)
    run = locate_run(name, runs_dir)
    return None if run is None else Models(from_run(run, tta), run.folder)


def _newest(runs_dir: Path, ensembles_dir: Path, tta: str | None) -> Models:
    ensembles = all_ensembles(ensembles_dir)
    if ensembles:
        note(f"ensemble: {ensembles[0]}, the newest")
        return Models(load_ensemble(ensembles[0]), ensembles[0])
    runs = [run for run in all_runs(runs_dir) if run.finished_folds()]
    if len(runs) == 1:
        note(f"run: {runs[0].folder}, the only one")
        return Models(from_run(runs[0], tta), runs[0].folder)
    if not runs:
        raise SkinError(f"nothing was trained in {runs_dir} yet; see `skin train`")
    raise SkinError(
        f"name the models: there is no ensemble, and several runs "
        f"({name_some(run.name for run in runs)})"
    )
