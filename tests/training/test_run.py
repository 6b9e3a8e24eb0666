"""The folds of a run: what each leaves, what is refused, what is left alone."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from skin.config import Config, load_config, parse_config
from skin.data.dataset import find_dataset, write_dataset
from skin.data.folds import make_folds
from skin.data.loader import Draw
from skin.errors import SkinError
from skin.models.build import build_model
from skin.models.forward import predict
from skin.randomness import INITIALISE, key
from skin.runs import Run, logit_columns, probability_columns
from skin.training import run as run_module
from skin.training.checkpoint import load_weights
from skin.training.loop import FoldTrainer
from skin.training.plan import plan_fold, resolve
from skin.training.run import parse_folds, train_run

CONFIG = {
    "data": {"image_size": 32},
    "augment": {
        "train": [{"RandomResizedCrop": {}}],
        "evaluate": [{"SmallestMaxSize": {}}, {"CenterCrop": {}}],
    },
    "model": {"backbone": "test_resnet", "pretrained": False, "freeze": ["conv1"]},
    "training": {
        "epochs": 3,
        "freeze_epochs": 1,
        "batch_size": 16,
        "precision": "fp32",
        "tta": "dihedral",
    },
    "runtime": {"device": "cpu", "workers": 0},
}


@pytest.mark.parametrize(
    ("text", "k", "expected"),
    [
        ("all", 3, [0, 1, 2]),
        (" all ", 2, [0, 1]),
        ("0", 5, [0]),
        ("0,2", 5, [0, 2]),
        ("2, 0", 5, [0, 2]),
        ("0..4", 5, [0, 1, 2, 3, 4]),
        ("0..1,4", 5, [0, 1, 4]),
        ("1,1..2,2", 5, [1, 2]),
        ("3..3", 5, [3]),
    ],
)
def test_folds_are_read(text: str, k: int, expected: list[int]):
    assert parse_folds(text, k) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "0..5", "-1", "a", "0..", "..4", "0...4", "4..0", "0,,1", "0;1", "1.0", "²"]
)
def test_folds_that_are_wrong(text: str):
    with pytest.raises(SkinError, match=r"--fold .*0 to 4|--fold .*0\.\.4"):
        parse_folds(text, 5)


@given(st.sets(st.integers(0, 9), min_size=1), st.randoms())
def test_any_set_of_folds_can_be_written(folds: set[int], random: object):
    """As numbers, or as ranges that overlap, in any order."""
    parts = [f"{fold}..{fold + 1}" if fold + 1 in folds else str(fold) for fold in folds]
    random.shuffle(parts)  # type: ignore[attr-defined]
    assert parse_folds(",".join(parts), 10) == sorted(folds)


@given(st.text(max_size=8))
def test_any_text_is_folds_or_a_message(text: str):
    try:
        folds = parse_folds(text, 4)
    except SkinError:
        return
    assert folds == sorted(set(folds))
    assert set(folds) <= {0, 1, 2, 3}


@pytest.fixture(scope="module")
def config() -> Config:
    return parse_config(CONFIG, "test")


@pytest.fixture(scope="module")
def trained(toy_data: Path, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run with fold 0 finished; not to be written into."""
    run = Run(tmp_path_factory.mktemp("runs") / "tiny")
    assert train_run(config, run, "0", toy_data) == [run.fold(0)]
    return run


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """A copy of it to work on."""
    return Run(Path(shutil.copytree(trained.folder, tmp_path / "runs" / "tiny")))


def test_a_fold_leaves_what_every_later_stage_reads(trained: Run):
    names = {path.name for path in trained.fold(0).folder.iterdir()}
    assert {
        "best.safetensors",
        "last.safetensors",
        "config.yaml",
        "history.csv",
        "metadata.json",
        "oof.csv",
    } <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    assert not any(name.endswith((".pt", ".tmp")) for name in names)


