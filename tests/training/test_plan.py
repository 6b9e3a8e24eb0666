from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.config import Config, load_config, parse_config
from skin.data.dataset import find_dataset, write_dataset
from skin.data.encode import METADATA_SIZE
from skin.data.folds import make_folds
from skin.data.loader import Draw
from skin.errors import SkinError
from skin.taxonomy import OUTSIDE
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


def relabel_some(data_dir: Path, old: str, new: str) -> None:
    """Give every other lesion of a diagnosis another one, without splitting again."""
    dataset = find_dataset(data_dir)
    table = dataset.table
    lesions = table.loc[table["dx"] == old, "lesion_id"].unique()[::2]
    changed = table.assign(dx=table["dx"].mask(table["lesion_id"].isin(lesions), new))
    shutil.rmtree(dataset.root / "folds")
    make_folds(write_dataset(dataset.root, changed, dataset.info), k=2)


def test_an_unknown_diagnosis_is_named(config: Config, workspace: Path):
    relabel(workspace / "data", {"df": "scc"})
    message = (
        "dataset 'toy' has diagnoses that task 'isic2018' does not know: scc; choose another --set "
        r"task=NAME, or leave their \d+ images out with --set data.outside=drop"
    )
    with pytest.raises(SkinError, match=message):
        resolve(config, workspace / "data")


DROP: dict[str, object] = {"task": "isic2019", "data": {"outside": "drop"}}


def test_what_is_outside_the_task_is_left_out_of_everything(
    write_config: WriteConfig, workspace: Path, capsys: pytest.CaptureFixture[str]
):
    # AKIEC is no class of isic2019; actinic keratoses and carcinomas are.
    relabel(workspace / "data", {"df": "other_benign", "vasc": "scc"})
    relabel_some(workspace / "data", "akiec", "ak")
    config = load_config(write_config(**DROP))
    experiment = resolve(config, workspace / "data")
    dx = experiment.dataset.table["dx"]
    is_outside = dx.isin(["other_benign", "akiec"]).to_numpy()
    assert set(dx[is_outside]) == {"other_benign", "akiec"}
    counts = ", ".join(f"{each} ({n:,})" for each, n in dx[is_outside].value_counts().items())
    said = capsys.readouterr().err
    assert f"{is_outside.sum()} images are outside task 'isic2019' and left out: {counts}" in said
    np.testing.assert_array_equal(experiment.targets == OUTSIDE, is_outside)
    for fold in (0, 1):
        split, parts = experiment.folds.split(fold), experiment.parts(fold)
        for kept, rows in zip(parts, split, strict=True):
            assert kept.tolist() == [row for row in rows if not is_outside[row]]
        # An AKIEC may be an actinic keratosis, which the model knows.
        held_out = [row for row in split.held_out if dx[row] == "other_benign"]
        assert experiment.outside(fold).tolist() == held_out
        assert held_out
    with pytest.raises(SkinError, match="no training image of DF, VASC"):  # which are others now
        plan_fold(experiment, 0)


@pytest.mark.parametrize("balanced", [False, True])
def test_no_row_outside_the_task_is_trained_on(
    balanced: bool, write_config: WriteConfig, workspace: Path
):
    relabel(workspace / "data", {"df": "nv", "vasc": "unknown", "mel": "scc"})
    keys = {"task": "malignant", "data": {"outside": "drop"}}
    config = load_config(write_config(**keys, balance=[*BALANCE[1:]] if balanced else []))
    plan = plan_fold(resolve(config, workspace / "data"), 0)
    outside = set(np.flatnonzero(plan.experiment.dataset.table["dx"] == "unknown"))
    assert outside
    blends = plan.training.blends
    assert (len(blends) > 0) == balanced
    for rows in (*plan.parts, plan.training.rows, blends.first, blends.second):
        assert outside.isdisjoint(rows.tolist())
    drawn = {draw.row for batch in plan.order.epoch(0) for draw in batch}
    assert outside.isdisjoint(drawn)
    assert (plan.targets[plan.training.rows] >= 0).all()
    assert (plan.order.targets >= 0).all()
    assert plan.train_counts.sum() == len(plan.training.rows)


def test_a_class_without_a_training_image_is_named(config: Config, workspace: Path):
    relabel(workspace / "data", {"df": "nv", "vasc": "nv"})
    experiment = resolve(config, workspace / "data")
    with pytest.raises(SkinError, match="fold 0 of dataset 'toy' has no training image of DF, VAS"):
        plan_fold(experiment, 0)


def from_two_sources(data_dir: Path, table_of: Callable[[pd.DataFrame], pd.Series]) -> None:
    """Say where each image of `toy` is from."""
    dataset = find_dataset(data_dir)
    table = dataset.table.assign(source=table_of(dataset.table).astype("string"))
    write_dataset(dataset.root, table, dataset.info)


