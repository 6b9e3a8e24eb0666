from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from skin.data.add import add_dataset
from skin.data.archive import Archive
from skin.data.folds import make_folds
from skin.data.sources import Source
from skin.data.sources.ham10000 import Ham10000
from skin.data.sources.isic2017 import Isic2017
from skin.data.sources.isic2018 import Isic2018
from skin.data.sources.isic2019 import Isic2019
from skin.data.sources.isic2020 import Isic2020
from skin.data.sources.terms import TERMS
from skin.data.synthetic.files import csv_text
from skin.data.synthetic.patients import MIN_LESIONS_PER_CLASS
from skin.data.synthetic.published import LAYOUTS
from skin.data.synthetic.published.common import LOOKS, counts, draw_cases, general_site
from skin.errors import SkinError
from skin.taxonomy import LABELS, TASKS

READERS: dict[str, tuple[Callable[..., Source], str]] = {
    "ham10000": (Ham10000, "isic2018"),
    "isic2017": (Isic2017, "isic2017"),
    "isic2018": (Isic2018, "isic2018"),
    "isic2019": (Isic2019, "isic2019"),
    "isic2020": (Isic2020, "melanoma"),
}


def digests(root: Path):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_every_layout_is_of_a_known_reader():
    assert set(LAYOUTS) <= set(TERMS)
    assert set(READERS) <= set(LAYOUTS)


@pytest.mark.parametrize("layout", READERS)
def test_it_can_be_added_and_split(layout: str, tmp_path: Path):
    LAYOUTS[layout](tmp_path / "published")
    reader, task = READERS[layout]
    source = reader(Archive(tmp_path / "published"))
    dataset = add_dataset(source, tmp_path / "data", name="mine", short_side=24).dataset
    folds = make_folds(dataset, k=2)
    fold_of = dict(zip(folds.table["image_id"], folds.table["fold"], strict=True))
    parts = dataset.table["image_id"].map(fold_of)
    index = TASKS[task].index_by_dx()
    for target in range(len(TASKS[task])):
        of_class = dataset.table["dx"].map(index).eq(target)
        assert set(parts[of_class]) == {0, 1}, TASKS[task].codes[target]


