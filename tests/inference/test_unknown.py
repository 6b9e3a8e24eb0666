"""Outlier scores of new images: in the same pass, kept in shards, made odds of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from skin.ensembling.ensemble import Ensemble, from_run
from skin.ensembling.pipeline import Pipeline
from skin.ensembling.unknown import Unknown
from skin.ensembling.unknown.rule import Standard
from skin.inference.cases import cases_of
from skin.inference.decisions import Decisions
from skin.inference.inputs import InputImage, InputImages, find_images
from skin.inference.predict import Predictor
from skin.inference.shards import Shard, Shards
from skin.inference.stream import predict_files
from skin.models.build import LesionClassifier
from skin.runs import Run
from skin.taxonomy import get_task

STANDARD = Standard(mean=0.5, scale=2.0)
RULE = Unknown(score="entropy", kept=0.95, threshold=0.25, standards=((STANDARD,) * 2,))


def telling(run: Run, rule: Unknown = RULE) -> Ensemble:
    """The run's folds, with a rule for unknown images."""
    return from_run(run).model_copy(update={"unknown": rule})


@pytest.fixture
def predictor(make_run: Callable[..., Run]) -> Predictor:
    run = make_run("a")
    return Predictor(telling(run), run.folder, device="cpu")


def outliers(predictor: Predictor, inputs: Sequence[InputImage]) -> np.ndarray:
    return np.concatenate([each.outlier for each in predictor.batches(inputs)])


def test_the_score_is_the_mean_of_the_models_standardised_ones(
    make_run: Callable[..., Run], photos: Path
):
    run, inputs = make_run("a"), find_images([photos])
    expected = []
    for fold in run.folds():
        alone = Run(run.folder.parent / f"only{fold.fold}")
        alone.folder.mkdir()
        (alone.folder / fold.folder.name).symlink_to(fold.folder)
        (batch,) = Predictor(from_run(alone), alone.folder, device="cpu").batches(inputs)
        logs = batch.log_probabilities[0]
        expected.append((-(np.exp(logs) * logs).sum(axis=1) - 0.5) / 2)
    predictor = Predictor(telling(run), run.folder, device="cpu")
    np.testing.assert_allclose(outliers(predictor, inputs), np.mean(expected, axis=0), atol=1e-6)


@pytest.mark.parametrize("tta", ["dihedral", "crops", "scales"])
def test_the_score_is_of_the_image_as_it_is(
    make_run: Callable[..., Run], photos: Path, predictor: Predictor, tta: str
):
    run, inputs = make_run("b"), find_images([photos])
    viewed = Predictor(telling(run), run.folder, device="cpu", tta=tta)
    np.testing.assert_allclose(outliers(viewed, inputs), outliers(predictor, inputs), atol=1e-5)
    plain = Predictor(from_run(run), run.folder, device="cpu", tta=tta)
    (with_score,), (without,) = viewed.batches(inputs), plain.batches(inputs)
    assert with_score.log_probabilities.tobytes() == without.log_probabilities.tobytes()


def test_nobody_pays_for_scores_that_are_not_wanted(
    make_run: Callable[..., Run], photos: Path, monkeypatch: pytest.MonkeyPatch
):
    def seen(*_: object, **__: object) -> None:
        raise AssertionError("the features were looked at")

    monkeypatch.setattr(LesionClassifier, "see", seen)
    run = make_run("a")
    (batch,) = Predictor(from_run(run), run.folder, device="cpu").batches(find_images([photos]))
    assert batch.outlier is None


def test_another_score_or_standard_is_another_prediction(make_run: Callable[..., Run]):
    run = make_run("a")

    def key(**changes: object) -> str:
        rule = RULE.model_copy(update=changes)
        return Predictor(telling(run, rule), run.folder, device="cpu").key()

    other = ((STANDARD, Standard(mean=0.0, scale=2.0)),)
    assert len({key(), key(score="energy"), key(standards=other)}) == 3
    assert key(threshold=9.0) == key(), "the threshold comes after the shards"
    assert key() != Predictor(from_run(run), run.folder, device="cpu").key()


