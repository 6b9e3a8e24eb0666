"""Where a model looks: class activation maps of its last feature map, and its own attention.

The maps are those of the library pytorch-grad-cam. It hooks a submodule, and the last feature map
is what a backbone's `forward_features` returns, which is no one module's output: so the model is
wrapped in one that passes the map through an identity, and that is hooked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import EigenCAM, GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.errors import SkinError, did_you_mean
from skin.models.build import LesionClassifier

GRADCAM = "gradcam"
EIGENCAM = "eigencam"
ATTENTION = "attention"


class SignedEigenCAM(EigenCAM):  # type: ignore[misc]
    """Eigen-CAM with a sign that means something.

    A principal component's sign is arbitrary, and the library's Eigen-CAM lights the lesion or all
    but the lesion as it falls. Here the larger magnitude is positive (Chung and Ying 2025,
    doi 10.3390/app15137562, eq. 13).
    """

    def get_cam_image(
        self,
        input_tensor: Tensor,  # noqa: ARG002 - the library's signature
        target_layer: nn.Module,  # noqa: ARG002
        targets: object,  # noqa: ARG002
        activations: NDArray[np.float32],
        *_: object,
    ) -> NDArray[np.float32]:
        """Project activations (B, D, h, w) on their first component: (B, h, w)."""
        projected: NDArray[np.float32] = get_2d_projection_with_sign_correction(activations)
        return projected


METHODS: Mapping[str, type[Any]] = {
    GRADCAM: GradCAM,
    "gradcam++": GradCAMPlusPlus,
    "hirescam": HiResCAM,
    "layercam": LayerCAM,
    EIGENCAM: SignedEigenCAM,
}
"""The ways to make a class activation map of features A and their gradient G by a class's score.

- `gradcam` (Selvaraju et al. 2017, arXiv 1610.02391): sum_d w_d A_d, w_d the mean of G_d over the
  places.
- `gradcam++` (Chattopadhyay et al. 2018, arXiv 1710.11063, eq. 19): w_d counts places by their
  share in the score, so that several small ones stand beside a large one.
- `hirescam` (Draelos and Carin 2020, arXiv 2011.08891): sum_d G_d A_d; exact for a linear head.
- `layercam` (Jiang et al. 2021, doi 10.1109/TIP.2021.3089943): sum_d relu(G_d) A_d.
- `eigencam` (Muhammad and Yeasin 2020, arXiv 2008.00299): the first principal component of A. It
  knows no class: it is where the features vary most.
"""


def cam(
    model: LesionClassifier,
    images: Tensor,
    classes: Tensor,
    metadata: Tensor | None = None,
    method: str = GRADCAM,
) -> Tensor:
    """Class activation maps of the last feature map, before the attention block.

    Deviates from the papers in the score: heads give log-probabilities log p = z - logsumexp(z),
    not logits z, so the score is log p_c minus the mean of log p over the classes. For a softmax
    that is z_c minus the mean logit: unlike log p_c, it does not fade where the model is sure, and
    it holds for a head whose probabilities are products along a tree as well.

    No parameter gets a gradient, and nothing is left on the model.

    Args:
        model: in evaluation mode.
        images: (B, 3, H, W) with values in 0 to 255, on the model's device.
        classes: (B,) the class index that each map is for.
        metadata: (B, M); none if nothing is known.
        method: of `METHODS`.

    Returns:
        (B, h, w), on the images' device, not negative, at the size of the feature map and unscaled;
        all zero where nothing speaks for the class.

    Raises:
        SkinError: the backbone has no spatial feature map, or there is no such method.
    """
    if method not in METHODS:
        raise SkinError(f"unknown heatmap '{method}': {did_you_mean(method, METHODS)}")
    scored = _Scored(model, metadata)
    cams = METHODS[method](scored, [scored.last_map])
    hooked = cams.activations_and_grads
    # The library's own call scales each map to the image and to 0 to 1, gives every parameter a
    # gradient, and as a context manager swallows an IndexError: so its parts are called here.
    try:
        with torch.enable_grad():
            scores = hooked(images)
            if cams.uses_gradients:
                scores.gather(1, classes[:, None]).sum().backward(inputs=scored.features)
        (features,), gradients = hooked.activations, hooked.gradients
        gradient = gradients[0].numpy() if gradients else None
        maps = cams.get_cam_image(images, scored.last_map, None, features.numpy(), gradient, False)
    finally:
        hooked.release()
        scored.features = None  # whose hook holds the library's object, which holds the model
    return torch.from_numpy(np.maximum(maps, 0)).float().to(images.device)


class _Scored(nn.Module):
    """A classifier whose last feature map is a submodule's output, and whose output is the score.

    Attributes:
        features: (B, D, h, w), the map, that gradients are taken to.
        last_map: gives the map.
    """

    features: Tensor | None = None

    def __init__(self, model: LesionClassifier, metadata: Tensor | None) -> None:
        super().__init__()
        self.model = model
        self.metadata = metadata
        self.last_map = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Give each class's score (B, C): its log-probability less the mean over the classes."""
        with torch.no_grad():
            features = self.model.features(self.model.normalise(images))
        if features.ndim != 4:  # noqa: PLR2004
            raise SkinError(
                f"no heatmap can be made: it needs a spatial feature map (B, D, H, W), and this "
                f"backbone gives features of shape {tuple(features.shape)}"
            )
        self.features = features = features.detach().float().requires_grad_()
        # cuDNN's recurrent layers have no gradient in evaluation mode; PyTorch's own have.
        with torch.backends.cudnn.flags(enabled=False):
            log_probabilities = self.model.classify(self.last_map(features), self.metadata)
        return log_probabilities - log_probabilities.mean(dim=1, keepdim=True)


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
