from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from skin.config import OptimizerConfig, ScheduleConfig, parse_config
from skin.errors import SkinError
from skin.models.build import LesionClassifier, build_model
from skin.training.optimizer import Schedule, build_optimizer


@pytest.fixture
def model() -> LesionClassifier:
    keys = {
        "backbone": "test_resnet",
        "pretrained": False,
        "attention": "se",
        "freeze": ["conv1", "bn1"],
    }
    return build_model(parse_config({"data": {"image_size": 32}, "model": keys}, "test"))


def test_groups_have_their_own_rate_and_decay(model: LesionClassifier):
    config = OptimizerConfig(lr=0.1, head_lr_scale=3.0, weight_decay=0.2)
    optimizer = build_optimizer(config, model)
    names = {parameter: name for name, parameter in model.named_parameters()}
    seen = set()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            name = names[parameter]
            seen.add(name)
            in_backbone = name.startswith("backbone.")
            assert group["lr"] == pytest.approx(0.1 if in_backbone else 0.3), name
            assert group["weight_decay"] == (0.2 if parameter.ndim > 1 else 0.0), name
    assert seen == {name for name, p in model.named_parameters() if p.requires_grad}
    assert {name for name in seen if "conv1." in name} <= {n for n in seen if ".layer" in n}
    assert {"attention.block.fc1.weight", "head.classifier.bias"} <= seen


def test_frozen_tensors_are_not_the_optimizers(model: LesionClassifier):
    optimizer = build_optimizer(OptimizerConfig(), model)
    learned = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert not any(id(p) in learned for p in model.backbone.conv1.parameters())


@pytest.mark.parametrize("name", ["adamw", "sgd", "lamb"])
def test_optimizers_are_built_by_name_and_step(model: LesionClassifier, name: str):
    optimizer = build_optimizer(OptimizerConfig(name=name, lr=0.1), model)
    before = model.head.classifier.weight.clone()
    model(torch.zeros(2, 3, 32, 32))[:, 0].sum().backward()
    optimizer.step()
    assert not torch.equal(model.head.classifier.weight, before)


def test_an_unknown_optimizer_gets_the_nearest(model: LesionClassifier):
    with pytest.raises(SkinError, match=r"unknown optimizer 'adamv': did you mean 'adam"):
        build_optimizer(OptimizerConfig(name="adamv"), model)


def schedule(
    kind: str, total: int = 11, stages: tuple[int, ...] = (0,), **keys: object
) -> Schedule:
    config = ScheduleConfig.model_validate({"kind": kind, "min_lr_ratio": 0.1} | keys)
    return Schedule(config, total, steps_per_epoch=4, stage_starts=stages)


def test_cosine_by_hand():
    """Half way between the first step and the last the factor is half way, too."""
    cosine = schedule("cosine")
    assert cosine.factor(0) == pytest.approx(1.0)
    assert cosine.factor(5) == pytest.approx(0.55)
    assert cosine.factor(10) == pytest.approx(0.1)


@given(st.integers(1, 200))
def test_cosine_falls_from_the_rate_to_the_least(total: int):
    factors = [schedule("cosine", total).factor(step) for step in range(total)]
    assert factors == sorted(factors, reverse=True)
    assert factors[0] == pytest.approx(1.0)
    assert total == 1 or factors[-1] == pytest.approx(0.1)


def test_warm_up_by_hand():
    """One epoch and a half of four steps each: six steps up."""
    constant = schedule("constant", warmup_epochs=1.5)
    expected = [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 1]
    assert [constant.factor(step) for step in range(8)] == pytest.approx(expected)


def test_each_stage_warms_up():
    constant = schedule("constant", stages=(0, 4), warmup_epochs=0.5)
    factors = [constant.factor(step) for step in range(8)]
    assert factors == pytest.approx([0.5, 1, 1, 1, 0.5, 1, 1, 1])


def test_cosine_and_warm_up_multiply():
    warm, cold = schedule("cosine", warmup_epochs=1), schedule("cosine")
    assert warm.factor(1) == pytest.approx(cold.factor(1) * 0.5)
    assert warm.factor(7) == pytest.approx(cold.factor(7))


def test_plateau_by_hand():
    """It falls once BACC has not risen for more than two epochs, and starts counting anew."""
    plateau = schedule("plateau", plateau_factor=0.5, plateau_patience=2)
    factors = []
    for bacc in (0.3, 0.5, 0.5, 0.4, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6):
        plateau.after_epoch(bacc)
        factors.append(plateau.factor(0))
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25]


def test_plateau_has_a_floor():
    plateau = schedule("plateau", plateau_factor=0.5, plateau_patience=0)
    for _ in range(9):
        plateau.after_epoch(0.5)
    assert plateau.factor(0) == pytest.approx(0.1)


@pytest.mark.parametrize("kind", ["cosine", "constant"])
def test_other_schedules_do_not_look_at_bacc(kind: str):
    other = schedule(kind, plateau_patience=0)
    before = other.factor(3)
    for _ in range(3):
        other.after_epoch(0.1)
    assert other.factor(3) == before


def test_apply_scales_each_group_by_its_own_rate(model: LesionClassifier):
    optimizer = build_optimizer(OptimizerConfig(lr=0.1, head_lr_scale=2.0), model)
    constant = schedule("constant", warmup_epochs=1)
    for step, expected in (
        (0, {0.025, 0.05}),
        (1, {0.05, 0.1}),
        (9, {0.1, 0.2}),
        (0, {0.025, 0.05}),
    ):
        constant.apply(optimizer, step)
        assert {round(group["lr"], 9) for group in optimizer.param_groups} == expected


def test_a_restored_schedule_goes_on(model: LesionClassifier):
    """The rates of a checkpoint are scaled ones; the base is kept beside them."""
    config = OptimizerConfig(lr=0.1)
    first, optimizer = schedule("plateau", plateau_patience=0), build_optimizer(config, model)
    for bacc in (0.5, 0.4):
        first.after_epoch(bacc)
    first.apply(optimizer, 8)
    second, later = schedule("plateau", plateau_patience=0), build_optimizer(config, model)
    later.load_state_dict(optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    for each, target in ((first, optimizer), (second, later)):
        each.after_epoch(0.3)
        each.apply(target, 12)
    assert [g["lr"] for g in later.param_groups] == [g["lr"] for g in optimizer.param_groups]
    assert later.param_groups[0]["lr"] == pytest.approx(0.1 * 0.1)
