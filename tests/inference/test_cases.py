from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from skin.ensembling.decide import Weights
from skin.ensembling.pipeline import Pipeline
from skin.ensembling.uncertainty import ConformalSets, Referral
from skin.inference.cases import COLUMNS, cases_of, write_cases
from skin.inference.decisions import Decisions
from skin.inference.shards import Shards
from skin.taxonomy import get_task

TASK = get_task("malignant")
RUN = np.array([[[0.75, 0.25], [0.5, 0.5], [0.125, 0.875]]])
CONFORMAL = ConformalSets(coverage=0.9, thresholds=(0.5, 0.1))


def decisions(make_shards: Callable[..., Shards], **parts: object) -> Decisions:
    pipeline = Pipeline.plain().model_copy(update={"rule": Weights(weights=(1.0, 4.0)), **parts})
    shards = make_shards(RUN, disagreement=np.array([0.5, 0.25, 0.125]))
    return Decisions(shards, TASK, pipeline)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_case_is_what_the_rule_decides_and_how_likely_that_is(
    make_shards: Callable[..., Shards],
):
    first, _, last = cases_of(decisions(make_shards))
    assert (first.image_id, first.decision.code, first.probability) == ("I0", "MAL", 0.25)
    assert first.probabilities == (0.75, 0.25)
    assert first.entropy == pytest.approx(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    assert (first.mutual_information, last.mutual_information) == (0.5, 0.125)
    assert (first.conformal, first.refer) == (None, None)
    assert (last.decision.code, last.probability) == ("MAL", 0.875)


def test_the_file_says_what_is_to_be_referred(tmp_path: Path, make_shards: Callable[..., Shards]):
    parts = {"conformal": CONFORMAL, "referral": Referral(share=0.1, threshold=0.3)}
    assert write_cases(tmp_path / "cases.csv", decisions(make_shards, **parts)) == (3, 2)
    table = rows(tmp_path / "cases.csv")
    assert tuple(table[0]) == COLUMNS
    assert [row["image"] for row in table] == ["I0", "I1", "I2"]
    assert [row["set"] for row in table] == ["BEN", "BEN", ""]
    assert [row["refer"] for row in table] == ["yes", "yes", "no"]
    assert [float(row["probability"]) for row in table] == [0.25, 0.5, 0.875]
    assert [float(row["mutual_information"]) for row in table] == [0.5, 0.25, 0.125]


def test_a_set_may_hold_several_classes(make_shards: Callable[..., Shards], tmp_path: Path):
    every = ConformalSets(coverage=0.9, thresholds=(1.0, 1.0))
    write_cases(tmp_path / "cases.csv", decisions(make_shards, conformal=every))
    assert [row["set"] for row in rows(tmp_path / "cases.csv")] == ["BEN MAL"] * 3


def test_what_the_models_do_not_say_is_left_empty(
    tmp_path: Path, make_shards: Callable[..., Shards]
):
    assert write_cases(tmp_path / "cases.csv", decisions(make_shards)) == (3, 0)
    assert {(row["set"], row["refer"]) for row in rows(tmp_path / "cases.csv")} == {("", "")}
