"""Predicting any number of images into shards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import islice
from math import ceil

import numpy as np

from skin.errors import SkinError
from skin.inference.predict import BATCH, Predictor, RunPredictions
from skin.inference.shards import Shard, Shards


def predict_files(
    predictor: Predictor,
    shards: Shards,
    *,
    skip_bad: bool = False,
    on_batch: Callable[[int], None] | None = None,
) -> None:
    """Predict the images of the shards that are missing; memory does not grow with their number.

    Args:
        predictor: the loaded models.
        shards: where to; they know the images.
        skip_bad: leave files out that are no whole image, instead of raising.
        on_batch: told how many files were done.

    Raises:
        SkinError: a file is no whole image, none is left, or a model gives NaN. The shards that
            were finished stay, unless none holds an image.
    """
    if not skip_bad:
        _refuse(list(shards.bad()))
    missing = shards.missing
    spans = [shards.span(number) for number in missing]
    with closing(predictor.batches(shards.inputs, shards.metadata, spans=spans)) as batches:
        for number, span in zip(missing, spans, strict=True):
            parts = []
            for batch in islice(batches, ceil(len(span) / BATCH)):
                if not skip_bad:
                    _refuse([str(error) for error in batch.bad])
                parts.append(batch)
                if on_batch:
                    on_batch(len(batch.rows) + len(batch.bad))
            shards.write(number, _shard_of(parts))
    if not any(len(shard.rows) for shard in shards.finished()):
        shards.discard()
        raise SkinError("no file is a whole image, so there is nothing to predict")


def _refuse(bad: Sequence[str]) -> None:
    if bad:
        raise SkinError(f"{bad[0]}; --skip-bad leaves out what is no whole image")


def _shard_of(parts: Sequence[RunPredictions]) -> Shard:
    outliers = [part.outlier for part in parts if part.outlier is not None]
    return Shard(
        np.concatenate([np.array(part.rows, np.int64) for part in parts]),
        np.concatenate([part.log_probabilities for part in parts], axis=1),
        np.concatenate([part.mutual_information for part in parts]),
        tuple(str(error) for part in parts for error in part.bad),
        np.concatenate(outliers) if outliers else None,
    )
