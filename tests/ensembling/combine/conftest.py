from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import log_softmax

from skin.ensembling.oof import OutOfFold
from skin.taxonomy import TASKS

BY_CLASSES = {len(task): task for task in TASKS.values()}


# Of the session, so that hypothesis may use them: they give nothing that a test could change.
@pytest.fixture(scope="session")
def make_oof() -> Callable[..., OutOfFold]:
    """Give out-of-fold predictions of probabilities (R, N, C) and targets (N,)."""

    def make(
        probabilities: object, targets: object, metadata: np.ndarray | None = None
    ) -> OutOfFold:
        p = np.asarray(probabilities, np.float64)
        runs, images, classes = p.shape
        names = np.array([f"I{i:05}" for i in range(images)])
        with np.errstate(divide="ignore"):
            logs = np.log(p)
        return OutOfFold(
            task=BY_CLASSES[classes],
            names=tuple(f"run{i}" for i in range(runs)),
            log_probabilities=logs,
            targets=np.asarray(targets, np.int64),
            lesions=names,
            parts=np.arange(images) % 5,
            image_ids=names,
            metadata=metadata,
        )

    return make


@pytest.fixture(scope="session")
def simulate(make_oof: Callable[..., OutOfFold]) -> Callable[..., OutOfFold]:
    """Give runs that see the same image through noise of different strength."""

    def make(
        seed: int, runs: int = 3, images: int = 200, classes: int = 3, *, metadata: bool = False
    ) -> OutOfFold:
        generator = np.random.default_rng(seed)
        targets = generator.permutation(np.arange(images) % (classes + 1) % classes)
        image = 2 * np.eye(classes)[targets] + generator.normal(0, 1, (images, classes))
        noise = generator.normal(0, 1, (runs, images, classes))
        logits = image + noise * np.linspace(0.5, 2, runs)[:, None, None]
        known = generator.random((images, 4)).astype(np.float32) if metadata else None
        return make_oof(np.exp(log_softmax(logits, axis=2)), targets, known)

    return make
