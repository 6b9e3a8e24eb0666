from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from skin.cli.data.pool import pool
from skin.data.dataset import find_dataset, write_dataset
from skin.errors import SkinError

Pool = Callable[..., str]


@pytest.fixture
def run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Pool:
    """Run `pool` in the working folder, which has `data/toy` and a part of it as `data/half`."""
    dataset = find_dataset(workspace / "data")
    shutil.copytree(dataset.root, workspace / "data" / "half")
    half = find_dataset(workspace / "data", "half")
    table = half.table.assign(dx=half.table["dx"].where(half.table["dx"] != "vasc", "mel"))
    write_dataset(half.root, table, half.info.model_copy(update={"name": "half"}))
    app = typer.Typer()
    app.command()(pool)

    def run_pool(*words: str) -> str:
        result = CliRunner().invoke(app, list(words))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return " ".join((result.output + capsys.readouterr().err).split())

    return run_pool


def test_a_pool_and_what_is_said_of_it(run: Pool, workspace: Path):
    toy = find_dataset(workspace / "data", "toy").table
    csv = workspace / "unseen.csv"
    lesion = toy["lesion_id"].value_counts().index[0]
    images = toy.loc[toy["lesion_id"] == lesion, "image_id"].tolist()
    csv.write_text(f"image\n{images[0]}\n")
    said = run("both", "toy", "half", "--protect", str(csv), "--drop-copies")
    left = len(toy) - len(images)
    assert "both: pooled" in said
    assert f"of toy │ {left:,} of its {len(toy):,}" in said
    assert f"in several under one id │ {left:,}" in said
    assert f"left out, as of a test set │ {2 * len(images):,}" in said
    assert f"looked for 1, found {2 * len(images):,}" in said
    assert f"1 training images of toy are images of {csv}, found by id, and are left out" in said
    assert f"{len(images) - 1} training images of half show lesions of {csv}" in said
    vasc = (toy["dx"] == "vasc") & (toy["lesion_id"] != lesion)
    assert f"{vasc.sum()} diagnoses contradict those of another dataset" in said
    assert "(vasc in toy, mel in half)" in said
    assert "all are listed in data/both/pool.json" in said
    pooled = find_dataset(workspace / "data", "both")
    assert pooled.table["image_id"].tolist() == sorted(set(toy["image_id"]) - set(images))


def test_a_pool_of_two_that_are_alike(run: Pool, workspace: Path):
    assert "are left out" not in run("both", "toy", "half")
    again = run("both", "toy", "half")
    assert "both: pooled again, the same images" in again
    with pytest.raises(SkinError, match="choose another name, or replace it with --overwrite"):
        run("both", "half", "toy")
    run("both", "half", "toy", "--overwrite")
    record = pd.read_json(workspace / "data" / "both" / "pool.json", typ="series")
    assert [part["name"] for part in record["parts"]] == ["half", "toy"]


def test_a_given_test_set_of_which_nothing_is_there(run: Pool, workspace: Path):
    csv = workspace / "unseen.csv"
    csv.write_text("image\nnobody\n")
    said = run("both", "toy", "half", "--protect", str(csv))
    assert "looked for 1, found 0" in said
    assert f"--protect {csv}: none of its 1 images is in the training sets" in said
    assert "the official test set of isic2018: none" not in said