def by_lesion(table: pd.DataFrame) -> pd.Series:
    """Half of the lesions are of the source `first`, the others of `second`."""
    return pd.Series(pd.factorize(table["lesion_id"])[0] % 2).map({0: "first", 1: "second"})


def by_class(table: pd.DataFrame) -> pd.Series:
    """Dermatofibromas are of the source `second`."""
    return pd.Series(np.where(table["dx"] == "df", "second", "first"))


@pytest.mark.parametrize("kind", ["shuffle", "weighted", "undersample"])
def test_sources_are_drawn_as_their_weights_say(
    kind: str, write_config: WriteConfig, workspace: Path
):
    from_two_sources(workspace / "data", by_lesion)
    sampler = {"kind": kind, "power": 1.0, "source_weights": {"second": 0.25}}
    keys: dict[str, object] = {"task": "malignant", "balance": []}
    if kind != "undersample":
        keys["balance"] = [{"step": "smote", "neighbours": 1}]
    config = load_config(write_config(**keys, sampler=sampler))
    plan = plan_fold(resolve(config, workspace / "data"), 0)
    source = plan.experiment.dataset.table["source"].to_numpy(str)
    blends = plan.training.blends
    assert len(blends) > 0 or kind == "undersample"
    of_row = np.concatenate([source, source[blends.first]])[plan.training.rows]
    assert plan.weights is not None
    np.testing.assert_array_equal(plan.weights, np.where(of_row == "first", 1, 0.25))
    rows = [draw.row for epoch in range(150) for batch in plan.order.epoch(epoch) for draw in batch]
    share = {row: rows.count(row) / len(rows) for row in set(plan.training.rows.tolist())}
    targets = plan.targets[plan.training.rows]
    for target in (0, 1):
        drawn = {
            name: np.mean(
                [share[r] for r in plan.training.rows[(targets == target) & (of_row == name)]]
            )
            for name in ("first", "second")
        }
        assert drawn["second"] / drawn["first"] == pytest.approx(0.25, rel=0.25)
    counts = np.bincount(plan.targets[rows], minlength=2) / len(rows)
    assert counts == pytest.approx(plan.order.class_distribution(2), abs=0.05)


def test_a_source_of_weight_0_is_never_drawn(write_config: WriteConfig, workspace: Path):
    from_two_sources(workspace / "data", by_lesion)
    keys = {"task": "malignant", "sampler": {"source_weights": {"second": 0}}}
    plan = plan_fold(resolve(load_config(write_config(**keys)), workspace / "data"), 0)
    source = plan.experiment.dataset.table["source"]
    drawn = {draw.row for batch in plan.order.epoch(0) for draw in batch}
    assert set(source[list(drawn)]) == {"first"}
    assert plan.order.epoch_images == (source[plan.parts.train] == "first").sum()


def test_weights_that_leave_a_class_out_are_refused(write_config: WriteConfig, workspace: Path):
    from_two_sources(workspace / "data", by_class)
    config = load_config(write_config(sampler={"source_weights": {"second": 0}}))
    experiment = resolve(config, workspace / "data")
    with pytest.raises(SkinError, match="all training images of DF are of sources that sampler"):
        plan_fold(experiment, 0)


def test_a_source_that_is_not_there_is_named(write_config: WriteConfig, workspace: Path):
    from_two_sources(workspace / "data", by_lesion)
    config = load_config(write_config(sampler={"source_weights": {"secnd": 2}}))
    message = "no images of source 'secnd': did you mean 'second'. known: first, second"
    with pytest.raises(SkinError, match=message):
        resolve(config, workspace / "data")


def test_weights_are_set_on_the_command_line(write_config: WriteConfig):
    config = load_config(write_config(), ["sampler.source_weights.isic2019=0.5"])
    assert config.sampler.source_weights == {"isic2019": 0.5}
    assert config.differences(load_config(write_config())) == [
        "sampler.source_weights.isic2019: None -> 0.5"
    ]


def test_undersampling_and_balancing_together_are_refused(
    write_config: WriteConfig, toy_data: Path
):
    keys = {"balance": BALANCE, "sampler": {"kind": "undersample"}}
    with pytest.raises(SkinError, match="both cut classes to size: drop one of them"):
        resolve(load_config(write_config(**keys)), toy_data)


@pytest.mark.parametrize("fusion", ["none", "concat"])
def test_metadata_have_an_identity_where_the_model_sees_them(
    fusion: str, write_config: WriteConfig, toy_data: Path
):
    keys = {"model": {"metadata": {"fusion": fusion}}}
    experiment = resolve(load_config(write_config(**keys)), toy_data)
    expected = experiment.dataset.metadata_hash if fusion == "concat" else None
    assert experiment.metadata_hash == expected


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