def test_the_predictions_are_of_the_held_out_images(trained: Run, toy_data: Path, config: Config):
    oof = trained.fold(0).oof()
    plan = plan_fold(resolve(config, toy_data), 0)
    held_out = plan.experiment.dataset.table.iloc[plan.parts.held_out]
    assert oof["image_id"].tolist() == held_out["image_id"].tolist()
    assert oof["lesion_id"].tolist() == held_out["lesion_id"].tolist()
    assert oof["target"].str.lower().tolist() == held_out["dx"].tolist()
    assert set(oof["fold"]) == {0}


def test_the_predictions_are_those_of_the_best_weights(
    trained: Run, toy_data: Path, config: Config
):
    """Loaded anew and read with the 8 views that the config asks for; full precision on disk."""
    oof, task = trained.fold(0).oof(), trained.task
    shares, logs = (
        oof[columns(task)].to_numpy() for columns in (probability_columns, logit_columns)
    )
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_allclose(np.log(shares), logs)
    plan = plan_fold(resolve(config, toy_data), 0)
    model = build_model(config)
    load_weights(trained.fold(0).weights, model)
    images = plan.evaluation_images.__getitems__(
        [Draw(int(row), (0,)) for row in plan.parts.held_out]
    )
    expected = predict(model, [images], torch.device("cpu"), tta="dihedral").numpy()
    np.testing.assert_allclose(logs, expected, rtol=1e-4, atol=1e-5)


def test_the_metadata_says_how_it_went(trained: Run, toy_data: Path, config: Config):
    fold = trained.fold(0)
    metadata, history = fold.metadata(), fold.history()
    experiment = resolve(config, toy_data)
    plan = plan_fold(experiment, 0)
    expected = {
        "run": "tiny",
        "fold": 0,
        "task": "isic2018",
        "classes": list(experiment.task.codes),
        "status": "finished",
        "best_epoch": int(history["valid_bacc"].idxmax()),
        "best_bacc": pytest.approx(history["valid_bacc"].max()),
        "epochs": 3,
        "parameters": sum(p.numel() for p in build_model(config).parameters()),
        "train_images": len(plan.parts.train),
        "held_out_images": len(plan.parts.held_out),
        "dataset_hash": experiment.dataset.hash,
        "folds_hash": experiment.folds.hash,
        "folds_name": "k2-seed0",
        "leaking": False,
        "seed": 0,
        "precision": "fp32",
        "device": "cpu",
        "tta": "dihedral",
    }
    assert {name: metadata[name] for name in expected} == expected
    assert sum(metadata["train_class_counts"].values()) == len(plan.parts.train)
    assert metadata["seconds"] > 0
    assert metadata["images_per_s"] > 0
    assert {"hardware", "versions", "git"} <= set(metadata)
    assert fold.config() == experiment.config


def test_the_history_has_a_row_an_epoch(trained: Run):
    history = trained.fold(0).history()
    columns = "epoch stage lr train_loss valid_loss valid_bacc valid_accuracy images_per_s seconds"
    assert " ".join(history.columns) == columns
    assert history["epoch"].tolist() == [0, 1, 2]
    assert history["stage"].tolist() == ["head", "all", "all"]
    assert history["lr"].is_monotonic_decreasing
    assert history.notna().all(axis=None)


