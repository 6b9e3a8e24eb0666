from __future__ import annotations

import csv
import io
import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file, save_file

from skin.ensembling.calibrate import NoCalibration
from skin.ensembling.combine import Mean
from skin.ensembling.decide import Weights
from skin.ensembling.ensemble import Made, describe
from skin.ensembling.pipeline import Pipeline
from skin.ensembling.uncertainty import ConformalSets, Referral
from skin.inference.shards import SHARD_IMAGES, Shard, Shards
from skin.inference.submission import read_submission
from skin.runs import Run
from skin.taxonomy import get_challenge

Skin = Callable[..., Any]
ISIC_2018 = get_challenge("isic2018")


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def photos(trained: Path) -> Path:
    """The folder `photos` with A, B and C, in a working folder with one finished run, `plain`."""
    shutil.rmtree(trained / "runs" / "se")
    (trained / "photos").mkdir()
    for number, name in enumerate("ABC"):
        (trained / "photos" / f"{name}.png").write_bytes(png(number))
    return trained / "photos"


def test_the_only_run_writes_a_submission(skin: Skin, photos: Path):
    result = skin("predict", "photos")
    assert result.code == 0, result.err
    assert result.out == "submissions/plain.csv"
    assert "run: runs/plain, the only one" in result.err
    assert "3 images, 2 models, TTA none" in result.err
    table = read_submission(photos.parent / "submissions" / "plain.csv", ISIC_2018)
    assert table.index.tolist() == ["A", "B", "C"]
    np.testing.assert_allclose(table.sum(axis=1), 1)


def test_a_binary_model_is_of_its_own_challenge(skin: Skin, photos: Path):
    config = photos.parent / "configs" / "binary.yaml"
    tree = yaml.safe_load((photos.parent / "runs/plain/config.yaml").read_text("utf-8"))
    config.parent.mkdir(exist_ok=True)
    config.write_text(yaml.safe_dump(tree | {"task": "malignant"}), encoding="utf-8")
    assert skin("train", "-c", config, "--fold", "0").code == 0
    result = skin("predict", "binary", photos / "A.png", "--format", "json")
    assert result.code == 0, result.err
    (image,) = json.loads(result.out)
    assert {each["code"] for each in image["classes"]} == {"BEN", "MAL"}
    (malignant,) = [each for each in image["classes"] if each["malignant"]]
    assert image["malignant_probability"] == malignant["probability"]
    assert skin("predict", "binary", photos / "A.png").code == 0
    table = Path("submissions/binary.csv").read_text().splitlines()
    assert table[0] == "isic_id,target"
    assert float(table[1].split(",")[1]) == pytest.approx(malignant["probability"])
    refused = skin("predict", "binary", photos / "A.png", "--challenge", "isic2018")
    assert refused.code == 2
    assert "no submission to isic2018 can be made" in refused.err


def test_models_file_and_views_can_be_named(skin: Skin, photos: Path):
    assert skin("ensemble", "plain", "--name", "mine").code == 0
    words = ["--out", "here/x.csv", "--challenge", "isic2018", "--tta", "dihedral"]
    result = skin("predict", "mine", photos / "B.png", *words)
    assert (result.code, result.out) == (0, "here/x.csv")
    assert "1 images, 2 models, TTA dihedral" in result.err
    assert read_submission(Path("here/x.csv"), ISIC_2018).index.tolist() == ["B"]


def test_a_run_of_several_views_is_predicted_with_those_named(skin: Skin, photos: Path):
    path = photos.parent / "runs" / "plain" / "fold1" / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tta": "crops"}))
    for words in (["plain", "photos"], ["photos"]):
        refused = skin("predict", *words)
        assert refused.code == 2
        assert "(plain: none and crops); give one with --tta, as --tta dihedral" in refused.err
        result = skin("predict", *words, "--tta", "dihedral")
        assert result.code == 0, result.err
        assert "3 images, 2 models, TTA dihedral" in result.err
        assert "warning" not in result.err


