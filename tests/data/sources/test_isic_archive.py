from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from pandas.testing import assert_frame_equal

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.folds import make_folds
from skin.data.sources.isic_archive import IsicArchive
from skin.data.sources.terms import TERMS
from skin.errors import SkinError

Files = dict[str, bytes]


def read(path: Path):
    return IsicArchive(Archive(path)).read()


def download(table: str, *images: str):
    return {"metadata.csv": table.encode()} | {name: name.encode() for name in images}


def test_a_table_of_before_the_levels_by_hand(
    make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    table = (
        "isic_id,age_approx,anatom_site_general,benign_malignant,diagnosis,diagnosis_confirm_type,"
        "image_type,sex,copyright_license\n"
        "ISIC_0000001,85,lower extremity,benign,nevus,histopathology,dermoscopic,male,CC-0\n"
        "ISIC_0000002,30.0,head/neck,malignant,melanoma,,dermoscopic,female,CC-BY-NC\n"
        "ISIC_0000003,,,benign,something new,single image expert consensus,dermoscopic,,CC-0\n"
        "ISIC_0000004,,,indeterminate/malignant,AIMP,,clinical,,CC-0\n"
        "ISIC_0000005,,,malignant,,single contributor clinical assessment,,,CC-0\n"
        "ISIC_0000006,,,benign,actinic keratosis,,dermoscopic,,CC-0\n"
    )
    images = [f"ISIC_000000{number}{suffix}" for number, suffix in enumerate([".jpg"] * 5, 1)]
    images[1] = "ISIC_0000002.JPG"
    source = IsicArchive(Archive(make_folder(download(table, *images, "ISIC_0000009.png"))))
    result = source.read()
    assert result["dx"].tolist() == ["nv", "mel", "benign", "unknown", "malignant", "ak"]
    assert result["dx_raw"].fillna("").tolist()[2:5] == ["something new", "AIMP", ""]
    assert result["dx_type"].fillna("").tolist() == [
        "histo",
        "",
        "consensus",
        "",
        "single contributor clinical assessment",
        "",
    ]
    assert result["lesion_id"].tolist() == result["image_id"].tolist()
    assert result["patient_id"].isna().all()
    assert result["path"].tolist()[:5] == images
    assert result["path"].isna().tolist() == [False] * 5 + [True]
    assert source.licence == "CC-0, CC-BY-NC"
    said = " ".join(capsys.readouterr().err.split())
    assert "no label for 'something new' (1), 'AIMP' (1)" in said
    assert "the diagnosis counts: 'actinic keratosis' (1)" in said
    assert "1 of 6 images have no diagnosis" in said
    assert "6 images have no lesion_id" in said
    assert "images by type: dermoscopic (4), clinical (1), no type (1)" in said
    assert "1 image has no row and is left out: ISIC_0000009" in said


@pytest.mark.parametrize(
    ("columns", "row", "dx"),
    [
        ("diagnosis_1,diagnosis_2", "Malignant,", "malignant"),
        ("diagnosis_1", "Indeterminate", "unknown"),
        ("diagnosis_1,diagnosis_3", "Benign,Nevus", "nv"),
        ("diagnosis_1,diagnosis_2,diagnosis_3", "Benign,odd,odder", "benign"),
        ("benign_malignant", "benign", "benign"),
        ("benign_malignant,diagnosis_1", "benign,Malignant", "malignant"),
        ("diagnosis,diagnosis_1", "melanoma,Malignant", "mel"),
        ("sex", "male", "unknown"),
    ],
)
def test_any_column_may_be_missing(
    make_folder: Callable[..., Path], columns: str, row: str, dx: str
):
    table = f"isic_id,{columns}\nISIC_0000001,{row}\n"
    assert read(make_folder(download(table, "ISIC_0000001.jpg")))["dx"].tolist() == [dx]


def test_without_licences_the_archive_s_are_named(make_folder: Callable[..., Path]):
    source = IsicArchive(Archive(make_folder(download("isic_id\nISIC_0000001\n"))))
    assert source.licence == TERMS["isic_archive"].licence
    assert source.citation == TERMS["isic_archive"].citation


def test_a_table_without_ids_or_no_table_is_an_error(make_folder: Callable[..., Path]):
    with pytest.raises(SkinError, match=r"metadata\.csv lacks the column isic_id"):
        read(make_folder(download("sex\nmale\n")))
    with pytest.raises(SkinError, match=r"has no metadata\.csv"):
        read(make_folder({"ISIC_0000001.jpg": b""}, "other"))


def test_published(published: Callable[[str], Path]):
    folder = published("isic_archive")
    table = read(folder)
    text = (folder / "metadata.csv").read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (folder / "metadata.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert table["image_id"].tolist() == [row["isic_id"] for row in rows]
    levels = [f"diagnosis_{level}" for level in range(1, 6)]
    assert table["dx_raw"].tolist() == ["::".join(filter(None, map(r.get, levels))) for r in rows]
    assert set(table["dx"]) == {*("nv", "mel", "bcc", "sk", "ak", "bowen", "df", "vasc", "unknown")}
    assert table["lesion_id"].tolist() == [row["lesion_id"] or row["isic_id"] for row in rows]
    assert table["patient_id"].fillna("").tolist() == [row["patient_id"] for row in rows]
    assert table["path"].notna().all()
    assert {path.partition(".")[2] for path in table["path"]} == {"jpg", "JPG", "png"}


def test_folder_and_zip_give_the_same_table(
    unpacked: Callable[[str], Files],
    published: Callable[[str], Path],
    make_zip: Callable[..., Path],
):
    inner = {f"ISIC-images/{name}": data for name, data in unpacked("isic_archive").items()}
    zipped = read(make_zip(inner))
    assert zipped["path"].str.startswith("source.zip::ISIC-images/").all()
    expected = read(published("isic_archive")).drop(columns="path")
    assert_frame_equal(zipped.drop(columns="path"), expected)


def test_it_can_be_added_and_split(published: Callable[[str], Path], tmp_path: Path):
    source = IsicArchive(Archive(published("isic_archive")))
    dataset = add_dataset(source, tmp_path, name="archive", short_side=24).dataset
    assert dataset.info.namespace == "isic"
    assert dataset.licence == "CC-0, CC-BY, CC-BY-NC"
    folds = make_folds(dataset, k=2, seed=0)
    parts = folds.table["fold"].groupby(dataset.table["patient_id"].to_numpy()).nunique()
    assert parts.max() == 1
