from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from skin.errors import SkinError
from skin.inference.inputs import InputImage
from skin.inference.shards import Shard, Shards, working_folder

KEY = "models"


def images(count: int, **changes: int) -> list[InputImage]:
    """The images I0, I1, ...; `changes` give some another stamp."""
    names = [f"I{number}" for number in range(count)]
    return [InputImage(name, f"{name}.jpg", stamp=changes.get(name, 0)) for name in names]


def shard(shards: Shards, number: int, *bad: str) -> Shard:
    """A shard of one run and two classes, whose values tell the images' places."""
    rows = np.array(shards.span(number))
    return Shard(rows, np.stack([-rows, rows - 7.0], axis=1)[None], rows / 10, bad)


def write(shards: Shards, *numbers: int) -> None:
    for number in numbers:
        shards.write(number, shard(shards, number))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


def test_shards_cover_the_images_in_their_order(tmp_path: Path):
    shards = Shards(tmp_path, KEY, images(7), size=3)
    assert len(shards) == 3
    assert [shards.span(number) for number in range(3)] == [range(3), range(3, 6), range(6, 7)]
    assert (shards.missing, shards.images_done) == ([0, 1, 2], 0)
    write(shards, 2, 0)
    assert (shards.missing, shards.images_done) == ([1], 4)
    assert [each.rows.tolist() for each in shards.finished()] == [[0, 1, 2], [6]]


def test_a_shard_comes_back_as_it_was(tmp_path: Path):
    shards = Shards(tmp_path, KEY, images(2))
    values = np.log(np.random.default_rng(0).dirichlet(np.ones(3), (2, 1)))
    shards.write(0, Shard(np.array([1]), values, np.array([0.3]), ("I0.jpg is bad: é, \udce9",)))
    (read,) = shards.finished()
    assert read.rows.tolist() == [1]
    assert read.log_probabilities.tobytes() == values.tobytes()
    assert read.mutual_information.tolist() == [0.3]
    assert read.bad == tuple(shards.bad()) == ("I0.jpg is bad: é, \udce9",)


def test_a_prediction_goes_on_from_its_shards(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(Shards(tmp_path, KEY, images(7), size=3), 0, 2)
    again = Shards(tmp_path, KEY, images(7), size=3)
    assert (again.missing, again.images_done) == ([1], 4)
    assert [each.rows.tolist() for each in again.finished()] == [[0, 1, 2], [6]]
    assert said(capsys) == ""


@pytest.mark.parametrize(
    ("key", "size", "count"),
    [("others", 3, 7), (KEY, 4, 7)],
    ids=["models", "size"],
)
def test_other_models_begin_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, size: int, count: int
):
    write(Shards(tmp_path, KEY, images(7), size=3), 0, 2)
    again = Shards(tmp_path, key, images(count), size=size)
    assert again.images_done == 0
    assert list(tmp_path.glob("*.npz")) == []
    assert "holds a prediction by other models" in said(capsys)
    write(again, 0)
    assert Shards(tmp_path, key, images(count), size=size).images_done == size


def test_a_changed_image_costs_its_shard_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(Shards(tmp_path, KEY, images(7), size=3), 0, 1, 2)
    again = Shards(tmp_path, KEY, images(7, I4=1), size=3)
    assert again.missing == [1]
    assert len(list(tmp_path.glob("*.npz"))) == 2
    assert said(capsys) == "", "the work goes on"


def test_fewer_images_leave_no_shard_behind(tmp_path: Path):
    write(Shards(tmp_path, KEY, images(7), size=3), 0, 1, 2)
    again = Shards(tmp_path, KEY, images(6), size=3)
    assert again.missing == []
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_other_images_begin_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write(Shards(tmp_path, KEY, images(7), size=3), 0)
    again = Shards(tmp_path, KEY, images(7)[1:], size=3)
    assert again.images_done == 0
    assert "it begins anew" in said(capsys)


