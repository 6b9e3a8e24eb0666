from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from skin.analysis.explain import Explainer
from skin.cli.explain import explain
from skin.errors import SkinError

KINDS = ["overlay.png", "raw.npy", "raw.png", "raw_color.png"]


@pytest.fixture
def run():
    """Run `skin explain` in this process."""
    app = typer.Typer(rich_markup_mode="rich")
    app.command()(explain)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def photos(trained: Path) -> Path:
    """The folder `photos` with 18 images, beside the runs `plain` and `se` of two folds."""
    (trained / "photos").mkdir()
    rng = np.random.default_rng(0)
    for number in range(18):
        pixels = rng.integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(trained / "photos" / f"P{number:02d}.png")
    return trained / "photos"


def files(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def test_every_image_gets_every_map(run, photos):
    result = run("se", photos, "--out", "heat")
    assert result.exit_code == 0, result.exception
    assert "18 images, one model: se, fold 0, without TTA" in result.stderr
    assert result.stdout.count("Melanocytic nevus") == 18  # in two batches
    assert result.stdout.splitlines()[-1] == "heat"
    assert files("heat") == sorted(
        [
            f"P{n:02d}_{method}_{kind}"
            for n in range(18)
            for method in ("gradcam", "attention")
            for kind in KINDS
        ]
        + ["contact_sheet.png", "contact_sheet_2.png"]
    )
    values = np.load("heat/P17_gradcam_raw.npy")
    assert (values.shape, values.dtype) == ((32, 32), np.float32)  # the model's input size
    assert values.min() >= 0
    assert values.max() in (0, 1)
    assert Image.open("heat/P17_gradcam_overlay.png").size == (32, 32)


def test_probabilities_are_those_of_the_single_model(run, photos, skin):
    fold = photos.parent / "runs" / "plain" / "fold0" / "metadata.json"
    unfinished = json.loads(fold.read_text()) | {"status": "running"}
    fold.write_text(json.dumps(unfinished))
    result = run("plain", photos / "P03.png", "--out", "heat")
    assert "one model: plain, fold 1" in result.stderr  # the first finished one
    shown = skin("predict", "plain", photos / "P03.png", "--format", "json")
    (image,) = json.loads(shown.out)
    assert image["diagnosis"] in result.stdout
    for each in image["classes"]:
        assert f"{each['probability']:.3f}" in result.stdout


def test_method_class_and_fold_are_taken(run, photos):
    image = photos / "P00.png"
    result = run("se", image, "--out", "own", "--method", "attention", "--fold", "1")
    assert "fold 1" in result.stderr
    assert files("own") == [*(f"P00_attention_{kind}" for kind in KINDS), "contact_sheet.png"]
    maps = []
    for code in ("MEL", "NV"):
        assert run("plain", image, "--out", code, "--class", code).exit_code == 0
        maps_of = [f"P00_gradcam_{kind}" for kind in KINDS]  # it has no attention
        assert files(code) == [*maps_of, "contact_sheet.png"]
        maps.append(np.load(f"{code}/P00_gradcam_raw.npy"))
    assert (maps[0] != maps[1]).any()


def test_methods_are_repeatable(run, photos):
    asked = ["gradcam++", "hirescam", "layercam", "eigencam"]
    options = [word for method in asked for word in ("--method", method)]
    result = run("plain", photos / "P00.png", "--out", "heat", *options)
    assert result.exit_code == 0, result.exception
    assert files("heat") == sorted(
        [f"P00_{method}_{kind}" for method in asked for kind in KINDS] + ["contact_sheet.png"]
    )


def test_the_true_class_is_on_the_sheet_where_it_is_known(run, photos):
    Path("truth.csv").write_text(
        "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC\nP00,0.0,0.0,0.0,0.0,0.0,0.0,1.0\n"
    )
    image = photos / "P00.png"
    for name, options in (("without", []), ("with", ["--truth", "truth.csv"])):
        assert run("plain", image, "--out", name, *options).exit_code == 0
    sheets = [np.asarray(Image.open(f"{name}/contact_sheet.png")) for name in ("without", "with")]
    blue_or_orange = [(0, 114, 178), (213, 94, 0)]
    marked = [
        any((sheet == colour).all(axis=2).any() for colour in blue_or_orange) for sheet in sheets
    ]
    assert marked == [False, True]
    Path("truth.csv").write_text("image_name,target\nP00,1.0\n")
    result = run("plain", image, "--out", "heat", "--truth", "truth.csv")
    assert "truth.csv is the truth of isic2020, whose classes are not" in str(result.exception)


@pytest.mark.usefixtures("trained")
def test_held_out_cases_of_runs_side_by_side(run):
    result = run("se", "plain", "--cases", "errors", "--cases", "NV", "--per", "2", "--out", "heat")
    assert result.exit_code == 0, result.exception
    assert "Most confident errors: 2 of " in result.stderr
    assert result.stdout.splitlines() == ["heat/index.html", "heat/contact_sheet.png"]
    shown = {name: files(f"heat/{name}") for name in ("se", "plain")}
    images = {name.partition("_gradcam")[0] for name in shown["plain"]}
    assert 2 <= len(images) <= 6
    assert shown["plain"] == sorted(f"{i}_gradcam_{kind}" for i in images for kind in KINDS)
    assert shown["se"] == sorted(
        f"{i}_{method}_{kind}"
        for i in images
        for method in ("gradcam", "attention")
        for kind in KINDS
    )
    page = Path("heat/index.html").read_text()
    assert "chosen by se" in page
    assert all(image in page for image in images)
    before = {path: path.read_bytes() for path in Path("heat").rglob("*") if path.is_file()}
    assert run("se", "plain", "--cases", "errors", "--cases", "NV", "--per", "2", "--out", "heat")
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.usefixtures("trained")
def test_an_image_s_id_is_a_case(run):
    table = Path("runs/plain/fold1/oof.csv").read_text().splitlines()
    image = table[1].split(",")[0]
    options = ["--cases", image, "--class", "DF", "--out", "heat"]
    assert run("plain", *options).exit_code == 0
    assert files("heat/plain") == [f"{image}_gradcam_{kind}" for kind in KINDS]
    assert "Grad-CAM for DF" in Path("heat/index.html").read_text()


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cases", "eror"], "--cases eror: no such kind, and no image of that id was held out"),
        (["--cases", "errors", "--class", "mel"], "--class mel: isic2018 has no such class"),
        (["--cases", "errors", "--method", "attention"], "plain: this model has no attention"),
        (["--cases", "errors", "--fold", "0"], "--fold is for image files"),
        (["--cases", "errors", "--skip-bad"], "--skip-bad is for image files"),
        (["--cases", "errors", "--data-dir", "nowhere"], "nowhere"),
        (["--per", "3"], "--per is for --cases"),
        (["--cases", "mel:nv"], "--cases mel:nv: did you mean 'MEL:NV'?"),
        (["data", "--cases", "best"], "data is no run, and --cases explains held-out images"),
    ],
)
def test_a_mistake_in_cases_is_one_message_and_leaves_nothing(run, words, message):
    result = run("plain", *words, "--out", "heat")
    assert isinstance(result.exception, SkinError)
    assert message in str(result.exception)
    assert not Path("heat").exists()


