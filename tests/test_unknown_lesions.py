"""Lesions that are none of the classes, from training to a submission, on a task that has them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors import safe_open

from skin.config import Config, load_config
from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import find_dataset
from skin.data.folds import make_folds
from skin.data.sources.ham10000 import Ham10000
from skin.data.synthetic import write_synthetic
from skin.ensembling.build import Recipe, build_ensemble
from skin.ensembling.decide import parse_rule
from skin.ensembling.ensemble import from_run, load_ensemble
from skin.ensembling.pipeline import DecisionPlan
from skin.files import sha256_file
from skin.inference.cases import write_cases
from skin.inference.decisions import Decisions
from skin.inference.inputs import find_images
from skin.inference.predict import Predictor
from skin.inference.shards import Shards
from skin.inference.stream import predict_files
from skin.inference.submission import read_submission
from skin.inference.submit import submit
from skin.runs import Run, logit_columns
from skin.taxonomy import get_challenge, get_task
from skin.training import outliers as outliers_module
from skin.training.run import train_run

TASK = get_task("isic2019")
TINY = {
    "task": "isic2019",
    "data": {"image_size": 32, "outside": "drop"},
    "augment": {
        "train": [{"RandomResizedCrop": {}}],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False},
    "training": {"epochs": 1, "batch_size": 16, "precision": "fp32"},
    "runtime": {"device": "cpu", "workers": 0},
}
FILES = ("outliers.csv", "features.safetensors")
PLAN = DecisionPlan("none", parse_rule("argmax", TASK))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, and `runs/tiny` of three folds; not to be written into.

    Every fourth nevus of the synthetic data is a benign lesion of a kind that the task lacks.
    """
    root = tmp_path_factory.mktemp("unknown")
    write_synthetic(root / "source", lesions=84, seed=1, width=44)
    metadata = root / "source" / "HAM10000_metadata.csv"
    table = pd.read_csv(metadata)
    lesions = table.drop_duplicates("lesion_id")
    number = lesions.groupby("dx").cumcount()
    dx = lesions["dx"].mask((lesions["dx"] == "nv") & (number % 4 == 0), "other_benign")
    dx = dx.mask(lesions["dx"] == "akiec", np.where(number % 2, "ak", "scc"))
    table["dx"] = table["lesion_id"].map(dict(zip(lesions["lesion_id"], dx, strict=True)))
    table.to_csv(metadata, index=False)
    add_dataset(Ham10000(Archive(root / "source")), root / "data", name="toy", short_side=40)
    make_folds(find_dataset(root / "data"), k=3, seed=0)
    train_run(config_in(root), Run(root / "runs" / "tiny"), "all", root / "data")
    return root


def config_in(root: Path, name: str = "tiny", **sections: object) -> Config:
    path = root / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**TINY, **sections}))
    return load_config(path)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Run:
    """A copy of the run, to be written into."""
    shutil.copytree(trained / "runs" / "tiny", tmp_path / "runs" / "tiny")
    return Run(tmp_path / "runs" / "tiny")


def test_a_fold_scores_what_it_holds_out_and_what_is_outside(trained: Path):
    dataset = find_dataset(trained / "data")
    for fold in Run(trained / "runs" / "tiny").finished_folds():
        table = outliers_module.read_outliers(fold)
        dx = table["image_id"].map(dataset.table.set_index("image_id")["dx"])
        assert ((table["target"] == "UNK") == (dx == "other_benign")).all()
        assert (table["target"] == "UNK").any()
        oof = fold.oof().set_index("image_id")
        known = table[table["target"] != "UNK"].set_index("image_id")
        assert set(known.index) == set(oof.index)
        logs = oof.loc[known.index, logit_columns(TASK)].to_numpy()
        np.testing.assert_allclose(-(np.exp(logs) * logs).sum(axis=1), known["entropy"], atol=1e-5)
        np.testing.assert_allclose(
            1 - np.exp(logs.max(axis=1)), known["max_probability"], atol=1e-5
        )
        with safe_open(fold.folder / "features.safetensors", "np") as file:
            assert file.get_tensor("means").shape[0] == 8
            assert sha256_file(fold.weights) in file.metadata()["made_of"]


@pytest.mark.parametrize("lost", [FILES, FILES[:1], FILES[1:]])
def test_lost_files_are_made_again_and_nothing_is_trained(
    trained: Path, run: Run, lost: tuple[str, ...]
):
    fold = run.fold(1)
    before = {path.name: path.read_bytes() for path in fold.folder.iterdir() if path.is_file()}
    for name in lost:
        (fold.folder / name).unlink()
    train_run(config_in(trained), run, "1", trained / "data")
    after = {path.name: path.read_bytes() for path in fold.folder.iterdir() if path.is_file()}
    assert after == before


