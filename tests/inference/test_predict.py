from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from skin.data.encode import METADATA_SIZE, encode_metadata
from skin.data.images import BadImageError, decode
from skin.ensembling.combine import Logistic
from skin.ensembling.ensemble import PLAIN, describe, from_run
from skin.ensembling.load import load_member
from skin.ensembling.pipeline import Pipeline
from skin.ensembling.uncertainty import mutual_information
from skin.errors import SkinError
from skin.inference.inputs import InputImage, find_images
from skin.inference.predict import Batches, Predictor
from skin.models.forward import predict_batch
from skin.runs import Run

MakeRun = Callable[..., Run]
CPU = torch.device("cpu")


def predicted(
    predictor: Predictor,
    inputs: list[InputImage],
    metadata: NDArray[np.float32] | None = None,
    **options: object,
) -> NDArray[np.float64]:
    """The runs' probabilities (R, N, C)."""
    parts = [each.log_probabilities for each in predictor.batches(inputs, metadata, **options)]
    return np.exp(np.concatenate(parts, axis=1))


def predict(run: Run, inputs: list[InputImage]) -> NDArray[np.float64]:
    """One run's probabilities (N, C)."""
    return predicted(Predictor(from_run(run), run.folder, device="cpu"), inputs)[0]


def together(runs: list[Run], folder: Path) -> Predictor:
    ensemble = describe(runs, folder, pipeline=Pipeline.plain(len(runs)), made=PLAIN, tta="none")
    return Predictor(ensemble, folder, device="cpu")


def models_of(run: Run) -> list[torch.nn.Module]:
    ensemble = from_run(run)
    return [
        load_member(member, run.folder, CPU, classes=ensemble.classes).network
        for member in ensemble.runs[0].folds
    ]


def pixels_of(predictor: Predictor, inputs: list[InputImage]) -> torch.Tensor:
    """Images of 40x40 pixels (B, 3, S, S) as the predictor's only kind of model wants them."""
    (preparation,) = predictor.preparations.values()
    pixels = [preparation.pipeline(image=decode(each.read(), ""))["image"] for each in inputs]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)


def mean_of(models: list[torch.nn.Module], images: torch.Tensor, tta: str) -> NDArray[np.float64]:
    return (
        torch.stack([predict_batch(model, images, tta).exp() for model in models]).mean(0).numpy()
    )


@pytest.fixture
def square(tmp_path: Path, encode: Callable[..., bytes]) -> list[InputImage]:
    """Three images of 40x40 pixels, which `make_run`'s models take as the cache holds them."""
    folder = tmp_path / "square"
    folder.mkdir()
    for number in range(3):
        (folder / f"S{number}.png").write_bytes(encode(number, (40, 40)))
    return find_images([folder])


@pytest.mark.parametrize("tta", ["none", "dihedral"])
def test_a_prediction_is_the_mean_of_the_folds_models(
    make_run: MakeRun, square: list[InputImage], tta: str
):
    run = make_run("a", tta=tta)
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    expected = mean_of(models_of(run), pixels_of(predictor, square), tta)
    (batch,) = predictor.batches(square)
    result = np.exp(batch.log_probabilities)
    assert (predictor.models, predictor.tta) == (2, tta)
    assert (batch.rows, batch.image_ids, batch.bad) == ([0, 1, 2], ["S0", "S1", "S2"], [])
    assert result.shape == (1, 3, 7)
    np.testing.assert_allclose(result[0], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.sum(axis=2), 1)
    assert result.std(axis=1).max() > 0.003, "the images must differ to show anything"


def test_each_run_is_given_apart(make_run: MakeRun, square: list[InputImage], tmp_path: Path):
    """A run of three folds is one run, not three."""
    runs = [make_run("a", folds=3), make_run("b", folds=1, seed=1)]
    predictor = together(runs, tmp_path / "main")
    assert predictor.models == 4
    result = predicted(predictor, square)
    expected = np.stack([predict(run, square) for run in runs])
    np.testing.assert_array_equal(result, expected)


def test_disagreement_is_between_all_models_alike(
    make_run: MakeRun, square: list[InputImage], tmp_path: Path
):
    """A run of three folds counts three times."""
    runs = [make_run("a", folds=3), make_run("b", folds=1, seed=1)]
    predictor = together(runs, tmp_path / "main")
    images = pixels_of(predictor, square)
    models = [model for run in runs for model in models_of(run)]
    each = torch.stack([predict_batch(model, images) for model in models]).numpy()
    expected = mutual_information(each)
    (batch,) = predictor.batches(square)
    np.testing.assert_allclose(batch.mutual_information, expected, rtol=1e-3)
    assert not np.allclose(mutual_information(batch.log_probabilities), expected, rtol=0.1)


