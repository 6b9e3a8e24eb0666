from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from skin.analysis.probes import hiding
from skin.analysis.probes.background import probe_background, score
from skin.analysis.probes.hiding import CONDITIONS
from skin.analysis.probes.results import BackgroundResult, HidingSettings
from skin.analysis.probes.store import csv_path, json_path, png_path, read_result
from skin.analysis.probes.wording import background_finding, background_warning
from skin.data.masks import open_masks
from skin.errors import SkinError
from skin.runs import Run
from skin.taxonomy import TASKS

CPU = torch.device("cpu")
TASK = TASKS["isic2018"]
HIDDEN = ("background", "box", "rim")


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "runs" / "plain"


@pytest.fixture
def masks(cues: Path):
    return open_masks(cues / "masks")


def test_a_model_that_sees_the_background_alone_is_caught(subject, masks, decide_by):
    decide_by("background")
    result = probe_background(subject(images=28), masks, CPU, resamples=300)
    shown = result.conditions
    for name in ("whole", *HIDDEN):
        assert shown[name].bacc.value == 1
        assert shown[name].malignant_auc.value == 1
    assert shown["lesion"].bacc.value == pytest.approx(1 / 7)
    assert [shown[name].kept.value for name in HIDDEN] == [1, 1, 1]
    assert list(result.telling) == list(HIDDEN)
    assert background_warning(result).startswith(
        "plain predicts without the lesion, where chance is BACC 0.143 and malignant AUC 0.500; "
        "background only: BACC 1.000 (1.000 to 1.000), 100\N{NO-BREAK SPACE}% of the skill, "
        "malignant AUC 1.000 (1.000 to 1.000); background, box hidden: BACC 1.000"
    )
    assert background_finding(result).startswith(
        "plain predicts without the lesion: background only, BACC 1.000 (1.000 to 1.000), chance "
    )


def test_a_model_that_sees_the_lesion_alone_is_not(subject, masks, decide_by):
    decide_by("lesion")
    result = probe_background(subject(images=28), masks, CPU, resamples=300)
    shown = result.conditions
    assert [shown[name].bacc.value for name in ("whole", "lesion")] == [1, 1]
    for name in HIDDEN:
        assert shown[name].bacc.value == pytest.approx(1 / 7)
        assert shown[name].kept.value == pytest.approx(0, abs=1e-9)
        assert shown[name].bacc_p == 1
    assert [shown[name].bacc_p for name in ("whole", "lesion")] == [None, None]
    assert result.telling == {}
    assert background_warning(result) == ""
    assert background_finding(result).startswith(
        "plain is not shown to predict without the lesion: BACC 0.143 (0."
    )


def test_figures_by_hand():
    """Of 7 classes, whole images get all right, those without the lesion 4: half of the skill."""
    ids = [f"I{i}" for i in range(14)]
    targets = [code for code in TASK.codes for _ in range(2)]
    right = {"whole": 14, "lesion": 2, "background": 8, "box": 2, "rim": 14}
    rows = []
    for condition, count in right.items():
        for i, (image_id, target) in enumerate(zip(ids, targets, strict=True)):
            decided = target if i < count else TASK.codes[0]
            row = {"condition": condition, "image_id": image_id, "lesion_id": f"L{i}"}
            row |= {f"prob_{code}": 0.9 if code == decided else 0.0 for code in TASK.codes}
            rows.append(row | {"target": target})
    shown = score(pd.DataFrame(rows), TASK, 1 / 7, resamples=50, seed=0)
    assert shown["whole"].bacc.value == 1
    assert shown["whole"].kept is None
    assert shown["background"].bacc.value == pytest.approx(4 / 7)
    assert shown["background"].kept.value == pytest.approx(1 / 2)
    assert shown["lesion"].kept.value == pytest.approx(0)
    assert shown["rim"].kept.value == 1
    assert shown["rim"].malignant_auc.value == 1


def test_no_share_of_a_skill_that_is_not_there():
    rows = [
        {"condition": condition, "lesion_id": f"L{i}", "target": TASK.codes[i % 2]}
        | {f"prob_{code}": float(code == "MEL") for code in TASK.codes}
        for condition in CONDITIONS
        for i in range(8)
    ]
    shown = score(pd.DataFrame(rows), TASK, 1 / 2, resamples=50, seed=0)
    assert {one.bacc.value for one in shown.values()} == {1 / 2}
    assert {one.kept for one in shown.values()} == {None}


def table_of(lesions: int, decided) -> pd.DataFrame:
    """`lesions` of one image each, a class after the other; `decided` says a row's class."""
    rows = [
        {"condition": condition, "lesion_id": f"L{i}", "target": TASK.codes[i % 7]}
        | {f"prob_{code}": float(code == decided(condition, i)) for code in TASK.codes}
        for condition in CONDITIONS
        for i in range(lesions)
    ]
    return pd.DataFrame(rows)


def test_scores_without_the_lesion_are_tested_as_one_family():
    """Of six tests two are at the least p of 999 resamples, 0.002: Holm makes it 0.012."""
    table = table_of(70, lambda name, i: TASK.codes[i % 7 if name == "rim" else 1])
    shown = score(table, TASK, 1 / 7, resamples=999, seed=0)
    assert (shown["rim"].bacc_p, shown["rim"].malignant_auc_p) == pytest.approx((0.012, 0.012))
    assert shown["rim"].decides(1 / 7)
    assert shown["rim"].ranks
    for name in ("background", "box"):
        assert (shown[name].bacc_p, shown[name].malignant_auc_p) == (1, 1)
    assert not any(one.decides(1 / 7) or one.ranks for one in (shown["box"], shown["whole"]))


