from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from skin.analysis.metrics import score
from skin.ensembling import build
from skin.ensembling.build import AUTO, Recipe, build_ensemble, choose_methods
from skin.ensembling.combine import METHODS
from skin.ensembling.decide import Argmax, parse_rule
from skin.ensembling.ensemble import load_ensemble
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan
from skin.errors import SkinError
from skin.runs import Run, probability_columns, read_oof, score_columns
from skin.taxonomy import get_task

Simulate = Callable[..., OutOfFold]
WriteRuns = Callable[..., list[Run]]
TASK = get_task("isic2018")
NOWHERE = Path("nowhere")
PLAIN = DecisionPlan("none", parse_rule("argmax", TASK))
FULL = DecisionPlan("vector", parse_rule("prior", TASK))


def test_the_plain_mean(simulate: Simulate, write_runs: WriteRuns, tmp_path: Path):
    oof, folder = simulate(), tmp_path / "main"
    recipe = Recipe(PLAIN, method="mean", resamples=100)
    assessment = build_ensemble(write_runs(oof), folder, recipe, data_dir=NOWHERE)
    written = read_oof(folder / "oof.csv", TASK)
    mean = np.exp(oof.log_probabilities).mean(axis=0)
    np.testing.assert_allclose(written[probability_columns(TASK)], mean)
    assert written["fold"].tolist() == oof.parts.tolist()
    (chosen,) = [line for line in assessment.lines if line.chosen]
    assert chosen.name == "mean"
    assert chosen.bootstrap.scores.bacc == score(oof.targets, mean, TASK).bacc
    assert chosen.in_sample == chosen.bootstrap.scores.bacc  # nothing was fitted


def test_what_is_written_is_what_was_fitted(
    simulate: Simulate, write_runs: WriteRuns, tmp_path: Path
):
    oof, folder = simulate(), tmp_path / "main"
    recipe = Recipe(FULL, method="weights-logloss", resamples=100)
    build_ensemble(write_runs(oof), folder, recipe, data_dir=NOWHERE)
    ensemble = load_ensemble(folder)
    assert [run.name for run in ensemble.runs] == ["run0", "run1"]
    assert ensemble.made.model_dump() == {
        "method": "weights-logloss",
        "calibration": "vector",
        "rule": "prior",
    }
    combiner = METHODS["weights-logloss"].fit(oof)
    assert ensemble.pipeline.combiner.weights == pytest.approx(combiner.weights, abs=1e-6)


def test_auto_takes_the_best_of_all(simulate: Simulate, write_runs: WriteRuns, tmp_path: Path):
    oof, folder = simulate((3.0, 0.0, 0.0)), tmp_path / "main"
    recipe = Recipe(FULL, resamples=100)
    assessment = build_ensemble(write_runs(oof), folder, recipe, data_dir=NOWHERE)
    methods = {line.name: line for line in assessment.lines if line.kind == "method"}
    expected = {name for name, method in METHODS.items() if not method.uses_metadata}
    assert set(methods) == {AUTO, *expected}
    assert methods[AUTO].chosen
    assert load_ensemble(folder).made.method in expected
    written = read_oof(folder / "oof.csv", TASK)
    scores = written[score_columns(TASK)].to_numpy()
    assert score(oof.targets, scores, TASK).bacc == methods[AUTO].bootstrap.scores.bacc


def test_a_bundle_holds_the_models(simulate: Simulate, write_runs: WriteRuns, tmp_path: Path):
    folder = tmp_path / "main"
    recipe = Recipe(PLAIN, method="mean", bundled=True, resamples=100)
    build_ensemble(write_runs(simulate()), folder, recipe, data_dir=NOWHERE)
    members = [member for run in load_ensemble(folder).runs for member in run.folds]
    assert len(members) == 6
    assert all((folder / member.folder / "best.safetensors").is_file() for member in members)


def test_nothing_is_left_by_runs_that_do_not_fit(
    simulate: Simulate, write_runs: WriteRuns, make_run: Callable[..., Run], tmp_path: Path
):
    runs = [*write_runs(simulate()), make_run("other", folds_hash="0" * 64)]
    with pytest.raises(SkinError, match="different folds"):
        build_ensemble(runs, tmp_path / "main", Recipe(FULL), data_dir=NOWHERE)
    assert not (tmp_path / "main").exists()


def test_an_ensemble_made_again_is_replaced(
    simulate: Simulate, write_runs: WriteRuns, tmp_path: Path
):
    runs, folder = write_runs(simulate()), tmp_path / "main"
    recipe = Recipe(PLAIN, method="mean", resamples=100)
    build_ensemble(runs, folder, recipe, data_dir=NOWHERE)
    build_ensemble(runs[:1], folder, recipe, data_dir=NOWHERE)
    assert len(load_ensemble(folder).runs) == 1


def test_leaking_runs_are_assessed_by_whole_lesions(
    simulate: Simulate, write_runs: WriteRuns, tmp_path: Path
):
    oof = simulate()
    oof = replace(oof, parts=np.arange(len(oof)) % 3)
    runs = write_runs(oof, leaking=True)
    recipe = Recipe(PLAIN, method="mean", resamples=100)
    build_ensemble(runs, tmp_path / "main", recipe, data_dir=NOWHERE)
    assert load_ensemble(tmp_path / "main").leaking