def test_the_models_of_one_run_disagree_unless_they_are_equal(
    make_run: MakeRun, square: list[InputImage]
):
    run = make_run("a")
    (batch,) = Predictor(from_run(run), run.folder, device="cpu").batches(square)
    assert batch.mutual_information.min() > 0.001
    shutil.copy(run.fold(0).weights, run.fold(1).weights)
    (batch,) = Predictor(from_run(run), run.folder, device="cpu").batches(square)
    np.testing.assert_allclose(batch.mutual_information, 0, atol=1e-12)


def test_each_model_gets_images_of_its_own_size(
    make_run: MakeRun, square: list[InputImage], tmp_path: Path
):
    runs = [make_run("a", folds=2), make_run("b", folds=1, image_size=48)]
    predictor = together(runs, tmp_path)
    assert [(p.short_side, p.image_size) for p in predictor.preparations.values()] == [
        (40, 32),
        (56, 48),
    ]
    expected = np.stack([predict(run, square) for run in runs])
    np.testing.assert_array_equal(predicted(predictor, square), expected)


def test_other_views_can_be_asked_for(make_run: MakeRun):
    run = make_run("a", folds=1)
    assert Predictor(from_run(run), run.folder, device="cpu", tta="dihedral").tta == "dihedral"


def test_batches_and_workers_change_nothing(make_run: MakeRun, square: list[InputImage]):
    run = make_run("a", folds=1)
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    results = []
    for size, workers in ((64, 0), (1, 0), (2, 2)):
        parts = list(predictor.batches(square, batch_size=size, workers=workers))
        assert [image_id for part in parts for image_id in part.image_ids] == ["S0", "S1", "S2"]
        results.append(np.concatenate([part.log_probabilities for part in parts], axis=1))
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-5, atol=1e-6)


def test_no_batch_reaches_from_one_span_into_the_next():
    batches = Batches([range(5), range(5, 6), range(9, 9), range(10, 14)], 2)
    assert list(batches) == [[0, 1], [2, 3], [4], [5], [10, 11], [12, 13]]


def test_some_of_the_inputs_can_be_predicted(make_run: MakeRun, square: list[InputImage]):
    run = make_run("a", folds=1)
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    first, last = predictor.batches(square, spans=[range(1), range(2, 3)])
    assert (first.rows, last.rows) == ([0], [2])
    alone = predicted(predictor, square, spans=[range(2, 3)])
    np.testing.assert_array_equal(np.exp(last.log_probabilities), alone)


def test_images_of_every_shape_fit(make_run: MakeRun, tmp_path: Path, encode: Callable[..., bytes]):
    for number, size in enumerate([(20, 90), (90, 20), (33, 33), (8, 9)]):
        (tmp_path / f"P{number}.png").write_bytes(encode(number, size))
    inputs = find_images(sorted(tmp_path.glob("P*.png")))
    assert predict(make_run("a", folds=1), inputs).shape == (4, 7)


def test_bad_files_are_named_and_left_out(make_run: MakeRun, photos: Path):
    run = make_run("a", folds=1)
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    expected = predicted(predictor, find_images([photos]))
    (photos / "I1.png").write_bytes((photos / "I1.png").read_bytes()[:100])
    (batch,) = predictor.batches(find_images([photos]))
    assert (batch.rows, batch.image_ids) == ([0, 2], ["I0", "I2"])
    (error,) = batch.bad
    assert isinstance(error, BadImageError)
    assert error.name == "I1.png"
    result = np.exp(batch.log_probabilities)
    np.testing.assert_allclose(result, expected[:, [0, 2]], rtol=1e-5, atol=1e-6)


def test_a_batch_of_bad_files_alone_is_empty(make_run: MakeRun, photos: Path):
    for path in photos.iterdir():
        path.write_bytes(b"")
    run = make_run("a", folds=1)
    (batch,) = Predictor(from_run(run), run.folder, device="cpu").batches(find_images([photos]))
    assert (batch.rows, len(batch.bad)) == ([], 3)
    assert batch.log_probabilities.shape == (1, 0, 7)
    assert batch.mutual_information.shape == (0,)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_cannot_be_read_is_one_plain_message(
    make_run: MakeRun, photos: Path, workers: int
):
    """Loader processes pass errors on with their traceback; users are not to see it."""
    inputs = find_images([photos / "I0.png"])
    (photos / "I0.png").unlink()
    run = make_run("a", folds=1)
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    (batch,) = predictor.batches(inputs, workers=workers)
    assert re.fullmatch(r"cannot read .*I0\.png: No such file or directory", str(batch.bad[0]))


