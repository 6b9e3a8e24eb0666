"""Device and precision: what the config asks for, and what `auto` means here."""

from __future__ import annotations

import torch
from torch import nn

from skin.errors import SkinError


def choose_device(wanted: str) -> torch.device:
    """Give the device; `auto` takes a GPU if there is one.

    Raises:
        SkinError: the device is unknown or not there.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise SkinError(
            f"runtime.device: '{wanted}' is not a device; say auto, cpu or cuda"
        ) from None
    present = {"cpu": 1, "cuda": torch.cuda.device_count()}.get(device.type, 0)
    if (device.index or 0) >= present:
        raise SkinError(
            f"runtime.device: {wanted} is asked for, but {present or 'no'} such device is there; "
            "use --device auto or --device cpu"
        )
    return device


def choose_precision(wanted: str, device: torch.device, model: nn.Module) -> str:
    """Give `fp32`, `bf16` or `fp16`; `auto` takes what is fastest without loss.

    A GPU gets bf16, or fp16 where it lacks bf16. A CPU gets bf16 if it multiplies bf16 matrices in
    hardware and the model is made of dense convolutions: depthwise ones are slower in bf16 than in
    fp32 there. On 2 cores with AMX, ResNet-50 at 224 pixels trains 2.2 times as fast in bf16, but
    EfficientNet-Lite0 at 128 pixels 0.6 times; `scripts/benchmark` measures it on any machine.

    Raises:
        SkinError: the device cannot compute in the precision asked for.
    """
    if wanted == "fp16" and device.type == "cpu":
        raise SkinError("training.precision: fp16 needs a GPU; use auto, bf16 or fp32")
    if wanted == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise SkinError("training.precision: this GPU has no bf16; use auto or fp16")
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    fast = device.type == "cpu" and _cpu_multiplies_bf16() and not _has_depthwise(model)
    return "bf16" if fast else "fp32"


def _cpu_multiplies_bf16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def _has_depthwise(model: nn.Module) -> bool:
    return any(
        isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
        for module in model.modules()
    )
