from __future__ import annotations

from contextlib import suppress

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.config import Config, load_config, read_value
from skin.errors import SkinError
from skin.tuning.space import (
    Choice,
    Parameter,
    Range,
    Space,
    as_text,
    default_parameters,
    parse_choice,
    parse_range,
    settings,
    value_at,
    with_values,
)

RANGES = {
    "optimizer.lr=1e-5..1e-2": Range("optimizer.lr", 1e-5, 1e-2, log=True),
    "optimizer.lr=1e-3..1e-2": Range("optimizer.lr", 1e-3, 1e-2, log=False),
    "optimizer.lr=1e-3..1e-2:log": Range("optimizer.lr", 1e-3, 1e-2, log=True),
    "optimizer.lr=1e-5..1e-2:linear": Range("optimizer.lr", 1e-5, 1e-2, log=False),
    "model.dropout=0..0.5": Range("model.dropout", 0, 0.5, log=False),
    "loss.focal_gamma=0.02..2": Range("loss.focal_gamma", 0.02, 2, log=True),
    "training.epochs=5..30": Range("training.epochs", 5, 30, log=False),
    " training.epochs = 5 .. 30 ": Range("training.epochs", 5, 30, log=False),
}


@pytest.mark.parametrize("text", RANGES)
def test_ranges(text: str):
    assert parse_range(text) == RANGES[text]


CHOICES = {
    "training.batch_size=16,32,64": ("16", "32", "64"),
    "loss.kind=cross_entropy, focal": ("cross_entropy", "focal"),
    "optimizer.lr=1e-4,3e-4": ("1e-4", "3e-4"),
    "training.channels_last=true,false": ("true", "false"),
    "training.ema_decay=null,0.99": ("null", "0.99"),
    "model.freeze=[],[conv1, layer1]": ("[]", "[conv1, layer1]"),
    "balance=[],[{step: downsample, to: 0.5}]": ("[]", "[{step: downsample, to: 0.5}]"),
    "training.batch_size=16,32,16": ("16", "32"),
}


@pytest.mark.parametrize("text", CHOICES)
def test_choices(text: str):
    assert parse_choice(text) == Choice(text.partition("=")[0], CHOICES[text])


