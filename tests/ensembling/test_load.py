from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
import torch

from skin.ensembling.ensemble import from_run
from skin.ensembling.load import load_member
from skin.errors import SkinError
from skin.runs import Run

MakeRun = Callable[..., Run]
CPU = torch.device("cpu")


def test_a_member_is_loaded_ready_to_predict(make_run: MakeRun):
    run = make_run("a")
    ensemble = from_run(run)
    member = load_member(ensemble.runs[0].folds[1], run.folder, CPU)
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
        load_member(ensemble.runs[0].folds[0], run.folder, CPU)


def test_a_missing_weights_file_is_named(make_run: MakeRun):
    run = make_run("a")
    ensemble = from_run(run)
    run.fold(0).weights.unlink()
    with pytest.raises(SkinError, match=r"fold0/best\.safetensors is missing; the ensemble"):
        load_member(ensemble.runs[0].folds[0], run.folder, CPU)