def test_a_changed_config_is_refused(skin: Skin, photos: Path):
    """It says how images are prepared, which changes what the models say of them."""
    assert skin("ensemble", "plain").code == 0
    path = photos.parent / "runs" / "plain" / "fold1" / "config.yaml"
    path.write_text(path.read_text().replace("image_size: 32", "image_size: 48"))
    result = skin("predict", "photos")
    assert result.code == 2
    assert "fold1/config.yaml is not the file that ensembles/main was made with" in result.err
    assert not (photos.parent / "submissions").exists()


def test_json_spells_the_classes_out(skin: Skin, photos: Path):
    result = skin("predict", photos / "A.png", "--format", "json")
    assert result.code == 0
    (image,) = json.loads(result.out)
    shares = [each["probability"] for each in image["classes"]]
    assert image["image"] == "A"
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert image["diagnosis"] == image["classes"][0]["name"]
    assert {each["code"] for each in image["classes"]} == set(ISIC_2018.columns)
    malignant = [each["probability"] for each in image["classes"] if each["malignant"]]
    assert image["malignant_probability"] == pytest.approx(sum(malignant))
    assert not (photos.parent / "submissions").exists()


def test_a_table_spells_the_classes_out(skin: Skin, photos: Path):
    result = skin("predict", photos / "A.png", photos / "B.png", "--format", "table")
    assert result.code == 0
    assert result.out.count("Melanocytic nevus") == 2
    assert "malignant" in result.out


def test_official_images_that_are_missing_get_a_row_and_a_warning(skin: Skin, photos: Path):
    result = skin("predict", photos, "--official-list")
    assert result.code == 0
    assert "warning:" in result.err
    assert "ISIC_0034524" in result.err
    assert "given the mean of the other rows" in result.err
    assert len(read_submission(Path("submissions/plain.csv"), ISIC_2018)) == 3 + 1512


def test_bad_files_can_be_left_out_and_are_listed(skin: Skin, photos: Path):
    (photos / "B.png").write_bytes(png(1)[:500])
    result = skin("predict", photos, "--skip-bad")
    assert result.code == 0
    assert "warning: left out: B.png is not a usable image" in result.err
    table = read_submission(Path("submissions/plain.csv"), ISIC_2018)
    assert table.index.tolist() == ["A", "C"]


def truncated(photos: Path) -> None:
    (photos / "B.png").write_bytes(png(1)[:500])


def text(photos: Path) -> None:
    (photos / "B.png").write_text("not an image")


