from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from skin.ensembling.combine import METHODS, Combiner, Method
from skin.ensembling.oof import OutOfFold

MakeOof = Callable[..., OutOfFold]
COMBINER: TypeAdapter[Combiner] = TypeAdapter(Combiner)
each = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)


def test_names_and_order():
    assert list(METHODS) == [
        "mean",
        "geometric",
        "logit",
        "rank",
        "weights-logloss",
        "weights-balanced",
        "weights-bacc",
        "greedy",
        "subset",
        "logistic",
        "logistic-metadata",
        "boosting",
        "boosting-metadata",
    ]
    assert all(name == method.name for name, method in METHODS.items())
    assert len({method.title for method in METHODS.values()}) == len(METHODS)


@each
@pytest.mark.parametrize("classes", [2, 3])
def test_what_is_fitted_reads_back_as_its_kind(method: Method, simulate: MakeOof, classes: int):
    oof = simulate(0, classes=classes, metadata=True)
    combiner = method.fit(oof)
    read = COMBINER.validate_json(combiner.model_dump_json())
    assert type(read) is type(combiner)
    assert read.runs == 3
    combined = combiner.combine(oof.log_probabilities, oof.metadata)
    np.testing.assert_array_equal(read.combine(oof.log_probabilities, oof.metadata), combined)
    np.testing.assert_allclose(np.exp(combined).sum(axis=1), 1)


@each
def test_only_what_is_fitted_looks_at_the_targets(method: Method, simulate: MakeOof):
    oof = simulate(0, metadata=True)
    others = replace(oof, targets=(oof.targets + 1) % 3)
    looks = method.fitted and method.name != "rank"  # ranks are fitted on predictions alone
    assert (method.fit(oof) != method.fit(others)) == looks


@each
def test_only_what_says_so_looks_at_the_metadata(method: Method, simulate: MakeOof):
    oof = simulate(0, metadata=True)
    first = method.fit(oof).combine(oof.log_probabilities, oof.metadata)
    second = method.fit(oof).combine(oof.log_probabilities, 1 - oof.metadata)
    assert np.allclose(first, second) != method.uses_metadata


@each
def test_one_run(method: Method, simulate: MakeOof):
    oof = simulate(0, runs=1, metadata=True)
    combined = method.fit(oof).combine(oof.log_probabilities, oof.metadata)
    changed = not np.allclose(combined, oof.log_probabilities[0], atol=1e-9)
    assert changed == (method.single or method.name == "rank")


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValidationError, match="kind"):
        COMBINER.validate_python({"kind": "vote", "weights": [1.0]})