def test_finished_files_cost_nothing(trained: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    def looked(*_: object) -> None:
        raise AssertionError("the images were looked at again")

    monkeypatch.setattr(outliers_module.HeldOut, "find", looked)
    train_run(config_in(trained), run, "all", trained / "data")


def test_a_task_without_the_column_gets_no_files(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def looked(*_: object) -> None:
        raise AssertionError("the images were looked at again")

    monkeypatch.setattr(outliers_module.HeldOut, "find", looked)
    config = config_in(trained, "binary", task="malignant")
    (fold,) = train_run(config, Run(tmp_path / "binary"), "0", trained / "data")
    assert not [name for name in FILES if (fold.folder / name).exists()]


def test_many_training_images_are_a_choice_by_the_seed(
    trained: Path, run: Run, monkeypatch: pytest.MonkeyPatch
):
    def again(seed_differs: int = 0) -> bytes:
        path = run.fold(0).folder / "features.safetensors"
        path.unlink()
        with monkeypatch.context() as patch:
            patch.setattr(outliers_module, "PROBE", outliers_module.PROBE + seed_differs)
            train_run(config_in(trained), run, "0", trained / "data")
        return path.read_bytes()

    whole = (run.fold(0).folder / "features.safetensors").read_bytes()
    monkeypatch.setattr(outliers_module, "_MOST", 2)
    first, second = again(), again()
    assert first == second
    assert first != whole
    assert again(1) != first


@pytest.mark.parametrize("score", ["max_probability", "entropy", "energy", "mahalanobis"])
def test_new_images_are_scored_as_held_out_ones(
    trained: Path, run: Run, tmp_path: Path, score: str
):
    """One fold's model, asked for the very files that it held out."""
    for number in (1, 2):
        shutil.rmtree(run.fold(number).folder)
    recipe = Recipe(PLAN, method="mean", resamples=100, unknown=score)
    build_ensemble([run], tmp_path / "main", recipe, data_dir=trained / "data")
    ensemble = load_ensemble(tmp_path / "main")
    table = outliers_module.read_outliers(run.fold(0)).set_index("image_id")
    inputs = [i for i in find_images([trained / "source"]) if i.image_id in table.index]
    assert len(inputs) == len(table)
    predictor = Predictor(ensemble, tmp_path / "main", device="cpu")
    (batch,) = predictor.batches(inputs, batch_size=len(inputs))
    (standard,) = ensemble.unknown.standards[0]
    expected = standard.apply(table.loc[batch.image_ids, score].to_numpy())
    np.testing.assert_allclose(batch.outlier, expected, atol=2e-3)


@pytest.mark.parametrize("score", ["auto", "mahalanobis"])
def test_from_runs_to_a_submission_with_its_own_column(
    trained: Path, run: Run, tmp_path: Path, score: str
):
    """Of half of the known images unknown ones are made, so that there are both."""
    folder = tmp_path / "main"
    recipe = Recipe(
        PLAN, method="mean", resamples=100, unknown=score, unknown_kept=0.5, bundled=True
    )
    assessment = build_ensemble([run], folder, recipe, data_dir=trained / "data")
    shutil.rmtree(run.folder)  # the bundle has all that is needed
    assert assessment.unknown is not None
    assert assessment.unknown.outside > 0
    told = pd.read_csv(folder / "oof_unknown.csv", keep_default_na=False)
    known = told[told["target"] != "UNK"]
    (line,) = [line for line in assessment.unknown.lines if line.chosen]
    kept = known.groupby("target")["odds"].apply(lambda odds: (odds <= 1).mean())
    assert line.kept.value == pytest.approx(kept.mean())

    ensemble = load_ensemble(folder)
    predictor = Predictor(ensemble, folder, device="cpu")
    inputs = find_images([trained / "source" / "HAM10000_images_part_1"])
    (tmp_path / "parts").mkdir()
    shards = Shards(tmp_path / "parts", predictor.key(), inputs)
    predict_files(predictor, shards)
    decisions = Decisions(shards, TASK, ensemble.pipeline, unknown=ensemble.unknown)
    challenge = get_challenge("isic2019")
    submit(tmp_path / "x.csv", decisions, challenge, official_list=False)
    write_cases(tmp_path / "cases.csv", decisions)
    table = read_submission(tmp_path / "x.csv", challenge)
    with (tmp_path / "cases.csv").open(encoding="utf-8", newline="") as file:
        cases = {row["image"]: row for row in csv.DictReader(file)}
    assert set(table.idxmax(axis=1)) > {"UNK"}
    for image, decided in table.idxmax(axis=1).items():
        case = cases[image]
        assert (case["unknown"] == "yes") == (decided == "UNK")
        assert decided in {"UNK", case["decision"]}


def test_a_run_alone_tells_as_an_ensemble_of_it_does(trained: Path, tmp_path: Path):
    run = Run(trained / "runs" / "tiny")
    recipe = Recipe(PLAN, method="mean", resamples=100)
    build_ensemble([run], tmp_path / "main", recipe, data_dir=trained / "data")
    assert from_run(run).unknown == load_ensemble(tmp_path / "main").unknown


def test_an_ensemble_need_not_tell(trained: Path, run: Run, tmp_path: Path):
    folder, data = tmp_path / "main", trained / "data"
    build_ensemble([run], folder, Recipe(PLAN, method="mean", resamples=100), data_dir=data)
    assert (folder / "oof_unknown.csv").exists()
    (run.fold(0).folder / "outliers.csv").unlink()
    recipe = Recipe(PLAN, method="mean", resamples=100, unknown="none")
    assert build_ensemble([run], folder, recipe, data_dir=data).unknown is None
    assert load_ensemble(folder).unknown is None
    assert json.loads((folder / "ensemble.json").read_text())["unknown"] is None
    assert not (folder / "oof_unknown.csv").exists()


def test_features_that_were_changed_are_refused(
    trained: Path, run: Run, tmp_path: Path, replaced: Callable[[Path], None]
):
    recipe = Recipe(PLAN, method="mean", resamples=100, unknown="mahalanobis")
    build_ensemble([run], tmp_path / "main", recipe, data_dir=trained / "data")
    replaced(run.fold(2).folder / "features.safetensors")
    with pytest.raises(Exception, match=r"features\.safetensors is not the file that .*main was"):
        Predictor(load_ensemble(tmp_path / "main"), tmp_path / "main", device="cpu")


@pytest.fixture
def replaced(trained: Path) -> Callable[[Path], None]:
    """Put another fold's file in the place of a path."""

    def replace(path: Path) -> None:
        shutil.copy(trained / "runs" / "tiny" / "fold0" / path.name, path)

    return replace
