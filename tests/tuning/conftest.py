from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from skin.config import Config
from skin.tuning.space import Choice, Range, Space
from skin.tuning.study import Identity

SPACE = Space(
    (Range("optimizer.lr", 1e-4, 1e-2, log=True), Choice("loss.kind", ("cross_entropy", "focal")))
)
IDENTITY = Identity(Config(), SPACE, (0,), "dataset", "folds", seed=0, pruner="median")


@pytest.fixture(scope="session")
def identity() -> Callable[..., Identity]:
    """Give a function that makes an identity which differs in the given fields."""

    def make(**changes: Any) -> Identity:  # noqa: ANN401
        return replace(IDENTITY, **changes)

    return make
