from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from skin.analysis.probes import robustness
from skin.analysis.probes.altered import AlteredImages, Predictor
from skin.analysis.probes.decisions import Decisions
from skin.analysis.probes.results import DECIDED, RobustnessResult
from skin.analysis.probes.robustness import _Corrupt, probe_robustness
from skin.analysis.probes.store import csv_path, json_path, read_result
from skin.data.loader import evaluation_loader
from skin.errors import SkinError
from skin.files import locked
from skin.runs import Run

CPU = torch.device("cpu")


FEW = ("noise", "darker", "rotation")


@pytest.fixture(autouse=True)
def few_corruptions(monkeypatch) -> None:
    """The probe goes through its table, of which three kinds show all there is to it."""
    for table, names in (("CORRUPTIONS", FEW), ("DECIDED", ("clean", *FEW))):
        every = getattr(robustness, table)
        monkeypatch.setattr(robustness, table, {name: every[name] for name in names})


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "runs" / "plain"


def read(folder: Path) -> list[bytes]:
    return [path(folder, "robustness").read_bytes() for path in (json_path, csv_path)]


def probe(subject, images=20, **options) -> RobustnessResult:
    return probe_robustness(subject(images=images), CPU, resamples=30, **options)


def test_clean_decisions_are_the_out_of_fold_ones(subject, folder):
    result = probe(subject, images=None)
    table = pd.read_csv(csv_path(folder, "robustness"))
    oof = Run(folder).oof()
    likeliest = oof.filter(like="prob_").idxmax(axis=1).str.removeprefix("prob_")
    assert table["image_id"].tolist() == oof["image_id"].tolist()
    assert table["clean"].tolist() == likeliest.tolist()
    conditions = [column for name in ("clean", *FEW) for column in DECIDED[name]]
    assert list(table)[4:] == conditions
    assert (result.images, result.lesions) == (len(oof), oof["lesion_id"].nunique())
    assert result.origin.weights.keys() == {0, 1}
    assert read_result(folder, "robustness", RobustnessResult) == result.model_copy(
        update={"table_sha256": read_result(folder, "robustness", RobustnessResult).table_sha256}
    )


def test_figures_follow_from_the_decisions(subject, folder, decide_by):
    """The model reads the blue of the lesion's middle, which light changes and turning does not."""
    decide_by("lesion")
    result = probe(subject, images=28)
    assert result.clean.value == 1
    assert (result.by_corruption["rotation"].bacc.value, result.classes) == (1, 7)
    dark = result.severities["darker"]
    assert dark[4].bacc.value < 0.5
    assert dark[4].difference.value == dark[4].bacc.value - 1
    assert dark[4].relative_loss == pytest.approx(1 - dark[4].bacc.value)
    baccs = [[one.bacc.value for one in result.severities[name]] for name in FEW]
    assert result.overall.bacc.value == pytest.approx(np.mean(baccs))
    assert [one.bacc.value for one in result.by_severity] == pytest.approx(np.mean(baccs, axis=0))
    assert result.by_corruption["darker"].bacc.value == pytest.approx(np.mean(baccs[1]))
    table = pd.read_csv(csv_path(folder, "robustness"))
    right = (table["darker_5"] == table["target"]).groupby(table["target"]).mean().mean()
    assert dark[4].bacc.value == pytest.approx(right)


@pytest.fixture
def stop_at(monkeypatch) -> Callable[[int], list[tuple[int, str]]]:
    """Interrupt a probe once it has kept so many steps; gives the steps of all probes since."""
    original = Decisions.add
    steps: list[tuple[int, str]] = []

    def stop(count: int) -> list[tuple[int, str]]:
        steps.clear()

        def add(self, fold, decided) -> None:
            original(self, fold, decided)
            steps.append((fold, next(iter(decided))))
            if len(steps) == count:
                raise KeyboardInterrupt

        monkeypatch.setattr(Decisions, "add", add)
        return steps

    return stop


def test_a_stopped_probe_goes_on_and_ends_with_the_same_bytes(subject, folder, decide_by, stop_at):
    decide_by("lesion")
    probe(subject)
    whole = read(folder)
    kinds = 1 + len(FEW)
    for moment in (1, kinds + 3):  # the second one in the second fold
        steps = stop_at(moment)
        with pytest.raises(KeyboardInterrupt):
            probe(subject)
        probe(subject)
        assert read(folder) == whole
        assert len(steps) == len(set(steps)) == 2 * kinds  # nothing was decided twice
        assert not list((folder / "probes").glob(".*.json"))


def test_what_another_probe_left_is_not_gone_on_with(subject, decide_by, stop_at, capsys):
    decide_by("lesion")
    for tta in ("none", "dihedral"):
        steps = stop_at(1)
        with pytest.raises(KeyboardInterrupt):
            probe(subject, tta=tta)
        assert steps == [(0, "clean")]
    assert "of other weights, images or settings: beginning anew" in " ".join(
        capsys.readouterr().err.split()
    )


def test_a_partial_file_that_cannot_be_read_is_begun_anew(subject, folder, stop_at, capsys):
    (folder / "probes").mkdir()
    (folder / "probes" / ".robustness.partial.json").write_text(json.dumps({"old": 1}))
    steps = stop_at(1)
    with pytest.raises(KeyboardInterrupt):
        probe(subject)
    assert steps == [(0, "clean")]
    assert "of another version: beginning anew" in " ".join(capsys.readouterr().err.split())


def test_two_probes_at_once_are_refused(subject, folder):
    with locked(folder / "probes", "probed"), pytest.raises(SkinError, match="is being probed"):
        probe(subject)


@pytest.mark.parametrize("name", ["noise", "hair"])
def test_images_do_not_depend_on_batches_or_loader_processes(subject, name):
    part = subject(images=20).parts[0]
    ids = part.held_out.dataset.table["image_id"].to_numpy(dtype=str)
    clean = part.held_out.images()
    images = AlteredImages(
        clean.images, clean.pipeline, clean.image_size, rows=part.rows, alter=_Corrupt(name, ids, 0)
    )
    seen = []
    for batch_size, workers in ((3, 0), (50, 0), (4, 2)):
        loader = evaluation_loader(
            images, np.arange(5 * len(part.rows)), batch_size, workers, pin_memory=False
        )
        batches = list(loader)
        seen.append(torch.cat([batch.images for batch in batches]))
        rows = torch.cat([batch.rows for batch in batches])
        assert rows.tolist() == part.rows.tolist() * 5
    assert torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])


def test_ways_come_one_after_another(subject, decide_by):
    decide_by("lesion")
    part = subject(images=20).parts[0]

    def paint(image, row, way) -> np.ndarray:
        del row
        return np.full_like(image, 60 + 30 * way)  # the levels of class 0 and 1

    probabilities = Predictor.load(part, CPU, "none").predict(paint, 2)
    assert probabilities.shape == (2, len(part.rows), 7)
    assert (probabilities.argmax(-1) == [[0], [1]]).all()
