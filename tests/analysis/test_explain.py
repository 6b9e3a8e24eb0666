from __future__ import annotations

import numpy as np
import pytest
import torch

from skin.analysis.explain import (
    Explained,
    Explainer,
    choose_methods,
    is_of_class,
    silent,
    write_maps,
)
from skin.analysis.heatmaps import METHODS
from skin.analysis.map_names import map_label
from skin.cli.explain import Method
from skin.config import parse_config
from skin.errors import SkinError
from skin.models.build import build_model
from skin.taxonomy import get_task

TASK = get_task("isic2018")
IMAGES = torch.randint(0, 256, (3, 3, 64, 64), generator=torch.Generator().manual_seed(0)).byte()
IDS = ["a", "b", "c"]


def tiny(**model):
    torch.manual_seed(0)
    tree = {
        "data": {"image_size": 64},
        "model": {"backbone": "test_resnet", "pretrained": False, **model},
    }
    return build_model(parse_config(tree, "test")).eval()


def explain(among=None, methods=("gradcam",)):
    explainer = Explainer(tiny(), TASK, methods, torch.device("cpu"))
    return list(explainer.explain(IDS, IMAGES, None, among))


def test_the_command_offers_every_method():
    assert [method.value for method in Method] == [*METHODS, "attention", "all"]


def test_every_method_has_a_name():
    names = [map_label(method) for method in (*METHODS, "attention", "attention2")]
    assert len(set(names)) == len(names)
    assert names[-2:] == ["own attention", "own attention, level 2"]
    assert [method for method in METHODS if not is_of_class(method)] == ["eigencam"]


def test_all_is_what_there_is():
    assert choose_methods(["all"], tiny(), "x") == ("gradcam",)
    assert choose_methods(["all"], tiny(attention="se"), "x") == ("gradcam", "attention")
    tree = tiny(head={"kind": "hierarchical", "units": 8})
    assert choose_methods(["layercam", "all", "layercam"], tree, "x") == (
        "layercam",
        "gradcam",
        "attention",
    )
    with pytest.raises(SkinError, match="plain: this model has no attention"):
        choose_methods(["gradcam", "attention"], tiny(), "plain")


def test_an_image_comes_back_with_its_pixels_and_its_own_maps():
    explained = explain(methods=("gradcam", "eigencam"))
    assert [each.image_id for each in explained] == IDS
    for each, image in zip(explained, IMAGES, strict=True):
        np.testing.assert_array_equal(each.pixels, image.permute(1, 2, 0))
        assert each.probabilities.sum() == pytest.approx(1)
        assert each.target == TASK.codes[each.probabilities.argmax()]
        assert list(each.maps) == ["gradcam", "eigencam"]
        for heatmap in each.maps.values():
            assert (heatmap.shape, heatmap.dtype) == ((64, 64), np.float32)
            assert heatmap.min() >= 0
            assert heatmap.max() == pytest.approx(1)


def test_the_likeliest_of_the_classes_allowed_is_explained():
    allowed = np.zeros((3, 7), bool)
    allowed[0, 4] = allowed[1, 2:6] = allowed[2] = True
    free, bound = explain(), explain(allowed)
    assert bound[0].target == "BKL"
    assert bound[1].target == TASK.codes[2 + free[1].probabilities[2:6].argmax()]
    assert bound[2].target == free[2].target
    np.testing.assert_array_equal(bound[2].maps["gradcam"], free[2].maps["gradcam"])


def test_only_a_map_for_a_class_says_something_by_being_zero(tmp_path):
    zero, one = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    maps = {"gradcam": zero, "gradcam++": one, "eigencam": zero, "attention": zero}
    explained = Explained("x", np.zeros((2, 2, 3), np.uint8), np.ones(7) / 7, "MEL", maps)
    assert silent(explained) == ["Grad-CAM"]
    write_maps(tmp_path, explained)
    assert len(list(tmp_path.iterdir())) == 4 * len(maps)
    assert (tmp_path / "x_gradcam++_overlay.png").exists()
