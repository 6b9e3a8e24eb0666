from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw


@pytest.fixture
def masks(trained: Path) -> Path:
    """A folder `masks` with an ellipse for each image, beside the runs `plain` and `se`."""
    (trained / "masks").mkdir()
    table = pd.read_csv(trained / "data" / "toy" / "dataset.csv")
    for image_id, width, height in zip(
        table["image_id"], table["width"], table["height"], strict=True
    ):
        mask = Image.new("1", (width, height))
        box = (width // 3, height // 3, 2 * width // 3, 2 * height // 3)
        ImageDraw.Draw(mask).ellipse(box, fill=1)
        mask.save(trained / "masks" / f"{image_id}_mask.png")
    return trained / "masks"


def probe(skin, *words):
    return skin("probe", "background", *words, "--masks", "masks", "--images", "14")


@pytest.mark.usefixtures("masks")
def test_runs_are_probed(skin):
    result = probe(skin, "plain", "se", "--fold", "1")
    assert result.code == 0, result.err
    for run in ("plain", "se"):
        known = json.loads(Path(f"runs/{run}/probes/background.json").read_text())
        assert known["images"] >= 14
        assert known["masks"] == "masks"
        assert f"{known['conditions']['rim']['bacc']['value']:.3f}" in result.out
        assert f"runs/{run}/probes/background.json" in result.out
    assert "Lesion only" in result.out
    assert "left out" not in result.err


def test_images_that_cannot_be_judged_are_told(skin, masks):
    for path in list(masks.iterdir())[::2]:
        size = Image.open(path).size
        Image.fromarray(np.full(size[::-1], 255, np.uint8)).save(path)
    result = probe(skin, "plain", "--fold", "1")
    assert result.code == 0, result.err
    assert "images are left out: their masks are empty or leave too little skin" in result.err


def test_a_mask_too_few_is_a_message_before_any_work(skin, masks):
    for path in masks.iterdir():
        path.unlink()
    result = probe(skin, "plain")
    assert result.code == 2
    assert "holds no masks" in result.err
    Image.new("1", (4, 4)).save(masks / "other_mask.png")
    result = probe(skin, "plain")
    assert result.code == 2
    assert "has no mask of 16 of the 16 images to probe: ISIC_" in result.err
    assert not Path("runs/plain/probes").exists()


@pytest.mark.usefixtures("trained")
def test_masks_are_asked_for(skin):
    result = skin("probe", "background", "plain")
    assert result.code == 2
    assert "--masks" in result.err