def test_a_damaged_zip_entry_is_one_plain_message(make_run: MakeRun, photos: Path, tmp_path: Path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.write(photos / "I0.png", "I0.png")
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(bytes(data))
    run = make_run("a", folds=1)
    (batch,) = Predictor(from_run(run), run.folder, device="cpu").batches(find_images([path]))
    assert "I0.png" in str(batch.bad[0])
    assert "Traceback" not in str(batch.bad[0])


def test_a_model_that_gives_nan_is_named_with_the_image(
    make_run: MakeRun, square: list[InputImage], tmp_path: Path
):
    runs = [make_run("a", folds=1), make_run("b", folds=2, seed=1)]
    weights = runs[1].fold(1).weights
    tensors = load_file(weights)
    tensors["head.classifier.bias"][3] = torch.nan
    save_file(tensors, weights)
    with pytest.raises(SkinError, match=r"^run 'b', fold 1: the model gives NaN for image S0;"):
        predicted(together(runs, tmp_path), square)


def test_the_key_is_of_all_that_a_prediction_depends_on(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a", folds=1), make_run("b", folds=1, seed=1)]
    a, b = (Predictor(from_run(run), run.folder, device="cpu") for run in runs)
    turned = Predictor(from_run(runs[0]), runs[0].folder, device="cpu", tta="dihedral")
    both = together(runs, tmp_path)
    assert len({a.key(), b.key(), turned.key(), both.key()}) == 4
    assert a.key() == Predictor(from_run(runs[0]), runs[0].folder, device="cpu").key()
    config = yaml.safe_load((runs[0].fold(0).folder / "config.yaml").read_text())
    config["data"]["short_side"] = 50
    (runs[0].fold(0).folder / "config.yaml").write_text(yaml.safe_dump(config))
    assert a.key() != Predictor(from_run(runs[0]), runs[0].folder, device="cpu").key()


def test_a_device_that_is_not_there(make_run: MakeRun):
    run = make_run("a", folds=1)
    with pytest.raises(SkinError, match="cuda:99 is asked for"):
        Predictor(from_run(run), run.folder, device="cuda:99")


@pytest.fixture
def patients() -> NDArray[np.float32]:
    """Metadata of three images; nothing is known of the second."""
    return encode_metadata(
        pd.DataFrame(
            {
                "age": [30.0, np.nan, 80.0],
                "sex": ["male", pd.NA, "female"],
                "site": ["back", pd.NA, "face"],
            }
        )
    )


@pytest.mark.parametrize("fusion", ["concat", "metablock"])
def test_metadata_reach_the_models_that_take_them(
    make_run: MakeRun, square: list[InputImage], patients: NDArray[np.float32], fusion: str
):
    run = make_run("a", fusion=fusion)
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    images = pixels_of(predictor, square)
    with torch.inference_mode():
        folds = [model(images, torch.from_numpy(patients)).exp() for model in models_of(run)]
    result = predicted(predictor, square, patients)[0]
    assert predictor.uses_metadata
    np.testing.assert_allclose(result, torch.stack(folds).mean(0).numpy(), rtol=1e-4, atol=1e-6)
    without = predicted(predictor, square)[0]
    np.testing.assert_allclose(result[1], without[1], rtol=1e-5)
    assert (abs(result - without).max(axis=1)[[0, 2]] > 1e-4).all()


def test_members_with_and_without_metadata_go_together(
    make_run: MakeRun,
    square: list[InputImage],
    patients: NDArray[np.float32],
    tmp_path: Path,
):
    runs = [make_run("a", folds=1), make_run("b", folds=1, seed=1, fusion="concat")]
    plain, fused = (Predictor(from_run(run), run.folder, device="cpu") for run in runs)
    both = together(runs, tmp_path)
    assert [each.uses_metadata for each in (plain, fused, both)] == [False, True, True]
    expected = np.concatenate([predicted(one, square, patients) for one in (plain, fused)])
    np.testing.assert_array_equal(predicted(both, square, patients), expected)
    np.testing.assert_array_equal(predicted(plain, square), expected[:1])


@pytest.mark.parametrize("columns", [0, METADATA_SIZE])
def test_a_stacker_may_take_metadata_though_no_model_does(
    make_run: MakeRun, tmp_path: Path, columns: int
):
    features = 7 + columns
    stacker = Logistic(
        runs=1,
        classes=7,
        fitted=tuple(range(7)),
        metadata_columns=columns,
        mean=(0.0,) * features,
        scale=(1.0,) * features,
        coefficients=((0.0,) * features,) * 7,
        intercepts=(0.0,) * 7,
    )
    pipeline = Pipeline.plain().model_copy(update={"combiner": stacker})
    ensemble = describe(
        [make_run("a", folds=1)], tmp_path, pipeline=pipeline, made=PLAIN, tta="none"
    )
    assert Predictor(ensemble, tmp_path, device="cpu").uses_metadata == (columns > 0)


def test_metadata_stay_with_their_image_when_others_are_left_out(
    make_run: MakeRun, photos: Path, patients: NDArray[np.float32]
):
    run = make_run("a", folds=1, fusion="concat")
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    inputs = find_images([photos])
    expected = predicted(predictor, inputs, patients)
    (photos / "I0.png").write_text("not an image")
    result = predicted(predictor, inputs, patients)
    np.testing.assert_allclose(result, expected[:, 1:], rtol=1e-5, atol=1e-6)
    single = predicted(predictor, inputs[1:], patients[1:], batch_size=1, workers=0)
    np.testing.assert_allclose(single, expected[:, 1:], rtol=1e-5, atol=1e-6)
