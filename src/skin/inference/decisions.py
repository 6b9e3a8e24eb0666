"""From the runs' log-probabilities in shards to decided cases, a shard at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from skin.analysis.metrics import FloatArray, IntArray
from skin.ensembling.decide import Argmax
from skin.ensembling.pipeline import Pipeline
from skin.ensembling.uncertainty import entropy
from skin.ensembling.unknown import Unknown
from skin.inference.shards import Shard, Shards
from skin.taxonomy import Task


class Decided(NamedTuple):
    """What is said of some images, rows in their order.

    Attributes:
        image_ids: n.
        probabilities: (n, C), calibrated, in the task's order; the mean over a lesion's images
            where these are known.
        scores: (n, C) in [0, 1] with the decision rule, so that their argmax is the decision.
        entropy: (n,) of `probabilities`, in nats.
        mutual_information: (n,) between the class and the model that is asked, in nats: how far the
            models disagree on the image itself; see `RunPredictions`.
        sets: (n, C) the conformal sets; none if the pipeline has none.
        refer: (n,) whether the case is too unsure to be decided; none likewise.
        unknown_odds: (n,) from 0 up, above 1 where the image is taken for none of the classes; of
            the mean outlier score of a lesion's images where these are known. None if the models
            do not tell; see `skin.ensembling.unknown`.
    """

    image_ids: list[str]
    probabilities: FloatArray
    scores: FloatArray
    entropy: FloatArray
    mutual_information: FloatArray
    sets: NDArray[np.bool_] | None
    refer: NDArray[np.bool_] | None
    unknown_odds: FloatArray | None = None


def without_rule(pipeline: Pipeline) -> Pipeline:
    """The same, with the likeliest class as the decision, and without referral.

    The threshold of the referral was fitted on how unsure the rule's decisions are, and another
    share of the likeliest classes would lie above it. Conformal sets are of the probabilities
    alone, and stay.
    """
    return pipeline.model_copy(update={"rule": Argmax(), "referral": None})


@dataclass(frozen=True, eq=False)
class Decisions:
    """The decisions on all images of finished shards; each pass reads the shards anew.

    Memory does not grow with the number of images, but for a number an image and the sums of the
    lesions that several images show.

    Attributes:
        shards: all finished.
        task: the classes.
        pipeline: what makes decisions of log-probabilities.
        lesions: (N,) numbers as `lesions_of` gives them; none leaves every image alone. The mean is
            over the whole images among a lesion's. Conformal coverage and the share of referrals
            were fitted on single images, and hold for means only as far as these are like them.
        unknown: tells the images that are none of the classes; none tells none.
    """

    shards: Shards
    task: Task
    pipeline: Pipeline
    lesions: IntArray | None = None
    unknown: Unknown | None = None

    def __iter__(self) -> Iterator[Decided]:
        """Decide, a shard at a time."""
        for shard in self._shards():
            values = self._with_lesions(shard.rows, self._values(shard))
            probabilities, outlier = np.split(values, [len(self.task)], axis=1)
            yield Decided(
                [self.shards.inputs[row].image_id for row in shard.rows],
                probabilities,
                self.pipeline.scores(probabilities),
                entropy(probabilities),
                shard.mutual_information,
                self.pipeline.sets(probabilities),
                self.pipeline.refers(probabilities),
                None if self.unknown is None else self.unknown.odds(outlier[:, 0]),
            )

    def _shards(self) -> Iterator[Shard]:
        """The shards that hold an image; of another one, all files are bad."""
        return (shard for shard in self.shards.finished() if len(shard.rows))

    def _values(self, shard: Shard) -> FloatArray:
        """Calibrated probabilities (n, C) and, where the unknown are told, the outlier score."""
        known = self.shards.metadata
        probabilities = self.pipeline.probabilities(
            shard.log_probabilities, None if known is None else known[shard.rows]
        )
        if self.unknown is None:
            return probabilities
        if shard.outlier is None:
            raise ValueError("the shards hold no outlier score, which the unknown are told by")
        return np.column_stack([probabilities, shard.outlier])

    def _with_lesions(self, rows: IntArray, values: FloatArray) -> FloatArray:
        """Put the lesion's mean in place of each image that is not alone."""
        if self.lesions is None:
            return values
        numbers = self.lesions[rows]
        return np.where(numbers[:, None] < 0, values, self._lesion_means[numbers])

    @cached_property
    def _lesion_means(self) -> FloatArray:
        """The mean values (L + 1, columns) of each lesion; the last row means nothing."""
        lesions = np.empty(0, np.int64) if self.lesions is None else self.lesions
        count = int(lesions.max(initial=-1)) + 1
        columns = len(self.task) + (self.unknown is not None)
        sums = np.zeros((count + 1, columns))
        images = np.zeros((count + 1, 1))
        for shard in self._shards():
            numbers = lesions[shard.rows]  # -1, what is alone, goes to the last row
            np.add.at(sums, numbers, self._values(shard))
            np.add.at(images, numbers, 1)
        return sums / np.maximum(images, 1)
