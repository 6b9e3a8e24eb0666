"""`skin ensemble`."""

from __future__ import annotations

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
    TtaOption,
)
from skin.console import out


def ensemble(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Runs, by folder or name; all finished ones if none is given.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The ensemble's name.")] = "main",
    method: Annotated[
        str,
        typer.Option(help="How to combine: auto takes the best of all; see the leaderboard."),
    ] = "auto",
    calibration: Annotated[
        str, typer.Option(help="none, temperature, vector or isotonic.")
    ] = "vector",
    rule: Annotated[
        str,
        typer.Option(
            help="argmax, prior, bacc, cost, cost:FILE.csv or sensitivity:MEL=0.95.",
        ),
    ] = "prior",
    tta: TtaOption = None,
    metadata: Annotated[
        bool, typer.Option("--metadata", help="Let stackers use age, sex and site.")
    ] = False,
    single_view: Annotated[
        bool,
        typer.Option(
            "--single-view", help="Show what the test-time augmentation brings: predict anew."
        ),
    ] = False,
    coverage: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="Of the conformal sets, for each class.")
    ] = 0.9,
    refer: Annotated[
        float, typer.Option(min=0.0, max=0.99, help="The share of cases to refer.")
    ] = 0.2,
    unknown: Annotated[
        str,
        typer.Option(
            help="How to tell lesions that are none of the classes, where the task has a column "
            "for them: max_probability, entropy, energy, mahalanobis, auto for the best on "
            "held-out ones (entropy without any), or none."
        ),
    ] = "auto",
    unknown_kept: Annotated[
        float,
        typer.Option(
            min=0.5, max=0.999, help="The share of known lesions not to be taken for unknown."
        ),
    ] = 0.95,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="Copy the models, so that the folder can be moved.")
    ] = False,
    resamples: Annotated[
        int, typer.Option(min=100, help="Bootstrap resamples for each interval.")
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the resamples.")] = 0,
    device: Device = "auto",
    data_dir: DataDir = DATA_DIR,
    runs_dir: RunsDir = RUNS_DIR,
    ensembles_dir: EnsemblesDir = ENSEMBLES_DIR,
) -> None:
    """Combine runs into one ensemble: the best way to combine, calibrate and decide.

    Figures are out of fold, and nested: whatever was fitted is judged on lesions that it was not
    fitted on. Everything that predicting needs lies in the ensemble's folder or is named there
    with its hash.

    Examples:
      skin ensemble

      skin ensemble resnet50 resnet50_se --name attention --method mean --single-view

      skin ensemble --tta dihedral+crops --rule sensitivity:MEL=0.95

      skin ensemble --method logistic-metadata --metadata --bundle

      skin ensemble --unknown energy --unknown-kept 0.9
    """
    import shlex
    import sys

    from skin.analysis.leaderboard.page import write_leaderboard
    from skin.analysis.leaderboard.tables import rich_tables
    from skin.analysis.leaderboard.wording import headline
    from skin.ensembling.build import Recipe, build_ensemble
    from skin.ensembling.calibrate import CALIBRATIONS
    from skin.ensembling.decide import parse_rule
    from skin.ensembling.pipeline import DecisionPlan
    from skin.errors import SkinError, did_you_mean
    from skin.runs import choose_runs
    from skin.views import Tta

    if name != Path(name).name or name in {"", ".", ".."}:
        raise SkinError(f"--name {name}: it names a folder in {ensembles_dir}, and is no path")
    chosen = choose_runs(runs or [], runs_dir)
    if calibration not in CALIBRATIONS:
        raise SkinError(
            f"unknown calibration '{calibration}': {did_you_mean(calibration, CALIBRATIONS)}"
        )
    plan = DecisionPlan(calibration, parse_rule(rule, chosen[0].task), coverage, refer)
    recipe = Recipe(
        decision=plan,
        method=method,
        metadata=metadata,
        tta=tta and str(Tta.parse(tta)),
        single_view=single_view,
        bundled=bundle,
        resamples=resamples,
        seed=seed,
        unknown=unknown,
        unknown_kept=unknown_kept,
    )
    folder = ensembles_dir / name
    command = shlex.join(["skin", *sys.argv[1:]])
    written: list[Path] = []
    assessment = build_ensemble(
        chosen,
        folder,
        recipe,
        data_dir=data_dir,
        device=device,
        publish=lambda a: written.extend(write_leaderboard(a, folder, name=name, command=command)),
    )
    for table in rich_tables(assessment):
        out.print(table)
        out.print()
    out.print(headline(assessment), markup=False)
    for path in written:
        out.print(str(path), markup=False, soft_wrap=True)
