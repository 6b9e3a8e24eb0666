"""The search space: which keys of a config are tuned, and over which values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import yaml
from optuna.trial import BaseTrial

from skin.config import Config, parse_config, read_value
from skin.errors import SkinError, name_some

_LOG_RATIO = 100.0  # from high / low on, a range is logarithmic unless it says otherwise
_MOST_CORNERS = 10_000
# Trials are compared by the same score on the same images, so these stay as they are.
_FIXED = {
    "description": "it changes no training",
    "runtime": "it never changes a result",
    "seed": "the best of several seeds is luck",
    "task": "scores of different tasks do not compare",
    "data.dataset": "scores on different images do not compare",
    "data.folds": "scores on different images do not compare",
}


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; `integer` is what the config's schema says."""

    key: str
    low: float
    high: float
    log: bool
    integer: bool = False

    def __str__(self) -> str:
        scale = "log" if self.log else "linear"
        return f"{self.key}={as_text(self.low)}..{as_text(self.high)}:{scale}"

    @property
    def corners(self) -> tuple[object, ...]:
        """The ends."""
        return self.low, self.high

    def suggest(self, trial: BaseTrial) -> None:
        """Draw the trial's value, unless it has one."""
        if self.integer:
            trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log)
        else:
            trial.suggest_float(self.key, self.low, self.high, log=self.log)

    def parameter(self, value: object) -> float | None:
        """What Optuna stores for a config's value; none where the range does not hold it."""
        if isinstance(value, int | float) and self.low <= value <= self.high:
            return value
        return None


@dataclass(frozen=True)
class Choice:
    """Values without an order, each as the text that `--set` takes."""

    key: str
    texts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(self.texts)}"

    @property
    def corners(self) -> tuple[object, ...]:
        """All values."""
        return tuple(read_value(text) for text in self.texts)

    def suggest(self, trial: BaseTrial) -> None:
        """Draw the trial's value, unless it has one."""
        trial.suggest_categorical(self.key, self.texts)

    def parameter(self, value: object) -> str | None:
        """What Optuna stores for a config's value; none where it is no choice."""
        return next((text for text in self.texts if read_value(text) == value), None)


Parameter = Range | Choice


@dataclass(frozen=True)
class Space:
    """The tuned keys. Make it with `of`, which checks it against a config."""

    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, parameters: Sequence[Parameter], base: Config) -> Self:
        """Check every corner of the space, so that no trial dies of a wrong value.

        Raises:
            SkinError: a key is tuned twice, is unknown (the nearest right one is named) or must
                stay as it is, or a value does not go there.
        """
        _require_tunable([parameter.key for parameter in parameters])
        space = cls(tuple(parameters))
        lowest = next(space.corners(base))
        typed = [_typed(parameter, lowest) for parameter in parameters]
        for _ in space.corners(base):
            pass
        return cls(tuple(typed))

    def corners(self, base: Config) -> Iterator[Config]:
        """The config at each combination of the ranges' ends and the choices."""
        ends = [parameter.corners for parameter in self.parameters]
        count = math.prod(len(values) for values in ends)
        if count > _MOST_CORNERS:
            raise SkinError(
                f"the search space has {count:,} corners, too many to check and to search: "
                "tune fewer keys"
            )
        keys = [parameter.key for parameter in self.parameters]
        for values in itertools.product(*ends):
            yield with_values(base, dict(zip(keys, values, strict=True)))

    def suggest(self, trial: BaseTrial, base: Config) -> Config:
        """The base with the trial's values, which are drawn where it has none yet."""
        for parameter in self.parameters:
            parameter.suggest(trial)
        return with_values(base, {key: _value(v) for key, v in trial.params.items()})

    def parameters_of(self, config: Config) -> dict[str, Any] | None:
        """Optuna's parameters for a config's own values; none where one is not in the space."""
        found = {p.key: p.parameter(value_at(config, p.key)) for p in self.parameters}
        return None if None in found.values() else found