def test_frozen_submodules_end_as_they_began(trained: Run, toy_data: Path, config: Config):
    plan = plan_fold(resolve(config, toy_data), 0)
    torch.manual_seed(key(INITIALISE, plan.seed))
    initial = build_model(config).state_dict()
    last = load_file(trained.fold(0).folder / "last.safetensors")
    same = {name for name in last if torch.equal(last[name], initial[name])}
    frozen = {name for name in last if name.startswith("backbone.conv1")}
    learned = {name for name in last if name.endswith("weight")} - frozen
    assert frozen <= same
    assert not learned & same


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_a_finished_fold_is_left_alone(
    run: Run,
    toy_data: Path,
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.delattr(run_module, "FoldTrainer")
    before = snapshot(run.fold(0).folder)
    runtime = config.runtime.model_copy(update={"workers": 1})
    train_run(config.model_copy(update={"runtime": runtime}), run, "0", toy_data)
    assert snapshot(run.fold(0).folder) == before
    assert "is finished already (BACC 0." in " ".join(capsys.readouterr().err.split())


def test_another_config_is_refused_with_the_difference(run: Run, toy_data: Path, config: Config):
    before = snapshot(run.folder)
    training = config.training.model_copy(update={"epochs": 4})
    other = config.model_copy(update={"training": training, "seed": 1})
    for fold in ("0", "1"):
        with pytest.raises(SkinError, match="was trained with another config") as caught:
            train_run(other, run, fold, toy_data)
        assert "seed: 0 -> 1\n  training.epochs: 3 -> 4\n" in str(caught.value)
    assert snapshot(run.folder) == before


def test_a_fold_of_other_data_is_refused(run: Run, toy_data: Path, tmp_path: Path, config: Config):
    shutil.copytree(toy_data, tmp_path / "data")
    dataset = find_dataset(tmp_path / "data")
    table = dataset.table
    patients = table["patient_id"].mask(table.index == 0, "P1")
    write_dataset(dataset.root, table.assign(patient_id=patients), dataset.info)
    shutil.rmtree(dataset.root / "folds")
    make_folds(find_dataset(tmp_path / "data"), k=2)
    before = snapshot(run.folder)
    with pytest.raises(SkinError, match="fold0 was trained on another state of dataset 'toy'"):
        train_run(config, run, "1", tmp_path / "data")
    assert snapshot(run.folder) == before


def test_restarting_one_of_two_folds_with_another_config_is_refused(
    run: Run, toy_data: Path, config: Config
):
    before = snapshot(run.folder)
    other = config.model_copy(update={"seed": 1})
    with pytest.raises(SkinError, match="fold0 was trained with another config"):
        train_run(other, run, "1", toy_data, restart=True)
    assert snapshot(run.folder) == before


def test_a_second_training_of_the_same_fold_is_refused(run: Run, toy_data: Path, config: Config):
    before = snapshot(run.folder / "fold0")
    with (
        FileLock(run.fold(0).folder / ".lock"),
        pytest.raises(SkinError, match="fold0 is being trained by another process"),
    ):
        train_run(config, run, "0", toy_data, restart=True)
    assert snapshot(run.folder / "fold0") == before


def test_one_fold_over_several_processes_is_refused(
    run: Run, toy_data: Path, config: Config, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SkinError, match="2 processes were launched for one fold"):
        train_run(config, run, "0", toy_data)


class Begun(Exception):  # noqa: N818 - a signal, not an error
    """A training came as far as its trainer; holds the names in the fold's folder."""


def begin(_plan: object, folder: Path) -> None:
    raise Begun({path.name for path in folder.iterdir()})


def test_restart_clears_the_fold_and_begins_anew(
    run: Run, toy_data: Path, config: Config, monkeypatch: pytest.MonkeyPatch
):
    (run.fold(0).folder / "below").mkdir()
    monkeypatch.setattr(run_module, "FoldTrainer", begin)
    with pytest.raises(Begun) as caught:
        train_run(config.model_copy(update={"seed": 1}), run, "0", toy_data, restart=True)
    assert caught.value.args[0] <= {".lock", "config.yaml"}


@pytest.mark.parametrize(
    ("section", "change"),
    [("model", {"backbone": "resnet0"}), ("optimizer", {"name": "sdg"})],
)
def test_a_restart_that_cannot_train_costs_nothing(
    trained: Run, toy_data: Path, config: Config, section: str, change: dict[str, str]
):
    before = (trained.fold(0).folder / "best.safetensors").read_bytes()
    wrong = config.model_copy(update={section: getattr(config, section).model_copy(update=change)})
    with pytest.raises(SkinError):
        train_run(wrong, trained, "all", toy_data, restart=True)
    assert (trained.fold(0).folder / "best.safetensors").read_bytes() == before
    assert trained.fold(0).finished


def test_a_restarted_run_gives_the_same_bits(run: Run, toy_data: Path, config: Config):
    before = load_file(run.fold(0).weights)
    oof = (run.fold(0).folder / "oof.csv").read_bytes()
    train_run(config, run, "0", toy_data, restart=True)
    after = load_file(run.fold(0).weights)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert (run.fold(0).folder / "oof.csv").read_bytes() == oof


def test_out_of_gpu_memory_says_which_batch_size_to_try(
    tmp_path: Path, toy_data: Path, config: Config, monkeypatch: pytest.MonkeyPatch
):
    def full(_trainer: object, _on_epoch: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(FoldTrainer, "run", full)
    run = Run(tmp_path / "tiny")
    message = "at batch size 16: try --set training.batch_size=8$"
    with pytest.raises(SkinError, match=message):
        train_run(config, run, "0", toy_data)
    assert not run.fold(0).finished


def test_a_loss_that_explodes_is_a_message(
    tmp_path: Path, toy_data: Path, write_config: Callable[..., Path]
):
    path = write_config(optimizer={"name": "sgd", "lr": 1e30}, training={"clip_grad_norm": None})
    run = Run(tmp_path / "tiny")
    with pytest.raises(SkinError, match=r"the loss became .*lower optimizer.lr"):
        train_run(load_config(path), run, "0", toy_data)
    assert not run.fold(0).finished


def test_early_stopping(tmp_path: Path, toy_data: Path, write_config: Callable[..., Path]):
    """Nothing is learnt at this rate, so that the first epoch stays the best."""
    path = write_config(
        optimizer={"name": "sgd", "lr": 1e-30},
        training={"epochs": 20, "early_stopping": 2, "ema_decay": None},
        model={"freeze": ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]},
    )
    run = Run(tmp_path / "tiny")
    train_run(load_config(path), run, "0", toy_data)
    metadata = run.fold(0).metadata()
    assert (metadata["best_epoch"], metadata["epochs"]) == (0, 3)
    assert math.isfinite(metadata["best_bacc"])


def test_no_patience_runs_out_while_the_backbone_is_frozen(
    tmp_path: Path, toy_data: Path, write_config: Callable[..., Path]
):
    path = write_config(
        optimizer={"name": "sgd", "lr": 1e-30},
        schedule={"kind": "plateau", "plateau_patience": 0},
        training={"epochs": 20, "freeze_epochs": 4, "early_stopping": 2, "ema_decay": None},
        model={"freeze": ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4"]},
    )
    run = Run(tmp_path / "tiny")
    train_run(load_config(path), run, "0", toy_data)
    history = run.fold(0).history()
    assert history["stage"].tolist() == ["head"] * 4 + ["all"] * 2
    assert run.fold(0).metadata()["epochs"] == 6
    assert math.isfinite(run.fold(0).metadata()["images_per_s"])


def test_a_holdout_is_judged_on_images_that_chose_nothing(
    workspace: Path, write_config: Callable[..., Path]
):
    folds = make_folds(find_dataset(workspace / "data"), holdout=(34, 33, 33))
    parts = folds.split(0)
    run = Run(workspace / "runs" / "holdout")
    told: list[float] = []
    config = load_config(write_config(data={"folds": folds.name}))
    train_run(config, run, "all", workspace / "data", on_epoch=lambda _f, _e, b: told.append(b))
    metadata, oof = run.fold(0).metadata(), run.oof()
    assert not metadata["chosen_on_held_out"]
    assert (metadata["train_images"], metadata["valid_images"], metadata["held_out_images"]) == (
        len(parts.train),
        len(parts.valid),
        len(parts.held_out),
    )
    assert oof["image_id"].tolist() == folds.table["image_id"][parts.held_out].tolist()
    assert max(told) == metadata["best_bacc"]
    assert told == run.fold(0).history()["valid_bacc"].tolist()


def test_folds_by_image_are_recorded_as_leaking(workspace: Path, write_config: Callable[..., Path]):
    folds = make_folds(find_dataset(workspace / "data"), k=2, split="image")
    run = Run(workspace / "runs" / "leaking")
    train_run(load_config(write_config(data={"folds": folds.name})), run, "0", workspace / "data")
    metadata = run.fold(0).metadata()
    assert metadata["leaking"]
    assert metadata["chosen_on_held_out"]


def test_a_training_does_not_go_on_with_other_blends(
    workspace: Path, write_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    config = load_config(write_config(balance=[{"step": "smote", "neighbours": 1}]))

    def stop(_fold: int, _epoch: int, _bacc: float) -> None:
        raise KeyboardInterrupt

    run = Run(workspace / "runs" / "smote")
    with pytest.raises(KeyboardInterrupt):
        train_run(config, run, "0", workspace / "data", on_epoch=stop)
    # As if another version of the library found other neighbours.
    monkeypatch.setattr("skin.data.balance.steps.BALANCE", 99)
    with pytest.raises(SkinError, match="was begun on other data"):
        train_run(config, run, "0", workspace / "data")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            {"model": {"backbone": "test_resnat"}},
            "timm has no model 'test_resnat': did you mean te",
        ),
        ({"model": {"attention": "sea"}}, "unknown block 'sea': did you mean 'se'"),
        ({"model": {"freeze": ["conv9"]}}, "model.freeze: test_resnet does not have all of conv9"),
        ({"optimizer": {"name": "adamv"}}, "unknown optimizer 'adamv'"),
        ({"augment": {"train": [{"D5": {}}]}}, "unknown transform 'D5'"),
        ({"training": {"precision": "fp16"}}, "fp16 needs a GPU"),
    ],
)
def test_a_mistake_leaves_nothing_in_the_way_of_its_mending(
    toy_data: Path,
    write_config: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    section: dict[str, dict[str, object]],
    message: str,
):
    mistaken, mended = load_config(write_config(**section)), load_config(write_config())
    run = Run(write_config().parent / "tiny")
    with pytest.raises(SkinError, match=message):
        train_run(mistaken, run, "0", toy_data)
    monkeypatch.setattr(run_module, "FoldTrainer", begin)
    with pytest.raises(Begun):
        train_run(mended, run, "0", toy_data)


