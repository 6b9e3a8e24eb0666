from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from skin.ensembling.oof import OutOfFold


def test_some_images(simulate: Callable[..., OutOfFold]):
    oof = simulate()
    some = oof.take(np.array([3, 1]))
    assert len(some) == 2
    assert some.image_ids.tolist() == ["I00003", "I00001"]
    assert some.targets.tolist() == oof.targets[[3, 1]].tolist()
    assert some.lesions.tolist() == ["L1", "L0"]
    assert some.parts.tolist() == oof.parts[[3, 1]].tolist()
    np.testing.assert_array_equal(some.log_probabilities, oof.log_probabilities[:, [3, 1]])
    assert some.metadata is None


def test_some_images_keep_their_metadata(simulate: Callable[..., OutOfFold]):
    oof = simulate()
    oof = replace(oof, metadata=np.arange(len(oof), dtype=np.float32)[:, None])
    assert (
        oof.take(oof.parts == 1).metadata[:, 0].tolist() == np.flatnonzero(oof.parts == 1).tolist()
    )


def test_some_runs(simulate: Callable[..., OutOfFold]):
    oof = simulate((3.0, 2.0, 1.0))
    some = oof.only([2, 0])
    assert some.names == ("run2", "run0")
    np.testing.assert_array_equal(some.log_probabilities, oof.log_probabilities[[2, 0]])
    assert len(some) == len(oof)
