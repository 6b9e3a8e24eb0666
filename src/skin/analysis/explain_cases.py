"""Out-of-fold cases of several runs as files: heatmaps, contact sheets and a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from skin.analysis.blocks import Gallery, Section
from skin.analysis.cases import Cases, Outcomes, choose
from skin.analysis.caveats import LEAKING, never_saw
from skin.analysis.contact_sheet import ContactSheets
from skin.analysis.explain import Explained, silent, write_maps
from skin.analysis.gallery import explain_held_out, galleries, look
from skin.analysis.page import Page, write_page
from skin.console import warn
from skin.ensembling.ensemble import load_ensemble, locate_ensemble
from skin.errors import SkinError, name_some
from skin.runs import Run, choose_runs, locate_run

SIDE = 224  # of a photograph, in pixels
_READING = (
    "Each image is shown to the models that {never_saw}. Probabilities are those of the "
    "out-of-fold predictions, with test-time augmentation where the run has it; heatmaps are of "
    "the image as it is shown, without augmentation."
)
_COLOURS = (
    "A heatmap's colour covers the image in proportion to the heat, each divided by its own "
    "maximum, so that two cannot be compared in strength; the white line is at half the maximum. "
    "A map that is yellow all over prefers no place."
)


def find_runs(names: Sequence[str], runs_dir: Path, ensembles_dir: Path) -> list[Run]:
    """Find the named runs, or all finished ones.

    Raises:
        SkinError: a name is of an ensemble, which has no model of its own; or see `choose_runs`.
    """
    for name in names:
        folder = locate_ensemble(name, ensembles_dir)
        if folder is not None and locate_run(name, runs_dir) is None:
            runs = [run.name for run in load_ensemble(folder).runs]
            raise SkinError(
                f"{name} is an ensemble, and heatmaps are of single models: name runs of it, as "
                f"{' '.join(runs)}"
            )
    return choose_runs(list(names), runs_dir)


def choose_cases(
    runs: Sequence[Run], kinds: Sequence[str], per: int
) -> tuple[list[Outcomes], list[Cases]]:
    """Choose cases by the first run's predictions, among the images that all runs held out.

    Args:
        runs: of one task.
        kinds: see `cases.choose`.
        per: how many images of each kind.

    Returns:
        What each run makes of those images, and the cases that have any.

    Raises:
        SkinError: the runs have no image in common, a kind is unknown, or no case was found.
    """
    everything = [Outcomes.of(run.name, run.task, run.oof()) for run in runs]
    common = set.intersection(*(set(each.image_ids.tolist()) for each in everything))
    if not common:
        names = name_some(run.name for run in runs)
        raise SkinError(f"{names} held out no image in common: explain them apart")
    outcomes = [each.within(common) for each in everything]
    cases = choose(outcomes[0], kinds, per)
    for name in leaking(runs, outcomes):
        warn(f"{name} leaks: {LEAKING.format(whose='its')} Its models may know what they are shown")
    for each in cases:
        if not each.image_ids:
            warn(f"{runs[0].name}: {each.title}: there is no such image")
    cases = [each for each in cases if each.image_ids]
    if not cases:
        raise SkinError(f"{runs[0].name} has no such cases: {', '.join(kinds)}")
    return outcomes, cases


def leaking(runs: Sequence[Run], outcomes: Sequence[Outcomes]) -> list[str]:
    """The names of runs that are recorded as leaking, or whose lesions lie in several folds."""
    return [
        run.name
        for run, known in zip(runs, outcomes, strict=True)
        if any(fold.metadata()["leaking"] for fold in run.finished_folds()) or known.leaking
    ]


def explain_cases(
    runs: Sequence[Run],
    outcomes: Sequence[Outcomes],
    cases: Sequence[Cases],
    folder: Path,
    *,
    methods: Sequence[str],
    target: str | None,
    data_dir: Path,
    device: torch.device,
    on_image: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Write each run's heatmaps into a folder of its name, contact sheets and index.html.

    Args:
        runs: whose models explain.
        outcomes: of each run.
        cases: the images.
        folder: where to.
        methods: of `METHODS`, `attention` and `all`.
        target: the code of the class that the maps are for; none for the one that was decided.
        data_dir: where the datasets are.
        device: where to.
        on_image: called after each image of each run.

    Returns:
        The page and the contact sheets.

    Raises:
        SkinError: see `explain_held_out`; or the folder cannot be written.
    """
    image_ids = dict.fromkeys(image_id for each in cases for image_id in each.image_ids)

    def written(run: Run, known: Outcomes) -> Iterator[Explained]:
        for explained in explain_held_out(
            run,
            known,
            image_ids,
            methods=methods,
            target=target,
            data_dir=data_dir,
            device=device,
        ):
            write_maps(folder / run.name, explained)
            for name in silent(explained):
                warn(
                    f"{run.name}, {explained.image_id}: the {name} map is zero, as no place "
                    f"speaks for {explained.target}"
                )
            on_image()
            yield explained

    looked = [
        look(known, written(run, known), SIDE) for run, known in zip(runs, outcomes, strict=True)
    ]
    shown = galleries(cases, looked)
    reading = _READING.format(never_saw=never_saw(leaking(runs, outcomes)))
    page = _page(shown, runs, len(image_ids), reading)
    return [write_page(page, folder)[0], *_write_sheets(shown, folder)]


def _page(shown: Sequence[Gallery], runs: Sequence[Run], images: int, reading: str) -> Page:
    names = ", ".join(run.name for run in runs)
    section = Section(key="cases", title="Cases", blocks=shown, intro=_COLOURS)
    several = f"; chosen by {runs[0].name}" if len(runs) > 1 else ""
    return Page(
        title=f"Where {names} look{'' if len(runs) > 1 else 's'}",
        eyebrow=f"{images} held-out images{several}",
        lead=[reading],
        sections=[section],
    )


def _write_sheets(shown: Sequence[Gallery], folder: Path) -> list[Path]:
    sheets = ContactSheets(folder)
    for gallery in shown:
        sheets.heading(gallery.title)
        for strip in gallery.strips:
            sheets.add(strip)
    return sheets.close()