def parse_range(text: str) -> Range:
    """Read `key=low..high`, with `:log` or `:linear` after it where it is said.

    Raises:
        SkinError: it is no such range, or one that is empty.
    """
    form = f"--range {text}: write key=low..high, as optimizer.lr=1e-5..1e-2, then :log or :linear"
    key, equals, rest = text.partition("=")
    ends, colon, scale = rest.partition(":")
    first, dots, last = ends.partition("..")
    if not (key.strip() and equals and dots) or (colon and scale not in {"log", "linear"}):
        raise SkinError(form)
    try:
        low, high = (_number(end) for end in (first, last))
    except ValueError:
        raise SkinError(form) from None
    if low >= high:
        raise SkinError(f"--range {text}: {first} is not below {last}")
    if scale == "log" and low <= 0:
        raise SkinError(f"--range {text}: a logarithmic range starts above 0")
    log = scale == "log" or (not scale and low > 0 and high / low >= _LOG_RATIO)
    return Range(key.strip(), low, high, log)


def parse_choice(text: str) -> Choice:
    """Read `key=value,value`; values are YAML, as `--set` takes them.

    Raises:
        SkinError: it is no such choice, or has fewer than two values.
    """
    key, equals, listed = text.partition("=")
    try:
        values = yaml.safe_load(f"[{listed}]")
    except yaml.YAMLError:
        values = []
    texts = tuple(dict.fromkeys(as_text(value) for value in values))
    if not (key.strip() and equals) or len(texts) < 2:  # noqa: PLR2004 - one is no choice
        raise SkinError(
            f"--choice {text}: write key=value,value, as training.batch_size=16,32,64; "
            "two values at least"
        )
    return Choice(key.strip(), texts)


def default_parameters(base: Config) -> list[Parameter]:
    """The usual early comparison: batch size, kind of loss, and learning rate about the config's.

    The learning rate is a logarithmic range from a tenth to three times the config's. Class weights
    are compared where the config does not make up for rare classes by their prior.
    """
    lr = base.optimizer.lr
    low, high = (float(f"{bound:.3g}") for bound in (lr / 10, lr * 3))
    weights = Choice("loss.class_weights", ("none", "inverse"))
    return [
        Choice("training.batch_size", ("16", "32", "64")),
        Choice("loss.kind", ("cross_entropy", "focal")),
        *([] if base.loss.prior_adjustment else [weights]),
        Range("optimizer.lr", low, high, log=True),
    ]


def settings(parameters: Mapping[str, Any]) -> list[str]:
    """Optuna's parameters as `--set` takes them."""
    texts = {k: v if isinstance(v, str) else as_text(v) for k, v in parameters.items()}
    return [f"{key}={text}" for key, text in texts.items()]


def with_values(base: Config, values: Mapping[str, object]) -> Config:
    """A config with the values of dotted keys changed.

    Raises:
        SkinError: a key is unknown, or a value does not go there.
    """
    tree = base.model_dump(mode="json")
    for key, value in values.items():
        *parents, leaf = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                raise SkinError(f"cannot tune {key}: '{parent}' holds a value, not keys")
        node[leaf] = value
    return parse_config(tree, "the search space")


def value_at(config: Config, key: str) -> object:
    """The value of a dotted key; none where it is not there."""
    node: Any = config.model_dump(mode="json")
    for part in key.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def as_text(value: object) -> str:
    """Write a value on one line so that `--set` reads it."""
    # Inside a list a scalar has no end-of-document mark.
    listed = yaml.safe_dump(
        [value], default_flow_style=True, width=math.inf, sort_keys=False, allow_unicode=True
    )
    return str(listed).strip()[1:-1]


def _value(parameter: object) -> object:
    """The config's value for what Optuna stores."""
    return read_value(parameter) if isinstance(parameter, str) else parameter


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return int(text) if text.strip().lstrip("+-").isdecimal() else number


def _typed(parameter: Parameter, config: Config) -> Parameter:
    """Take from the schema whether a range is of integers."""
    if isinstance(parameter, Choice):
        return parameter
    value = value_at(config, parameter.key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SkinError(f"--range {parameter.key}: it takes no numbers; say --choice")
    return replace(parameter, integer=isinstance(value, int))


def _require_tunable(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise SkinError(f"{key} is tuned twice: give it one --range or one --choice")
        seen.add(key)
        for fixed, reason in _FIXED.items():
            if f"{key}.".startswith(f"{fixed}.") or fixed.startswith(f"{key}."):
                others = name_some(_FIXED, most=len(_FIXED))
                raise SkinError(f"{key} cannot be tuned: {reason} (what stays: {others})")