def test_metadata_belong_to_the_images(tmp_path: Path):
    known = np.zeros((4, 2), np.float32)
    write(Shards(tmp_path, KEY, images(4), known, size=2), 0, 1)
    assert Shards(tmp_path, KEY, images(4), known.copy(), size=2).missing == []
    known[3, 0] = 1
    assert Shards(tmp_path, KEY, images(4), known, size=2).missing == [1]
    assert Shards(tmp_path, KEY, images(4), size=2).missing == [0, 1]


@pytest.mark.parametrize("data", [b"", b"text", None], ids=["empty", "no zip", "a byte"])
def test_a_damaged_shard_is_predicted_again(tmp_path: Path, data: bytes | None):
    shards = Shards(tmp_path, KEY, images(4), size=2)
    write(shards, 0, 1)
    path = min(tmp_path.glob("*.npz"))
    if data is None:
        changed = bytearray(path.read_bytes())
        changed[changed.index(shard(shards, 0).log_probabilities.tobytes())] ^= 1
        data = bytes(changed)
    path.write_bytes(data)
    assert Shards(tmp_path, KEY, images(4), size=2).missing == [0]


def test_a_damaged_key_begins_anew(tmp_path: Path):
    write(Shards(tmp_path, KEY, images(4), size=2), 0)
    (tmp_path / "key.json").write_text("{")
    assert Shards(tmp_path, KEY, images(4), size=2).missing == [0, 1]


def test_a_kill_while_writing_leaves_no_half_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(file: object, **_arrays: object) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    shards = Shards(tmp_path, KEY, images(4), size=2)
    monkeypatch.setattr(np, "savez", killed)
    with pytest.raises(KeyboardInterrupt):
        write(shards, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["key.json"]


def test_shards_can_be_discarded(tmp_path: Path):
    shards = Shards(tmp_path, KEY, images(4), size=2)
    write(shards, 0, 1)
    shards.discard()
    assert (shards.missing, list(tmp_path.glob("*.npz"))) == ([0, 1], [])


def fill(folder: Path, *numbers: int) -> None:
    write(Shards(folder, KEY, images(4), size=2), *numbers)


def stop(folder: Path, error: BaseException, *numbers: int) -> None:
    """Fill some shards, and fail."""
    with working_folder(folder):
        fill(folder, *numbers)
        raise error


def test_the_folder_goes_when_the_work_is_done(tmp_path: Path):
    with working_folder(tmp_path / "a" / "x.csv.parts") as folder:
        fill(folder, 0, 1)
        (tmp_path / "a" / "x.csv").write_text("done")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.csv"]


def test_a_stop_leaves_the_shards_that_are_finished(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        stop(tmp_path / "parts", KeyboardInterrupt(), 1)
    shards = Shards(tmp_path / "parts", KEY, images(4), size=2)
    assert shards.missing == [0]


def test_a_stop_before_the_first_shard_leaves_nothing(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    with pytest.raises(SkinError, match="a bad file"):
        stop(tmp_path / "mine/a/b/parts", SkinError("a bad file"))
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]


def test_leftovers_of_a_kill_are_removed_and_other_files_stay(tmp_path: Path):
    (tmp_path / ".shard-000000.npz.x.tmp").write_bytes(b"half")
    (tmp_path / "mine.txt").write_text("mine")
    with working_folder(tmp_path) as folder:
        fill(folder, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_two_predictions_cannot_share_a_folder(tmp_path: Path):
    with working_folder(tmp_path / "parts") as folder:
        fill(folder, 0)
        with (
            pytest.raises(SkinError, match="parts is being filled by another process"),
            working_folder(folder),
        ):
            pass
        assert Shards(folder, KEY, images(4), size=2).missing == [1]


def test_the_key_says_nothing_of_where_it_was_made(tmp_path: Path):
    Shards(tmp_path, KEY, images(4), size=2)
    assert json.loads((tmp_path / "key.json").read_text()) == {"models": KEY, "images": 2}
