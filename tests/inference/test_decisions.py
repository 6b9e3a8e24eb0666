from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.data.encode import METADATA_SIZE
from skin.ensembling.combine import Logistic, Mean
from skin.ensembling.decide import Weights
from skin.ensembling.pipeline import Pipeline
from skin.ensembling.uncertainty import ConformalSets, Referral
from skin.inference.cases import write_cases
from skin.inference.decisions import Decided, Decisions, without_rule
from skin.inference.inputs import InputImage, InputImages
from skin.inference.shards import Shard, Shards
from skin.inference.submit import submit
from skin.taxonomy import get_challenge, get_task

TASK = get_task("malignant")
# Of five images, (R, N, C): the second run knows nothing.
RUNS = np.array(
    [
        [[0.9, 0.1], [0.7, 0.3], [0.5, 0.5], [0.2, 0.8], [0.6, 0.4]],
        [[0.5, 0.5]] * 5,
    ]
)
MakeShards = Callable[..., Shards]


@pytest.fixture
def shards(make_shards: MakeShards) -> Shards:
    """Both runs' predictions of I0 to I4, in shards of two images."""
    return make_shards(RUNS)


def pipeline(**parts: object) -> Pipeline:
    return Pipeline.plain(2).model_copy(update=parts)


def whole(decisions: Decisions, name: str) -> NDArray[np.float64]:
    return np.concatenate([getattr(each, name) for each in decisions])


def test_every_image_is_decided_in_order(shards: Shards):
    decisions = Decisions(shards, TASK, pipeline())
    blocks = list(decisions)
    assert [each.image_ids for each in blocks] == [["I0", "I1"], ["I2", "I3"], ["I4"]]
    mean = RUNS.mean(axis=0)
    np.testing.assert_allclose(whole(decisions, "probabilities"), mean)
    np.testing.assert_allclose(whole(decisions, "scores"), mean)
    np.testing.assert_allclose(whole(decisions, "entropy"), -(mean * np.log(mean)).sum(axis=1))
    assert (blocks[0].sets, blocks[0].refer) == (None, None)


def test_disagreement_stays_with_its_image(make_shards: MakeShards):
    """It is the models' on the image itself, whatever the pipeline makes of their runs."""
    shards = make_shards(RUNS, bad=[1], disagreement=np.array([0.4, 0.3, 0.2, 0.1, 0.0]))
    decisions = Decisions(shards, TASK, pipeline(), np.array([0, -1, -1, 0, 0]))
    assert whole(decisions, "mutual_information").tolist() == [0.4, 0.2, 0.1, 0.0]


def test_scores_carry_the_rule_unless_it_is_left_out(shards: Shards):
    ruled = pipeline(rule=Weights(weights=(1.0, 2.0)))
    decisions = Decisions(shards, TASK, ruled)
    assert whole(decisions, "scores").argmax(axis=1).tolist() == [0, 1, 1, 1, 1]
    np.testing.assert_allclose(whole(decisions, "probabilities"), RUNS.mean(axis=0))
    plain = Decisions(shards, TASK, without_rule(ruled))
    np.testing.assert_allclose(whole(plain, "scores"), RUNS.mean(axis=0))


def test_sets_and_referrals(shards: Shards):
    parts = pipeline(
        conformal=ConformalSets(coverage=0.9, thresholds=(0.4, 0.6)),
        referral=Referral(share=0.2, threshold=0.42),
    )
    decisions = Decisions(shards, TASK, parts)
    # The mean's first column is 0.7, 0.6, 0.5, 0.35, 0.55.
    assert whole(decisions, "sets").tolist() == [
        [True, False],
        [True, True],
        [False, True],
        [False, True],
        [False, True],
    ]
    assert whole(decisions, "refer").tolist() == [False, False, True, False, True]


def test_without_the_rule_nothing_is_referred_and_the_sets_stay(shards: Shards):
    """The threshold was fitted on how unsure the rule's decisions are."""
    conformal = ConformalSets(coverage=0.9, thresholds=(0.4, 0.6))
    referral = Referral(share=0.2, threshold=0.42)
    ruled = pipeline(rule=Weights(weights=(1.0, 2.0)), conformal=conformal, referral=referral)
    plain = without_rule(ruled)
    assert (plain.referral, plain.conformal) == (None, conformal)
    decisions = Decisions(shards, TASK, plain)
    assert [each.refer for each in decisions] == [None] * 3
    np.testing.assert_array_equal(
        whole(decisions, "sets"), whole(Decisions(shards, TASK, ruled), "sets")
    )


