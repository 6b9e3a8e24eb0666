"""Fusing age, sex and site with an image's features.

Both blocks take metadata (B, M) as `skin.data.encode` makes it, where a missing field is zeros;
`hide_fields` hides known ones in training, so that a model learns to do without.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skin.data.encode import METADATA_FIELDS


def hide_fields(metadata: Tensor, probability: float, training: bool) -> Tensor:
    """Make each field (age, sex, site) of each image missing with a probability, in training.

    Values are not rescaled as dropout does: a hidden field looks exactly like a missing one.

    Args:
        metadata: (B, M), columns as `METADATA_FIELDS` has them.
        probability: of each field, on its own.
        training: false changes nothing.

    Returns:
        (B, M); draws come from torch's global generator of the metadata's device.
    """
    if not training or probability == 0:
        return metadata
    kept = torch.rand(len(metadata), len(METADATA_FIELDS), device=metadata.device) >= probability
    widths = [columns.stop - columns.start for columns in METADATA_FIELDS.values()]
    masks = [kept[:, i : i + 1].expand(-1, width) for i, width in enumerate(widths)]
    return metadata * torch.cat(masks, dim=1)


class ConcatFusion(nn.Module):
    """The image's vector with an embedding of the metadata behind it: [x ; ReLU(W m + b)].

    Pacheco and Krohling 2020 (arXiv 1909.12912) concatenate the encoded metadata with a reduced
    image vector; Gessert et al. 2019 (arXiv 1910.03910) embed the metadata by a dense network
    first. It differs from the former in embedding the metadata and keeping the whole image
    vector, and from the latter in one layer instead of two, without batch normalisation and
    dropout of units: inputs are in 0 to 1, and whole fields are hidden instead.

    Shapes: (B, F), (B, M) -> (B, F + units).

    Args:
        channels: F, of the image's vector.
        units: of the embedding.
        size: M, of the metadata.
    """

    def __init__(self, channels: int, units: int, size: int) -> None:
        super().__init__()
        self.out_features = channels + units
        self.embed = nn.Linear(size, units)

    def forward(self, pooled: Tensor, metadata: Tensor) -> Tensor:
        """Append the embedding of `metadata` (B, M) to `pooled` (B, F)."""
        return torch.cat([pooled, self.embed(metadata).relu()], dim=1)


class MetaBlock(nn.Module):
    """Metadata that decide which features matter (Pacheco and Krohling 2021).

    "An attention-based mechanism to combine images and metadata in deep learning models applied
    to skin cancer classification", IEEE JBHI 25(9), doi 10.1109/JBHI.2021.3062002:

        V' = sigmoid(tanh(f(m) * V) + g(m)),  f(m) = W_f m + b_f,  g(m) = W_g m + b_g

    with f and g as one number a channel. The gate replaces the features V, as in the paper and
    the authors' implementation; it does not multiply them, so V' lies between 0 and 1.

    It differs from the authors' implementation in that each channel of the feature map has its
    own f and g, at every place (there, the pooled vector is cut into groups of features that
    share them), and that f and g are not batch-normalised: an image's features should not depend
    on what is known of the others in its batch. Instead b_f starts at 1 and b_g at 0, so that
    without metadata the block starts as sigmoid(tanh(V)), which keeps the features' order.

    Shapes: (B, D, H, W), (B, M) -> (B, D, H, W).

    Args:
        channels: D.
        size: M, of the metadata.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.scale = nn.Linear(size, channels)
        self.shift = nn.Linear(size, channels)
        nn.init.ones_(self.scale.bias)
        nn.init.zeros_(self.shift.bias)

    def forward(self, features: Tensor, metadata: Tensor) -> Tensor:
        """Gate `features` (B, D, H, W) by `metadata` (B, M)."""
        scale, shift = (each(metadata)[:, :, None, None] for each in (self.scale, self.shift))
        return torch.sigmoid(torch.tanh(scale * features) + shift)
