from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.dataset import Dataset
from skin.data.sources import Source
from skin.data.sources.ham10000 import Ham10000
from skin.data.sources.isic2018 import Isic2018
from skin.errors import SkinError

GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"
METADATA = "HAM10000_metadata.csv"
Files = dict[str, bytes]
Zipped = Callable[[Mapping[str, bytes]], bytes]


@pytest.fixture
def add(tmp_path: Path) -> Callable[[Source], Dataset]:
    def add_source(source: Source) -> Dataset:
        name = f"set{len(list(tmp_path.glob('data/*')))}"
        return add_dataset(source, tmp_path / "data", name=name, short_side=16).dataset

    return add_source


def kaggle(ham: Files, _official: Files, zipped: Zipped):
    """Kaggle's zip, with each image twice."""
    twice = {n.lower().replace("isic", "ISIC"): d for n, d in ham.items() if "_part_" in n}
    return Ham10000, {"kaggle.zip": zipped({**twice, **ham, "hmnist_28_28_L.csv": b"a\n1\n"})}


def dataverse(ham: Files, _official: Files, zipped: Zipped):
    """The Dataverse's folder: zips without folders inside, a table with quotes and tabs."""
    lines = ham[METADATA].decode().splitlines()
    tabbed = "\n".join("\t".join(f'"{value}"' for value in line.split(",")) for line in lines)
    parts = {
        f"HAM10000_images_part_{part}.zip": zipped(
            {PurePosixPath(n).name: d for n, d in ham.items() if f"part_{part}/" in n}
        )
        for part in (1, 2)
    }
    return Ham10000, {"HAM10000_metadata.tab": tabbed.encode(), **parts}


def official_zips(_ham: Files, official: Files, zipped: Zipped):
    folders = {name.partition("/")[0] for name in official if "/" in name}
    packed = {
        f"{folder}.zip": zipped({n: d for n, d in official.items() if n.startswith(f"{folder}/")})
        for folder in folders
    }
    return Isic2018, {**packed, **{n: d for n, d in official.items() if "/" not in n}}


def official_unpacked(_ham: Files, official: Files, _zipped: Zipped):
    return Isic2018, official


def official_flat(_ham: Files, official: Files, _zipped: Zipped):
    """The truth as a CSV beside, not in a folder of its name."""
    truth = "ISIC2018_Task3_Training_GroundTruth.csv"
    return Isic2018, {truth if n.endswith(truth) else n: d for n, d in official.items()}


def official_beside_ham10000(ham: Files, official: Files, _zipped: Zipped):
    return Isic2018, {**official, METADATA: ham[METADATA]}


LAYOUTS = (
    kaggle,
    dataverse,
    official_zips,
    official_unpacked,
    official_flat,
    official_beside_ham10000,
)


def test_all_layouts_give_the_same_dataset(
    unpacked: Callable[[str], Files],
    zipped: Zipped,
    make_folder: Callable[..., Path],
    add: Callable[[Source], Dataset],
):
    ham, official = unpacked("ham10000"), unpacked("isic2018")
    expected = add(Ham10000(Archive(make_folder(ham, "expected"))))
    assert len(expected) > 50
    assert expected.table["lesion_id"].nunique() == 40
    for layout in LAYOUTS:
        reader, files = layout(ham, official, zipped)
        dataset = add(reader(Archive(make_folder(files, layout.__name__))))
        assert dataset.hash == expected.hash, layout.__name__
        told = reader is Ham10000 or METADATA in files
        assert (dataset.metadata_hash == expected.metadata_hash) == told, layout.__name__
        assert dataset.table["dx_type"].tolist() == expected.table["dx_type"].tolist()


def test_the_splits(published: Callable[[str], Path], capsys: pytest.CaptureFixture[str]):
    archive = Archive(published("isic2018"))
    tables = {split: Isic2018(archive, split).read() for split in Isic2018.splits}
    assert {split: len(table) for split, table in tables.items()} == {
        "train": 54,
        "validation": 21,
        "test": 21,
    }
    assert pd.concat(tables.values())["image_id"].is_unique
    assert all(table["path"].notna().all() for table in tables.values())
    assert "there is no HAM10000_metadata.csv" in capsys.readouterr().err


