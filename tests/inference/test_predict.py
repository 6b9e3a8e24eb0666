from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from skin.data.encode import encode_metadata
from skin.data.images import BadImageError, decode
from skin.ensembling.combine import Mean
from skin.ensembling.ensemble import describe, from_run, load_member
from skin.errors import SkinError
from skin.inference.inputs import InputImage, find_images
from skin.inference.predict import Predictions, Predictor, predict_files
from skin.models.forward import predict_batch
from skin.runs import Run

MakeRun = Callable[..., Run]
CPU = torch.device("cpu")


def predict(run: Run, inputs: list[InputImage], **options: bool) -> Predictions:
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    return predict_files(predictor, inputs, **options)


def models_of(run: Run) -> list[torch.nn.Module]:
    return [load_member(m, run.folder, CPU).network for m in from_run(run).runs[0].folds]


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
    (preparation,) = predictor.preparations.values()
    pixels = np.stack([preparation.pipeline(image=decode(s.read(), ""))["image"] for s in square])
    expected = mean_of(models_of(run), torch.from_numpy(pixels).permute(0, 3, 1, 2), tta)
    result = predict_files(predictor, square)
    assert (predictor.models, predictor.tta) == (2, tta)
    assert result.image_ids == ["S0", "S1", "S2"]
    np.testing.assert_allclose(result.probabilities, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1)
    assert result.probabilities.std(axis=0).max() > 0.003, "the images must differ to show anything"


def test_runs_are_combined_by_their_weights_not_by_their_models(
    make_run: MakeRun, square: list[InputImage], tmp_path: Path
):
    """A run of three folds counts as much as its weight says, not three times."""
    runs = [make_run("a", folds=3), make_run("b", folds=1, seed=1)]
    each = [predict(run, square).probabilities for run in runs]
    for weights in ((0.5, 0.5), (0.2, 0.8)):
        ensemble = describe(runs, Mean(weights=weights), tmp_path / "main")
        result = predict_files(Predictor(ensemble, tmp_path / "main", device="cpu"), square)
        expected = weights[0] * each[0] + weights[1] * each[1]
        np.testing.assert_allclose(result.probabilities, expected, rtol=1e-5)


def test_each_model_gets_images_of_its_own_size(
    make_run: MakeRun, square: list[InputImage], tmp_path: Path
):
    runs = [make_run("a", folds=2), make_run("b", folds=1, image_size=48)]
    predictor = Predictor(describe(runs, Mean.equal(2), tmp_path), tmp_path, device="cpu")
    assert [(p.short_side, p.image_size) for p in predictor.preparations.values()] == [
        (40, 32),
        (56, 48),
    ]
    each = [predict(run, square).probabilities for run in runs]
    result = predict_files(predictor, square).probabilities
    np.testing.assert_allclose(result, (each[0] + each[1]) / 2, rtol=1e-5)


def test_other_views_can_be_asked_for(make_run: MakeRun):
    run = make_run("a", folds=1)
    assert Predictor(from_run(run), run.folder, device="cpu", tta="dihedral").tta == "dihedral"


def test_batches_and_workers_change_nothing(make_run: MakeRun, square: list[InputImage]):
    run = make_run("a", folds=1)
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    results = []
    for size, workers in ((64, 0), (1, 0), (2, 2)):
        parts = list(predictor.batches(square, batch_size=size, workers=workers))
        assert [image_id for ids, _, _ in parts for image_id in ids] == ["S0", "S1", "S2"]
        results.append(np.concatenate([values for _, values, _ in parts]))
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-5, atol=1e-6)


def test_images_of_every_shape_fit(make_run: MakeRun, tmp_path: Path, encode: Callable[..., bytes]):
    for number, size in enumerate([(20, 90), (90, 20), (33, 33), (8, 9)]):
        (tmp_path / f"P{number}.png").write_bytes(encode(number, size))
    inputs = find_images(sorted(tmp_path.glob("P*.png")))
    assert predict(make_run("a", folds=1), inputs).probabilities.shape == (4, 7)


