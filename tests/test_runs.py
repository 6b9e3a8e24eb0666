from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.config import parse_config
from skin.errors import SkinError
from skin.files import write_json
from skin.runs import (
    Run,
    all_runs,
    choose_runs,
    find_run,
    locate_run,
    oof_columns,
    read_oof,
    score_columns,
)
from skin.taxonomy import get_task

TASK = get_task("isic2018")


def predictions(fold: int, images: int = 2) -> pd.DataFrame:
    """All shares are 1/7."""
    keys = {
        "image_id": [f"00{fold}{image}" for image in range(images)],
        "lesion_id": [f"L{fold}{image}" for image in range(images)],
        "fold": fold,
        "target": "NV",
    }
    shares = dict.fromkeys(oof_columns(TASK)[4:11], 1 / 7)
    logs = dict.fromkeys(oof_columns(TASK)[11:], float(np.log(1 / 7)))
    return pd.DataFrame(keys | shares | logs)


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Run]:
    """Write a run: folds given by number, finished or only begun."""

    def make(name: str, finished: tuple[int, ...] = (0,), begun: tuple[int, ...] = ()) -> Run:
        run = Run(tmp_path / "runs" / name)
        for number in (*finished, *begun):
            run.fold(number).folder.mkdir(parents=True)
        for number in finished:
            folder = run.fold(number).folder
            parse_config({"seed": number}, "test").save(folder / "config.yaml")
            predictions(number).to_csv(folder / "oof.csv", index=False)
            (folder / "history.csv").write_text(
                "epoch,stage,lr,train_loss,valid_loss,valid_bacc,valid_accuracy,images_per_s,seconds\n"
                "0,all,0.001,1.5,1.6,0.5,0.6,100.0,2.0\n"
            )
            write_json(folder / "metadata.json", {"task": "isic2018", "status": "finished"})
        return run

    return make


def test_the_columns_of_a_table_of_predictions():
    assert " ".join(oof_columns(TASK)) == (
        "image_id lesion_id fold target "
        "prob_MEL prob_NV prob_BCC prob_AKIEC prob_BKL prob_DF prob_VASC "
        "logit_MEL logit_NV logit_BCC logit_AKIEC logit_BKL logit_DF logit_VASC"
    )


def test_a_run_reads_its_finished_folds_in_order(make_run: Callable[..., Run]):
    run = make_run("a", finished=(10, 2), begun=(3,))
    assert run.name == "a"
    assert [fold.fold for fold in run.folds()] == [2, 3, 10]
    assert [fold.fold for fold in run.finished_folds()] == [2, 10]
    assert run.task is TASK
    assert run.oof()["image_id"].tolist() == ["00100", "00101", "0020", "0021"]
    fold = run.fold(10)
    assert fold.config().seed == 10
    assert fold.history()["valid_bacc"].tolist() == [0.5]
    assert fold.weights == fold.folder / "best.safetensors"
    assert not run.fold(4).finished


def spoil(table: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    changed = table.astype({column: object})
    changed.loc[1, column] = value
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["prob_DF", "fold"]), "lacks the columns fold, prob_DF$"),
        (lambda t: t.iloc[:0], "has no rows"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "images predicted twice: 0000$"),
        (lambda t: spoil(t, "target", "XXX"), "targets that isic2018 does not have: XXX"),
        (lambda t: spoil(t, "target", None), "targets that isic2018 does not have"),
        (lambda t: spoil(t, "fold", "first"), "cannot be read: .*first"),
        (lambda t: spoil(t, "prob_NV", None), "cannot be read"),
        (lambda t: spoil(t, "prob_NV", "nan"), "probabilities outside 0 to 1 for 0001;"),
        (lambda t: spoil(t, "prob_NV", 1.5), "probabilities outside 0 to 1 for 0001;"),
        (lambda t: spoil(t, "prob_NV", "high"), "cannot be read: .*high"),
        (lambda t: spoil(t, "logit_NV", None), "cannot be read"),
    ],
    ids=[
        "columns",
        "empty",
        "twice",
        "unknown target",
        "no target",
        "fold",
        "no share",
        "nan share",
        "share above 1",
        "text",
        "no logit",
    ],
)
def test_damaged_predictions_are_refused(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
):
    path = tmp_path / "oof.csv"
    change(predictions(0)).to_csv(path, index=False)
    with pytest.raises(SkinError, match=message) as caught:
        read_oof(path, TASK)
    assert str(path) in str(caught.value)


def test_ids_stay_text_and_numbers_exact(tmp_path: Path):
    """Some ids read as numbers or as missing; the columns may stand in any order."""
    table = predictions(0).assign(image_id=["007", "NA"], lesion_id=["", "1e5"])
    table.loc[0, "prob_NV"] = 0.1 + 0.2
    table[sorted(table.columns)].to_csv(tmp_path / "oof.csv", index=False)
    read = read_oof(tmp_path / "oof.csv", TASK)
    assert list(read.columns) == oof_columns(TASK)
    assert read["image_id"].tolist() == ["007", "NA"]
    assert read["lesion_id"].tolist() == ["007", "1e5"], "an image without a lesion is its own"
    assert read.loc[0, "prob_NV"] == 0.1 + 0.2