def test_a_test_set_without_truth_has_no_labels(
    unpacked: Callable[[str], Files],
    make_folder: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
):
    files = {n: d for n, d in unpacked("isic2018").items() if "GroundTruth" not in n}
    table = Isic2018(Archive(make_folder(files)), "test").read()
    assert len(table) == 21
    assert table["dx"].isna().all()
    assert "there is no ISIC2018_Task3_Test_GroundTruth.csv: " in capsys.readouterr().err


def test_without_groupings_folds_would_leak(
    unpacked: Callable[[str], Files], make_folder: Callable[..., Path]
):
    files = unpacked("isic2018")
    groupings = files.pop(GROUPINGS)
    with pytest.raises(SkinError, match=f"has no {GROUPINGS}"):
        Isic2018(Archive(make_folder(files, "none"))).read()
    files[GROUPINGS] = groupings.rpartition(b"\r\nISIC")[0] + b"\r\n"
    with pytest.raises(SkinError, match=f"{GROUPINGS} has no row for 1 image of"):
        Isic2018(Archive(make_folder(files, "one"))).read()


@pytest.mark.parametrize("lesion", [b"", b"unknown"])
def test_a_nameless_lesion_is_an_error(
    unpacked: Callable[[str], Files], make_folder: Callable[..., Path], lesion: bytes
):
    files = unpacked("isic2018")
    lines = files[GROUPINGS].split(b"\r\n")
    image, _, confirmed = lines[2].split(b",")
    lines[2] = b",".join([image, lesion, confirmed])
    files[GROUPINGS] = b"\r\n".join(lines)
    with pytest.raises(SkinError, match=f"{GROUPINGS}, row 3: no lesion is named; without their"):
        Isic2018(Archive(make_folder(files))).read()


@pytest.mark.parametrize(("old", "new"), [(b",mel,", b",nv,"), (b"HAM_", b"HAM_9")])
def test_metadata_that_contradict_are_an_error(
    unpacked: Callable[[str], Files], make_folder: Callable[..., Path], old: bytes, new: bytes
):
    metadata = unpacked("ham10000")[METADATA]
    files = {**unpacked("isic2018"), METADATA: metadata.replace(old, new, 1)}
    field = "dx" if b"mel" in old else "lesion_id"
    with pytest.raises(SkinError, match=rf"{METADATA}, row \d+: {field} is not what .*Truth\.csv"):
        Isic2018(Archive(make_folder(files))).read()


@pytest.mark.parametrize("suffix", ["csv", "tab"])
def test_the_dataverses_test_truth(
    unpacked: Callable[[str], Files], make_folder: Callable[..., Path], suffix: str
):
    """It is laid out as HAM10000's metadata."""
    files = unpacked("isic2018")
    images = [PurePosixPath(n).stem for n in files if "Test_Input/ISIC" in n]
    rows = "".join(f"HAM_{n // 2},{i},nv,histo,50.0,male,back\n" for n, i in enumerate(images))
    text = f"lesion_id,image_id,dx,dx_type,age,sex,localization\n{rows}"
    del files["ISIC2018_Task3_Test_GroundTruth.csv"]
    name = f"ISIC2018_Task3_Test_GroundTruth.{suffix}"
    files[name] = (text.replace(",", "\t") if suffix == "tab" else text).encode()
    table = Isic2018(Archive(make_folder(files)), "test").read()
    assert table["path"].notna().all()
    assert set(table["dx"]) == {"nv"}
    assert table["lesion_id"].nunique() == 11
    assert table["age"].tolist() == [50.0] * 21


def test_ham10000s_own_layout_is_told(
    published: Callable[[str], Path],
):
    root = published("ham10000")
    with pytest.raises(SkinError, match=f"HAM10000's own layout: `skin data add ham10000 {root}`"):
        Isic2018(Archive(root)).read()


def test_an_unknown_way_to_confirm_is_an_error(
    unpacked: Callable[[str], Files], make_folder: Callable[..., Path]
):
    files = unpacked("isic2018")
    files[GROUPINGS] = files[GROUPINGS].replace(b"histopathology", b"a guess", 1)
    with pytest.raises(SkinError, match=r"row \d+: unknown diagnosis_confirm_type 'a guess'"):
        Isic2018(Archive(make_folder(files))).read()