def test_a_stopped_prediction_keeps_its_scores(
    tmp_path: Path, predictor: Predictor, encode: Callable[..., bytes]
):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(7):
        (folder / f"M{number}.png").write_bytes(encode(number))
    (folder / "M1.png").write_bytes(b"no image")
    inputs = find_images([folder])

    def shards(name: str) -> Shards:
        (tmp_path / name).mkdir(exist_ok=True)
        return Shards(tmp_path / name, predictor.key(), inputs, size=3)

    def stop(_: int) -> None:
        if shards("stopped").images_done >= 3:
            raise KeyboardInterrupt

    predict_files(predictor, whole := shards("whole"), skip_bad=True)
    with pytest.raises(KeyboardInterrupt):
        predict_files(predictor, shards("stopped"), skip_bad=True, on_batch=stop)
    predict_files(predictor, again := shards("stopped"), skip_bad=True)
    pairs = list(zip(whole.finished(), again.finished(), strict=True))
    assert [len(one.outlier) for one, _ in pairs] == [2, 3, 1]
    assert all(one.outlier.tobytes() == two.outlier.tobytes() for one, two in pairs)


def decisions(
    folder: Path, scores: Sequence[float], lesions: np.ndarray | None = None
) -> Decisions:
    """Decisions on images with those outlier scores, two a shard, for a threshold of 0.25."""
    inputs = InputImages([InputImage(f"I{i}", f"I{i}.png") for i in range(len(scores))])
    folder.mkdir()
    shards = Shards(folder, "models", inputs, size=2)
    for number in shards.missing:
        rows = np.array(shards.span(number))
        logs = np.log(np.full((1, len(rows), 2), 0.5))
        shards.write(number, Shard(rows, logs, np.zeros(len(rows)), (), np.array(scores)[rows]))
    return Decisions(shards, get_task("malignant"), Pipeline.plain(), lesions, RULE)


def odds_of(decided: Decisions) -> list[float]:
    return np.concatenate([each.unknown_odds for each in decided]).tolist()


def test_odds_are_above_1_above_the_threshold(tmp_path: Path):
    decided = decisions(tmp_path / "s", [0.0, 0.25, 1.25])
    assert odds_of(decided) == pytest.approx([math.exp(-0.25), 1, math.e])
    assert [case.unknown for case in cases_of(decided)] == [False, False, True]


def test_the_images_of_a_lesion_share_their_mean_score(tmp_path: Path):
    """I0 and I2 show one lesion over two shards; their probabilities share theirs, too."""
    decided = decisions(tmp_path / "s", [0.0, 0.0, 3.25], np.array([0, -1, 0]))
    assert odds_of(decided) == pytest.approx([math.exp(1.375), math.exp(-0.25), math.exp(1.375)])
    assert all(each.probabilities.shape[1] == 2 for each in decided)


def test_shards_without_scores_tell_nothing(make_shards: Callable[..., Shards]):
    shards = make_shards(np.full((1, 2, 2), 0.5))
    (decided,) = Decisions(shards, get_task("malignant"), Pipeline.plain())
    assert decided.unknown_odds is None
    with pytest.raises(ValueError, match="hold no outlier score"):
        list(Decisions(shards, get_task("malignant"), Pipeline.plain(), unknown=RULE))


def test_the_energy_is_of_the_models_logits(make_run: Callable[..., Run], photos: Path):
    run, inputs = make_run("a", folds=1), find_images([photos])
    rule = Unknown(
        score="energy", kept=0.95, threshold=0.0, standards=((Standard(mean=0.0, scale=1.0),),)
    )
    predictor = Predictor(telling(run, rule), run.folder, device="cpu")
    ((member,),) = predictor._runs  # noqa: SLF001 - the loaded network itself
    ((_, _, images, _),) = predictor_files(predictor, inputs)
    with torch.inference_mode():
        logits = member.network.see(next(iter(images.values()))).logits
    np.testing.assert_allclose(
        outliers(predictor, inputs), -torch.logsumexp(logits.double(), 1).numpy(), rtol=1e-6
    )


def predictor_files(predictor: Predictor, inputs: Sequence[InputImage]) -> list[object]:
    from skin.inference.predict import FileImages  # noqa: PLC0415 - of this test alone

    return [FileImages(inputs, predictor.preparations).__getitems__(range(len(inputs)))]
