from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from skin.errors import SkinError
from skin.training.checkpoint import load_checkpoint, load_weights, save_checkpoint, save_weights

STATE = {
    "tensor": torch.arange(300.0),
    "number": -float("inf"),
    "history": [{"epoch": 0, "stage": "all"}],
    "none": None,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "checkpoint.pt", STATE)
    return tmp_path / "checkpoint.pt"


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_round_trip(path: Path):
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert torch.equal(loaded.pop("tensor"), STATE["tensor"])
    assert loaded == {name: value for name, value in STATE.items() if name != "tensor"}


def test_no_checkpoint_is_none(tmp_path: Path):
    assert load_checkpoint(tmp_path / "checkpoint.pt") is None


@pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_checkpoint_is_a_message(path: Path, part: float):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(SkinError, match=r"checkpoint\.pt is damaged .*--restart"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "content", [b"x", b"text, not a checkpoint\n" * 9, b"PK\x03\x04", b"\0" * 99]
)
def test_another_file_is_a_message(path: Path, content: bytes):
    path.write_bytes(content)
    with pytest.raises(SkinError, match=r"checkpoint\.pt is damaged"):
        load_checkpoint(path)


class Planted:
    """Its pickle makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("with_torch", [True, False])
def test_nothing_in_a_checkpoint_is_executed(path: Path, with_torch: bool):
    harm = Planted(path.parent / "harm")
    if with_torch:
        torch.save({"x": harm}, path)
    else:
        path.write_bytes(pickle.dumps(harm))
    with pytest.raises(SkinError, match="is damaged"):
        load_checkpoint(path)
    assert not (path.parent / "harm").exists()


LIMITED_SAVE = """
import resource, sys
from pathlib import Path
import torch
from skin.errors import SkinError
from skin.training.checkpoint import save_checkpoint, save_weights
folder = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
model = torch.nn.Linear(300, 300)
for write in (
    lambda: save_checkpoint(folder / "checkpoint.pt", {"model": model.state_dict()}),
    lambda: save_weights(folder / "best.safetensors", model),
):
    try:
        write()
    except SkinError as error:
        print("SkinError", error)
    except BaseException as error:
        print(type(error).__name__, error)
"""


def test_a_full_disk_is_a_message_and_keeps_the_old_files(path: Path):
    """A limit on the size of files stands for the full disk."""
    weights = path.with_name("best.safetensors")
    save_weights(weights, network())
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    command = [sys.executable, "-c", LIMITED_SAVE, str(path.parent)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before
    said = [line.split()[0] for line in done.stdout.splitlines() if line and line[0].isupper()]
    assert said == ["SkinError", "SkinError"], done.stdout
    assert f"cannot write {path}" in done.stdout
    assert f"cannot write {weights}" in done.stdout


def test_weights_round_trip(tmp_path: Path):
    first, second = network(), network()
    save_weights(tmp_path / "w.safetensors", first)
    load_weights(tmp_path / "w.safetensors", second)
    assert all(torch.equal(v, second.state_dict()[k]) for k, v in first.state_dict().items())
    assert set(load_file(tmp_path / "w.safetensors")) == set(first.state_dict())


def test_channels_last_weights_are_kept(tmp_path: Path):
    model = nn.Conv2d(4, 8, 3).to(memory_format=torch.channels_last)
    save_weights(tmp_path / "w.safetensors", model)
    assert torch.equal(load_file(tmp_path / "w.safetensors")["weight"], model.weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.bias": None}, r"does not fit the model: 0\.bias is missing$"),
        ({"2.bias": torch.zeros(1)}, r"does not fit the model: 2\.bias is not the model's$"),
        ({"0.weight": torch.zeros(2, 2)}, r"0\.weight is \(2, 2\), not \(3, 2\)$"),
        (
            {"0.bias": None, "0.weight": torch.zeros(1), "a": torch.zeros(1)},
            r"0\.bias is missing, 0\.weight is \(1,\), not \(3, 2\), a is not the model's$",
        ),
    ],
)
def test_weights_that_do_not_fit_name_the_tensors(
    tmp_path: Path, change: dict[str, torch.Tensor | None], message: str
):
    model = network()
    tensors = {k: v for k, v in (model.state_dict() | change).items() if v is not None}
    save_file(tensors, tmp_path / "w.safetensors")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(SkinError, match=message):
        load_weights(tmp_path / "w.safetensors", model)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("content", [None, b"", b"not weights", b"\xff" * 100])
def test_files_that_hold_no_weights(tmp_path: Path, content: bytes | None):
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    message = "no weights at" if content is None else "is not a safetensors file"
    with pytest.raises(SkinError, match=message):
        load_weights(path, network())
