from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skin.config import Config, load_config, parse_config
from skin.data.dataset import find_dataset, write_dataset
from skin.data.encode import METADATA_SIZE
from skin.data.folds import make_folds
from skin.data.loader import Draw
from skin.errors import SkinError
from skin.training.plan import loader_workers, plan_fold, resolve

WriteConfig = Callable[..., Path]


@pytest.fixture
def config(write_config: WriteConfig) -> Config:
    return load_config(write_config())


def test_the_open_choices_are_written_down(config: Config, toy_data: Path):
    experiment = resolve(config, toy_data)
    data = experiment.config.data
    assert (data.dataset, data.folds, data.short_side) == ("toy", "k2-seed0", 40)
    assert data.image_size == 32
    assert resolve(experiment.config, toy_data).config == experiment.config
    codes = np.array(experiment.task.codes)[experiment.targets]
    assert [code.lower() for code in codes] == experiment.dataset.table["dx"].tolist()


def test_a_fold_splits_all_rows_and_no_lesion(config: Config, toy_data: Path):
    experiment = resolve(config, toy_data)
    plans = [plan_fold(experiment, fold) for fold in (0, 1)]
    for plan in plans:
        assert not set(plan.parts.train) & set(plan.parts.held_out)
        assert len(plan.parts.train) + len(plan.parts.held_out) == len(experiment.dataset)
        lesions = experiment.dataset.table["lesion_id"]
        assert not set(lesions[plan.parts.train]) & set(lesions[plan.parts.held_out])
        assert plan.train_counts.sum() == len(plan.parts.train)
    np.testing.assert_array_equal(plans[0].parts.train, plans[1].parts.held_out)
    assert plans[0].seed != plans[1].seed


BALANCE: list[dict[str, object]] = [
    {"step": "oversample", "to": "MEL"},
    {"step": "downsample", "to": 0.9},
    {"step": "smote", "neighbours": 1},
]


@pytest.mark.parametrize("fold", [0, 1])
def test_no_synthetic_image_comes_from_a_held_out_lesion(
    fold: int, write_config: WriteConfig, toy_data: Path
):
    plan = plan_fold(resolve(load_config(write_config(balance=BALANCE)), toy_data), fold)
    table, blends = plan.experiment.dataset.table, plan.training.blends
    assert len(blends) > 0
    parents = np.concatenate([blends.first, blends.second])
    lesions = table["lesion_id"].to_numpy()
    assert not set(lesions[parents]) & set(lesions[plan.parts.held_out])
    assert set(parents) <= set(plan.parts.train)
    real = plan.training.rows[plan.training.rows < len(table)]
    assert set(real) <= set(plan.parts.train)
    assert set(table["image_id"][plan.parts.held_out]).isdisjoint(table["image_id"][parents])


def test_blends_bring_targets_pixels_and_metadata(write_config: WriteConfig, toy_data: Path):
    keys = {"balance": BALANCE, "model": {"metadata": {"fusion": "concat"}}}
    plan = plan_fold(resolve(load_config(write_config(**keys)), toy_data), 0)
    real, blends = len(plan.experiment.dataset), plan.training.blends
    np.testing.assert_array_equal(plan.targets[real:], plan.targets[blends.second])
    assert plan.metadata is not None
    np.testing.assert_array_equal(plan.metadata[real:], plan.metadata[blends.first])
    counts = plan.train_counts
    assert counts.tolist() == [counts.max()] * 7
    (image,) = plan.train_images.__getitems__([Draw(real, (0, 0, 0))]).images
    assert image.shape == (3, 32, 32)
    assert plan.metadata.shape == (real + len(blends), METADATA_SIZE)


def test_without_fusion_there_are_no_metadata(config: Config, toy_data: Path):
    assert plan_fold(resolve(config, toy_data), 0).metadata is None


def test_each_class_gets_its_own_views(write_config: WriteConfig, toy_data: Path):
    black = [{"Resize": {}}, {"Affine": {"translate_px": [500, 500], "p": 1.0}}]
    config = load_config(write_config(augment={"by_class": {"NV": black}}))
    plan = plan_fold(resolve(config, toy_data), 0)
    rows = plan.parts.train
    images = plan.train_images.__getitems__(
        [Draw(int(row), (0, 0, i)) for i, row in enumerate(rows)]
    )
    dark = images.images.flatten(1).amax(1).numpy() == 0
    np.testing.assert_array_equal(dark, plan.targets[rows] == 1)


