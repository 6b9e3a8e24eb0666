"""`skin explain`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from skin.cli.options import (
    DATA_DIR,
    ENSEMBLES_DIR,
    RUNS_DIR,
    DataDir,
    Device,
    EnsemblesDir,
    RunsDir,
)
from skin.errors import SkinError


class Method(StrEnum):
    """Which heatmaps."""

    GRADCAM = "gradcam"
    GRADCAM_PLUS_PLUS = "gradcam++"
    HIRESCAM = "hirescam"
    LAYERCAM = "layercam"
    EIGENCAM = "eigencam"
    ATTENTION = "attention"
    ALL = "all"


_PER = 3


def explain(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN|ENSEMBLE] IMAGES...",
            help="Which model (of the newest ensemble, or the only run, if left out); then "
            "folders, zips, CSVs or images. With --cases: runs, all finished ones if left out.",
            show_default=False,
        ),
    ] = None,
    *,
    folder: Annotated[Path, typer.Option("--out", help="The folder to write the heatmaps into.")],
    method: Annotated[
        list[Method] | None,
        typer.Option(
            help="Which heatmaps; may be repeated. all is Grad-CAM and the model's own attention.",
            show_default="all",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="CODE",
            help="The class that the heatmaps are for, as MEL; the one decided if not given.",
            show_default=False,
        ),
    ] = None,
    cases: Annotated[
        list[str] | None,
        typer.Option(
            "--cases",
            metavar="KIND",
            help="Held-out images to explain instead of files; may be repeated: best, errors (or "
            "worst), uncertain, a class as MEL, true and decided class as MEL:NV, or an image's "
            "id. The first run chooses.",
            show_default=False,
        ),
    ] = None,
    per: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"Images of each of the cases; {_PER} if not given.", show_default=False
        ),
    ] = None,
    fold: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The fold whose model explains files; the first finished one if not given.",
            show_default=False,
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="A challenge's CSV of the files' true classes, for the contact sheet.",
            show_default=False,
        ),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(
            help="A CSV with the images' ids and any of age, sex and site, for a model that takes "
            "them.",
            show_default=False,
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out files that are no whole image.")
    ] = False,
    device: Device = "auto",
    data_dir: DataDir = DATA_DIR,
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Show where models look, in image files or in images that they never saw.

    Writes each map as <image>_<method>_raw.npy, _raw.png and _raw_color.png, and over what the
    model saw of the image as _overlay.png; attention1, attention2, ... are a tree's levels.
    contact_sheet.png shows them all.

    With --cases, the model of the fold that held an image out explains it, of several runs side
    by side. Writes a folder for each run, the contact sheet and a page (index.html).

    Examples:
      skin explain lesion.jpg --out heatmaps

      skin explain resnet50_soft lesion.jpg --out heatmaps --method attention

      skin explain resnet50 images/ --out heatmaps --class MEL --fold 2

      skin explain resnet50 resnet50_soft --cases MEL:NV --cases errors --per 5 --out heatmaps
    """
    methods = [each.value for each in method or [Method.ALL]]
    if cases is None:
        if per is not None:
            raise SkinError("--per is for --cases: which held-out images, as --cases errors")
        _explain_files(
            arguments or [],
            folder,
            methods=methods,
            target=target,
            fold=fold,
            truth=truth,
            metadata=metadata,
            skip_bad=skip_bad,
            device=device,
            runs_dir=runs_dir,
            ensembles_dir=ensembles_dir,
        )
        return
    of_files = {
        "--fold": fold,
        "--truth": truth,
        "--metadata": metadata,
        "--skip-bad": skip_bad or None,
    }
    for option, value in of_files.items():
        if value is not None:
            raise SkinError(f"{option} is for image files: --cases knows it of its images")
    _explain_cases(
        arguments or [],
        folder,
        kinds=cases,
        per=per or _PER,
        methods=methods,
        target=target,
        device=device,
        data_dir=data_dir,
        runs_dir=runs_dir,
        ensembles_dir=ensembles_dir,
    )


def _explain_files(
    arguments: list[str],
    folder: Path,
    *,
    methods: list[str],
    target: str | None,
    fold: int | None,
    truth: Path | None,
    metadata: Path | None,
    skip_bad: bool,
    device: str,
    runs_dir: Path,
    ensembles_dir: Path,
) -> None:
    from skin.analysis.explain import silent
    from skin.analysis.explain_files import (
        choose_model,
        explain_files,
        load_explainer,
        read_classes,
    )
    from skin.cli.classes import class_table
    from skin.cli.probe.options import interruptible
    from skin.console import note, out, warn
    from skin.files import require_writable
    from skin.inference.inputs import find_images
    from skin.inference.metadata import metadata_for
    from skin.inference.models import split_arguments

    if not arguments:
        raise SkinError("name the images to explain, or held-out ones with --cases, as errors")
    models, sources = split_arguments(arguments, runs_dir, ensembles_dir, tta="none")
    require_writable(folder)
    inputs = find_images(sources)
    chosen = choose_model(models, fold)
    explainer = load_explainer(models, chosen, methods=methods, target=target, device=device)
    classes = {} if truth is None else read_classes(truth, explainer.task)
    note(f"{len(inputs)} images, one model: {chosen.run}, fold {chosen.member.fold}, without TTA")
    known = metadata_for(inputs, metadata, used=explainer.uses_metadata)
    explained = explainer.explain(inputs, known, skip_bad=skip_bad)
    with interruptible("begins anew"):
        for one in explain_files(explained, folder, explainer.task, chosen.run, classes):
            out.print(class_table(one.image_id, explainer.task, one.probabilities.tolist()))
            for name in silent(one):
                warn(f"{one.image_id}: the {name} map is zero, as no place speaks for {one.target}")
    out.print(str(folder), markup=False, soft_wrap=True)


def _explain_cases(
    names: list[str],
    folder: Path,
    *,
    kinds: list[str],
    per: int,
    methods: list[str],
    target: str | None,
    device: str,
    data_dir: Path,
    runs_dir: Path,
    ensembles_dir: Path,
) -> None:
    from skin.analysis.explain_cases import choose_cases, explain_cases, find_runs
    from skin.cli.probe.options import interruptible
    from skin.console import note, out, progress
    from skin.ensembling.ensemble import locate_ensemble
    from skin.files import require_writable
    from skin.runs import locate_run
    from skin.training.precision import choose_device

    for name in names:
        model = locate_run(name, runs_dir) or locate_ensemble(name, ensembles_dir)
        if model is None and Path(name).exists():
            raise SkinError(
                f"{name} is no run, and --cases explains held-out images of runs instead of files: "
                "leave out one of the two"
            )
    runs = find_runs(names, runs_dir, ensembles_dir)
    require_writable(folder)
    outcomes, cases = choose_cases(runs, kinds, per)
    for each in cases:
        note(f"{each.title}: {len(each.image_ids)} of {each.total:,} images")
    total = len({image_id for each in cases for image_id in each.image_ids})
    with interruptible("begins anew"), progress() as bar:
        task = bar.add_task("explaining", total=total * len(runs))
        written = explain_cases(
            runs,
            outcomes,
            cases,
            folder,
            methods=methods,
            target=target,
            data_dir=data_dir,
            device=choose_device(device),
            on_image=lambda: bar.advance(task),
        )
    for path in written:
        out.print(str(path), markup=False, soft_wrap=True)
