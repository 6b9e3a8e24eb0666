from __future__ import annotations

import numpy as np
import pytest
import torch

from skin.analysis.localisation.sanity import cascade, similarity, untrained
from skin.analysis.localisation.settings import STAGES
from skin.config import parse_config
from skin.models.build import build_model

MAP = np.array([[[1.0, 2.0], [3.0, 4.0]]])


def config(**model):
    tree = {
        "data": {"image_size": 64},
        "model": {"backbone": "test_efficientnet", "pretrained": False, **model},
    }
    return parse_config(tree, "test")


def trained(**model):
    """A model that no seed of `untrained` gives."""
    torch.manual_seed(123)
    return build_model(config(**model), pretrained=False).eval()


def images(seed=0, count=6):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, 64, 64), generator=generator)


def changed(model, before):
    """The layers with a parameter that is not what it was."""
    return {
        name.rpartition(".")[0]
        for name, values in model.named_parameters()
        if not torch.equal(values, before[name])
    }


def snapshot(model):
    return {name: values.clone() for name, values in model.named_parameters()}


def test_similarity_by_hand():
    # Ranks 1 2 3 4 against 1 2 4 3: rho = 1 - 6 * 2 / (4 * 15) = 0.8.
    others = np.array([[1.0, 2.0], [4.0, 3.0]])
    maps = np.repeat(MAP, 5, axis=0)
    against = np.stack([MAP[0], -MAP[0], others, MAP[0] ** 3, np.zeros((2, 2))])
    assert similarity(maps, against) == pytest.approx([1, -1, 0.8, 1, 0])


def test_a_constant_map_has_no_order_to_keep():
    assert np.isnan(similarity(np.ones((1, 2, 2)), MAP)).all()


@pytest.mark.parametrize(
    "variant", [{}, {"attention": "cbam"}, {"head": {"kind": "hierarchical", "units": 8}}], ids=str
)
def test_the_cascade_goes_down_from_the_head(variant):
    model, fresh = trained(**variant), untrained(config(**variant), 0)
    before, shares = snapshot(model), {}
    backbone = {name.rpartition(".")[0] for name in before if name.startswith("backbone.")}
    heads = {name.rpartition(".")[0] for name in before if not name.startswith("backbone.")}
    for stage in cascade(model, fresh, [(images(), None)]):
        now = changed(model, before)
        random = [name for name in now if not name.startswith("backbone.")]
        if stage == "head":
            assert set(random) == now, "the backbone is still the trained one"
            # Normalisation layers begin alike in every model, so that not all layers differ.
            assert {name.partition(".")[0] for name in random} == {
                name.partition(".")[0] for name in heads
            }
        shares[stage] = len(now & backbone)
        assert not model.training
        assert not any(module.training for module in model.modules())
        assert model(images(count=2)).isfinite().all()
    assert list(shares) == list(STAGES)
    assert shares["head"] == 0 < shares["quarter"] < shares["half"] < shares["all"]
    weights = {name for name, values in before.items() if values.ndim > 1}
    assert {name.rpartition(".")[0] for name in weights} <= changed(model, before)


def test_normalisation_is_fitted_to_the_images_where_weights_are_random():
    model, fresh = trained(), untrained(config(), 0)
    for _ in cascade(model, fresh, [(images(), None), (images(1), None)]):
        pass
    seen = torch.cat([images(), images(1)])
    stem = model.backbone.conv_stem(model.normalise(seen))
    fitted = model.backbone.bn1.running_mean
    torch.testing.assert_close(fitted, stem.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    assert all(
        layer.momentum is not None
        for layer in model.modules()
        if isinstance(layer, torch.nn.BatchNorm2d)
    )


def test_the_trained_layers_keep_their_statistics():
    model, fresh = trained(), untrained(config(), 0)
    with torch.no_grad():
        model.backbone.bn1.running_mean.fill_(0.125)
    stages = cascade(model, fresh, [(images(), None)])
    next(stages)
    assert (model.backbone.bn1.running_mean == 0.125).all()
    next(stages)
    assert (model.backbone.bn1.running_mean == 0.125).all()


def test_random_weights_are_those_of_their_seed_and_no_global_one():
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    first, again, other = (snapshot(untrained(config(), *key)) for key in ((1, 0), (1, 0), (1, 1)))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(values, again[name]) for name, values in first.items())
    assert any(not torch.equal(values, other[name]) for name, values in first.items())
