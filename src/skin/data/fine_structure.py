"""The fine structure of photographs: hairs, dots and reflections, and how alike two are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from skin.data.parallel import available_cpus
from skin.data.thumbnails import SIDE

_BLUR = 2.0  # pixels of a thumbnail: coarser structure than this, the blob itself, is taken off
_SMALLEST = 1e-6  # of a norm, so that a blank image is not divided by nothing
_COARSE = 16  # frequencies each way, which hold 0.6 of the fine structure of dermoscopic images
_SLACK = 1e-3  # of the bound, for its rounding
_BATCH = 64  # images; they are blurred as channels, of which OpenCV takes 128
_PAIRS = 2048


class FineStructure:
    """Correlates pairs of thumbnails, most of which are nothing alike.

    A pair's correlation is the product of two unit vectors of 48 x 48 values. With the 16 x 16
    lowest frequencies of each kept in memory, 1 kB an image, and the length of what is left out,
    it is at most <a, b> + |a'| |b'| (Cauchy-Schwarz). Few pairs reach far enough by that to be
    looked at in full.

    Args:
        thumbnails: (N, 48, 48).
    """

    def __init__(self, thumbnails: NDArray[np.uint8]) -> None:
        self._thumbnails = thumbnails
        self._coarse = np.empty((len(thumbnails), _COARSE * _COARSE), np.float32)
        self._rest = np.empty(len(thumbnails), np.float32)
        with ThreadPoolExecutor(available_cpus()) as pool:
            list(pool.map(self._reduce, range(0, len(thumbnails), _BATCH)))

    def alike(
        self, pairs: NDArray[np.int64], least: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Those of the pairs (P, 2) of rows that correlate by at least `least`, and by how much."""
        kept, correlations = [pairs[:0]], [np.empty(0, np.float32)]
        for start in range(0, len(pairs), _PAIRS):
            some = pairs[start : start + _PAIRS]
            some = some[self._bound(some) >= least - _SLACK]
            correlation = self._correlate(some)
            is_alike = correlation >= least
            kept.append(some[is_alike])
            correlations.append(correlation[is_alike])
        return np.concatenate(kept), np.concatenate(correlations)

    def _bound(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        first, second = pairs.T
        known = np.einsum("ij,ij->i", self._coarse[first], self._coarse[second])
        bound: NDArray[np.float32] = known + self._rest[first] * self._rest[second]
        return bound

    def _correlate(self, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        rows, places = np.unique(pairs, return_inverse=True)
        details = _details(self._thumbnails[rows])
        first, second = places.reshape(-1, 2).T
        correlation: NDArray[np.float32] = np.einsum("ij,ij->i", details[first], details[second])
        return correlation

    def _reduce(self, start: int) -> None:
        """Take a batch of images to its low frequencies, all at once as one image's channels."""
        batch = slice(start, start + _BATCH)
        small = self._thumbnails[batch].transpose(1, 2, 0).astype(np.float32, order="C")
        fine = small - cv2.GaussianBlur(small, (0, 0), _BLUR).reshape(small.shape)
        fine -= fine.mean(axis=(0, 1))
        square = np.einsum("ijn,ijn->n", fine, fine)
        columns = np.tensordot(_BASIS, fine, 1)  # (frequency, x, image)
        coarse = np.matmul(_BASIS, columns)  # (frequency, frequency, image)
        norm = np.maximum(np.sqrt(square), _SMALLEST)
        coarse = coarse.reshape(_COARSE * _COARSE, -1) / norm
        self._coarse[batch] = coarse.T
        rest = square / norm**2 - np.einsum("in,in->n", coarse, coarse)
        self._rest[batch] = np.sqrt(np.maximum(rest, 0))


_BASIS = dct(np.eye(SIDE), axis=0, norm="ortho")[:_COARSE].astype(np.float32)


def _details(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The fine structure of each image, (N, 48 * 48), with zero mean and unit length."""
    result = np.empty((len(thumbnails), SIDE * SIDE), np.float32)
    for row, image in enumerate(thumbnails):
        small = image.astype(np.float32)
        fine = small - cv2.GaussianBlur(small, (0, 0), _BLUR)
        result[row] = (fine - fine.mean()).ravel()
    result /= np.maximum(np.linalg.norm(result, axis=1, keepdims=True), _SMALLEST)
    return result