def bomb(photos: Path) -> None:
    """A header that tells of 11,000 x 11,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 11_000, 11_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (photos / "B.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + png(1)[33:])


def twice(photos: Path) -> None:
    (photos / "below").mkdir()
    shutil.copy(photos / "B.png", photos / "below" / "B.png")


def emptied(photos: Path) -> None:
    for path in photos.iterdir():
        path.unlink()


def changed_weights(photos: Path) -> None:
    folds = photos.parent / "runs" / "plain"
    shutil.copy(folds / "fold0" / "best.safetensors", folds / "fold1" / "best.safetensors")


def damaged_weights(photos: Path) -> None:
    (photos.parent / "runs" / "plain" / "fold0" / "best.safetensors").write_bytes(b"damaged")


def escaping(photos: Path) -> None:
    with zipfile.ZipFile(photos.parent / "photos.zip", "w") as archive:
        archive.writestr("../../out.png", png(0))


def damaged_zip(photos: Path) -> None:
    path = photos.parent / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("A.png", png(0))
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(bytes(data))


def not_a_number(photos: Path) -> None:
    path = photos.parent / "runs" / "plain" / "fold1" / "best.safetensors"
    save_file({name: tensor * torch.nan for name, tensor in load_file(path).items()}, path)


def no_images(photos: Path) -> None:
    for path in photos.iterdir():
        path.rename(path.with_suffix(".txt"))


def all_bad(photos: Path) -> None:
    for path in photos.iterdir():
        path.write_text("not an image")


def listed(photos: Path) -> None:
    (photos.parent / "list.csv").write_text("image\nA\nX\n")


@pytest.mark.parametrize(
    ("spoil", "words", "message"),
    [
        (truncated, ["photos"], "B.png is not a usable image"),
        (text, ["photos"], "B.png is not a usable image: it is in no image format known here"),
        (bomb, ["photos"], "B.png is not a usable image: 11000x11000 pixels are more than"),
        (twice, ["photos"], "two images have the id 'B'"),
        (emptied, ["photos"], "photos holds no image"),
        (no_images, ["photos"], "photos holds no image"),
        (all_bad, ["photos", "--skip-bad"], "no file is a whole image, so there is nothing"),
        (not_a_number, ["photos"], "run 'plain', fold 1: the model gives NaN for image A"),
        (emptied, ["plain"], "name the images to predict after 'plain'"),
        (emptied, ["nowhere"], "no image, folder, zip or CSV at nowhere"),
        (emptied, ["plane", "photos"], "'plane' is no ensemble or run, and no image or folder"),
        (damaged_weights, ["photos"], "best.safetensors"),
        (escaping, ["photos.zip"], "has entries that point outside of it: ../../out.png"),
        (damaged_zip, ["photos.zip"], "A.png"),
        (listed, ["list.csv"], "list.csv names images that are not under .: X"),
        (None, ["photos", "--challenge", "isic2081"], "unknown challenge 'isic2081': did you mean"),
        (None, ["photos", "--challenge", "isic2019"], "no submission to isic2019 can be made"),
        (None, ["photos", "--challenge", "isic2017"], "no submission to isic2017 can be made"),
        (None, ["photos", "--tta", "dihedral+zoom"], "no views are called 'zoom'"),
        (None, ["photos", "--out", "photos"], "cannot write photos: it is a folder; name a CSV"),
        (None, ["photos", "--cases", "submissions/plain.csv"], "the submission is to be written"),
        (None, ["photos", "--lesions", "lesions.csv"], "cannot read lesions.csv: No such file"),
        (None, ["photos", "--device", "cuda:99"], "cuda:99 is asked for, but"),
        (None, ["photos", "--out", "photos/A.png/x.csv"], "photos/A.png"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_mistake_is_one_message_and_leaves_nothing(
    skin: Skin,
    photos: Path,
    spoil: Callable[[Path], None] | None,
    words: list[str],
    message: str,
):
    if spoil:
        spoil(photos)
    result = skin("predict", *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (photos.parent / "submissions").exists()


def test_a_challenge_is_checked_before_the_models_are_loaded(skin: Skin, photos: Path):
    damaged_weights(photos)
    result = skin("predict", "photos", "--challenge", "isic2019")
    assert result.code == 2
    assert "no submission to isic2019 can be made" in result.err


def test_weights_that_are_not_the_ensembles_are_refused(skin: Skin, photos: Path):
    assert skin("ensemble", "plain").code == 0
    changed_weights(photos)
    result = skin("predict", "photos")
    assert result.code == 2
    assert "fold1/best.safetensors is not the file that ensembles/main was made with" in result.err
    assert not (photos.parent / "submissions").exists()


def test_metadata_change_what_a_model_that_takes_them_says(skin: Skin, photos: Path):
    words = ["--set", "model.metadata.fusion=concat", "--fold", "0"]
    assert skin("train", "--config", "tiny", "--name", "fused", *words).code == 0
    (photos.parent / "patients.csv").write_text(
        "isic_id,age_approx,anatom_site_general\nA,80,nail\nC,,back\nX,20,back\n"
    )
    result = skin("predict", "fused", "photos")
    assert result.code == 0
    assert "warning: the models take age, sex and site, and none is given" in result.err
    unknown = read_submission(Path("submissions/fused.csv"), ISIC_2018)
    result = skin("predict", "fused", "photos", "--metadata", "patients.csv")
    assert result.code == 0, result.err
    assert "metadata for 2 of 3 images (age of 1, sex of 0, site of 2)" in result.err
    assert "sites that count as 'other': nail" in result.err
    assert "warning" not in result.err
    known = read_submission(Path("submissions/fused.csv"), ISIC_2018)
    changed = (known != unknown).any(axis=1)
    assert changed.tolist() == [True, False, True]


def test_metadata_that_no_model_takes_are_not_used(skin: Skin, photos: Path):
    (photos.parent / "patients.csv").write_text("image,age\nA,80\n")
    result = skin("predict", "photos", "--metadata", "patients.csv")
    assert result.code == 0
    assert "patients.csv is not used: no model takes metadata" in result.err


@pytest.fixture
def many(photos: Path) -> Path:
    """The folder `many`, of more images than a shard holds."""
    folder = photos.parent / "many"
    folder.mkdir()
    for number in range(SHARD_IMAGES + 3):
        shutil.copy(photos / f"{'ABC'[number % 3]}.png", folder / f"M{number:04d}.png")
    return folder


def stop_in_shard(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Interrupt the writing of a shard, as Ctrl-C does."""
    write = Shards.write

    def stopping(shards: Shards, this: int, shard: Shard) -> None:
        if this == number:
            raise KeyboardInterrupt
        write(shards, this, shard)

    monkeypatch.setattr(Shards, "write", stopping)


