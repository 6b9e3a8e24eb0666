from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.ensembling.build import combine_oof, mean_ensemble
from skin.ensembling.combine import Mean
from skin.ensembling.ensemble import load_ensemble
from skin.errors import SkinError
from skin.runs import Run, logit_columns, oof_columns, probability_columns, read_oof
from skin.taxonomy import get_task

MakeRun = Callable[..., Run]
TASK = get_task("isic2018")
FIRST = (0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
SECOND = (0.2, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1)
MEAN = [0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]


def test_the_mean_of_two_runs_by_hand(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a", FIRST), make_run("b", SECOND)]
    table = mean_ensemble(runs, tmp_path / "main")
    assert table["image_id"].tolist() == ["I00", "I01", "I10", "I11"]
    assert table["fold"].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(table[probability_columns(TASK)], [MEAN] * 4)
    np.testing.assert_allclose(np.exp(table[logit_columns(TASK)]), [MEAN] * 4)


def test_what_is_written_reads_back(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a", FIRST), make_run("b", SECOND)]
    table = mean_ensemble(runs, tmp_path / "main")
    written = read_oof(tmp_path / "main" / "oof.csv", TASK)
    assert list(written.columns) == oof_columns(TASK)
    pd.testing.assert_frame_equal(written, table, check_dtype=False)
    ensemble = load_ensemble(tmp_path / "main")
    assert ensemble.combiner == Mean.equal(2)
    assert [run.name for run in ensemble.runs] == ["a", "b"]
    assert sorted(path.name for path in (tmp_path / "main").iterdir()) == [
        "ensemble.json",
        "oof.csv",
    ]


def test_one_run_is_its_own_mean(make_run: MakeRun, tmp_path: Path):
    run = make_run("a", FIRST)
    table = mean_ensemble([run], tmp_path / "main")
    pd.testing.assert_frame_equal(table, run.oof(), check_dtype=False)


def test_the_order_of_a_runs_rows_does_not_matter(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a", FIRST), make_run("b", SECOND)]
    expected = mean_ensemble(runs, tmp_path / "main")
    path = runs[1].fold(0).folder / "oof.csv"
    pd.read_csv(path).iloc[::-1].to_csv(path, index=False)
    pd.testing.assert_frame_equal(mean_ensemble(runs, tmp_path / "other"), expected)


def test_other_weights_count(make_run: MakeRun):
    runs = [make_run("a", FIRST), make_run("b", SECOND)]
    table = combine_oof(runs, [run.oof() for run in runs], Mean(weights=(0.25, 0.75)))
    np.testing.assert_allclose(table[probability_columns(TASK)].iloc[0, :3], [0.25, 0.25, 0.1])


def rewrite(run: Run, column: str, value: object) -> None:
    path = run.fold(1).folder / "oof.csv"
    table = pd.read_csv(path)
    table.loc[1, column] = value
    table.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("column", "value"), [("image_id", "X"), ("lesion_id", "X"), ("fold", 0), ("target", "MEL")]
)
def test_runs_of_other_images_are_refused(
    make_run: MakeRun, tmp_path: Path, column: str, value: object
):
    runs = [make_run("a"), make_run("b")]
    rewrite(runs[1], column, value)
    with pytest.raises(SkinError, match="'a' and 'b' do not predict the same images"):
        mean_ensemble(runs, tmp_path / "main")
    assert not (tmp_path / "main").exists()


def test_runs_of_other_folds_are_refused(make_run: MakeRun, tmp_path: Path):
    """One could have trained on what the other holds out."""
    runs = [make_run("a"), make_run("b", folds_hash="0" * 64)]
    with pytest.raises(SkinError, match=r"made on different folds .a: ffffffff, b: 00000000"):
        mean_ensemble(runs, tmp_path / "main")
    assert not (tmp_path / "main").exists()


def test_runs_with_other_finished_folds_are_refused(make_run: MakeRun, tmp_path: Path):
    runs = [make_run("a"), make_run("b", folds=(0,))]
    with pytest.raises(SkinError, match=r"a has \[0, 1\]; b has \[0\].: train the missing ones"):
        mean_ensemble(runs, tmp_path / "main")
    assert not (tmp_path / "main").exists()


def test_an_ensemble_made_again_is_replaced(make_run: MakeRun, tmp_path: Path):
    a, b = make_run("a", FIRST), make_run("b", SECOND)
    mean_ensemble([a, b], tmp_path / "main")
    mean_ensemble([a], tmp_path / "main")
    assert len(load_ensemble(tmp_path / "main").runs) == 1
