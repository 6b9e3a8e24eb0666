from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
import torch

from skin.ensembling.ensemble import Ensemble, from_run
from skin.ensembling.load import LoadedMember, load_member
from skin.errors import SkinError
from skin.files import read_json, write_json
from skin.runs import Run

MakeRun = Callable[..., Run]
CPU = torch.device("cpu")


def load(ensemble: Ensemble, run: Run, fold: int) -> LoadedMember:
    member = ensemble.runs[0].folds[fold]
    return load_member(member, run.folder, CPU, classes=ensemble.classes)


def test_a_member_is_loaded_ready_to_predict(make_run: MakeRun):
    run = make_run("a")
    ensemble = from_run(run)
    member = load(ensemble, run, 1)
    model, config = member.network, member.config
    assert not model.training
    assert config == run.fold(1).config()
    with torch.inference_mode():
        output = model(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    torch.testing.assert_close(output.exp().sum(), torch.tensor(1.0))


def test_a_changed_weights_file_is_refused(make_run: MakeRun):
    run = make_run("a")
    ensemble = from_run(run)
    shutil.copy(run.fold(1).weights, run.fold(0).weights)
    with pytest.raises(SkinError, match=r"best\.safetensors is not the file that .* was made with"):
        load(ensemble, run, 0)


def test_a_changed_config_is_refused(make_run: MakeRun):
    """It says how images are prepared."""
    run = make_run("a")
    ensemble = from_run(run)
    path = run.fold(0).folder / "config.yaml"
    path.write_text(path.read_text().replace("image_size: 32", "image_size: 48"))
    assert run.fold(0).config().data.image_size == 48
    with pytest.raises(
        SkinError, match=r"fold0/config\.yaml is not the file that .* was made with"
    ):
        load(ensemble, run, 0)


@pytest.mark.parametrize("name", ["best.safetensors", "config.yaml"])
def test_a_missing_file_is_named(make_run: MakeRun, name: str):
    run = make_run("a")
    ensemble = from_run(run)
    (run.fold(0).folder / name).unlink()
    with pytest.raises(SkinError, match=rf"fold0/{name} is missing; the ensemble"):
        load(ensemble, run, 0)


@pytest.mark.parametrize("change", [lambda codes: codes[::-1], lambda codes: codes[1:]])
def test_a_model_of_other_classes_is_refused(
    make_run: MakeRun, change: Callable[[list[str]], list[str]]
):
    run = make_run("a")
    path = run.fold(1).folder / "metadata.json"
    metadata = read_json(path)
    write_json(path, metadata | {"classes": change(metadata["classes"])})
    ensemble = from_run(run)
    load(ensemble, run, 0)
    with pytest.raises(SkinError, match=r"fold1/metadata\.json: the model's classes are .*, those"):
        load(ensemble, run, 1)