def test_a_stopped_prediction_goes_on_to_the_same_bits(
    skin: Skin, many: Path, monkeypatch: pytest.MonkeyPatch
):
    assert skin("predict", "many", "--out", "whole.csv").code == 0
    with monkeypatch.context() as patch:
        stop_in_shard(patch, 1)
        result = skin("predict", "many", "--out", "x.csv")
    assert result.code == 130
    assert "stopped; the same command goes on" in result.err
    assert not Path("x.csv").exists()
    assert Path("x.csv.parts").is_dir()
    result = skin("predict", "many", "--out", "x.csv")
    assert result.code == 0, result.err
    total = SHARD_IMAGES + 3
    assert f"going on: {SHARD_IMAGES} of {total} images are predicted already" in result.err
    assert f"{total}/{total}" in result.err
    assert Path("x.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert list(many.parent.glob("*.parts")) == []


def test_other_views_begin_anew(skin: Skin, many: Path, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        stop_in_shard(patch, 1)
        assert skin("predict", "many", "--out", "x.csv").code == 130
    result = skin("predict", "many", "--out", "x.csv", "--tta", "crops")
    assert result.code == 0, result.err
    assert "it begins anew" in result.err
    assert "going on" not in result.err
    assert skin("predict", "many", "--out", "whole.csv", "--tta", "crops").code == 0
    assert Path("x.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert len(list(many.iterdir())) == SHARD_IMAGES + 3


def test_a_stop_of_what_is_only_shown_promises_nothing(
    skin: Skin, photos: Path, monkeypatch: pytest.MonkeyPatch
):
    stop_in_shard(monkeypatch, 0)
    result = skin("predict", photos, "--format", "json")
    assert (result.code, result.out) == (130, "")
    assert "stopped" in result.err
    assert "goes on" not in result.err


@pytest.fixture
def ruled(photos: Path) -> Path:
    """An ensemble `ruled` whose rule prefers dermatofibroma, and which refers everything."""
    pipeline = Pipeline(
        combiner=Mean.equal(1),
        calibrator=NoCalibration(),
        rule=Weights(weights=(1e-6, 1e-6, 1e-6, 1e-6, 1e-6, 1.0, 1e-6)),
        conformal=ConformalSets(coverage=0.9, thresholds=(1.0,) * 7),
        referral=Referral(share=0.2, threshold=0.0),
    )
    folder = photos.parent / "ensembles" / "ruled"
    made = Made(method="mean", calibration="none", rule="bacc")
    run = Run(photos.parent / "runs" / "plain")
    describe([run], folder, pipeline=pipeline, made=made, tta="none").save(folder)
    return photos


@pytest.mark.usefixtures("ruled")
def test_the_rows_carry_the_rule_unless_they_are_to_be_plain(skin: Skin):
    result = skin("predict", "ruled", "photos")
    assert result.code == 0, result.err
    assert "the rows carry the decision rule 'bacc'; --plain leaves it out" in result.err
    carried = read_submission(Path("submissions/ruled.csv"), ISIC_2018)
    assert set(carried.idxmax(axis=1)) == {"DF"}
    result = skin("predict", "ruled", "photos", "--plain", "--out", "plain.csv")
    assert "the rows are probabilities, without a decision rule" in result.err
    assert "warning" not in result.err
    result = skin("predict", "ruled", "photos", "--tta", "dihedral", "--out", "views.csv")
    assert "warning: calibration and decision were fitted with TTA none" in result.err
    assert skin("predict", "plain", "photos", "--out", "run.csv").code == 0
    plain = read_submission(Path("plain.csv"), ISIC_2018)
    run = read_submission(Path("run.csv"), ISIC_2018)
    np.testing.assert_allclose(plain, run, rtol=1e-9)
    assert set(plain.idxmax(axis=1)) != {"DF"}


@pytest.mark.usefixtures("ruled")
def test_cases_stand_beside_the_submission(skin: Skin):
    result = skin("predict", "ruled", "photos", "--out", "x.csv")
    assert (result.code, result.out) == (0, "x.csv")
    assert "3 of 3 cases are to be referred" in result.err
    assert "cases: x_cases.csv" in result.err
    with Path("x_cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["image"], row["decision"], row["refer"]) for row in rows] == [
        ("A", "DF", "yes"),
        ("B", "DF", "yes"),
        ("C", "DF", "yes"),
    ]
    assert {row["set"] for row in rows} == {" ".join(ISIC_2018.columns)}
    plain = skin("predict", "ruled", "photos", "--plain", "--out", "p.csv", "--cases", "c.csv")
    assert plain.code == 0
    with Path("c.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["decision"] != "DF"
            assert float(row["probability"]) > 1 / 7
            assert (row["set"], row["refer"]) == (" ".join(ISIC_2018.columns), "")
    assert "referred" not in plain.err
    assert not Path("p_cases.csv").exists()


def test_a_run_has_no_cases_unless_they_are_asked_for(skin: Skin, photos: Path):
    assert skin("predict", "photos", "--out", "x.csv").code == 0
    assert not (photos.parent / "x_cases.csv").exists()
    result = skin("predict", "photos", "--out", "x.csv", "--cases", "c.csv")
    assert result.code == 0
    assert "referred" not in result.err
    header, *rows = Path("c.csv").read_text().splitlines()
    assert header == "image,decision,probability,entropy,mutual_information,set,refer,unknown"
    assert len(rows) == 3
    for row in rows:
        *_, disagreement, conformal, refer, unknown = row.split(",")
        assert (conformal, refer, unknown) == ("", "", "")
        assert float(disagreement) > 0, "of two models"


@pytest.mark.usefixtures("ruled")
def test_what_is_shown_tells_set_and_referral(skin: Skin):
    result = skin("predict", "ruled", "photos/A.png", "--format", "json")
    (image,) = json.loads(result.out)
    assert (image["decision"], image["diagnosis"]) == ("DF", "Dermatofibroma")
    assert image["set"] == list(ISIC_2018.columns)
    assert image["refer"] is True
    assert image["mutual_information"] > 0
    result = skin("predict", "ruled", "photos/A.png", "--format", "table")
    assert "decision: Dermatofibroma; set: MEL NV BCC AKIEC BKL DF VASC; refer" in result.out


def test_the_images_of_a_lesion_get_their_mean(skin: Skin, photos: Path):
    assert skin("predict", "photos", "--out", "each.csv").code == 0
    each = read_submission(Path("each.csv"), ISIC_2018)
    (photos.parent / "lesions.csv").write_text("image,lesion_id\nA,l\nC.jpg,l\nB,m\nX,m\n")
    result = skin("predict", "photos", "--lesions", "lesions.csv", "--out", "x.csv")
    assert result.code == 0, result.err
    assert "2 of 3 images show one of 1 lesions together with others" in result.err
    table = read_submission(Path("x.csv"), ISIC_2018)
    mean = (each.loc["A"] + each.loc["C"]) / 2
    np.testing.assert_allclose(table.loc["A"], mean)
    np.testing.assert_allclose(table.loc["C"], mean)
    np.testing.assert_allclose(table.loc["B"], each.loc["B"])
    (photos.parent / "lesions.csv").write_text("image,lesion_id\nX,m\n")
    result = skin("predict", "photos", "--lesions", "lesions.csv", "--out", "y.csv")
    assert result.code == 2
    assert "lesions.csv names none of the 3 images, as A" in result.err
    assert not Path("y.csv").exists()
