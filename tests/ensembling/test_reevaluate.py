from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from skin.config import parse_config
from skin.data.loader import Draw
from skin.ensembling.reevaluate import out_of_fold
from skin.errors import SkinError
from skin.files import sha256_file, write_json
from skin.models.build import build_model
from skin.models.forward import predict_batch
from skin.runs import FoldRun, Run, logit_columns, probability_columns, read_oof
from skin.training import held_out
from skin.training.checkpoint import load_weights
from skin.training.plan import plan_fold, resolve
from skin.training.run import train_run

CONFIG = {
    "data": {"image_size": 32},
    "augment": {
        "train": [{"RandomResizedCrop": {}}],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False, "metadata": {"fusion": "concat"}},
    "training": {"epochs": 1, "batch_size": 16, "precision": "fp32", "tta": "dihedral"},
    "runtime": {"device": "cpu", "workers": 0},
}
NOWHERE = Path("nowhere")


@pytest.fixture(scope="module")
def trained(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two folds that know age, sex and site, evaluated with dihedral views."""
    run = Run(tmp_path_factory.mktemp("reevaluate") / "toy")
    train_run(parse_config(CONFIG, "test"), run, "all", toy_data)
    return run


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """The same, to be changed."""
    return Run(shutil.copytree(trained.folder, tmp_path / "toy"))


def change(fold: FoldRun, **metadata: object) -> None:
    """Let a fold's metadata say something else."""
    write_json(fold.folder / "metadata.json", fold.metadata() | metadata)


def logits(table: pd.DataFrame, run: Run) -> np.ndarray:
    return table[logit_columns(run.task)].to_numpy()


def test_the_runs_own_views_are_read(run: Run):
    pd.testing.assert_frame_equal(out_of_fold(run, "dihedral", NOWHERE), run.oof())
    assert not (run.fold(0).folder / "oof").exists()


def test_predicting_again_gives_what_training_gave(run: Run, toy_data: Path):
    own = run.oof()
    for fold in run.folds():
        change(fold, tta="crops")  # now its own predictions are taken for those of other views
    again = out_of_fold(run, "dihedral", toy_data, "cpu")
    assert all(len(list(fold.folder.glob("oof/dihedral-*.csv"))) == 1 for fold in run.folds())
    keys = ["image_id", "lesion_id", "fold", "target"]
    pd.testing.assert_frame_equal(again[keys], own[keys])
    np.testing.assert_allclose(logits(again, run), logits(own, run), rtol=0, atol=1e-6)


def test_none_is_the_model_on_the_plain_images(run: Run, toy_data: Path):
    table = out_of_fold(run, "none", toy_data, "cpu").set_index("image_id")
    experiment = resolve(run.fold(0).config(), toy_data)
    for fold in run.folds():
        plan = plan_fold(experiment, fold.fold)
        model = build_model(plan.config, pretrained=False).eval()
        load_weights(fold.weights, model)
        rows = plan.parts.held_out
        images = plan.evaluation_images.__getitems__([Draw(int(row), (0,)) for row in rows]).images
        assert plan.metadata is not None
        expected = predict_batch(model, images, "none", torch.from_numpy(plan.metadata[rows]))
        found = table.loc[experiment.dataset.table["image_id"].iloc[rows]]
        np.testing.assert_allclose(logits(found, run), expected.numpy(), rtol=0, atol=1e-6)
        np.testing.assert_allclose(
            found[probability_columns(run.task)], expected.exp().numpy(), rtol=0, atol=1e-6
        )
    assert np.abs(logits(table, run) - logits(run.oof(), run)).max() > 1e-4


def test_the_second_time_it_is_read(run: Run, toy_data: Path):
    first = out_of_fold(run, "logit + dihedral", toy_data, "cpu")
    (kept,) = (run.fold(0).folder / "oof").iterdir()
    assert kept.name.startswith("dihedral+logit-")
    pd.testing.assert_frame_equal(
        read_oof(kept, run.task), first[first["fold"] == 0].reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(out_of_fold(run, "dihedral+logit", NOWHERE), first)


def test_other_weights_are_predicted_anew(run: Run, toy_data: Path):
    first = out_of_fold(run, "none", toy_data, "cpu")
    shutil.copy(run.fold(0).weights, run.fold(1).weights)
    change(run.fold(1), weights_sha256=sha256_file(run.fold(1).weights))
    with pytest.raises(SkinError, match="no dataset under nowhere"):
        out_of_fold(run, "none", NOWHERE)
    second = out_of_fold(run, "none", toy_data, "cpu")
    same = (logits(first, run) == logits(second, run)).all(axis=1)
    np.testing.assert_array_equal(same, first["fold"] == 0)
    assert len(list((run.fold(1).folder / "oof").iterdir())) == 2


def test_folds_that_have_the_views_are_left_alone(run: Run, toy_data: Path):
    change(run.fold(0), tta="none")
    table, own = out_of_fold(run, "none", toy_data, "cpu"), run.oof()
    first = own["fold"] == 0
    pd.testing.assert_frame_equal(table[first], own[first])
    assert not np.array_equal(logits(table[~first], run), logits(own[~first], run))
    assert not (run.fold(0).folder / "oof").exists()


@pytest.mark.parametrize(
    ("device", "precision", "exact"), [("cpu", "bf16", False), ("cuda", "fp16", True)]
)
def test_the_precision_is_that_of_training_on_the_same_kind_of_device(
    run: Run, toy_data: Path, device: str, precision: str, exact: bool
):
    own = run.oof()
    for fold in run.folds():
        change(fold, tta="crops", device=device, precision=precision)
    again = out_of_fold(run, "dihedral", toy_data, "cpu")
    difference = np.abs(logits(again, run) - logits(own, run)).max()
    assert (difference < 1e-6) == exact
    assert difference < 0.1


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"dataset_hash": "0" * 64}, r"fold1 was trained on another state of dataset 'toy'"),
        ({"folds_hash": "0" * 64}, r"fold1 was trained on other folds 'k2-seed0'"),
        ({"dataset": "gone"}, r"no dataset 'gone' under .*known: toy"),
    ],
)
def test_other_data_are_refused_before_anything_is_predicted(
    run: Run, toy_data: Path, metadata: dict[str, str], message: str
):
    change(run.fold(1), **metadata)
    with pytest.raises(SkinError, match=message):
        out_of_fold(run, "none", toy_data, "cpu")
    assert not list(run.folder.glob("*/oof"))


