from __future__ import annotations

import io
import os
import subprocess
import sys
import time
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from skin.cli.data import data_app, layouts
from skin.data.dataset import Dataset
from skin.data.sources.terms import TERMS
from skin.data.synthetic.published import LAYOUTS
from skin.errors import SkinError

runner = CliRunner()


def jpeg(seed: int, size: tuple[int, int] = (20, 16)):
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A working folder with a source of 8 lesions of 2 classes."""
    rows = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
    with zipfile.ZipFile(tmp_path / "ham.zip", "w") as archive:
        for number in range(8):
            image = f"ISIC_{number:07d}"
            rows.append(f"L{number},{image},{('nv', 'mel')[number % 2]},histo,,unknown,back")
            archive.writestr(f"HAM10000_images_part_1/{image}.jpg", jpeg(number))
        archive.writestr("HAM10000_metadata.csv", "\n".join(rows))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str):
    return runner.invoke(data_app, words, catch_exceptions=True)


def test_add_folds_check(work: Path):
    added = run("add", "ham10000", "ham.zip", "--short-side", "16")
    assert added.exit_code == 0
    assert "ham10000: added" in added.stdout
    assert "age missing" in added.stdout
    assert "nothing to do" in run("add", "ham10000", "ham.zip", "--short-side", "16").stdout
    folds = run("folds", "--folds", "2", "--seed", "1")
    assert folds.exit_code == 0
    assert "k2-seed1" in folds.stdout
    checked = run("check")
    assert checked.exit_code == 0
    assert checked.stdout.count("ok ") == 5
    assert (work / "data" / "ham10000" / "folds" / "k2-seed1.csv").is_file()


def test_folds_that_leak_are_warned_of_and_holdouts_are_named(work: Path):
    (work / "labels.csv").write_text(
        "image_id,dx,lesion\n"
        + "".join(f"ISIC_{n:07d},{('nv', 'mel')[n % 2]},L{n % 2}{n // 4}\n" for n in range(8))
    )
    run("add", "csv", "ham.zip", "labels.csv", "--name", "mine", "--lesion-column", "lesion")
    honest = run("folds", "--holdout", "50/50")
    assert honest.exit_code == 0
    assert "warning" not in honest.stderr
    for word in ("holdout50-50-seed0", "train", "held out", "lesions"):
        assert word in honest.stdout
    leaking = run("folds", "--split", "image", "--folds", "4")
    assert leaking.exit_code == 0
    assert "k4-seed0-image" in leaking.stdout
    said = " ".join(leaking.stderr.split())
    assert "warning: folds 'k4-seed0-image' leak: they are split by image" in said
    assert "4 of 4 lesions are on both sides, and 8 of 8 held-out images (100.0%)" in said
    both = run("folds", "--folds", "2", "--holdout", "50/50")
    assert isinstance(both.exception, SkinError)
    assert "exclude each other" in str(both.exception)


def test_check_exits_with_2_and_lists_what_is_wrong(work: Path):
    run("add", "ham10000", "ham.zip", "--short-side", "16")
    pixels = work / "data" / "ham10000" / "cache" / "16" / "pixels.u8"
    pixels.write_bytes(pixels.read_bytes()[::-1])
    checked = run("check", "ham10000")
    assert checked.exit_code == 2
    assert "8 images" in checked.stderr
    assert "cache" not in checked.stdout


def test_add_csv(work: Path):
    (work / "labels.csv").write_text("file,diagnosis,who\nISIC_0000001,nv,P1\n")
    words = ["--image-column", "file", "--dx-column", "diagnosis", "--patient-column", "who"]
    result = run("add", "csv", "ham.zip", "labels.csv", "--name", "mine", *words)
    assert result.exit_code == 0
    table = Dataset.load(work / "data" / "mine").table
    assert table[["image_id", "dx", "patient_id"]].to_numpy().tolist() == [
        ["ISIC_0000001", "nv", "P1"]
    ]


PUBLISHED = ("isic2017", "isic2018", "isic2019", "isic2020")


@pytest.mark.parametrize("layout", PUBLISHED)
def test_add_a_challenge(work: Path, layout: str):
    LAYOUTS[layout](work / "published", lesions=24, side=32)
    added = run("add", layout, "published", "--short-side", "16")
    assert added.exit_code == 0
    dataset = Dataset.load(work / "data" / layout)
    assert dataset.split == "train"
    assert dataset.licence == TERMS[layout].licence
    assert "nothing to do" in run("add", layout, "published", "--short-side", "16").stdout
    words = ("add", layout, "published", "--split", "test", "--short-side", "16")
    assert run(*words).exit_code == 0
    test = Dataset.load(work / "data" / f"{layout}-test")
    assert test.split == "test"
    assert not set(test.table["image_id"]) & set(dataset.table["image_id"])
    assert run(*words, "--name", "mine").exit_code == 0
    assert Dataset.load(work / "data" / "mine").hash == test.hash


@pytest.mark.usefixtures("work")
def test_a_split_that_there_is_not():
    result = run("add", "isic2019", "ham.zip", "--split", "validation")
    assert isinstance(result.exception, SkinError)
    assert "ISIC 2019 has no split 'validation'" in str(result.exception)
    assert run("add", "isic2019", "ham.zip", "--split", "all").exit_code == 2


def test_what_is_kept_of_the_images(work: Path):
    words = ("add", "ham10000", "ham.zip", "--short-side", "16")
    assert run(*words, "--store", "files").exit_code == 0
    kept = Dataset.load(work / "data" / "ham10000").open_cache(16)
    assert kept.store == "files"
    assert "nothing to do" in run(*words).stdout
    assert "cache added" in run(*words, "--store", "pixels").stdout
    decoded = Dataset.load(work / "data" / "ham10000").open_cache(16)
    assert decoded.store == "pixels"
    assert all(np.array_equal(a, b) for a, b in zip(kept, decoded, strict=True))
    assert run(*words, "--store", "tape").exit_code == 2


def test_labels_that_are_missing_are_said(work: Path):
    LAYOUTS["isic2018"](work / "published", lesions=24, side=32)
    (work / "published" / "ISIC2018_Task3_Test_GroundTruth.csv").unlink()
    result = run("add", "isic2018", "published", "--split", "test", "--short-side", "16")
    assert "│ dx missing         │ 21" in result.stdout
    assert "there is no ISIC2018_Task3_Test_GroundTruth.csv" in result.stderr


def test_missing_images_may_be_left_out(work: Path):
    LAYOUTS["isic2017"](work / "published", lesions=24, side=32)
    truth = work / "published" / "ISIC-2017_Training_Part3_GroundTruth.csv"
    truth.write_text(truth.read_text() + "ISIC_1234567,0.0,0.0\n")
    words = ("add", "isic2017", "published", "--short-side", "16")
    stopped = run(*words)
    assert isinstance(stopped.exception, SkinError)
    said = str(stopped.exception)
    assert "1 of 25 images have no file" in said
    assert "ISIC_1234567; they are published in ISIC-2017_Training_Data.zip" in said
    assert run(*words, "--skip-bad").exit_code == 0
    dataset = Dataset.load(work / "data" / "isic2017")
    assert len(dataset) == 24
    assert [skipped.image_id for skipped in dataset.info.skipped] == ["ISIC_1234567"]


@pytest.mark.parametrize("layout", layouts.LAYOUTS, ids=lambda layout: layout.command)
def test_each_command_has_its_reader(layout: layouts.Layout):
    module, name = layout.reader
    reader = getattr(import_module(f"skin.data.sources.{module}"), name)
    assert reader.reader == module
    text = " ".join(run("add", layout.command, "--help").stdout.split())
    assert f"skin data add {layout.command} {layout.example}" in text
    assert ("--split" in text) == layout.has_splits
    assert f"[default: {layout.short_side}]" in text
    assert (f"[default: {layout.store}]" in text) == (layout.store is not None)


def test_download_asks_for_the_licence_to_be_accepted(work: Path):
    result = run("download", "ham10000", "there")
    assert isinstance(result.exception, SkinError)
    assert "CC BY-NC 4.0" in result.stdout
    assert "Tschandl" in result.stdout
    assert not (work / "there").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("add", "ham10000"),
        ("add", "csv"),
        ("folds",),
        ("check",),
        ("download", "ham10000"),
    ],
)
def test_help_has_examples(words: tuple[str, ...]):
    text = run(*words, "--help").stdout
    assert "Examples" in text
    assert f"skin data {' '.join(words)}" in text


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 0.2])
def test_a_kill_leaves_all_or_nothing(work: Path, seconds: float):
    """SIGKILL while images are read; the same command then does the whole."""
    with zipfile.ZipFile(work / "ham.zip", "a") as archive:
        rows = archive.read("HAM10000_metadata.csv").decode()
        large = jpeg(9, (1200, 900))
        for number in range(100, 140):
            rows += f"\nL{number},ISIC_{number:07d},nv,histo,,,"
            archive.writestr(f"HAM10000_images_part_1/ISIC_{number:07d}.jpg", large)
    (work / "ham").mkdir()
    with zipfile.ZipFile(work / "ham.zip") as archive:
        archive.extractall(work / "ham")
    (work / "ham" / "HAM10000_metadata.csv").write_text(rows)
    program = "from skin.cli.data import data_app; data_app()"
    command = [sys.executable, "-c", program, "add", "ham10000", "ham", "--short-side", "16"]
    with subprocess.Popen(command, cwd=work, env=os.environ, stderr=subprocess.DEVNULL) as process:
        partial = work / "data" / ".ham10000.partial" / "cache"
        while process.poll() is None and not partial.exists():
            time.sleep(0.005)
        time.sleep(seconds)
        process.kill()
    there = Path("data/ham10000")
    assert not there.exists() or len(Dataset.load(there)) == 48
    assert run("add", "ham10000", "ham", "--short-side", "16").exit_code == 0
    dataset = Dataset.load(there)
    assert len(dataset.open_cache(16)) == len(dataset) == 48
    assert sorted(path.name for path in Path("data").iterdir()) == [".ham10000.lock", "ham10000"]
