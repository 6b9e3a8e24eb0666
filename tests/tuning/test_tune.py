"""A study that trains: small, and on synthetic images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from skin.config import Config, load_config
from skin.errors import SkinError
from skin.training.loop import FoldTrainer
from skin.tuning.results import Outcome
from skin.tuning.space import parse_choice, parse_range
from skin.tuning.tune import tune

PARAMETERS = [
    parse_range("optimizer.lr=1e-4..1e-1"),
    parse_choice("model.attention=none,se"),
]


@pytest.fixture
def config(workspace: Path, write_config: Callable[..., Path]) -> Config:
    del workspace
    return load_config(write_config(training={"epochs": 1}))


def search(config: Config, trials: int, **options: object) -> Outcome:
    arguments = {"parameters": PARAMETERS, "folds": "0"} | options
    return tune(config, Path("tuning/s"), data_dir=Path("data"), trials=trials, **arguments)


def test_a_study_trains_and_goes_on(config: Config, capsys: pytest.CaptureFixture[str]):
    first = search(config, 1)
    folder = first.folder
    # The first trial is the config as it is.
    assert first.table.loc[0, ["optimizer.lr", "model.attention"]].tolist() == [0.003, "none"]
    trained = (folder / "trial000" / "fold0" / "oof.csv").stat().st_mtime_ns

    outcome = search(config, 3)
    assert (folder / "trial000" / "fold0" / "oof.csv").stat().st_mtime_ns == trained
    table = pd.read_csv(folder / "trials.csv")
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["state"].tolist() == ["complete"] * 3
    assert table["epochs"].tolist() == [1] * 3
    assert (table["seconds"] > 0).all()
    for number, row in outcome.table.iterrows():
        fold = folder / f"trial{number:03d}" / "fold0"
        history = pd.read_csv(fold / "history.csv")
        assert row["bacc"] == pytest.approx(history["valid_bacc"].max())
        saved = load_config(fold / "config.yaml")
        assert saved.optimizer.lr == row["optimizer.lr"]
        assert saved.model.attention == row["model.attention"]
    assert outcome.best is not None
    weights = [path.parts[-3] for path in sorted(folder.rglob("best.safetensors"))]
    assert weights == [f"trial{outcome.best.number:03d}"]
    assert (folder / "figure.svg").stat().st_size > 1000
    assert (outcome.folds, outcome.others) == ((0,), (1,))
    assert capsys.readouterr().err.count("dataset: toy") == 2  # once a call, not once a trial

    with pytest.raises(SkinError, match=r"folds: \[0\] -> \[0, 1\]"):
        search(config, 4, folds="0,1")


def test_a_killed_trial_goes_on_at_its_checkpoint(
    workspace: Path, write_config: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
):
    """It ends as one that was not stopped, and trains no epoch twice."""
    del workspace
    config = load_config(write_config(training={"epochs": 2}))
    epochs: list[int] = []
    end_epoch = FoldTrainer._end_epoch  # noqa: SLF001 - where a kill is to fall

    def counted(trainer: FoldTrainer, *arguments: object) -> None:
        end_epoch(trainer, *arguments)
        epochs.append(trainer.progress.epoch)
        if len(epochs) == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(FoldTrainer, "_end_epoch", counted)
    with pytest.raises(KeyboardInterrupt):
        search(config, 1)
    resumed = search(config, 1)
    assert epochs == [1, 2]
    assert resumed.table["state"].tolist() == ["complete"]
    assert resumed.table["epochs"].tolist() == [2]
    whole = tune(config, Path("tuning/whole"), PARAMETERS, "0", Path("data"), trials=1)
    assert whole.table["bacc"].tolist() == resumed.table["bacc"].tolist()


def test_the_score_is_the_mean_over_the_folds(config: Config):
    outcome = search(config, 1, folds="all", parameters=[])
    baccs = [pd.read_csv(path)["valid_bacc"].max() for path in outcome.folder.rglob("history.csv")]
    assert len(baccs) == 2
    assert outcome.table.loc[0, "bacc"] == pytest.approx(sum(baccs) / 2)
    assert outcome.others == ()


MISTAKES = {
    "key": ({"parameters": [parse_range("optimizer.lrr=1..2")]}, "did you mean 'lr'"),
    "fold": ({"folds": "7"}, "the dataset's folds are 0 to 1"),
    "name": ({"parameters": [parse_choice("model.attention=se,sea")]}, "unknown block 'sea'"),
    "optimizer": ({"parameters": [parse_choice("optimizer.name=sgd,adm")]}, "optimizer 'adm'"),
    "pipeline": (
        {"parameters": [parse_choice("augment.train=[{RandomResizedCrop: {}}],[{D5: {}}]")]},
        "augment.train: unknown transform 'D5'",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_leaves_nothing(config: Config, case: str):
    options, message = MISTAKES[case]
    with pytest.raises(SkinError, match=message):
        search(config, 1, **options)
    assert not Path("tuning/s").exists()
