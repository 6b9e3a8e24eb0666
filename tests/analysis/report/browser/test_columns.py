from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from skin.analysis.report.browser import columns
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]


def unpacked(text, dtype) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)


@pytest.fixture
def rows(workspace):
    """Compare all that the test wrote."""
    return lambda: compare(collect([], *workspace.folders), resamples=100).ranked


def test_columns_are_those_of_the_predictions(workspace, rows):
    workspace.run("plain")
    workspace.ensemble("mean", weights=[1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    ranked = rows()
    oof = ranked[0].entry.oof

    known = json.loads(columns.to_json(TASK, ranked, None, None))

    assert known["image"] == oof["image_id"].tolist()
    lesion = unpacked(known["lesion"], "<u4")
    assert [known["lesions"][i] for i in lesion] == oof["lesion_id"].tolist()
    assert unpacked(known["fold"], "<u2").tolist() == oof["fold"].tolist()
    assert unpacked(known["target"], "u1").tolist() == ranked[0].entry.targets.tolist()
    assert [(run["name"], run["rule"]) for run in known["runs"]] == [
        (row.entry.name, row.entry.rule) for row in ranked
    ]
    for run, row in zip(known["runs"], ranked, strict=True):
        stored = unpacked(run["probability"], "<u2").reshape(-1, len(TASK))
        assert stored / known["scale"] == pytest.approx(row.entry.probabilities, abs=1e-5)
        assert unpacked(run["decided"], "u1").tolist() == row.entry.scores.argmax(axis=1).tolist()
    assert known["facts"] == {}
    assert known["side"] is None


def test_a_tie_is_undecided(workspace, rows):
    workspace.run("plain")
    row = rows()[0]
    tied = row.entry.oof.assign(**dict.fromkeys([f"prob_{c}" for c in TASK.codes], 1 / 7))
    row = replace(row, entry=replace(row.entry, oof=tied))

    assert set(columns.decisions(row)) == {len(TASK)}


def test_facts_tell_what_is_missing(workspace, rows):
    workspace.run("plain")
    ranked = rows()
    count = len(ranked[0].entry.oof)
    images = pd.DataFrame(
        {
            "age": [45.0, float("nan"), 7.5] + [45.0] * (count - 3),
            "sex": pd.array(["male", "female", None] + ["male"] * (count - 3), "string"),
            "site": pd.array([None] * count, "string"),
            "dx_type": pd.array(["histo"] * count, "string"),
            "dx": pd.array(["nv"] * count, "string"),
        }
    )

    facts = json.loads(columns.to_json(TASK, ranked, images, 96))["facts"]

    assert list(facts) == ["age", "sex", "dx_type"]
    assert facts["age"]["values"] == ["7.5", "45"]
    assert unpacked(facts["age"]["index"], "<u2")[:4].tolist() == [1, 2, 0, 1]
    assert unpacked(facts["sex"]["index"], "<u2")[:3].tolist() == [1, 0, 2]


def test_a_diagnosis_is_a_fact_where_a_class_is_several(workspace):
    workspace.run("plain")
    task = TASKS["malignant"]
    ranked = compare(collect([], *workspace.folders, scored_as=task), resamples=100).ranked
    images = pd.DataFrame({name: ["x"] * 240 for name in ("age", "sex", "site", "dx_type")})

    def facts(*dx: str) -> dict:
        named = images.assign(dx=pd.array([*dx, *[pd.NA] * (240 - len(dx))], "string"))
        return json.loads(columns.to_json(task, ranked, named, None))["facts"]

    assert facts("bcc", "nv", "mel")["dx"]["values"] == ["bcc", "mel", "nv"]
    assert "dx" not in facts("bcc", "nv", "nv")
    assert "dx" not in facts("bcc", "unknown", "benign")


def test_no_name_ends_the_script():
    text = columns.script_json(["</script><script>", "<!--", "ü"])

    assert "<" not in text
    assert json.loads(text) == ["</script><script>", "<!--", "ü"]
