from __future__ import annotations

import pytest
import torch
from torch import nn

from skin.errors import SkinError
from skin.training import precision
from skin.training.precision import choose_device, choose_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
DENSE = nn.Conv2d(8, 8, 3)
GROUPED = nn.Conv2d(8, 8, 3, groups=2)
DEPTHWISE = nn.Sequential(nn.Conv2d(8, 8, 3, groups=8))
ONE_CHANNEL = nn.Conv2d(1, 8, 3)


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with one GPU that has bf16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    return monkeypatch


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu():
    assert choose_device("auto") == choose_device("cpu") == CPU


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "mps", "xpu", "meta"])
def test_a_device_that_is_not_there(wanted: str):
    message = f"runtime.device: {wanted} is asked for, but no such device is there; .*--device cpu"
    with pytest.raises(SkinError, match=message):
        choose_device(wanted)


@pytest.mark.parametrize("wanted", ["gpu", "", "cuda:x"])
def test_a_device_that_is_none(wanted: str):
    with pytest.raises(SkinError, match=f"'{wanted}' is not a device; say auto, cpu or cuda"):
        choose_device(wanted)


def test_with_a_gpu(gpus: pytest.MonkeyPatch):
    del gpus
    assert choose_device("auto").type == "cuda"
    assert choose_device("cuda:0") == torch.device("cuda:0")
    assert choose_device("cpu") == CPU
    with pytest.raises(SkinError, match="cuda:1 is asked for, but 1 such device is there"):
        choose_device("cuda:1")


@pytest.mark.parametrize(
    ("model", "in_hardware", "expected"),
    [
        (DENSE, True, "bf16"),
        (GROUPED, True, "bf16"),
        (ONE_CHANNEL, True, "bf16"),
        (DEPTHWISE, True, "fp32"),
        (DENSE, False, "fp32"),
    ],
)
def test_auto_on_a_cpu(
    monkeypatch: pytest.MonkeyPatch, model: nn.Module, in_hardware: bool, expected: str
):
    monkeypatch.setattr(precision, "_cpu_multiplies_bf16", lambda: in_hardware)
    assert choose_precision("auto", CPU, model) == expected


@pytest.mark.parametrize(("has_bf16", "expected"), [(True, "bf16"), (False, "fp16")])
def test_auto_on_a_gpu(gpus: pytest.MonkeyPatch, has_bf16: bool, expected: str):
    gpus.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_bf16)
    assert choose_precision("auto", CUDA, DEPTHWISE) == expected


@pytest.mark.parametrize("wanted", ["fp32", "bf16"])
def test_what_is_asked_for_is_taken(wanted: str):
    assert choose_precision(wanted, CPU, DEPTHWISE) == wanted


def test_what_the_device_cannot_do(gpus: pytest.MonkeyPatch):
    with pytest.raises(SkinError, match="fp16 needs a GPU"):
        choose_precision("fp16", CPU, DENSE)
    gpus.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    with pytest.raises(SkinError, match="this GPU has no bf16; use auto or fp16"):
        choose_precision("bf16", CUDA, DENSE)
