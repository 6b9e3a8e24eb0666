from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skin.analysis.metrics import score
from skin.ensembling.build import AUTO, Recipe, build_ensemble, choose_methods
from skin.ensembling.combine import METHODS
from skin.ensembling.decide import parse_rule
from skin.ensembling.ensemble import load_ensemble
from skin.ensembling.oof import OutOfFold
from skin.ensembling.pipeline import DecisionPlan
from skin.errors import SkinError
from skin.runs import Run, probability_columns, read_oof
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
    probabilities = written[probability_columns(TASK)].to_numpy()
    assert score(oof.targets, probabilities, TASK).bacc == methods[AUTO].bootstrap.scores.bacc


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