@pytest.mark.parametrize(
    ("runs", "metadata", "without"),
    [
        (2, True, set()),
        (2, False, {"logistic-metadata", "boosting-metadata"}),
        (11, True, {"subset"}),
    ],
)
def test_the_methods_that_serve(runs: int, metadata: bool, without: set[str]):
    names = {method.name for method in choose_methods(AUTO, runs, metadata=metadata)}
    assert names == set(METHODS) - without


def test_one_run_needs_no_blend():
    names = {method.name for method in choose_methods(AUTO, 1, metadata=False)}
    assert names == {"mean", "logistic", "boosting"}


def test_unknown_and_unfit_methods():
    with pytest.raises(SkinError, match=r"unknown method 'greddy'.*greedy"):
        choose_methods("greddy", 2, metadata=False)
    with pytest.raises(SkinError, match="'logistic-metadata' uses age, sex and site"):
        choose_methods("logistic-metadata", 2, metadata=False)


def test_what_is_shipped_is_the_chosen_method_alone(
    simulate: Simulate, write_runs: WriteRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The choosing takes other methods for some parts, whose probabilities are on other scales."""
    oof = simulate((2.5, 2.5))
    runs = write_runs(oof)
    spied: list[tuple[object, object]] = []
    original = build.choose

    def spy(*arguments: object) -> object:
        main, chosen = original(*arguments)
        mixed = replace(main, outer=np.full_like(main.outer, -np.log(len(TASK))))
        spied.append((mixed, chosen))
        return mixed, chosen

    monkeypatch.setattr(build, "choose", spy)
    folder = tmp_path / "main"
    build_ensemble(runs, folder, Recipe(FULL, resamples=100), data_dir=NOWHERE)
    ((_, chosen),) = spied
    expected = FULL.fit(chosen.outer, oof.targets, oof.parts).calibrator
    shipped = load_ensemble(folder).pipeline.calibrator
    assert shipped.scales == pytest.approx(expected.scales, abs=1e-4)
    assert shipped.biases == pytest.approx(expected.biases, abs=1e-4)


def test_runs_that_cannot_be_told_apart(simulate: Simulate, write_runs: WriteRuns, tmp_path: Path):
    run, _ = write_runs(simulate())
    recipe, folder = Recipe(PLAIN, method="mean"), tmp_path / "main"
    with pytest.raises(SkinError, match="run 'run0' is named twice"):
        build_ensemble([run, Run(run.folder / ".")], folder, recipe, data_dir=NOWHERE)
    twin = Run(tmp_path / "elsewhere" / "run0")
    shutil.copytree(run.folder, twin.folder)
    with pytest.raises(SkinError, match="several runs are called 'run0'"):
        build_ensemble([run, twin], folder, recipe, data_dir=NOWHERE)
    assert not folder.exists()


def test_a_folder_of_something_else_is_left_alone(simulate: Simulate, write_runs: WriteRuns):
    runs = write_runs(simulate())
    recipe = Recipe(PLAIN, method="mean")
    before = runs[0].fold(0).folder / "oof.csv"
    content = before.read_bytes()
    with pytest.raises(SkinError, match="fold0 is there and is no ensemble"):
        build_ensemble(runs, runs[0].fold(0).folder, recipe, data_dir=NOWHERE)
    assert before.read_bytes() == content


def test_a_run_that_changes_meanwhile(simulate: Simulate, write_runs: WriteRuns, tmp_path: Path):
    runs, folder = write_runs(simulate()), tmp_path / "main"

    def retrain(_: object) -> None:
        shutil.copy(runs[1].fold(1).weights, runs[0].fold(0).weights)

    recipe = Recipe(replace(PLAIN, rule=Meanwhile(retrain)), method="mean", resamples=100)
    with pytest.raises(SkinError, match="a run was trained on while"):
        build_ensemble(runs, folder, recipe, data_dir=NOWHERE)
    assert not (folder / "ensemble.json").exists()


@dataclass
class Meanwhile:
    """Plain argmax; something else happens while it is fitted."""

    act: Callable[[object], None]
    name: str = "argmax"
    title: str = "argmax"

    def fit(self, probabilities: np.ndarray, _targets: np.ndarray) -> Argmax:
        self.act(probabilities)
        return Argmax()


def test_a_bundle_that_is_no_longer_wanted_goes(
    simulate: Simulate, write_runs: WriteRuns, tmp_path: Path
):
    runs, folder = write_runs(simulate()), tmp_path / "main"
    recipe = Recipe(PLAIN, method="mean", bundled=True, resamples=100)
    build_ensemble(runs, folder, recipe, data_dir=NOWHERE)
    build_ensemble(runs, folder, replace(recipe, bundled=False), data_dir=NOWHERE)
    assert not (folder / "members").exists()


def test_too_many_runs_for_all_subsets():
    with pytest.raises(SkinError, match="'subset' takes at most 10 runs: try greedy"):
        choose_methods("subset", 11, metadata=False)
