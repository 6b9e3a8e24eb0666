"""The figure that judges epochs: by hand, and what the loop does by it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from skin.config import load_config
from skin.errors import SkinError
from skin.runs import Run
from skin.taxonomy import get_task
from skin.training import display
from skin.training.display import Display
from skin.training.run import train_run
from skin.training.selection import Selection

SHARES = np.array([[0.7, 0.1, 0.2], [0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.1, 0.3, 0.6]])


def judged(by: str, task: str, targets: list[int], shares: np.ndarray) -> dict[str, float]:
    selection = Selection.of(by, get_task(task), np.array(targets))
    return selection.areas(np.log(shares))


def test_bacc_is_in_every_history_already():
    assert judged("bacc", "isic2017", [0, 1, 2, 2], SHARES) == {}
    selection = Selection.of("bacc", get_task("isic2017"), np.array([0]))
    assert (selection.title, selection.column) == ("BACC", "valid_bacc")


def test_auc_of_isic2017_is_the_mean_of_its_two_columns():
    # Melanoma: 0.7 above the others. Keratosis: of 0.5, 0.4 and 0.3, the middle one is the true.
    figures = judged("auc", "isic2017", [0, 2, 1, 2], SHARES)
    assert figures == {"valid_auc": pytest.approx((1 + 2 / 3) / 2)}


@pytest.mark.parametrize("task", ["melanoma", "malignant"])
def test_of_a_binary_task_the_positive_class_counts(task: str):
    shares = np.array([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.2, 0.8]])
    assert judged("auc", task, [0, 0, 1, 1], shares) == {"valid_auc": pytest.approx(3 / 4)}
    # The lower of the two positives has one of two negatives above it.
    assert judged("pauc", task, [0, 0, 1, 1], shares) == {"valid_pauc": pytest.approx(0.2 * 0.5)}


def test_the_unknown_column_has_no_area():
    task = get_task("isic2019")
    targets = np.arange(8)
    perfect = np.eye(8) * 0.9 + 0.0125
    selection = Selection.of("auc", task, targets)
    assert selection.areas(np.log(perfect)) == {"valid_auc": 1.0}


def test_what_is_no_number_is_no_epoch_to_keep():
    assert np.isnan(judged("auc", "isic2017", [0, 1, 2, 2], SHARES * np.nan)["valid_auc"])


@pytest.mark.parametrize(
    ("by", "task", "targets", "message"),
    [
        ("pauc", "isic2017", [0, 1, 2], "task 'isic2017' has 2 .melanoma, seborrheic_keratosis.:"),
        ("pauc", "isic2018", list(range(7)), "task 'isic2018' has 7"),
        ("auc", "isic2017", [0, 2, 2], "all or none are of seborrheic_keratosis: use bacc"),
        ("auc", "melanoma", [1, 1], "all or none are of target"),
        ("pauc", "malignant", [0, 0], "select_by is pauc, which needs validation images"),
    ],
)
def test_a_figure_that_is_not_defined_is_refused(
    by: str, task: str, targets: list[int], message: str
):
    with pytest.raises(SkinError, match=message):
        Selection.of(by, get_task(task), np.array(targets))


class Stopped(Exception):  # noqa: N818 - no error, only a way out
    """Raised after an epoch, as an interrupt would be."""


RESULTS = ("oof.csv", "best.safetensors", "last.safetensors")


@pytest.mark.parametrize(("by", "stop_after"), [("auc", 0), ("pauc", 2)], ids=["auc", "pauc"])
def test_the_best_epoch_is_that_of_the_figure(
    by: str, stop_after: int, workspace: Path, write_config: Callable[..., Path]
):
    """Also where the training was stopped and goes on, to the last bit."""
    training = {"epochs": 4, "select_by": by, "early_stopping": 3, "ema_decay": None}
    schedule = {"kind": "plateau", "plateau_patience": 0}
    path = write_config(task="malignant", training=training, schedule=schedule)
    told: list[float] = []

    def stop(_fold: int, epoch: int, bacc: float) -> None:
        told.append(bacc)
        if epoch == stop_after:
            raise Stopped

    stopped, whole = (Run(workspace / "runs" / each) for each in ("stopped", "whole"))
    with pytest.raises(Stopped):
        train_run(load_config(path), stopped, "0", workspace / "data", on_epoch=stop)
    for run in (stopped, whole):
        train_run(load_config(path), run, "0", workspace / "data")
    for file in RESULTS:
        assert (stopped.fold(0).folder / file).read_bytes() == (
            whole.fold(0).folder / file
        ).read_bytes(), file

    history, again = (pd.read_csv(run.fold(0).folder / "history.csv") for run in (whole, stopped))
    metadata = whole.fold(0).metadata()
    column = f"valid_{by}"
    assert metadata["best_epoch"] == history[column].idxmax()
    assert metadata["best_bacc"] == history["valid_bacc"][metadata["best_epoch"]]
    assert told == history["valid_bacc"][: stop_after + 1].tolist()
    assert history[column].between(0, 1 if by == "auc" else 0.2).all()
    assert again[column].tolist() == history[column].tolist()
    # The plateau, too, is one of this figure: an epoch that is no new best lowers the rate.
    rises = history[column].cummax().diff().gt(0)[1:-1]
    lowered = history["lr"].diff().lt(0)[2:]
    assert lowered.tolist() == (~rises).tolist()


def test_a_validation_part_without_positives_leaves_nothing_behind(
    workspace: Path, write_config: Callable[..., Path]
):
    path = write_config(task="isic2018", training={"select_by": "pauc"})
    run = Run(workspace / "runs" / "pauc")
    with pytest.raises(SkinError, match="which is of one column, and task 'isic2018' has 7"):
        train_run(load_config(path), run, "0", workspace / "data")
    assert not run.folder.exists()


@pytest.mark.parametrize(("by", "shown"), [("bacc", "BACC 0.500  9"), ("auc", "AUC 0.750  9")])
def test_the_display_names_the_figure(by: str, shown: str, monkeypatch: pytest.MonkeyPatch):
    text = io.StringIO()
    monkeypatch.setattr(display, "err", Console(file=text, width=200))
    row = {
        "epoch": 0,
        "lr": 1e-3,
        "train_loss": 1.0,
        "valid_loss": 1.0,
        "valid_bacc": 0.5,
        "valid_auc": 0.75,
        "images_per_s": 9.0,
        "seconds": 1.0,
    }
    selection = Selection.of(by, get_task("malignant"), np.array([0, 1]))
    with Display("fold 0", 1, 0, selection) as shows:
        shows.epoch(row, best=True)
    assert shown in text.getvalue()
    assert "BACC 0.500" in text.getvalue()
