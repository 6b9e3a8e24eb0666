"""Where a model looks: Grad-CAM, and the maps of its own attention.

Grad-CAM stands here and not in a library's call because those hook a submodule, and the last
feature map is what a backbone's `forward_features` returns, which is no one module's output.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.errors import SkinError
from skin.models.build import LesionClassifier

GRADCAM = "gradcam"
ATTENTION = "attention"


def grad_cam(
    model: LesionClassifier, images: Tensor, classes: Tensor, metadata: Tensor | None = None
) -> Tensor:
    """Gradient-weighted class activation maps (Selvaraju et al. 2017, arXiv 1610.02391, eq. 1, 2).

    map = relu(sum_d w_d A_d), w_d = mean over H, W of the class score's gradient by A_d, where A
    is the last feature map, before the attention block.

    Deviates from the paper in the score: heads give log-probabilities log p = z - logsumexp(z), not
    logits z, so the score is log p_c minus the mean of log p over the classes. For a softmax that
    is z_c minus the mean logit: unlike log p_c, it does not fade where the model is sure, and it
    holds for a head whose probabilities are products along a tree as well.

    Args:
        model: in evaluation mode.
        images: (B, 3, H, W) with values in 0 to 255.
        classes: (B,) the class index that each map is for.
        metadata: (B, M); none if nothing is known.

    Returns:
        (B, h, w), not negative, at the size of the feature map; all zero where nothing speaks
        for the class.

    Raises:
        SkinError: the backbone has no spatial feature map.
    """
    with torch.no_grad():
        features = model.features(model.normalise(images))
    if features.ndim != 4:  # noqa: PLR2004
        raise SkinError(
            f"no heatmap can be made: it needs a spatial feature map (B, D, H, W), and this "
            f"backbone gives features of shape {tuple(features.shape)}"
        )
    # cuDNN's recurrent layers have no gradient in evaluation mode; PyTorch's own have.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        features = features.detach().requires_grad_()
        log_probabilities = model.classify(features, metadata)
        score = log_probabilities.gather(1, classes[:, None]) - log_probabilities.mean(1)[:, None]
        (gradient,) = torch.autograd.grad(score.sum(), features)  # images do not mix
    weights = gradient.mean((2, 3), keepdim=True)
    return (weights * features.detach()).sum(1).relu().float()


def attention_maps(
    model: LesionClassifier, images: Tensor, metadata: Tensor | None = None
) -> dict[str, Tensor]:
    """The model's own attention: a map (B, h, w), not negative, for each name.

    The name is `attention`, or `attention1`, `attention2`, ... where the model has one for each
    level of its tree; none where it has no attention.
    """
    with torch.no_grad():
        maps = model.heatmaps(images, metadata)
    if maps is None:
        return {}
    if maps.shape[1] == 1:
        return {ATTENTION: maps[:, 0].float()}
    return {f"{ATTENTION}{level + 1}": maps[:, level].float() for level in range(maps.shape[1])}


def to_image_size(maps: Tensor, side: int) -> Tensor:
    """Bring maps (B, h, w) to (B, side, side), each between 0 and 1.

    Each is interpolated bilinearly and divided by its maximum, so that maps of two images cannot
    be compared in strength; a map that is zero everywhere stays so.
    """
    large = F.interpolate(maps[:, None], (side, side), mode="bilinear", align_corners=False)[:, 0]
    highest = large.amax((1, 2), keepdim=True)
    return torch.where(highest > 0, large / highest, torch.zeros_like(large))