def test_the_images_of_a_lesion_get_their_mean(shards: Shards):
    """I0, I3 and I4 show one lesion over three shards, I1 another alone."""
    lesions = np.array([0, -1, -1, 0, 0])
    parts = pipeline(combiner=Mean(weights=(1.0, 0.0)), rule=Weights(weights=(1.0, 2.0)))
    decisions = Decisions(shards, TASK, parts, lesions)
    mean = np.mean([0.9, 0.2, 0.6])
    np.testing.assert_allclose(
        whole(decisions, "probabilities")[:, 0], [mean, 0.7, 0.5, mean, mean]
    )
    # The rule is applied to the mean: 0.567 against 2 * 0.433.
    assert whole(decisions, "scores").argmax(axis=1).tolist() == [1, 0, 1, 1, 1]


def test_bad_files_do_not_count_in_a_lesions_mean(make_shards: MakeShards):
    shards = make_shards(RUNS[:1], bad=[2, 3])
    decisions = Decisions(shards, TASK, Pipeline.plain(), np.array([0, 1, 1, 0, 0]))
    assert [each.image_ids for each in decisions] == [["I0", "I1"], ["I4"]]
    np.testing.assert_allclose(whole(decisions, "probabilities")[:, 0], [0.75, 0.7, 0.75])


def test_no_lesion_of_several_images_changes_nothing(shards: Shards):
    decisions = Decisions(shards, TASK, pipeline(), np.full(5, -1))
    expected = Decisions(shards, TASK, pipeline())
    np.testing.assert_array_equal(
        whole(decisions, "probabilities"), whole(expected, "probabilities")
    )


def test_metadata_reach_the_combiner_with_their_image(make_shards: MakeShards):
    """The logit of the second class is the first column of the metadata."""
    known = np.zeros((5, METADATA_SIZE), np.float32)
    known[:, 0] = [0, 1, 2, 3, 4]
    features = 2 + METADATA_SIZE
    stacker = Logistic(
        runs=1,
        classes=2,
        fitted=(0, 1),
        metadata_columns=METADATA_SIZE,
        mean=(0.0,) * features,
        scale=(1.0,) * features,
        coefficients=((0.0,) * features, (0.0, 0.0, 1.0, *[0.0] * (features - 3))),
        intercepts=(0.0, 0.0),
    )
    shards = make_shards(RUNS[:1], bad=[2], metadata=known)
    parts = Pipeline.plain().model_copy(update={"combiner": stacker})
    values = whole(Decisions(shards, TASK, parts), "probabilities")
    np.testing.assert_allclose(np.log(values[:, 1] / values[:, 0]), [0, 1, 3, 4])


def test_each_pass_gives_the_same(shards: Shards):
    decisions = Decisions(shards, TASK, pipeline(), np.array([0, -1, -1, 0, 0]))

    def bits(blocks: list[Decided]) -> list[bytes]:
        return [each.scores.tobytes() for each in blocks]

    assert bits(list(decisions)) == bits(list(decisions))


def many(folder: Path, count: int) -> Decisions:
    """Decisions on that many images, by two runs, over shards of 200 images."""
    folder.mkdir()
    images = [InputImage(f"ISIC_{i:07d}", f"ISIC_{i:07d}.jpg") for i in range(count)]
    shards = Shards(folder, "models", InputImages(images), size=200)
    values = np.random.default_rng(0).dirichlet(np.ones(7), (2, 200))
    for number in shards.missing:
        rows = np.array(shards.span(number))
        shards.write(number, Shard(rows, np.log(values), np.zeros(len(rows)), ()))
    return Decisions(shards, get_task("isic2018"), Pipeline.plain(2))


def peak(work: Callable[[], object]) -> int:
    """The most bytes that the work holds at once, NumPy's arrays included."""
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bytes_of_ids(count: int) -> int:
    """What the ids alone take, that a submission must hold to find one that comes twice."""
    ids = {f"ISIC_{i:07d}" for i in range(count)}
    return sys.getsizeof(ids) + sum(map(sys.getsizeof, ids))


@pytest.mark.parametrize("kept", ["nothing", "ids"])
def test_memory_does_not_grow_with_the_images(tmp_path: Path, kept: str):
    """An image's scores, kept, would be 56 bytes more, and its probabilities as many."""

    def work(decisions: Decisions) -> None:
        if kept == "nothing":
            write_cases(tmp_path / "cases.csv", decisions)
        else:
            submit(tmp_path / "x.csv", decisions, get_challenge("isic2018"), official_list=False)

    few, more = 600, 4200
    small, large = many(tmp_path / "few", few), many(tmp_path / "more", more)
    work(small)  # what is loaded once does not count
    growth = peak(lambda: work(large)) - peak(lambda: work(small))
    if kept == "ids":
        growth -= bytes_of_ids(more) - bytes_of_ids(few)
    assert growth < 40 * (more - few)
