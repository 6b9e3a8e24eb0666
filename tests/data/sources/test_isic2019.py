from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from skin.data.archive import Archive
from skin.data.sources.ham10000 import Ham10000
from skin.data.sources.isic2019 import Isic2019
from skin.errors import SkinError

TRUTH = "ISIC_2019_Training_GroundTruth.csv"
METADATA = "ISIC_2019_Training_Metadata.csv"
Files = dict[str, bytes]


@pytest.fixture
def files() -> Files:
    """Names with and without suffix, BOM, CRLF, trailing commas, missing values."""
    folder = "ISIC_2019_Training_Input"
    return {
        TRUTH: b"image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK\n"
        b"ISIC_0000000,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0\n"
        b"ISIC_0000001_downsampled,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0\n"
        b"ISIC_0000002_downsampled,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0\n",
        METADATA: b"\xef\xbb\xbfimage,age_approx,anatom_site_general,lesion_id,sex,\r\n"
        b"ISIC_0000000,55.0,anterior torso,,female,\r\n"
        b"ISIC_0000001_downsampled,,,BCN_0000001,,\r\n"
        b"ISIC_0000002_downsampled,30.0,palms/soles,BCN_0000001,male,\r\n",
        f"{folder}/ISIC_0000000.jpg": b"0",
        f"{folder}/ISIC_0000001_downsampled.jpg": b"1",
        f"{folder}/ISIC_0000002_downsampled.JPG": b"2",
    }


def test_values(files: Files, make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]):
    table = Isic2019(Archive(make_folder(files))).read()
    assert table["image_id"].tolist() == ["ISIC_0000000", "ISIC_0000001", "ISIC_0000002"]
    assert table["dx"].tolist() == ["nv", "scc", "unknown"]
    assert table["dx_raw"].tolist() == ["NV", "SCC", "UNK"]
    assert table["lesion_id"].tolist() == ["ISIC_0000000", "BCN_0000001", "BCN_0000001"]
    assert table["age"].isna().tolist() == [False, True, False]
    assert table["site"].fillna("?").tolist() == ["anterior torso", "?", "palms/soles"]
    assert table["path"].notna().all()
    assert "1 of 3 images have no lesion_id" in capsys.readouterr().err


def test_trailing_commas_with_a_value_are_an_error(files: Files, make_folder: Callable[..., Path]):
    files[METADATA] = files[METADATA].replace(b"female,", b"female,x")
    with pytest.raises(SkinError, match=f"{METADATA}, row 2: a value in column 6, which has no"):
        Isic2019(Archive(make_folder(files))).read()


def test_a_row_that_the_metadata_lack_is_a_lesion_of_its_own(
    files: Files, make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    files[METADATA] = files[METADATA].replace(b"ISIC_0000002_downsampled", b"ISIC_0000007")
    table = Isic2019(Archive(make_folder(files))).read()
    assert table["lesion_id"].tolist()[2] == "ISIC_0000002"
    said = capsys.readouterr().err
    assert f"1 image has no row in {METADATA}: ISIC_0000002" in said
    assert f"1 row of {METADATA} is of images that are not asked for: ISIC_0000007" in said


@pytest.mark.parametrize("split", ["train", "test"])
def test_without_metadata_lesions_would_be_lost(
    unpacked: Callable[[str], Files],
    make_folder: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    split: str,
):
    files = {name: data for name, data in unpacked("isic2019").items() if "Metadata" not in name}
    source = Isic2019(Archive(make_folder(files)), split)
    if split == "train":
        with pytest.raises(SkinError, match=f"has no {METADATA}; there is ISIC_2019_Test_Ground"):
            source.read()
        return
    table = source.read()
    assert table["lesion_id"].tolist() == table["image_id"].tolist()
    said = capsys.readouterr().err
    assert "no ISIC_2019_Test_Metadata.csv: age, sex and site are not known" in said
    assert "lesion_id" not in said


def test_images_without_a_row_count_among_those_without_a_lesion(
    files: Files, make_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
):
    files[METADATA] = b"\n".join(files[METADATA].splitlines()[:-1])
    table = Isic2019(Archive(make_folder(files))).read()
    assert table["lesion_id"].tolist() == ["ISIC_0000000", "BCN_0000001", "ISIC_0000002"]
    assert "2 of 3 images have no lesion_id" in capsys.readouterr().err


def test_without_truth_the_test_metadata_are_the_rows(
    unpacked: Callable[[str], Files], make_folder: Callable[..., Path]
):
    files = unpacked("isic2019")
    labelled = Isic2019(Archive(make_folder(files, "all")), "test").read()
    assert set(labelled["dx"]) == {
        "mel", "nv", "bcc", "ak", "bkl", "df", "vasc", "scc", "unknown"
    }  # fmt: skip
    del files["ISIC_2019_Test_GroundTruth.csv"]
    table = Isic2019(Archive(make_folder(files, "blind")), "test").read()
    assert table["dx"].isna().all()
    columns = ["image_id", "lesion_id", "age", "sex", "site", "path", "split"]
    pd.testing.assert_frame_equal(table[columns], labelled[columns], check_dtype=False)


def test_it_repeats_ham10000(published: Callable[[str], Path]):
    """As the real one does: same ids, lesions, bytes; the synthetic layouts keep to it."""
    ham = Ham10000(Archive(published("ham10000"))).read().set_index("image_id")
    archive = Archive(published("isic2019"))
    later = Isic2019(archive).read().set_index("image_id")
    assert set(ham.index) < set(later.index)
    both = later.loc[ham.index]
    assert both["lesion_id"].tolist() == ham["lesion_id"].tolist()
    assert set(both["dx"][ham["dx"] == "akiec"]) == {"ak", "scc"}
    image = ham.index[0]
    old = Archive(published("ham10000")).read(ham["path"][image])
    assert archive.read(later["path"][image]) == old


def test_the_published_quirks_are_there(published: Callable[[str], Path]):
    table = Isic2019(Archive(published("isic2019"))).read()
    assert not table["image_id"].str.contains("downsampled").any()
    assert table["path"].str.contains("downsampled").any()
    assert not table["path"].str.contains("downsampled").all()
    assert table["path"].notna().all()
    assert table["lesion_id"].eq(table["image_id"]).any()
