from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from skin.ensembling.ensemble import PLAIN, describe
from skin.ensembling.pipeline import Pipeline
from skin.errors import SkinError
from skin.files import read_json, write_json
from skin.inference.models import Models, split_arguments
from skin.runs import Run

MakeRun = Callable[..., Run]
Split = Callable[..., tuple[Models, list[Path]]]


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """Split arguments with the test's own folders."""

    def call(*words: str, tta: str | None = None) -> tuple[Models, list[Path]]:
        return split_arguments(words, tmp_path / "runs", tmp_path / "ensembles", tta=tta)

    return call


def ensemble(run: Run, name: str, age: int = 0) -> Path:
    folder = run.folder.parents[1] / "ensembles" / name
    describe([run], folder, pipeline=Pipeline.plain(), made=PLAIN, tta="none").save(folder)
    os.utime(folder / "ensemble.json", (1000 - age, 1000 - age))
    return folder


def test_a_run_or_an_ensemble_is_named_first(make_run: MakeRun, split: Split):
    run = make_run("a")
    folder = ensemble(run, "main")
    for name, expected in (
        ("a", run.folder),
        (str(run.folder), run.folder),
        ("main", folder),
        (str(folder), folder),
    ):
        models, sources = split(name, "x.png", "y.png")
        assert models.folder == expected
        assert sources == [Path("x.png"), Path("y.png")]


def test_an_ensemble_goes_before_a_run_of_its_name(make_run: MakeRun, split: Split):
    folder = ensemble(make_run("a"), "a")
    assert split("a", "x.png")[0].folder == folder


def test_the_newest_ensemble_is_taken_and_named(
    make_run: MakeRun, split: Split, photos: Path, capsys: pytest.CaptureFixture[str]
):
    run = make_run("a")
    ensemble(run, "old", age=1)
    newest = ensemble(run, "new")
    models, sources = split(str(photos))
    assert models.folder == newest
    assert sources == [photos]
    assert "new, the newest" in " ".join(capsys.readouterr().err.split())


def test_the_only_run_is_taken_and_named(
    make_run: MakeRun, split: Split, photos: Path, capsys: pytest.CaptureFixture[str]
):
    run = make_run("a")
    (run.folder.parent / "begun" / "fold0").mkdir(parents=True)
    assert split(str(photos))[0].folder == run.folder
    assert "the only one" in " ".join(capsys.readouterr().err.split())


def test_of_several_runs_one_is_asked_for(make_run: MakeRun, split: Split, photos: Path):
    make_run("a", folds=1)
    make_run("b", folds=1)
    with pytest.raises(SkinError, match=r"name the models: .*several runs \(a, b\)"):
        split(str(photos))


def test_nothing_trained(split: Split, photos: Path):
    with pytest.raises(SkinError, match=r"nothing was trained in .*see `skin train`"):
        split(str(photos))


def test_a_name_that_is_nothing(split: Split, photos: Path):
    with pytest.raises(SkinError, match="'resnet5' is no ensemble or run, and no image or folder"):
        split("resnet5", str(photos))


def test_models_without_images(make_run: MakeRun, split: Split):
    make_run("a")
    with pytest.raises(SkinError, match="name the images to predict after 'a'"):
        split("a")


def test_a_run_that_is_not_finished(split: Split, tmp_path: Path, photos: Path):
    (tmp_path / "runs" / "a" / "fold0").mkdir(parents=True)
    with pytest.raises(SkinError, match="a has no finished fold"):
        split("a", str(photos))


def test_a_run_whose_folds_have_other_views_takes_those_asked_for(
    make_run: MakeRun, split: Split, photos: Path
):
    path = make_run("a").fold(1).folder / "metadata.json"
    write_json(path, read_json(path) | {"tta": "dihedral"})
    for words in (("a", str(photos)), (str(photos),)):
        with pytest.raises(SkinError, match=r"\(a: none and dihedral\); give one with --tta, as"):
            split(*words)
        assert split(*words, tta="crops")[0].ensemble.tta == "crops"
