from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skin.ensembling.ensemble import from_run
from skin.errors import SkinError
from skin.inference.inputs import InputImages, find_images
from skin.inference.predict import Predictor
from skin.inference.shards import Shards
from skin.inference.stream import predict_files
from skin.runs import Run


@pytest.fixture
def predictor(make_run: Callable[..., Run]) -> Predictor:
    run = make_run("a")
    return Predictor(from_run(run), run.folder, device="cpu")


@pytest.fixture
def many(tmp_path: Path, encode: Callable[..., bytes]) -> InputImages:
    """Seven images, for shards of three."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(7):
        (folder / f"M{number}.png").write_bytes(encode(number))
    return find_images([folder])


def shards_of(folder: Path, predictor: Predictor, inputs: InputImages) -> Shards:
    folder.mkdir(exist_ok=True)
    return Shards(folder, predictor.key(), inputs, size=3)


def content(shards: Shards) -> list[tuple[object, ...]]:
    return [
        (
            each.rows.tolist(),
            each.log_probabilities.tobytes(),
            each.mutual_information.tobytes(),
            each.bad,
        )
        for each in shards.finished()
    ]


@pytest.mark.parametrize("batches", [1, 2, 3])
def test_a_stopped_prediction_goes_on_to_the_same_bits(
    tmp_path: Path, predictor: Predictor, many: InputImages, batches: int
):
    whole = shards_of(tmp_path / "whole", predictor, many)
    predict_files(predictor, whole)
    counts: list[int] = []

    def stop(count: int) -> None:
        counts.append(count)
        if len(counts) == batches:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(predictor, shards_of(tmp_path / "parts", predictor, many), on_batch=stop)
    again = shards_of(tmp_path / "parts", predictor, many)
    assert again.images_done == 3 * (batches - 1)
    predict_files(predictor, again, on_batch=counts.append)
    assert again.missing == []
    assert content(again) == content(whole)
    assert counts[batches:] == [3, 3, 1][batches - 1 :], "only what was missing is predicted"


@pytest.mark.usefixtures("many")
def test_a_bad_file_stops_it_and_the_shards_before_it_stay(tmp_path: Path, predictor: Predictor):
    path = tmp_path / "many" / "M4.png"
    good = path.read_bytes()
    path.write_bytes(good[:100])
    inputs = find_images([tmp_path / "many"])
    shards = shards_of(tmp_path / "parts", predictor, inputs)
    with pytest.raises(SkinError, match=r"^M4\.png is not a usable image.*; --skip-bad leaves out"):
        predict_files(predictor, shards)
    assert shards.missing == [1, 2]
    # Left out, it goes on; asked for again, the message is the same though its shard is there.
    shards = shards_of(tmp_path / "parts", predictor, inputs)
    predict_files(predictor, shards, skip_bad=True)
    assert [each.rows.tolist() for each in shards.finished()] == [[0, 1, 2], [3, 5], [6]]
    (message,) = shards.bad()
    assert message.startswith("M4.png is not a usable image")
    shards = shards_of(tmp_path / "parts", predictor, inputs)
    with pytest.raises(SkinError, match=r"^M4\.png is not a usable image"):
        predict_files(predictor, shards)
    # Once it is whole, only its shard is predicted again.
    path.write_bytes(good)
    shards = shards_of(tmp_path / "parts", predictor, find_images([tmp_path / "many"]))
    assert shards.missing == [1]
    predict_files(predictor, shards)
    whole = shards_of(tmp_path / "whole", predictor, find_images([tmp_path / "many"]))
    predict_files(predictor, whole)
    assert content(shards) == content(whole)


def test_a_shard_may_hold_bad_files_alone(tmp_path: Path, predictor: Predictor, many: InputImages):
    for number in (3, 4, 5):
        (tmp_path / "many" / f"M{number}.png").write_bytes(b"")
    shards = shards_of(tmp_path / "parts", predictor, many)
    predict_files(predictor, shards, skip_bad=True)
    assert [each.rows.tolist() for each in shards.finished()] == [[0, 1, 2], [], [6]]


def test_nothing_left_is_an_error_and_no_shard_stays(
    tmp_path: Path, predictor: Predictor, many: InputImages
):
    for path in (tmp_path / "many").iterdir():
        path.write_bytes(b"")
    shards = shards_of(tmp_path / "parts", predictor, many)
    with pytest.raises(SkinError, match="nothing to predict"):
        predict_files(predictor, shards, skip_bad=True)
    assert list((tmp_path / "parts").glob("*.npz")) == []


def test_a_finished_prediction_asks_no_model(
    tmp_path: Path, predictor: Predictor, many: InputImages, monkeypatch: pytest.MonkeyPatch
):
    shards = shards_of(tmp_path / "parts", predictor, many)
    predict_files(predictor, shards)
    monkeypatch.setattr(predictor, "_predict", None)
    predict_files(predictor, shards_of(tmp_path / "parts", predictor, many))