@pytest.mark.usefixtures("trained")
def test_nothing_named_is_one_message(run):
    message = str(run("--out", "heat").exception)
    assert message == "name the images to explain, or held-out ones with --cases, as errors"


def test_an_ensemble_names_the_model_that_it_takes_and_cases_are_of_runs(run, photos, skin):
    assert skin("ensemble", "plain", "se").code == 0
    result = run(photos / "P00.png", "--out", "heat")
    assert "ensemble: ensembles/main, the newest" in result.stderr
    assert "one model: plain, fold 0" in result.stderr
    message = str(run("main", "--cases", "errors", "--out", "heat").exception)
    assert message.startswith("main is an ensemble, and heatmaps are of single models")
    assert message.endswith("name runs of it, as plain se")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plain", "--method", "attention"], "no attention to show: take --method gradcam"),
        (["plain", "--class", "mel"], "--class mel: isic2018 has no such class: "),
        (["plain", "--fold", "7"], "--fold 7: plain has no such finished fold; it has 0, 1"),
        (["plain", "--device", "cuda:99"], "cuda:99 is asked for, but"),
    ],
)
def test_a_mistake_is_one_message_and_leaves_nothing(run, photos, words, message):
    result = run(*words, photos, "--out", "heat")
    assert isinstance(result.exception, SkinError)
    assert message in str(result.exception)
    assert not Path("heat").exists()


def test_a_bad_image_and_a_folder_that_is_a_file_are_named(run, photos):
    (photos / "P05.png").write_text("not an image")
    assert "P05.png is not a usable image" in str(run("se", photos, "--out", "heat").exception)
    assert not Path("heat").exists()
    Path("there").touch()
    result = run("se", photos / "P00.png", "--out", "there")
    assert "cannot make the folder there" in str(result.exception)


def test_metadata_for_a_model_without_use_of_it_is_said(run, photos):
    Path("patients.csv").write_text("image_id,age\nP00,50\n")
    result = run("plain", photos / "P00.png", "--out", "heat", "--metadata", "patients.csv")
    assert result.exit_code == 0
    assert "patients.csv is not used" in result.stderr


@pytest.mark.usefixtures("trained")
def test_errors_and_worst_are_one_kind(run):
    options = ["--cases", "errors", "--cases", "worst", "--per", "1", "--out", "heat"]
    result = run("plain", *options)
    assert result.exit_code == 0, result.exception
    assert result.stderr.count("Most confident errors: ") == 1


def test_an_interrupt_is_said(run, photos, monkeypatch):
    def stop(*_, **__) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Explainer, "explain", stop)
    for words in (["--cases", "errors"], [photos]):
        result = run("plain", *words, "--out", "heat")
        assert result.exit_code == 130
        assert "stopped; the same command begins anew" in result.stderr