def scored(table: pd.DataFrame) -> pd.DataFrame:
    scores = dict.fromkeys(score_columns(TASK), 0.25) | {"score_VASC": 0.1 + 0.2}
    return table.assign(**scores)


def test_scores_of_a_rule_are_kept(tmp_path: Path):
    scored(predictions(0)).to_csv(tmp_path / "oof.csv", index=False)

    read = read_oof(tmp_path / "oof.csv", TASK)

    assert score_columns(TASK)[::6] == ["score_MEL", "score_VASC"]
    assert list(read.columns) == [*oof_columns(TASK), *score_columns(TASK)]
    assert read["score_VASC"].tolist() == [0.1 + 0.2] * 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns=["score_DF"]), "lacks the columns score_DF$"),
        (lambda t: spoil(t, "score_NV", 1.5), "scores outside 0 to 1 for 0001;"),
        (lambda t: spoil(t, "score_NV", "nan"), "scores outside 0 to 1 for 0001;"),
        (lambda t: spoil(t, "score_NV", None), "cannot be read"),
    ],
    ids=["some", "above 1", "nan", "none"],
)
def test_damaged_scores_are_refused(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
):
    change(scored(predictions(0))).to_csv(tmp_path / "oof.csv", index=False)
    with pytest.raises(SkinError, match=message):
        read_oof(tmp_path / "oof.csv", TASK)


def test_a_run_has_no_scores_of_a_rule(make_run: Callable[..., Run]):
    run = make_run("a", finished=(0, 1))
    scored(predictions(0)).to_csv(run.fold(0).folder / "oof.csv", index=False)
    assert list(run.oof().columns) == oof_columns(TASK)


def test_an_image_in_two_folds_is_refused(make_run: Callable[..., Run]):
    run = make_run("a", finished=(0, 1))
    predictions(0).to_csv(run.fold(1).folder / "oof.csv", index=False)
    with pytest.raises(SkinError, match=r"a: images predicted twice: 0000, 0001$"):
        run.oof()


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "is missing"), (b"", "cannot be read"), (b"a\n\xff\n", "cannot be read")],
)
def test_files_that_are_no_predictions(tmp_path: Path, content: bytes | None, message: str):
    path = tmp_path / "oof.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SkinError, match=message):
        read_oof(path, TASK)


def test_runs_are_found_by_name_and_by_folder(make_run: Callable[..., Run], tmp_path: Path):
    run = make_run("a")
    assert find_run("a", tmp_path / "runs") == run
    assert find_run(str(run.folder), tmp_path / "nowhere") == run
    assert locate_run("b", tmp_path / "runs") is None


def test_unknown_runs_get_the_nearest(make_run: Callable[..., Run], tmp_path: Path):
    with pytest.raises(SkinError, match="nothing was trained in"):
        find_run("a", tmp_path / "runs")
    make_run("resnet50")
    with pytest.raises(SkinError, match="did you mean 'resnet50'"):
        find_run("resnet5", tmp_path / "runs")


def test_all_runs_are_folders_with_folds(make_run: Callable[..., Run], tmp_path: Path):
    runs = [make_run("b", finished=(), begun=(0,)), make_run("a")]
    (tmp_path / "runs" / "notes.txt").write_text("")
    (tmp_path / "runs" / "empty").mkdir()
    assert all_runs(tmp_path / "runs") == runs[::-1]
    assert all_runs(tmp_path / "nowhere") == []


def test_all_finished_runs_are_chosen_and_named(
    make_run: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    a, b = make_run("a"), make_run("b")
    make_run("c", finished=(), begun=(0,))
    assert choose_runs([], tmp_path / "runs") == [a, b]
    assert "taking all finished runs: a, b" in capsys.readouterr().err
    assert choose_runs(["b"], tmp_path / "runs") == [b]
    assert capsys.readouterr().err == ""


def test_runs_without_a_finished_fold_are_refused(make_run: Callable[..., Run], tmp_path: Path):
    with pytest.raises(SkinError, match="no run has no finished fold; see `skin train`"):
        choose_runs([], tmp_path / "runs")
    make_run("a", finished=(), begun=(0,))
    with pytest.raises(SkinError, match="a has no finished fold; see `skin train`"):
        choose_runs(["a"], tmp_path / "runs")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "config.yaml is missing"),
        ("a: [", "config.yaml is not a YAML file"),
        ("sed: 1", "config.yaml: unknown key 'sed', did you mean 'seed'"),
        ("- 1", "config.yaml"),
    ],
)
def test_a_damaged_config_is_named(make_run: Callable[..., Run], content: str | None, message: str):
    fold = make_run("a").fold(0)
    (fold.folder / "config.yaml").unlink()
    if content is not None:
        (fold.folder / "config.yaml").write_text(content)
    with pytest.raises(SkinError, match=message):
        fold.config()
