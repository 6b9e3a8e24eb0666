from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from skin.ensembling.ensemble import (
    PLAIN,
    Ensemble,
    all_ensembles,
    bundle,
    describe,
    from_run,
    load_ensemble,
    locate_ensemble,
    shared_tta,
)
from skin.ensembling.load import load_member
from skin.ensembling.pipeline import Pipeline
from skin.ensembling.unknown import Unknown
from skin.ensembling.unknown.rule import Standard
from skin.errors import SkinError
from skin.files import sha256_file
from skin.runs import Run

MakeRun = Callable[..., Run]
CPU = torch.device("cpu")


def described(runs: list[Run], folder: Path) -> Ensemble:
    """The plain mean of the runs."""
    pipeline = Pipeline.plain(len(runs))
    return describe(runs, folder, pipeline=pipeline, made=PLAIN, tta=shared_tta(runs))


def test_a_description_says_what_it_is_made_of(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a"), make_run("b", folds=(0,))]
    ensemble = described(runs, tmp_path / "ensembles" / "main")
    assert [(run.name, [m.fold for m in run.folds]) for run in ensemble.runs] == [
        ("a", [0, 1]),
        ("b", [0]),
    ]
    member = ensemble.runs[0].folds[1]
    assert member.folder == Path("../../runs/a/fold1")
    assert member.sha256 == sha256_file(runs[0].fold(1).weights)
    assert member.config_sha256 == sha256_file(runs[0].fold(1).folder / "config.yaml")
    assert (ensemble.task, ensemble.tta, ensemble.leaking) == ("isic2018", "none", False)
    assert (ensemble.parameters, ensemble.seconds) == (3000, 7.5)


def test_one_leaking_member_makes_it_leak(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a"), make_run("b", leaking=True)]
    assert described(runs, tmp_path).leaking


def test_round_trip(make_run: MakeRun, tmp_path: Path):
    ensemble = described([make_run("a")], tmp_path / "main")
    ensemble.save(tmp_path / "main")
    assert load_ensemble(tmp_path / "main") == ensemble


def test_runs_of_other_views_are_refused(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a"), make_run("b", tta="dihedral")]
    with pytest.raises(SkinError, match=r"\(a: none, b: dihedral\); give one with --tta"):
        described(runs, tmp_path)


def test_one_run_is_an_ensemble(make_run: MakeRun, tmp_path: Path):
    run = make_run("a")
    ensemble = from_run(run)
    assert [str(member.folder) for member in ensemble.runs[0].folds] == ["fold0", "fold1"]
    empty = Run(tmp_path / "runs" / "empty")
    empty.fold(0).folder.mkdir(parents=True)
    with pytest.raises(SkinError, match="empty has no finished fold; see `skin train`"):
        from_run(empty)


def test_a_workspace_may_move(make_run: MakeRun, tmp_path: Path):
    folder = tmp_path / "ensembles" / "main"
    described([make_run("a")], folder).save(folder)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("runs", "ensembles"):
        shutil.move(tmp_path / name, moved / name)
    there = moved / "ensembles" / "main"
    ensemble = load_ensemble(there)
    load_member(ensemble.runs[0].folds[0], there, CPU, classes=ensemble.classes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pipeline": {"file": "pipeline.json"}}, "does not name its pipeline"),
        ({"pipeline": None}, "does not name its pipeline"),
        ({"surprise": 1}, "'surprise'"),
        ({"runs": [{"name": "a"}]}, r"'runs\.0\.folds'"),
        ({"parameters": "many"}, "'parameters'"),
    ],
)
def test_a_damaged_description_names_the_key(
    make_run: MakeRun, tmp_path: Path, change: dict[str, object], message: str
):
    described([make_run("a")], tmp_path).save(tmp_path)
    path = tmp_path / "ensemble.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SkinError, match=rf"ensemble\.json:? {message}.*make the ensemble again"):
        load_ensemble(tmp_path)


def test_a_changed_pipeline_is_refused(make_run: MakeRun, tmp_path: Path):
    described([make_run("a")], tmp_path).save(tmp_path)
    (pipeline,) = tmp_path.glob("pipeline-*.json")
    pipeline.write_text(pipeline.read_text().replace("argmax", "Argmax"))
    with pytest.raises(SkinError, match=r"pipeline-.*json is not the file that .*ensemble\.json"):
        load_ensemble(tmp_path)
    pipeline.unlink()
    with pytest.raises(SkinError, match=r"pipeline-.*json is missing; make the ensemble again"):
        load_ensemble(tmp_path)


def test_a_pipeline_for_other_runs_is_refused(make_run: MakeRun, tmp_path: Path):
    with pytest.raises(ValueError, match="2"):
        describe([make_run("a")], tmp_path, pipeline=Pipeline.plain(2), made=PLAIN, tta="none")


def test_an_old_pipeline_is_removed(make_run: MakeRun, tmp_path: Path):
    described([make_run("a")], tmp_path).save(tmp_path)
    described([make_run("b"), make_run("c")], tmp_path).save(tmp_path)
    assert len(list(tmp_path.glob("pipeline-*.json"))) == 1
    assert load_ensemble(tmp_path).pipeline == Pipeline.plain(2)


def test_a_bundle_needs_nothing_else(make_run: MakeRun, tmp_path: Path):
    run, folder = make_run("a"), tmp_path / "main"
    described(bundle([run], folder), folder).save(folder)
    shutil.rmtree(run.folder)
    moved = shutil.move(folder, tmp_path / "elsewhere")
    ensemble = load_ensemble(moved)
    assert ensemble.runs[0].name == "a"
    assert [str(m.folder) for m in ensemble.runs[0].folds] == ["members/a/fold0", "members/a/fold1"]
    for member in ensemble.runs[0].folds:
        load_member(member, moved, CPU, classes=ensemble.classes)


def test_no_description(tmp_path: Path):
    with pytest.raises(SkinError, match=r"ensemble\.json is missing"):
        load_ensemble(tmp_path)


def test_ensembles_are_found_by_name_and_folder_the_newest_first(tmp_path: Path):
    for age, name in enumerate(["new", "old", "older"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ensemble.json").write_text("{}")
        os.utime(tmp_path / name / "ensemble.json", (1000 - age, 1000 - age))
    (tmp_path / "none").mkdir()
    assert [folder.name for folder in all_ensembles(tmp_path)] == ["new", "old", "older"]
    assert locate_ensemble("old", tmp_path) == tmp_path / "old"
    assert locate_ensemble(str(tmp_path / "old"), Path("nowhere")) == tmp_path / "old"
    assert locate_ensemble("none", tmp_path) is None
    assert all_ensembles(tmp_path / "nowhere") == []


def test_a_rule_for_unknown_lesions_is_of_these_models(make_run: MakeRun, tmp_path: Path):
    standard = Standard(mean=0.25, scale=1 / 3)
    rule = Unknown(score="energy", kept=0.95, threshold=0.1, standards=((standard, standard),))
    plain = {"pipeline": Pipeline.plain(), "made": PLAIN, "tta": "none"}
    ensemble = describe([make_run("a")], tmp_path, **plain, unknown=rule)
    ensemble.save(tmp_path)
    assert load_ensemble(tmp_path).unknown == rule
    assert {f.features_sha256 for run in ensemble.runs for f in run.folds} == {None}
    short = rule.model_copy(update={"standards": ((standard,),)})
    with pytest.raises(ValidationError, match="not those of the models"):
        describe([make_run("b")], tmp_path, **plain, unknown=short)


def test_ensembles_of_before_there_were_such_rules_still_load(make_run: MakeRun, tmp_path: Path):
    described([make_run("a")], tmp_path).save(tmp_path)
    path = tmp_path / "ensemble.json"
    tree = json.loads(path.read_text())
    del tree["unknown"]
    for member in tree["runs"][0]["folds"]:
        del member["features_sha256"]
    path.write_text(json.dumps(tree))
    assert load_ensemble(tmp_path).unknown is None
