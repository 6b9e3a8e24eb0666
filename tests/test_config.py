from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skin.config import Config, find_config, list_known_configs, load_config, parse_config
from skin.errors import SkinError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a config by name."""

    def write_config(text: str, name: str = "mine.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_config


def test_an_empty_file_is_the_defaults(write: Write):
    assert load_config(write("")) == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainning: {}", "unknown key 'trainning', did you mean 'training'"),
        ("training: {epoch: 3}", "unknown key 'training.epoch', did you mean 'epochs'"),
        ("data: {zzz: 1}", r"unknown key 'data.zzz' \(known there: dataset, folds, short_side"),
        ("training: {epochs: many}", "'training.epochs' is 'many': input should be a valid int"),
        ("training: {epochs: 0}", "'training.epochs' is 0: input should be greater than 0"),
        ("training: {epochs: 2.5}", "'training.epochs' is 2.5"),
        ("training: {epochs: 3, freeze_epochs: 3}", r"freeze_epochs \(3\) must be fewer"),
        ("training: {precision: fp8}", "'training.precision' is 'fp8': input should be 'auto'"),
        ("model: {dropout: 1.5}", "'model.dropout' is 1.5"),
        ("model:", "'model' is None"),
        ("augment: {train: [D4]}", r"'augment.train.0' is 'D4'"),
        ("loss: {class_weights: invers}", "'loss.class_weights' is 'invers'"),
        ("a: 1\nb: 2", "unknown key 'a'.*unknown key 'b'"),
        ("- 1", "must hold keys and values, not a list"),
        ("a: [", "is not a YAML file"),
        ("{a: 1}}", "is not a YAML file"),
    ],
)
def test_mistakes_are_named(write: Write, text: str, message: str):
    path = write(text)
    with pytest.raises(SkinError, match=message) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("loss: {kind: focl}", ["loss.kind", "cross_entropy", "focal"]),
        ("loss: {class_weights: inv}", ["inverse", "sqrt_inverse", "effective"]),
        ("balance: [{step: smoet}]", ["balance.0.step", "smote", "tomek", "downsample"]),
        ("model: {head: {kind: tree}}", ["model.head.kind", "hierarchical", "arc_margin"]),
        ("model: {metadata: {fusion: join}}", ["concat", "metablock"]),
        ("balance: [{step: smote, ot: 1}]", ["balance.0.ot", "did you mean 'to'"]),
        ("balance: [{step: downsample, to: 50}]", ["balance.0.to", "50 is no share", "a code"]),
        ("balance: [{step: downsample, to: -1}]", ["balance.0.to", "-1 is no share"]),
        ("model: {head: {kind: multi_sample}}", ["multi_sample", "dropout"]),
        (
            "training: {tta: dihedrl}",
            ["training.tta", "did you mean 'dihedral'", "crops, dihedral"],
        ),
        ("training: {tta: crops+none}", ["training.tta", "'none' stands alone"]),
        (
            "loss: {class_weights: inverse, prior_adjustment: 1}",
            ["class_weights (inverse)", "prior_adjustment (1)", "overshoots"],
        ),
        ("mix: {mixup: 1}\nmodel: {head: {kind: arc_margin}}", ["margin", "mix"]),
        ("mix: {cutmix: 1}\nmodel: {metadata: {fusion: concat}}", ["metadata", "mix"]),
        (
            "model: {head: {kind: hierarchical}, metadata: {fusion: concat}}",
            ["model.metadata.fusion", "metablock"],
        ),
    ],
)
def test_a_wrong_name_lists_the_right_ones(write: Write, text: str, named: list[str]):
    with pytest.raises(SkinError) as raised:
        load_config(write(text))
    assert [word for word in named if word not in str(raised.value)] == []


def test_a_file_that_is_no_text(write: Write):
    path = write("")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SkinError, match="is not a YAML file"):
        load_config(path)


def test_a_folder_is_no_config(tmp_path: Path):
    with pytest.raises(SkinError, match="is not a YAML file"):
        load_config(tmp_path)


def test_a_missing_file_names_the_near_ones(write: Write, tmp_path: Path):
    write("", "resnet50.yaml")
    with pytest.raises(SkinError, match=r"no config at .*resnet5\.yaml; there are resnet50\.yaml"):
        load_config(tmp_path / "resnet5.yaml")
    with pytest.raises(SkinError, match=r"no config at nowhere/x\.yaml$"):
        load_config(Path("nowhere/x.yaml"))


def test_extends_merges_mappings_and_replaces_lists(write: Write):
    write(
        "training: {epochs: 9, batch_size: 8}\naugment: {train: [{D4: {}}, {Blur: {}}]}", "a.yaml"
    )
    write("extends: a.yaml\ntraining: {epochs: 7}\nseed: 5", "b.yaml")
    config = load_config(write("extends: b.yaml\naugment: {train: [{Blur: {}}]}\nseed: 6"))
    assert (config.training.epochs, config.training.batch_size, config.seed) == (7, 8, 6)
    assert config.augment.train == [{"Blur": {}}]


def test_extends_is_relative_to_its_file(write: Write, monkeypatch: pytest.MonkeyPatch):
    write("seed: 4", "base.yaml")
    path = write("extends: ../base.yaml", "below/mine.yaml")
    monkeypatch.chdir("/")
    assert load_config(path).seed == 4


def test_extending_itself_is_refused(write: Write):
    with pytest.raises(SkinError, match=r"mine\.yaml extends itself"):
        load_config(write("extends: mine.yaml"))
    write("extends: b.yaml", "a.yaml")
    with pytest.raises(SkinError, match=r"extends itself: b\.yaml -> a\.yaml"):
        load_config(write("extends: a.yaml", "b.yaml"))


def test_a_missing_base_is_named(write: Write):
    with pytest.raises(SkinError, match=r"no config at .*bas\.yaml"):
        load_config(write("extends: bas.yaml"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("training.epochs=3", 3),
        ("optimizer.lr=3e-4", 0.0003),
        ("optimizer.lr=1", 1.0),
        ("training.channels_last=false", False),
        ("training.early_stopping=null", None),
        ("training.tta=logit + dihedral", "dihedral+logit"),
        ("model.freeze=[conv1, bn1]", ("conv1", "bn1")),
        ("model.weights=some/file.safetensors", Path("some/file.safetensors")),
        ("augment.train=[{D4: {p: 1.0}}]", [{"D4": {"p": 1.0}}]),
        (" data.image_size = 32 ", 32),
        ("description='3e-4'", "3e-4"),
        ("description=a=b", "a=b"),
    ],
)
def test_settings_are_read_as_yaml(write: Write, setting: str, value: object):
    found: object = load_config(write("training: {early_stopping: 2}"), [setting])
    for part in setting.partition("=")[0].strip().split("."):
        found = getattr(found, part)
    assert found == value
    assert type(found) is type(value) or isinstance(value, Path)


def test_the_last_setting_wins(write: Write):
    assert load_config(write("seed: 1"), ["seed=2", "seed=3"]).seed == 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.epochs", "--set training.epochs: write key=value"),
        ("=3", "--set =3: write key=value"),
        ("seed.x=3", "cannot set seed.x: 'seed' holds a value, not keys"),
        ("model.freeze=[", "the value is not YAML"),
        ("training.epoch=3", "unknown key 'training.epoch', did you mean 'epochs'"),
        ("training.epochs=x", "'training.epochs' is 'x'"),
    ],
)
def test_settings_that_are_wrong(write: Write, setting: str, message: str):
    with pytest.raises(SkinError, match=message):
        load_config(write("seed: 1"), [setting])


def test_differences_say_what_changed_and_leave_runtime_out():
    old = parse_config({"training": {"epochs": 3}, "augment": {"train": []}}, "old")
    new = parse_config(
        {
            "description": "other words",
            "training": {"epochs": 4},
            "augment": {"train": [{"D4": {}}]},
            "runtime": {"workers": 7, "device": "cuda", "checkpoint_seconds": 1},
        },
        "new",
    )
    assert new.differences(old) == [
        "augment.train: [] -> [{'D4': {}}]",
        "training.epochs: 3 -> 4",
    ]
    assert old.differences(old) == []


def test_a_saved_config_is_the_same(tmp_path: Path):
    config = parse_config(
        {
            "model": {"weights": "x/y.pth", "freeze": ["conv1"]},
            "optimizer": {"lr": 1e-5},
            "augment": {"train": [{"Blur": {"blur_limit": [3, 5]}}]},
        },
        "test",
    )
    config.save(tmp_path / "config.yaml")
    assert load_config(tmp_path / "config.yaml") == config


def test_a_config_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="frozen"):
        Config().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize("path", list_known_configs(), ids=lambda path: path.stem)
def test_the_configs_that_come_along_are_right(path: Path):
    config = load_config(path)
    assert config.description
    assert find_config(path.stem).samefile(path)


def test_known_configs_are_those_here_and_those_that_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "configs").mkdir()
    for name in ("mine", "base", "resnet50"):
        (tmp_path / "configs" / f"{name}.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    found = {path.stem: path for path in list_known_configs()}
    assert list(found) == sorted(found)
    assert {"mine", "resnet50", "resnet50_se"} <= set(found)
    assert "base" not in found
    assert found["resnet50"] == find_config("resnet50") == Path("configs/resnet50.yaml")


def test_find_config_takes_files_as_they_are():
    assert find_config("some/where") == Path("some/where")
    assert find_config("mine.yaml") == Path("mine.yaml")
    with pytest.raises(SkinError, match="no config 'resnet5': did you mean 'resnet50'"):
        find_config("resnet5")