def test_a_holdout_has_a_part_to_choose_the_epoch_by(write_config: WriteConfig, workspace: Path):
    make_folds(find_dataset(workspace / "data"), holdout=(34, 33, 33))
    config = load_config(write_config(data={"folds": "holdout34-33-33-seed0"}))
    plan = plan_fold(resolve(config, workspace / "data"), 0)
    parts = [set(part) for part in plan.parts]
    assert sum(map(len, parts)) == len(set.union(*parts)) == len(plan.experiment.dataset)


def test_the_order_draws_from_the_training_part(config: Config, toy_data: Path):
    plan = plan_fold(resolve(config, toy_data), 0)
    order = plan.order
    assert order.batch_size == config.training.batch_size
    drawn = {draw.row for batch in order.epoch(0) for draw in batch}
    assert drawn <= set(plan.parts.train.tolist())
    assert order.seed == plan.seed


def test_the_seed_of_the_config_is_the_seed_of_the_folds(config: Config, toy_data: Path):
    other = config.model_copy(update={"seed": 1})
    seeds = [plan_fold(resolve(each, toy_data), 0).seed for each in (config, config, other)]
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"data": {"dataset": "toi"}}, "no dataset 'toi' under .*did you mean 'toy'"),
        ({"data": {"folds": "k2-seed1"}}, "k2-seed0"),
        (
            {"data": {"short_side": 41}},
            "data.short_side: dataset 'toy' has caches of short side 40",
        ),
        ({"augment": {"train": [{"D5": {}}]}}, "augment.train: unknown transform 'D5'"),
        ({"augment": {"evaluate": []}}, "augment.evaluate turns images into 102x62 pixels"),
    ],
)
def test_what_is_not_there(
    write_config: WriteConfig, toy_data: Path, section: dict[str, dict[str, object]], message: str
):
    with pytest.raises(SkinError, match=message):
        plan_fold(resolve(load_config(write_config(**section)), toy_data), 0)


def test_a_fold_that_is_not_there(config: Config, toy_data: Path):
    with pytest.raises(SkinError, match="no fold 2 in 'k2-seed0': there are 0 to 1"):
        plan_fold(resolve(config, toy_data), 2)


def test_several_caches_are_named(config: Config, workspace: Path):
    shutil.copytree(workspace / "data/toy/cache/40", workspace / "data/toy/cache/24")
    with pytest.raises(SkinError, match=r"short side 24, 40: choose with --set data.short_side=40"):
        resolve(config, workspace / "data")


def relabel(data_dir: Path, change: dict[str, str]) -> None:
    """Give lesions other diagnoses, and split again."""
    dataset = find_dataset(data_dir)
    table = dataset.table.assign(dx=dataset.table["dx"].replace(change))
    shutil.rmtree(dataset.root / "folds")
    make_folds(write_dataset(dataset.root, table, dataset.info), k=2)


def test_an_unknown_diagnosis_is_named(config: Config, workspace: Path):
    relabel(workspace / "data", {"df": "scc"})
    with pytest.raises(
        SkinError, match="'toy' has diagnoses that task 'isic2018' does not know: s"
    ):
        resolve(config, workspace / "data")


def test_a_class_without_a_training_image_is_named(config: Config, workspace: Path):
    relabel(workspace / "data", {"df": "nv", "vasc": "nv"})
    experiment = resolve(config, workspace / "data")
    with pytest.raises(SkinError, match="fold 0 of dataset 'toy' has no training image of DF, VAS"):
        plan_fold(experiment, 0)


def test_an_empty_data_folder_says_what_to_do(tmp_path: Path):
    with pytest.raises(SkinError, match=r"no dataset under .*skin data add"):
        resolve(parse_config({}, "test"), tmp_path)


@pytest.mark.parametrize(
    ("cores", "on_cpu", "on_gpu"), [(1, 1, 1), (2, 1, 2), (16, 2, 16), (64, 8, 16)]
)
def test_loader_workers_by_the_cores(
    monkeypatch: pytest.MonkeyPatch, cores: int, on_cpu: int, on_gpu: int
):
    available = lambda _pid: set(range(cores))  # noqa: E731 - a stand-in of one line
    monkeypatch.setattr("os.sched_getaffinity", available, raising=False)
    assert loader_workers(None, on_gpu=False) == on_cpu
    assert loader_workers(None, on_gpu=True) == on_gpu
    assert loader_workers(0, on_gpu=True) == 0
