from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from skin.analysis.localisation.probe import HeatmapProbe


@pytest.fixture
def probed(work, skin):
    """The working folder with a run of one fold whose maps are 2x2."""
    config = yaml.safe_load((work / "configs" / "tiny.yaml").read_text())
    config["data"]["image_size"] = 64
    (work / "configs" / "tiny.yaml").write_text(yaml.safe_dump(config))
    assert skin("train", "-c", "tiny", "--fold", "0").code == 0
    return work


def test_from_the_demos_data_to_a_result(probed, skin):
    result = skin(
        "probe", "heatmaps", "tiny", "--masks", "source", "--images", 10, "--traced", 2,
        "--method", "gradcam", "--method", "layercam", "--device", "cpu",
    )  # fmt: skip
    assert result.code == 0, result.err
    for word in ("tiny", "Grad-CAM", "LayerCAM", "other masks", "chance", "centred Gaussian"):
        assert word in result.out
    assert "runs/tiny/probes/heatmaps.json" in result.out
    found = json.loads((probed / "runs/tiny/probes/heatmaps.json").read_text())
    assert found["settings"]["methods"] == ["gradcam", "layercam"]
    assert list(found["origin"]["weights"]) == ["0"]
    assert found["masks"] == "source"
    assert (probed / "runs/tiny/probes/heatmaps.csv").exists()


@pytest.mark.usefixtures("probed")
def test_an_interrupt_is_said(skin, monkeypatch):
    def stop(*_, **__) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HeatmapProbe, "measure", stop)
    result = skin("probe", "heatmaps", "tiny", "--masks", "source", "--images", 10)
    assert result.code == 130
    assert "stopped; the same command begins this run anew" in result.err
    assert not Path("runs/tiny/probes/heatmaps.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing", "--masks", "source"], "no run 'nothing'"),
        (["plain", "--masks", "nowhere"], "nowhere does not exist"),
        (["plain", "--masks", "source", "--method", "gradcan"], "did you mean 'gradcam'"),
        (["plain", "--masks", "configs"], "configs holds no masks"),
        (["plain", "--masks", "source", "--fold", "7"], "--fold 7"),
    ],
)
def test_mistakes_are_one_message(trained, skin, words, message):
    (trained / "configs").mkdir(exist_ok=True)
    result = skin("probe", "heatmaps", *words)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert not list(trained.glob("runs/*/probes"))