@pytest.mark.parametrize("layout", READERS)
def test_the_same_arguments_write_the_same_bytes(layout: str, tmp_path: Path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        LAYOUTS[layout](tmp_path / name, lesions=24, seed=seed, side=32)
    first, again, other = (digests(tmp_path / name) for name in "abc")
    assert first == again
    assert first != other
    assert first.keys() == other.keys() or layout == "ham10000"


@pytest.mark.parametrize("layout", READERS)
def test_too_few_lesions_and_a_folder_in_use_are_errors(layout: str, tmp_path: Path):
    with pytest.raises(SkinError, match="2 lesions are too few"):
        LAYOUTS[layout](tmp_path / "out", lesions=2)
    assert not list(tmp_path.iterdir())
    (tmp_path / "mine").touch()
    with pytest.raises(SkinError, match="is not an empty folder"):
        LAYOUTS[layout](tmp_path)


@given(
    st.dictionaries(st.sampled_from(sorted(LOOKS)), st.floats(0.1, 10), min_size=1),
    st.integers(0, 300),
)
def test_counts_add_up_and_spare_no_label(shares: dict[str, float], more: int):
    lesions = MIN_LESIONS_PER_CLASS * len(shares) + more
    drawn = counts(shares, lesions)
    assert sum(drawn.values()) == lesions
    assert min(drawn.values()) >= MIN_LESIONS_PER_CLASS
    by_share = sorted(shares, key=lambda label: shares[label])
    assert drawn[by_share[-1]] >= drawn[by_share[0]] - 1


def test_counts_by_hand():
    assert counts({"nv": 3, "mel": 1}, 10) == {"nv": 6, "mel": 4}


def test_looks_are_labels():
    assert set(LOOKS) <= set(LABELS)


def test_cases():
    shares = {"nv": 1.0, "scc": 1.0}
    cases = draw_cases(shares, 8, seed=1, side=40, lesions_each=3)
    assert [case.number for case in cases] == list(range(8))
    assert [case.bearer for case in cases] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert sorted(case.label for case in cases) == ["nv"] * 4 + ["scc"] * 4
    assert len({(case.bearer, case.patient.sex, case.patient.age) for case in cases}) == 3
    for case in cases:
        assert len(case.images) == case.patient.images
        for data in case.images:
            image = np.asarray(Image.open(io.BytesIO(data)))
            assert image.shape == (40, 40, 3)
            assert image.std() > 5
    assert all(len(c.images) == 2 for c in draw_cases(shares, 8, seed=1, side=32, images_each=2))
    other = draw_cases(shares, 8, seed=1, side=40, stream=1, lesions_each=3)
    assert not {c.images[0] for c in other} & {c.images[0] for c in cases}


@pytest.mark.parametrize(
    ("fine", "one_torso", "site"),
    [
        ("back", False, "posterior torso"),
        ("back", True, "torso"),
        ("face", True, "head/neck"),
        ("unknown", False, ""),
    ],
)
def test_general_site(fine: str, one_torso: bool, site: str):
    assert general_site(fine, one_torso=one_torso) == site


def test_quirks_of_csvs():
    rows = [(1, "x,y")]
    assert csv_text(("a", "b"), rows) == 'a,b\n1,"x,y"\n'
    text = csv_text(("a", "b"), rows, bom=True, line_end="\r\n", trailing_comma=True)
    assert text == '\ufeffa,b,\r\n1,"x,y",\r\n'


def test_names_are_those_published(tmp_path: Path):
    """By the challenge site's list of files; what lies in the zips, by one of each."""
    there = {}
    for layout in ("isic2017", "isic2018", "isic2019", "isic2020"):
        LAYOUTS[layout](tmp_path / layout, lesions=24, side=32)
        for path in (tmp_path / layout).iterdir():
            there[path.name] = []
            if path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    there[path.name] = archive.namelist()
    splits = ("Training", "Validation", "Test_v2")
    assert set(there) == {
        *(f"ISIC-2017_{split}_Data.zip" for split in splits),
        *(f"ISIC-2017_{split}_Part1_GroundTruth.zip" for split in splits),
        *(f"ISIC-2017_{split}_Part3_GroundTruth.csv" for split in splits),
        "ISIC2018_Task3_Training_Input.zip",
        "ISIC2018_Task3_Training_GroundTruth.zip",
        "ISIC2018_Task3_Training_LesionGroupings.csv",
        "ISIC2018_Task3_Validation_Input.zip",
        "ISIC2018_Task3_Validation_GroundTruth.zip",
        "ISIC2018_Task3_Test_Input.zip",
        "ISIC2018_Task3_Test_GroundTruth.csv",
        "ISIC_2019_Training_Input.zip",
        "ISIC_2019_Training_GroundTruth.csv",
        "ISIC_2019_Training_Metadata.csv",
        "ISIC_2019_Test_Input.zip",
        "ISIC_2019_Test_GroundTruth.csv",
        "ISIC_2019_Test_Metadata.csv",
        "ISIC_2020_Training_JPEG.zip",
        "ISIC_2020_Training_GroundTruth_v2.csv",
        "ISIC_2020_Training_Duplicates.csv",
        "ISIC_2020_Test_JPEG.zip",
        "ISIC_2020_Test_Metadata.csv",
    }
    truth = "ISIC2018_Task3_Training_GroundTruth"
    assert there[f"{truth}.zip"] == [f"{truth}/{truth}.csv"]
    folder = "ISIC-2017_Training_Data"
    assert f"{folder}/{folder}_metadata.csv" in there[f"{folder}.zip"]
    assert f"{folder}/ISIC_9200000_superpixels.png" in there[f"{folder}.zip"]
    assert "train/ISIC_9400000.jpg" in there["ISIC_2020_Training_JPEG.zip"]
    assert "ISIC_2020_Test_Input/ISIC_9450000.jpg" in there["ISIC_2020_Test_JPEG.zip"]
    assert any("_downsampled.jpg" in name for name in there["ISIC_2019_Test_Input.zip"])
