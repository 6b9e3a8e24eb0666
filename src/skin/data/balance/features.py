"""The feature space in which SMOTE and Tomek links look for neighbours."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from skin.data.blend import Blends
from skin.data.loader import Images

SIDE = 16
COMPONENTS = 64


class FeatureSpace:
    """Colour thumbnails of the training part, reduced to their principal components.

    An image is averaged down to 16x16 pixels, whatever its aspect, and brought to CIELAB (D65),
    where Euclidean distance is a perceptual colour difference (CIE76); at most 64 components are
    kept, neither scaled nor whitened. Distances thus compare layout and colour of a lesion and
    its surroundings, not fine structure.

    Memory is bounded by the thumbnails, 6 kB an image: full images are read one at a time.
    Nothing is read before features are asked for.

    Args:
        rows: of the dataset's table, the fold's training part; the components are fitted on these.
        images: by row.
    """

    def __init__(self, rows: NDArray[np.int64], images: Images) -> None:
        self._rows = np.unique(rows)
        self._images = images

    def real(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The features (n, F) of real images."""
        features: NDArray[np.float64] = self._features[np.searchsorted(self._rows, rows)]
        return features

    def blended(self, blends: Blends) -> NDArray[np.float64]:
        """The features (K, F) of blends: interpolated as SMOTE does, not those of the pixels."""
        share = blends.share[:, None]
        return (1 - share) * self.real(blends.first) + share * self.real(blends.second)

    @cached_property
    def _features(self) -> NDArray[np.float64]:
        thumbnails = np.empty((len(self._rows), SIDE * SIDE * 3), np.float64)
        for i, row in enumerate(self._rows):
            thumbnails[i] = lab_thumbnail(self._images[int(row)]).reshape(-1)
        # An exact solver, so that nothing is drawn at random.
        pca = PCA(min(COMPONENTS, *thumbnails.shape), svd_solver="covariance_eigh")
        return np.asarray(pca.fit_transform(thumbnails), np.float64)


def lab_thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shrink an image (H, W, 3), sRGB, to (16, 16, 3): L* of 0 to 100, a* and b* about 0."""
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    scaled = small.astype(np.float32) / 255
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)
