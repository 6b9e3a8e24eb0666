from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skin.ensembling.gather import gather
from skin.errors import SkinError
from skin.runs import Run
from skin.taxonomy import get_task

MakeRun = Callable[..., Run]
TASK = get_task("isic2018")
FIRST = (0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
SECOND = (0.2, 0.3, 0.1, 0.1, 0.1, 0.1, 0.1)
NOWHERE = Path("nowhere")


def rewrite(run: Run, column: str, value: object) -> None:
    path = run.fold(1).folder / "oof.csv"
    table = pd.read_csv(path)
    table.loc[1, column] = value
    table.to_csv(path, index=False, na_rep="nan")


def test_two_runs_side_by_side(make_run: MakeRun):
    oof = gather([make_run("a", FIRST), make_run("b", SECOND)], data_dir=NOWHERE)
    assert oof.names == ("a", "b")
    assert oof.image_ids.tolist() == ["I00", "I01", "I10", "I11"]
    assert oof.lesions.tolist() == ["L0", "L0", "L1", "L1"]
    assert oof.parts.tolist() == [0, 0, 1, 1]
    assert oof.targets.tolist() == [TASK.codes.index("NV")] * 4
    np.testing.assert_allclose(np.exp(oof.log_probabilities[0]), [FIRST] * 4)
    np.testing.assert_allclose(np.exp(oof.log_probabilities[1]), [SECOND] * 4)
    assert oof.metadata is None


def test_the_order_of_a_runs_rows_does_not_matter(make_run: MakeRun):
    runs = [make_run("a", FIRST), make_run("b", SECOND)]
    expected = gather(runs, data_dir=NOWHERE)
    path = runs[1].fold(0).folder / "oof.csv"
    pd.read_csv(path).iloc[::-1].to_csv(path, index=False)
    again = gather(runs, data_dir=NOWHERE)
    np.testing.assert_array_equal(again.log_probabilities, expected.log_probabilities)


@pytest.mark.parametrize(
    ("column", "value"), [("image_id", "X"), ("lesion_id", "X"), ("fold", 0), ("target", "MEL")]
)
def test_runs_of_other_images_are_refused(make_run: MakeRun, column: str, value: object):
    runs = [make_run("a"), make_run("b")]
    rewrite(runs[1], column, value)
    with pytest.raises(SkinError, match="'a' and 'b' do not predict the same images"):
        gather(runs, data_dir=NOWHERE)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"folds_hash": "0" * 64}, r"made on different folds .a: ffffffff, b: 00000000"),
        ({"folds": (0,)}, r"a has \[0, 1\]; b has \[0\].: train the missing ones"),
        ({"classes": [*TASK.codes[::-1]]}, r"b/fold0 was trained with the classes VASC, DF.*order"),
    ],
)
def test_runs_that_cannot_stand_together(make_run: MakeRun, metadata: dict[str, Any], message: str):
    runs = [make_run("a"), make_run("b", **metadata)]
    with pytest.raises(SkinError, match=message):
        gather(runs, data_dir=NOWHERE)


def test_folds_of_one_run_on_different_folds(make_run: MakeRun):
    run = make_run("a", folds=(0,))
    make_run("a", folds=(1,), folds_hash="0" * 64)
    with pytest.raises(SkinError, match="a: 00000000 and ffffffff"):
        gather([run], data_dir=NOWHERE)


@pytest.mark.parametrize("value", [float("nan"), 0.5])
def test_a_prediction_that_is_no_log_probability(make_run: MakeRun, value: object):
    run = make_run("a")
    rewrite(run, "logit_MEL", value)
    with pytest.raises(SkinError, match="runs/a: the log-probabilities of I11 are no numbers"):
        gather([run], data_dir=NOWHERE)


def test_a_row_of_nothing_but_zeros(make_run: MakeRun):
    run = make_run("a")
    for code in TASK.codes:
        rewrite(run, f"logit_{code}", -np.inf)
    with pytest.raises(SkinError, match="the log-probabilities of I11 are no numbers"):
        gather([run], data_dir=NOWHERE)


def test_no_dataset_for_the_metadata(make_run: MakeRun, tmp_path: Path):
    run = make_run("a", dataset="toy", dataset_hash="0" * 64)
    with pytest.raises(SkinError, match="no dataset under"):
        gather([run], metadata=True, data_dir=tmp_path)
