"""Does a heatmap show the model, or only the image? Maps of models with random weights.

Adebayo et al. 2018 (arXiv 1810.03292, section 4.1, cascading randomisation): weights are drawn anew
from the head downwards, and each stage's maps are compared with the trained model's by Spearman's
rank correlation. A map that stays as it was says nothing of what the model learnt.

Deviates from the paper: the statistics of batch normalisation in the layers that were drawn anew
are taken from images, since activations would otherwise fade or explode from layer to layer and
the comparison be one of rounding errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from skin.analysis.localisation.settings import STAGES
from skin.config import Config
from skin.models.build import LesionClassifier, build_model
from skin.randomness import INITIALISE, key


def untrained(config: Config, *parts: int) -> LesionClassifier:
    """Build a config's model with the weights that a training from scratch would begin with.

    Args:
        config: of the run.
        parts: the seed, and what else keys the weights.
    """
    with torch.random.fork_rng(devices=[]):  # the library's initialisers draw from the global one
        torch.manual_seed(key(INITIALISE, *parts))
        return build_model(config, pretrained=False).eval()


def cascade(
    model: LesionClassifier,
    fresh: LesionClassifier,
    batches: Sequence[tuple[Tensor, Tensor | None]],
) -> Iterator[str]:
    """Randomise a model stage by stage, in place; it is to be used between two stages.

    What follows the backbone (attention, metadata, head) is the first stage. Layers of the
    backbone count as they are defined, which is the order of the forward pass in timm's models.

    Args:
        model: trained, in evaluation mode.
        fresh: the same architecture with other weights.
        batches: images (B, 3, S, S) and metadata (B, M) that batch normalisation is fitted to.

    Yields:
        The name of each of `STAGES`.
    """
    layers = [name for name, module in model.named_modules() if _has_state(module)]
    backbone = [name for name in layers if name.startswith("backbone.")]
    behind = [name for name in layers if not name.startswith(("backbone.", "normalise"))]
    for stage, share in STAGES.items():
        drawn = behind + backbone[len(backbone) - round(share * len(backbone)) :]
        for name in drawn:
            _copy(fresh.get_submodule(name), model.get_submodule(name))
        _fit_normalisation(model, [model.get_submodule(name) for name in drawn], batches)
        yield stage


def similarity(maps: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's rank correlation of each map with another one.

    Args:
        maps: (B, h, w), the trained model's.
        others: (B, h, w).

    Returns:
        (B,), -1 to 1; NaN where the first map is constant and has no order to keep; 0 where the
        other one is, as nothing of the order is left.
    """
    return np.array([_correlation(a.ravel(), b.ravel()) for a, b in zip(maps, others, strict=True)])


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if np.ptp(one) == 0:
        return float("nan")
    return 0.0 if np.ptp(other) == 0 else float(spearmanr(one, other).statistic)


def _own(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters(recurse=False)
    yield from module.named_buffers(recurse=False)


def _has_state(module: nn.Module) -> bool:
    return any(True for _ in _own(module))


@torch.no_grad()
def _copy(source: nn.Module, target: nn.Module) -> None:
    drawn = dict(_own(source))
    for name, values in _own(target):
        values.copy_(drawn[name])


@torch.no_grad()
def _fit_normalisation(
    model: LesionClassifier,
    layers: Iterable[nn.Module],
    batches: Sequence[tuple[Tensor, Tensor | None]],
) -> None:
    """Give the batch normalisation among `layers` the mean statistics of the batches."""
    fitted = [layer for layer in layers if isinstance(layer, _BatchNorm)]
    momenta = [layer.momentum for layer in fitted]
    for layer in fitted:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over the batches
        layer.train()
    for images, metadata in batches if fitted else ():
        model(images, metadata)
    for layer, momentum in zip(fitted, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()