def test_a_bad_file_is_named(make_run: MakeRun, photos: Path):
    data = (photos / "I1.png").read_bytes()
    (photos / "I1.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(BadImageError, match=r"^I1\.png is not a usable image"):
        predict(make_run("a", folds=1), find_images([photos]))


def test_bad_files_can_be_left_out(make_run: MakeRun, photos: Path):
    run = make_run("a", folds=1)
    expected = predict(run, find_images([photos])).probabilities
    (photos / "I1.png").write_text("not an image")
    counts: list[int] = []
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    inputs = find_images([photos])
    result = predict_files(predictor, inputs, skip_bad=True, on_batch=counts.append)
    assert result.image_ids == ["I0", "I2"]
    assert [error.name for error in result.bad] == ["I1.png"]
    assert counts == [3]
    np.testing.assert_allclose(result.probabilities, expected[[0, 2]], rtol=1e-5, atol=1e-6)


def test_nothing_left_is_an_error(make_run: MakeRun, photos: Path):
    for path in photos.iterdir():
        path.write_bytes(b"")
    with pytest.raises(SkinError, match="nothing to predict"):
        predict(make_run("a", folds=1), find_images([photos]), skip_bad=True)


def test_a_file_that_cannot_be_read_is_one_plain_message(make_run: MakeRun, photos: Path):
    """Loader processes pass errors on with their traceback; users are not to see it."""
    inputs = find_images([photos / "I0.png"])
    (photos / "I0.png").unlink()
    with pytest.raises(SkinError, match=r"I0\.png") as caught:
        predict(make_run("a", folds=1), inputs)
    assert "Traceback" not in str(caught.value)


def test_a_damaged_zip_entry_is_one_plain_message(make_run: MakeRun, photos: Path, tmp_path: Path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.write(photos / "I0.png", "I0.png")
    data = bytearray(path.read_bytes())
    data[200] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(SkinError, match=r"I0\.png") as caught:
        predict(make_run("a", folds=1), find_images([path]))
    assert "Traceback" not in str(caught.value)


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
    (preparation,) = predictor.preparations.values()
    pixels = np.stack([preparation.pipeline(image=decode(s.read(), ""))["image"] for s in square])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    with torch.inference_mode():
        folds = [model(images, torch.from_numpy(patients)).exp() for model in models_of(run)]
    result = predict_files(predictor, square, patients).probabilities
    assert predictor.uses_metadata
    np.testing.assert_allclose(result, torch.stack(folds).mean(0).numpy(), rtol=1e-4, atol=1e-6)
    without = predict_files(predictor, square).probabilities
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
    both = Predictor(describe(runs, Mean.equal(2), tmp_path), tmp_path, device="cpu")
    assert [each.uses_metadata for each in (plain, fused, both)] == [False, True, True]
    each = [predict_files(one, square, patients).probabilities for one in (plain, fused)]
    result = predict_files(both, square, patients).probabilities
    np.testing.assert_allclose(result, (each[0] + each[1]) / 2, rtol=1e-5)
    unchanged = predict_files(plain, square).probabilities
    np.testing.assert_array_equal(each[0], unchanged)


def test_metadata_stay_with_their_image_when_others_are_left_out(
    make_run: MakeRun, photos: Path, patients: NDArray[np.float32]
):
    run = make_run("a", folds=1, fusion="concat")
    predictor = Predictor(from_run(run), run.folder, device="cpu")
    inputs = find_images([photos])
    expected = predict_files(predictor, inputs, patients).probabilities
    (photos / "I0.png").write_text("not an image")
    result = predict_files(predictor, inputs, patients, skip_bad=True).probabilities
    np.testing.assert_allclose(result, expected[1:], rtol=1e-5, atol=1e-6)
    parts = list(predictor.batches(inputs[1:], patients[1:], batch_size=1, workers=0))
    single = np.exp(np.concatenate([values for _, values, _ in parts]))
    np.testing.assert_allclose(single, expected[1:], rtol=1e-5, atol=1e-6)