def test_weights_that_do_not_fit_stop_the_training(
    tmp_path: Path, toy_data: Path, write_config: Callable[..., Path]
):
    tensors = timm.create_model("test_resnet").state_dict()
    name = next(name for name in tensors if name.startswith("layer2"))
    save_file(tensors | {name: torch.zeros(1, 2)}, tmp_path / "w.safetensors")
    path = write_config(model={"weights": str(tmp_path / "w.safetensors")})
    with pytest.raises(SkinError, match=f"do not fit test_resnet: .*{name}"):
        train_run(load_config(path), Run(tmp_path / "tiny"), "0", toy_data)


def test_a_checkpoint_of_other_data_is_refused(
    tmp_path: Path, toy_data: Path, write_config: Callable[..., Path]
):
    config, run = load_config(write_config()), Run(tmp_path / "tiny")
    plan = plan_fold(resolve(config, toy_data), 0)
    trainer = FoldTrainer(plan, run.fold(0).folder)
    trainer._save()  # noqa: SLF001 - a checkpoint before the first step
    saved = torch.load(run.fold(0).folder / "checkpoint.pt", weights_only=True)
    saved["data"]["folds"] = "another"
    torch.save(saved, run.fold(0).folder / "checkpoint.pt")
    with pytest.raises(SkinError, match=r"was begun on other data .*--restart"):
        train_run(config, run, "0", toy_data)