def test_worse_than_chance_is_no_sign_of_a_shortcut():
    table = table_of(70, lambda _, i: TASK.codes[(i + 1) % 7])
    box = score(table, TASK, 1 / 7, resamples=999, seed=0)["box"]
    assert box.bacc_p < 0.05
    assert not box.decides(1 / 7)


def test_whole_images_are_predicted_as_out_of_fold(subject, masks, folder):
    probe_background(subject(folds="1"), masks, CPU, resamples=20)
    table = pd.read_csv(csv_path(folder, "background"))
    oof = Run(folder).oof().query("fold == 1")
    whole = table[table["condition"] == "whole"].reset_index(drop=True)
    assert whole["image_id"].tolist() == oof["image_id"].tolist()
    assert np.allclose(whole.filter(like="prob_"), oof.filter(like="prob_"), atol=1e-6)
    assert table["condition"].value_counts().to_dict() == dict.fromkeys(CONDITIONS, len(oof))


def test_the_same_seed_gives_the_same_files(subject, masks, folder):
    files = []
    for _ in range(2):
        probe_background(subject(images=10), masks, CPU, resamples=20)
        paths = [path(folder, "background") for path in (json_path, csv_path, png_path)]
        files.append([path.read_bytes() for path in paths])
    assert files[0] == files[1]


def test_the_result_says_what_it_is_of_and_examples_show_it(subject, masks, folder):
    found = subject(images=10)
    result = probe_background(found, masks, CPU, resamples=20)
    grid = Image.open(png_path(folder, "background"))
    assert grid.size == (32 * len(CONDITIONS), 32 * len(result.examples))
    assert len(set(result.examples.values())) == len(result.examples) == 4
    known = read_result(folder, "background", BackgroundResult)
    assert known.examples == result.examples
    assert known.skin == result.skin
    assert (known.masks, known.origin.dataset, known.settings.tta) == ("masks", "cues", "none")
    ids = sorted(found.keys["image_id"])
    files = [(masks.archive.root / f"{each}_segmentation.png").read_bytes() for each in ids]
    assert known.settings == HidingSettings.of("none", "cpu", ids, files)
    assert known.current


@pytest.fixture
def own_masks(cues: Path, tmp_path: Path) -> Path:
    """A copy of the masks that a test may change."""
    folder = tmp_path / "own"
    folder.mkdir()
    for path in (cues / "masks").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_missing_masks_are_counted_and_named(subject, own_masks):
    found = subject()
    gone = found.keys["image_id"].iloc[:3]
    for image_id in gone:
        (own_masks / f"{image_id}_segmentation.png").unlink()
    with pytest.raises(SkinError, match=rf"no mask of 3 of the 84 images to probe: {gone[0]}, "):
        probe_background(found, open_masks(own_masks), CPU)


def test_images_without_lesion_or_skin_are_left_out_and_counted(subject, own_masks, folder):
    found = subject(images=14)
    ids = found.keys["image_id"].tolist()
    for image_id, level in ((ids[0], 0), (ids[1], 255)):
        path = own_masks / f"{image_id}_segmentation.png"
        Image.new("L", (40, 40), level).save(path)
    result = probe_background(found, open_masks(own_masks), CPU, resamples=20)
    assert (result.left_out, result.images) == (2, len(ids) - 2)
    table = pd.read_csv(csv_path(folder, "background"))
    assert set(ids) - set(table["image_id"]) == set(ids[:2])


def test_masks_without_any_skin_are_refused(subject, own_masks, folder):
    for path in own_masks.iterdir():
        Image.new("L", (40, 40), 255).save(path)
    with pytest.raises(SkinError, match=r"leaves enough skin .* are the masks inverted\?"):
        probe_background(subject(images=14), open_masks(own_masks), CPU)
    assert not json_path(folder, "background").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("VERSION", 0), ("CONSTANTS", {**hiding.CONSTANTS, "border": 0.05})]
)
def test_what_hid_otherwise_is_of_other_settings(monkeypatch, name, value):
    settings = HidingSettings.of("none", "cpu", ["A"], [b"mask"])
    assert settings.current
    monkeypatch.setattr(hiding, name, value)
    assert not settings.current


def test_other_masks_of_the_same_images_are_told():
    one, other = (HidingSettings.of("none", "cpu", ["A"], [mask]) for mask in (b"1", b"2"))
    assert one.images_sha256 == other.images_sha256
    assert one.masks_sha256 != other.masks_sha256


def test_all_masks_that_cannot_be_used_are_told_at_once(subject, own_masks, folder):
    found = subject(images=14)
    bad = found.keys["image_id"].tolist()[:5]
    for image_id in bad:
        Image.new("1", (40, 20), 1).save(own_masks / f"{image_id}_segmentation.png")
    with pytest.raises(SkinError, match=r"5 masks cannot be used: .*; and 2 more$") as caught:
        probe_background(found, open_masks(own_masks), CPU)
    assert [image_id in str(caught.value) for image_id in bad] == [True] * 3 + [False] * 2
    assert not json_path(folder, "background").exists()


def test_missing_weights_are_a_message(subject, masks, folder):
    found = subject(images=14)
    Run(folder).fold(1).weights.unlink()
    with pytest.raises(SkinError, match=r"no weights at .*fold1"):
        probe_background(found, masks, CPU)