WRONG = {
    "--range optimizer.lr": "write key=low..high",
    "--range optimizer.lr=1e-5-1e-2": "write key=low..high",
    "--range optimizer.lr=..1": "write key=low..high",
    "--range =1..2": "write key=low..high",
    "--range optimizer.lr=low..high": "write key=low..high",
    "--range optimizer.lr=0.1..inf": "write key=low..high",
    "--range optimizer.lr=1..2:cubic": "write key=low..high",
    "--range optimizer.lr=1..2:": "write key=low..high",
    "--range optimizer.lr=2..1": "2 is not below 1",
    "--range optimizer.lr=1..1": "1 is not below 1",
    "--range model.dropout=0..0.5:log": "starts above 0",
    "--choice loss.kind": "write key=value,value",
    "--choice loss.kind=focal": "two values at least",
    "--choice loss.kind=focal,focal": "two values at least",
    "--choice loss.kind=[focal,": "write key=value,value",
    "--choice =a,b": "write key=value,value",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_no_range_or_choice(words: str):
    option, text = words.split(" ", 1)
    with pytest.raises(SkinError) as raised:
        (parse_range if option == "--range" else parse_choice)(text)
    assert str(raised.value).startswith(f"{words}: ")
    assert WRONG[words] in str(raised.value)


REFUSED: dict[str, tuple[list[Parameter], str]] = {
    "unknown": ([parse_range("optimizer.lrr=1..2")], "did you mean 'lr'"),
    "section": ([parse_range("optimiser.lr=1..2")], "did you mean 'optimizer'"),
    "below a value": ([parse_range("training.epochs.x=1..2")], "'epochs' holds a value, not keys"),
    "low": ([parse_range("optimizer.lr=-1..2")], "'optimizer.lr' is -1"),
    "high": ([parse_range("model.dropout=0.5..1.5")], "'model.dropout' is 1.5"),
    "fraction": ([parse_range("training.batch_size=1.5..8")], "'training.batch_size' is 1.5"),
    "no number": ([parse_range("training.compile=0..1")], "it takes no numbers; say --choice"),
    "choice": ([parse_choice("loss.kind=focal,hinge")], "'loss.kind' is 'hinge'"),
    "together": (
        [parse_choice("training.epochs=2,9"), parse_choice("training.freeze_epochs=0,3")],
        "freeze_epochs (3) must be fewer than epochs (2)",
    ),
    "twice": ([parse_range("optimizer.lr=1..2"), parse_choice("optimizer.lr=1,2")], "tuned twice"),
    "seed": ([parse_range("seed=0..9")], "the best of several seeds is luck"),
    "runtime": ([parse_choice("runtime.workers=0,1")], "never changes a result"),
    "folds": ([parse_choice("data.folds=a,b")], "scores on different images"),
    "data": ([parse_choice("data={folds: a},{folds: b}")], "scores on different images"),
    "many": (
        [parse_range(f"augment.by_class.c{i}=1..2") for i in range(14)],
        "16,384 corners",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_space_is_refused_before_anything_is_trained(case: str):
    parameters, message = REFUSED[case]
    with pytest.raises(SkinError) as raised:
        Space.of(parameters, Config())
    assert message in str(raised.value)


def test_corners_are_all_combinations():
    space = Space.of(
        [parse_range("model.dropout=0..0.5"), parse_choice("loss.kind=focal,cross_entropy")],
        Config(),
    )
    found = [(corner.model.dropout, corner.loss.kind) for corner in space.corners(Config())]
    assert found == [(0, "focal"), (0, "cross_entropy"), (0.5, "focal"), (0.5, "cross_entropy")]


def test_the_schema_says_what_is_an_integer():
    """Ends written as integers are floats where the key takes floats."""
    texts = ["loss.focal_gamma=0..4", "training.epochs=2..9", "sampler.epoch_images=10..1000"]
    space = Space.of([parse_range(text) for text in texts], Config())
    assert [p.integer for p in space.parameters if isinstance(p, Range)] == [False, True, True]
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [space.suggest(study.ask(), Config()) for _ in range(8)]
    assert all(2 <= config.training.epochs <= 9 for config in drawn)
    assert any(config.loss.focal_gamma % 1 for config in drawn)


def test_what_is_drawn_is_in_the_config():
    space = Space.of(
        [parse_choice("model.freeze=[],[conv1]"), parse_choice("training.ema_decay=null,0.9")],
        Config(),
    )
    params = {"model.freeze": "[conv1]", "training.ema_decay": "null"}
    fixed = optuna.trial.FixedTrial(params)
    config = space.suggest(fixed, Config())
    assert config.model.freeze == ("conv1",)
    assert config.training.ema_decay is None
    assert config.differences(Config()) == ["model.freeze: [] -> ['conv1']"]


def test_the_default_is_about_the_learning_rate_of_the_config():
    base = with_values(Config(), {"optimizer.lr": 2e-4})
    space = Space.of(default_parameters(base), base)
    assert [str(parameter) for parameter in space.parameters] == [
        "training.batch_size=16,32,64",
        "loss.kind=cross_entropy,focal",
        "loss.class_weights=none,inverse",
        "optimizer.lr=2.0e-05..0.0006:log",
    ]


def test_weights_are_not_compared_beside_an_adjusted_prior():
    base = with_values(Config(), {"loss.prior_adjustment": 1.0})
    space = Space.of(default_parameters(base), base)
    assert "loss.class_weights" not in [parameter.key for parameter in space.parameters]


def test_own_values():
    base = with_values(Config(), {"optimizer.lr": 2e-4, "training.batch_size": 32})
    space = Space.of(default_parameters(base), base)
    own = {
        "training.batch_size": "32",
        "loss.kind": "cross_entropy",
        "loss.class_weights": "none",
        "optimizer.lr": 2e-4,
    }
    assert space.parameters_of(base) == own
    assert space.parameters_of(with_values(base, {"training.batch_size": 24})) is None
    assert space.parameters_of(with_values(base, {"optimizer.lr": 1.0})) is None


def test_settings_train_the_same(tmp_path):
    """The printed --set words give the trial's config to the last bit."""
    params = {"optimizer.lr": 3.1415926535e-05, "loss.kind": "focal", "training.epochs": 7}
    path = tmp_path / "empty.yaml"
    path.write_text("{}")
    loaded = load_config(path, settings(params))
    assert loaded == with_values(Config(), params)


def test_value_at():
    assert value_at(Config(), "training.epochs") == 30
    assert value_at(Config(), "augment.by_class.mel") is None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")), max_size=8),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(VALUES)
def test_a_value_survives_its_text(value: object):
    text = as_text(value)
    assert "\n" not in text
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)  # as --set reads 3e-4
    assert repr(read_value(text)) == repr(value)
