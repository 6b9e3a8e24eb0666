from __future__ import annotations

import csv
import hashlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from skin.data.archive import Archive
from skin.data.sources.ham10000 import Ham10000
from skin.data.synthetic import dataset, write_synthetic
from skin.errors import SkinError
from skin.taxonomy import TASKS

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Never

    from skin.data.synthetic import SyntheticSummary

    Written = tuple[Path, SyntheticSummary]

CODES = TASKS["isic2018"].codes
TEST_IMAGES = "ISIC2018_Task3_Test_Input"
TEST_TRUTH = "ISIC2018_Task3_Test_GroundTruth.csv"


def digests(root: Path):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def rows(path: Path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("synthetic") / "source"
    summary = write_synthetic(root, lesions=30, test_images=8, seed=1, width=48)
    return root, summary


def test_layout_is_ham10000s(small: Written):
    root, summary = small
    table = rows(root / "HAM10000_metadata.csv")
    assert list(table[0]) == [
        "lesion_id",
        "image_id",
        "dx",
        "dx_type",
        "age",
        "sex",
        "localization",
    ]
    images = [row["image_id"] for row in table]
    parts = [
        {path.stem for path in (root / f"HAM10000_images_part_{part}").glob("*.jpg")}
        for part in (1, 2)
    ]
    assert len(set(images)) == len(images) == summary.images
    assert parts[0] | parts[1] == set(images)
    assert not parts[0] & parts[1]
    assert abs(len(parts[0]) - len(parts[1])) <= 1
    assert sorted(path.name for path in root.iterdir()) == [
        "HAM10000_images_part_1",
        "HAM10000_images_part_2",
        "HAM10000_metadata.csv",
        "HAM10000_segmentations_lesion_tschandl",
        TEST_TRUTH,
        TEST_IMAGES,
    ]


def test_a_lesions_rows_agree_and_classes_are_counted(small: Written):
    root, summary = small
    lesions = {}
    for row in rows(root / "HAM10000_metadata.csv"):
        facts = {key: value for key, value in row.items() if key != "image_id"}
        assert lesions.setdefault(row["lesion_id"], facts) == facts
    drawn = [facts["dx"] for facts in lesions.values()]
    assert {dx: drawn.count(dx) for dx in summary.lesions} == summary.lesions
    assert drawn != sorted(drawn, key=list(summary.lesions).index), "the order tells the class"


def test_images_have_the_size_and_are_not_flat(small: Written):
    root, _ = small
    for path in root.rglob("*.jpg"):
        image = cv2.imread(str(path))
        assert image.shape == (36, 48, 3)
        assert image.std() > 5


def test_each_image_has_the_mask_of_its_lesion(small: Written):
    root, _ = small
    table = rows(root / "HAM10000_metadata.csv")
    folder = root / "HAM10000_segmentations_lesion_tschandl"
    names = {f"{row['image_id']}_segmentation.png" for row in table}
    assert {path.name for path in folder.iterdir()} == names
    contrasts = []
    for row in table:
        mask = cv2.imread(str(folder / f"{row['image_id']}_segmentation.png"), cv2.IMREAD_GRAYSCALE)
        image = cv2.imread(str(next(root.glob(f"HAM10000_images_*/{row['image_id']}.jpg"))))
        assert mask.shape == (36, 48)
        assert set(np.unique(mask)) == {0, 255}
        assert 0.003 < (mask > 0).mean() < 0.7
        contrasts.append(image[mask > 0].mean() - image[mask == 0].mean())
    assert np.mean(np.array(contrasts) < 0) > 0.9, "lesions are darker than skin, but for a few"


def test_truth_is_one_hot_over_the_test_images(small: Written):
    root, summary = small
    table = rows(root / TEST_TRUTH)
    assert list(table[0]) == ["image", *CODES]
    assert len(table) == summary.test_images == 8
    assert {row["image"] for row in table} == {p.stem for p in (root / TEST_IMAGES).iterdir()}
    assert all(sorted(row[code] for code in CODES) == ["0.0"] * 6 + ["1.0"] for row in table)


def test_the_ham10000_reader_takes_it(small: Written):
    root, summary = small
    table = Ham10000(Archive(root)).read()
    assert len(table) == summary.images
    assert not table["image_id"].isin([p.stem for p in (root / TEST_IMAGES).iterdir()]).any()


def test_the_same_arguments_write_the_same_bytes(small: Written, tmp_path: Path):
    root, _ = small
    write_synthetic(tmp_path / "again", lesions=30, test_images=8, seed=1, width=48)
    assert digests(tmp_path / "again") == digests(root)


def test_another_seed_writes_other_images(small: Written, tmp_path: Path):
    root, _ = small
    write_synthetic(tmp_path / "other", lesions=30, test_images=8, seed=2, width=48)
    assert not set(digests(tmp_path / "other").values()) & set(digests(root).values())


def test_a_lesion_does_not_depend_on_the_ones_before(monkeypatch: pytest.MonkeyPatch):
    plan = dataset._plan(30, 1, dataset._LESIONS, 1, draw_count=True)  # noqa: SLF001
    drawn = {}
    monkeypatch.setattr(dataset, "jpeg", lambda image: image.tobytes())
    monkeypatch.setattr(
        dataset.Path, "write_bytes", lambda path, data: drawn.setdefault(path.stem, data)
    )
    monkeypatch.setattr(dataset.Path, "mkdir", lambda *_, **__: None)
    for lesion in reversed(plan):
        dataset._draw_images(lesion, dataset.Path, (48, 36), lambda: None)  # noqa: SLF001
    backwards = dict(drawn)
    drawn.clear()
    for lesion in dataset._plan(30, 1, dataset._LESIONS, 1, draw_count=True):  # noqa: SLF001
        dataset._draw_images(lesion, dataset.Path, (48, 36), lambda: None)  # noqa: SLF001
    assert drawn == backwards


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lesions": 20}, "20 lesions are too few: take 21 or more"),
        ({"lesions": 30, "test_images": -1}, "-1 test images"),
        ({"lesions": 30, "width": 8}, "a width of 8 pixels"),
    ],
)
def test_numbers_too_small_are_refused(tmp_path: Path, arguments: dict[str, int], message: str):
    with pytest.raises(SkinError, match=message):
        write_synthetic(tmp_path / "out", **arguments)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(SkinError, match="is not an empty folder"):
        write_synthetic(tmp_path, lesions=21, width=32)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_empty_folder_is_taken(tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    write_synthetic(out, lesions=21, width=32)
    assert (out / "HAM10000_metadata.csv").exists()


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> Never:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset, "write_text", full)
    with pytest.raises(SkinError, match=r"cannot write .*out: No space left on device"):
        write_synthetic(tmp_path / "out", lesions=21, width=32)
    assert not list(tmp_path.iterdir())


def test_classes_can_be_learned_but_overlap(tmp_path: Path):
    write_synthetic(tmp_path / "set", lesions=150, seed=0, width=64)
    table = rows(tmp_path / "set" / "HAM10000_metadata.csv")
    paths = {path.stem: path for path in tmp_path.rglob("*.jpg")}
    images = [cv2.imread(str(paths[row["image_id"]])).astype(float) for row in table]
    features = np.array(
        [
            [f(im[top:-top, left:-left, c]) for f in (np.mean, np.std) for c in range(3)
             for top, left in ((6, 8), (16, 22), (20, 28))]
            for im in images
        ]
    )  # fmt: skip
    targets = [row["dx"] for row in table]
    lesions = [row["lesion_id"] for row in table]
    model = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage="auto", priors=np.full(len(CODES), 1 / len(CODES))
    )
    guesses = cross_val_predict(model, features, targets, groups=lesions, cv=GroupKFold(3))
    assert 0.3 < balanced_accuracy_score(targets, guesses) < 0.85
