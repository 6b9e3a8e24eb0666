from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from skin.ensembling.combine import Mean
from skin.ensembling.ensemble import (
    all_ensembles,
    describe,
    from_run,
    load_ensemble,
    load_member,
    locate_ensemble,
)
from skin.errors import SkinError
from skin.files import sha256_file
from skin.runs import Run

MakeRun = Callable[..., Run]
CPU = torch.device("cpu")


def test_a_description_says_what_it_is_made_of(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a"), make_run("b", folds=(0,))]
    ensemble = describe(runs, Mean.equal(2), tmp_path / "ensembles" / "main")
    assert [(run.name, [m.fold for m in run.folds]) for run in ensemble.runs] == [
        ("a", [0, 1]),
        ("b", [0]),
    ]
    member = ensemble.runs[0].folds[1]
    assert member.folder == Path("../../runs/a/fold1")
    assert member.sha256 == sha256_file(runs[0].fold(1).weights)
    assert (ensemble.task, ensemble.tta, ensemble.leaking) == ("isic2018", "none", False)
    assert (ensemble.parameters, ensemble.seconds) == (3000, 7.5)


def test_one_leaking_member_makes_it_leak(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a"), make_run("b", leaking=True)]
    assert describe(runs, Mean.equal(2), tmp_path).leaking


def test_round_trip(make_run: MakeRun, tmp_path: Path):
    ensemble = describe([make_run("a")], Mean.equal(1), tmp_path / "main")
    ensemble.save(tmp_path / "main")
    assert load_ensemble(tmp_path / "main") == ensemble


def test_runs_of_other_views_are_refused(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a"), make_run("b", tta="dihedral")]
    with pytest.raises(SkinError, match=r"different TTA \(a: none, b: dihedral\)"):
        describe(runs, Mean.equal(2), tmp_path)


def test_one_run_is_an_ensemble(make_run: MakeRun, tmp_path: Path):
    run = make_run("a")
    ensemble = from_run(run)
    assert [str(member.folder) for member in ensemble.runs[0].folds] == ["fold0", "fold1"]
    empty = Run(tmp_path / "runs" / "empty")
    empty.fold(0).folder.mkdir(parents=True)
    with pytest.raises(SkinError, match="empty has no finished fold; see `skin train`"):
        from_run(empty)


def test_a_member_is_loaded_ready_to_predict(make_run: MakeRun):
    run = make_run("a")
    ensemble = from_run(run)
    member = load_member(ensemble.runs[0].folds[1], run.folder, CPU)
    model, config = member.network, member.config
    assert not model.training
    assert config == run.fold(1).config()
    with torch.inference_mode():
        output = model(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    torch.testing.assert_close(output.exp().sum(), torch.tensor(1.0))


def test_a_workspace_may_move(make_run: MakeRun, tmp_path: Path):
    folder = tmp_path / "ensembles" / "main"
    describe([make_run("a")], Mean.equal(1), folder).save(folder)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("runs", "ensembles"):
        shutil.move(tmp_path / name, moved / name)
    there = moved / "ensembles" / "main"
    load_member(load_ensemble(there).runs[0].folds[0], there, CPU)


def test_a_changed_weights_file_is_refused(make_run: MakeRun):
    run = make_run("a")
    ensemble = from_run(run)
    shutil.copy(run.fold(1).weights, run.fold(0).weights)
    with pytest.raises(SkinError, match=r"best\.safetensors is not the file that .* was made with"):
        load_member(ensemble.runs[0].folds[0], run.folder, CPU)


def test_a_missing_weights_file_is_named(make_run: MakeRun):
    run = make_run("a")
    ensemble = from_run(run)
    run.fold(0).weights.unlink()
    with pytest.raises(SkinError, match=r"fold0/best\.safetensors is missing; the ensemble"):
        load_member(ensemble.runs[0].folds[0], run.folder, CPU)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"combiner": {"kind": "mean", "weights": [0.5, 0.4]}}, "'combiner.weights'.*sum to 1"),
        ({"combiner": {"kind": "stack", "weights": [1.0]}}, "'combiner.kind'"),
        ({"surprise": 1}, "'surprise'"),
        ({"runs": [{"name": "a"}]}, r"'runs\.0\.folds'"),
        ({"parameters": "many"}, "'parameters'"),
    ],
)
def test_a_damaged_description_names_the_key(
    make_run: MakeRun, tmp_path: Path, change: dict[str, object], message: str
):
    describe([make_run("a")], Mean.equal(1), tmp_path).save(tmp_path)
    path = tmp_path / "ensemble.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SkinError, match=rf"ensemble\.json: {message}.*make the ensemble again"):
        load_ensemble(tmp_path)


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
