from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.folds import make_folds
from skin.data.sources.pad_ufes import PadUfes
from skin.errors import SkinError

Files = dict[str, bytes]
DX = {"ACK": "ak", "BCC": "bcc", "MEL": "mel", "NEV": "nv", "SCC": "scc", "SEK": "sk"}


def read(path: Path):
    return PadUfes(Archive(path)).read()


@pytest.fixture
def files(unpacked: Callable[[str], Files]) -> Files:
    return unpacked("pad_ufes")


def test_what_is_published_whole_has_no_other_split(published: Callable[[str], Path]):
    with pytest.raises(SkinError, match="PAD-UFES-20 has no split 'test'; take train"):
        PadUfes(Archive(published("pad_ufes")), "test")


def test_values(published: Callable[[str], Path], capsys: pytest.CaptureFixture[str]):
    folder = published("pad_ufes")
    table = read(folder)
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert table["image_id"].tolist() == [row["img_id"].removesuffix(".png") for row in rows]
    assert table["dx"].tolist() == [DX[row["diagnostic"]] for row in rows]
    assert table["dx_raw"].tolist() == [row["diagnostic"] for row in rows]
    assert set(table["dx"]) == set(DX.values())
    assert table["lesion_id"].tolist() == [row["lesion_id"] for row in rows]
    assert table["patient_id"].tolist() == [row["patient_id"] for row in rows]
    assert table["age"].tolist() == [float(row["age"]) for row in rows]
    biopsied = {"True": "histo", "False": "consensus"}
    assert table["dx_type"].tolist() == [biopsied[row["biopsed"]] for row in rows]
    assert set(table["sex"].dropna()) == {"female", "male"}
    assert table["sex"].isna().tolist() == [row["gender"] == "" for row in rows]
    assert {"face", "lower extremity"} <= set(table["site"])
    assert "NOSE" in set(table["site_raw"])
    assert table["path"].str.fullmatch(r"images/imgs_part_[123]\.zip::imgs_part_\d/\S+\.png").all()
    assert "1 image has no row and is left out: PAT_0_0_0" in capsys.readouterr().err


def test_every_way_to_keep_it_gives_the_same_table(
    files: Files,
    published: Callable[[str], Path],
    make_folder: Callable[..., Path],
    make_zip: Callable[..., Path],
):
    expected = read(published("pad_ufes")).drop(columns="path")
    for path in (make_folder(files), make_zip(files)):
        table = read(path)
        assert table["path"].notna().all()
        assert_frame_equal(table.drop(columns="path"), expected)


def test_unmapped_diagnoses_stay_unknown_and_are_listed(
    files: Files, make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    table = files["metadata.csv"].replace(b",MEL,", b",XYZ,")
    result = read(make_folder({**files, "metadata.csv": table}))
    odd = result["dx_raw"].eq("XYZ")
    assert set(result["dx"][odd]) == {"unknown"}
    assert f"no label for 'XYZ' ({odd.sum()})" in capsys.readouterr().err


def test_a_part_that_is_missing_is_told_of(
    published: Callable[[str], Path], make_folder: Callable[..., Path], tmp_path: Path
):
    folder = make_folder({"metadata.csv": (published("pad_ufes") / "metadata.csv").read_bytes()})
    (folder / "imgs_part_1.zip").write_bytes(
        (published("pad_ufes") / "images/imgs_part_1.zip").read_bytes()
    )
    assert 0 < read(folder)["path"].isna().sum() < 53
    with pytest.raises(SkinError, match=r"imgs_part_1\.zip, _2 and _3 are all needed"):
        add_dataset(PadUfes(Archive(folder)), tmp_path / "data", name="pad", short_side=24)


def test_zips_within_a_zip_are_told_to_be_unpacked(
    files: Files, make_zip: Callable[..., Path], zipped: Callable[..., bytes]
):
    images = {name: data for name, data in files.items() if name.endswith(".png")}
    whole = {"metadata.csv": files["metadata.csv"], "images/imgs_part_1.zip": zipped(images)}
    source = PadUfes(Archive(make_zip(whole)))
    assert source.read()["path"].isna().all()
    assert source.missing_hint.endswith("unpack it first, it holds imgs_part_1.zip")


def test_a_table_without_its_columns_is_an_error(make_folder: Callable[..., Path]):
    with pytest.raises(SkinError, match=r"metadata\.csv lacks the columns img_id, lesion_id"):
        read(make_folder({"metadata.csv": b"patient_id\nPAT_8\n"}))
    with pytest.raises(SkinError, match=r"has no metadata\.csv"):
        read(make_folder({"other.csv": b"patient_id\nPAT_8\n"}, "other"))


def test_biopsies_may_be_untold(files: Files, make_folder: Callable[..., Path]):
    rows = list(csv.DictReader(io.StringIO(files["metadata.csv"].decode())))
    table = pd.DataFrame(rows).drop(columns="biopsed").to_csv(index=False)
    result = read(make_folder({**files, "metadata.csv": table.encode()}))
    assert result["dx_type"].isna().all()


def test_it_can_be_added_and_split(published: Callable[[str], Path], tmp_path: Path):
    source = PadUfes(Archive(published("pad_ufes")))
    dataset = add_dataset(source, tmp_path, name="pad_ufes", short_side=24).dataset
    assert dataset.info.namespace == ""
    assert dataset.licence == "CC BY 4.0"
    folds = make_folds(dataset, k=2, seed=0)
    parts = folds.table["fold"].groupby(dataset.table["patient_id"].to_numpy()).nunique()
    assert parts.max() == 1