def test_missing_weights(run: Run, toy_data: Path):
    run.fold(1).weights.unlink()
    with pytest.raises(SkinError, match=r"fold1/best\.safetensors is missing, .* than dihedral"):
        out_of_fold(run, "none", toy_data)
    assert not list(run.folder.glob("*/oof"))


def test_wrong_views_and_empty_runs(run: Run, tmp_path: Path):
    with pytest.raises(SkinError, match="did you mean 'crops'"):
        out_of_fold(run, "crop", NOWHERE)
    with pytest.raises(SkinError, match="empty has no finished fold"):
        out_of_fold(Run(tmp_path / "empty"), "none", NOWHERE)


def test_a_failure_leaves_the_folds_that_are_done_and_no_half(
    run: Run, toy_data: Path, monkeypatch: pytest.MonkeyPatch
):
    def only_the_first(path: Path, model: torch.nn.Module) -> None:
        if "fold1" in str(path):
            raise SkinError("stopped")
        load_weights(path, model)

    monkeypatch.setattr(held_out, "load_weights", only_the_first)
    with pytest.raises(SkinError, match="stopped"):
        out_of_fold(run, "none", toy_data, "cpu")
    assert len(list(run.fold(0).folder.glob("oof/*.csv"))) == 1
    assert not list(run.fold(1).folder.glob("oof/*"))


def test_a_damaged_table_is_named(run: Run, toy_data: Path):
    out_of_fold(run, "none", toy_data, "cpu")
    (kept,) = (run.fold(0).folder / "oof").iterdir()
    kept.write_text("image_id\n")
    with pytest.raises(SkinError, match=r"oof/none-.*\.csv lacks the columns"):
        out_of_fold(run, "none", toy_data, "cpu")


def test_weights_that_the_training_did_not_leave_are_refused(run: Run, toy_data: Path):
    shutil.copy(run.fold(1).weights, run.fold(0).weights)
    with pytest.raises(SkinError, match="not the file that the training left"):
        out_of_fold(run, "none", toy_data, "cpu")
