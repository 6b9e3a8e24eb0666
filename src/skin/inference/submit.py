"""From predictions to a challenge's submission, missing images included."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skin.errors import SkinError
from skin.inference.predict import Predictions
from skin.inference.submission import has_official_list, official_images, write_submission
from skin.taxonomy import Challenge

_SPLIT = "test"


def submit(
    path: Path, predictions: Predictions, challenge: Challenge, *, official_list: bool | None
) -> list[str]:
    """Write a submission; give the ids of the rows that were added for missing images.

    An image of the official list that was not predicted gets the mean of all rows, which is the
    best guess of the class shares there. Some copies of the test set lack such an image.

    Args:
        path: the CSV.
        predictions: what the models said.
        challenge: the format.
        official_list: whether to add the missing images of the challenge's test set; none adds
            them if most of the test set was predicted.

    Raises:
        SkinError: the challenge is of other classes, or has no known list of images.
    """
    if challenge.task is None or len(challenge.columns) != predictions.probabilities.shape[1]:
        raise SkinError(
            f"the models do not predict the columns of {challenge.name} "
            f"({', '.join(challenge.columns)})"
        )
    wanted = _wanted(predictions, challenge, official_list)
    predicted = set(predictions.image_ids)
    missing = [image_id for image_id in wanted if image_id not in predicted]
    mean = predictions.probabilities.mean(axis=0)
    values = np.vstack([predictions.probabilities, np.tile(mean, (len(missing), 1))])
    # Rounding in the last bits may carry a sum of shares over 1.
    write_submission(path, [*predictions.image_ids, *missing], values.clip(0, 1), challenge)
    return missing


def _wanted(
    predictions: Predictions, challenge: Challenge, official_list: bool | None
) -> tuple[str, ...]:
    if official_list is False or (
        official_list is None and not has_official_list(challenge, _SPLIT)
    ):
        return ()
    images = official_images(challenge, _SPLIT)
    present = len(set(images) & set(predictions.image_ids))
    return images if official_list or present > len(images) / 2 else ()
