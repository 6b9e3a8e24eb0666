"""Train what `compare_lib.arms` lists and tabulate it; `scripts/compare` runs it."""  # noqa: INP001 - a script, in no package

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from compare_lib.arms import ARMS, Arm
from compare_lib.cost import measure_costs
from compare_lib.table import (
    SCORES,
    Outcome,
    agree,
    chance_of,
    common,
    difference,
    holm,
    over_seeds,
    read_outcome,
    spread,
    verdict,
)

from skin.config import Config, find_config, load_config
from skin.console import err, note, out
from skin.errors import SkinError, did_you_mean
from skin.files import read_json, replacing, write_json
from skin.runs import Run

_TABLE = Path(__file__).parents[1] / "configs" / "comparison.csv"
_COSTS = "costs.json"
_SHOWN = [
    "group",
    "arm",
    "seeds",
    "images",
    "bacc",
    "bacc_difference",
    "bacc_difference_low",
    "bacc_difference_high",
    "verdict",
]


def main(  # noqa: PLR0917 - its parameters are the options
    weights: Annotated[Path | None, typer.Option(help="The backbone's weights.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Only these groups of arms.")] = None,
    arm: Annotated[list[str] | None, typer.Option(help="Only these arms.")] = None,
    seeds: Annotated[str, typer.Option(help="As 0,1.")] = "0",
    fold: Annotated[str, typer.Option(help="As 0,1.")] = "0",
    folds: Annotated[str, typer.Option(help="The folds' name.")] = "k5-seed0",
    data_dir: Annotated[Path, typer.Option(help="Where the datasets are.")] = Path("data"),
    runs_dir: Annotated[Path, typer.Option(help="Where the runs go.")] = Path("runs/comparison"),
    table: Annotated[Path, typer.Option(help="The CSV to write.")] = _TABLE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print the commands.")] = False,
    cost: Annotated[
        bool, typer.Option("--cost", help="Time the arms' steps; let nothing else run.")
    ] = False,
    no_training: Annotated[
        bool, typer.Option("--no-training", help="Tabulate what is trained already.")
    ] = False,
) -> None:
    """Train the variants on the same folds, budget and seeds, and tabulate the differences."""
    try:
        arms = _choose(group or [], arm or [])
        if not no_training:
            where = ["--data-dir", str(data_dir), "--runs-dir", str(runs_dir)]
            for seed in _numbers(seeds):
                for each in arms:
                    given = str(weights) if weights else None
                    command = _command(each, seed, folds, fold, given)
                    _train([*command, *where], dry_run=dry_run)
        if cost and not dry_run:
            configs = {each.name: _config(each, folds, weights) for each in arms}
            known = _read_costs(runs_dir)
            write_json(runs_dir / _COSTS, known | measure_costs(configs, data_dir))
        if not dry_run:
            _tabulate(folds, runs_dir, table)
    except SkinError as error:
        err.print(f"error: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _choose(groups: Sequence[str], names: Sequence[str]) -> list[Arm]:
    for given, known in (
        (groups, {arm.group for arm in ARMS}),
        (names, {arm.name for arm in ARMS}),
    ):
        for name in given:
            if name not in known:
                raise SkinError(f"no '{name}' in the comparison: {did_you_mean(name, known)}")
    return [
        arm for arm in ARMS if not (groups or names) or arm.group in groups or arm.name in names
    ]


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SkinError(f"'{text}': write numbers, as 0,1") from None


def _command(arm: Arm, seed: int, folds: str, fold: str, weights: str | None) -> list[str]:
    """The arm's training as one would type it, without where things lie."""
    command = ["skin", "train", "-c", arm.config, "--name", f"{arm.name}-seed{seed}"]
    for setting in (*arm.settings, f"data.folds={arm.folds or folds}", f"seed={seed}"):
        command += ["--set", setting]
    return [*command, *(["--weights", weights] if weights else []), "--fold", fold]


def _config(arm: Arm, folds: str, weights: Path | None) -> Config:
    settings = [*arm.settings, f"data.folds={arm.folds or folds}"]
    given = {"model.weights": str(weights)} if weights else {}
    return load_config(find_config(arm.config), settings, given)


def _train(command: Sequence[str], *, dry_run: bool) -> None:
    note(_typed(command))
    if dry_run:
        return
    # Another process each, so that one arm's memory and state cannot touch the next.
    done = subprocess.run([sys.executable, "-m", *command], check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise SkinError(f"`skin train` ended with {done.returncode}; the message stands above")


def _tabulate(folds: str, runs_dir: Path, path: Path) -> None:
    costs = _read_costs(runs_dir)
    rows: list[dict[str, object]] = []
    pairs: list[tuple[Outcome, Outcome | None]] = []
    for arm in ARMS:
        runs = _runs(arm, runs_dir, folds)
        if not runs:
            continue
        others = _runs(_named(arm.reference), runs_dir, folds) if arm.reference else runs
        shared = common(runs, others)
        if not shared:
            note(f"{arm.name}: no fold and seed in common with {arm.reference} yet")
        for seeds, numbers in shared:
            task = runs[seeds[0]].task.name
            ours = read_outcome(runs, seeds, numbers, task)
            theirs = read_outcome(others, seeds, numbers, task) if arm.reference else None
            weights = runs[seeds[0]].fold(numbers[0]).config().model.weights
            given = weights.name if weights else None
            command = _command(arm, seeds[0], folds, ",".join(map(str, numbers)), given)
            pairs.append((ours, theirs))
            rows.append(
                _row(arm, ours, theirs)
                | {"images_per_s": costs.get(arm.name), "command": _typed(command)}
            )
    if not rows:
        raise SkinError(f"{runs_dir} holds no finished arm to tabulate")
    frame = pd.DataFrame(rows)
    frame.insert(frame.columns.get_loc("bacc_difference_high") + 1, "verdict", _verdicts(pairs))
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format="%.4f")
    shown = frame[_SHOWN].rename(columns=lambda name: name.replace("bacc_difference", "diff"))
    text = shown.to_string(index=False, float_format="{:.3f}".format, na_rep="")
    out.print(text, markup=False, soft_wrap=True)
    out.print(str(path), markup=False, soft_wrap=True)


def _row(arm: Arm, ours: Outcome, theirs: Outcome | None) -> dict[str, object]:
    row: dict[str, object] = {
        "group": arm.group,
        "arm": arm.name,
        "against": arm.reference,
        "task": ours.task,
        "seeds": " ".join(map(str, ours.by_seed)),
        "folds": " ".join(map(str, ours.folds)),
        "images": ours.images,
        "leaking": ours.leaking,
    }
    for score in SCORES:
        mean = over_seeds(ours, score)
        row |= {score: mean.value, f"{score}_low": mean.low, f"{score}_high": mean.high}
        row[f"{score}_seed_sd"] = spread(ours, score)
        gap = difference(ours, theirs, score) if theirs else None
        row[f"{score}_difference"] = gap and gap.value
        row[f"{score}_difference_low"] = gap and gap.low
        row[f"{score}_difference_high"] = gap and gap.high
    return row | {"parameters": ours.parameters, "seconds_a_fold": ours.seconds}


def _verdicts(pairs: Sequence[tuple[Outcome, Outcome | None]]) -> list[str | None]:
    """What may be said of each row's BACC, corrected for the number of rows."""
    compared = [(ours, theirs) for ours, theirs in pairs if theirs and not ours.leaking]
    corrected = iter(holm([chance_of(*pair, "bacc") for pair in compared]))
    words: list[str | None] = []
    for ours, theirs in pairs:
        if theirs is None:
            words.append(None)
        elif ours.leaking:
            words.append("leaks, not comparable")
        else:
            gap = difference(ours, theirs, "bacc")
            words.append(verdict(gap, next(corrected), agree=agree(ours, theirs, "bacc")))
    return words


def _read_costs(runs_dir: Path) -> dict[str, float]:
    path = runs_dir / _COSTS
    return dict(read_json(path)) if path.exists() else {}


def _runs(arm: Arm, runs_dir: Path, folds: str) -> dict[int, Run]:
    """The arm's runs that have a finished fold, by seed; those trained otherwise are named."""
    found = {}
    for folder in sorted(runs_dir.glob(f"{arm.name}-seed*")):
        seed = folder.name.rpartition("-seed")[2]
        run = Run(folder)
        if not (seed.isdecimal() and run.finished_folds()):
            continue
        config = run.finished_folds()[0].config()
        expected = _config(arm, folds, config.model.weights)
        data = expected.data.model_copy(
            update={"dataset": config.data.dataset, "short_side": config.data.short_side}
        )
        expected = expected.model_copy(update={"seed": int(seed), "data": data})
        changes = config.differences(expected)
        if changes:
            note(f"left out, {folder} was trained otherwise: {'; '.join(changes)}")
        else:
            found[int(seed)] = run
    return found


def _named(name: str) -> Arm:
    return next(arm for arm in ARMS if arm.name == name)


def _typed(command: Sequence[str]) -> str:
    return " ".join(shlex.quote(part) for part in command)


if __name__ == "__main__":
    typer.run(main)
