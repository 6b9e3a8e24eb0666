from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from skin.analysis.report import wording
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.tables import comparison_table
from skin.errors import SkinError
from skin.taxonomy import TASKS, Task


def edit(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_run_is_pooled_over_its_folds(workspace):
    workspace.run("plain")

    (entry,) = collect(["plain"], *workspace.folders)

    truth = workspace.truth()
    assert entry.oof["image_id"].tolist() == truth["image_id"].tolist()
    assert [entry.task.codes[i] for i in entry.targets] == truth["target"].tolist()
    assert entry.lesions.tolist() == truth["lesion_id"].tolist()
    assert entry.probabilities.shape == (240, 7)
    assert entry.probabilities.sum(axis=1) == pytest.approx(1)
    assert entry.fold_numbers == [0, 1, 2]
    assert (entry.kind, entry.seconds, entry.parameters) == ("run", 3 * 61.5, 4_012_672)


def test_probabilities_are_read_bit_for_bit(workspace):
    workspace.run("plain", seed=4)

    (entry,) = collect(["plain"], *workspace.folders)

    written = workspace.predictions(2.0, 4)[[f"prob_{code}" for code in entry.task.codes]]
    assert (entry.probabilities == written.to_numpy()).all()


def test_all_that_is_finished_is_taken_without_names(workspace, capsys):
    workspace.run("b")
    workspace.run("a")
    workspace.run("half", status="running")
    workspace.ensemble("mean")

    entries = collect([], *workspace.folders)

    assert [entry.name for entry in entries] == ["a", "b", "mean"]
    assert "no fold finished: half" in capsys.readouterr().err


def test_unfinished_folds_are_left_out_with_a_warning(workspace, capsys):
    folder = workspace.run("plain")
    (folder / "fold1" / "metadata.json").unlink()
    edit(folder / "fold2" / "metadata.json", status="running")

    (entry,) = collect(["plain"], *workspace.folders)

    assert entry.fold_numbers == [0]
    assert entry.seconds == 61.5
    assert "plain: left out, not finished: fold 1, 2" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["{root}/runs/plain", "{root}/runs/plain/", "plain"])
def test_folders_and_names_mean_the_same(workspace, form):
    workspace.run("plain")

    (entry,) = collect([form.format(root=workspace.root), "plain"], *workspace.folders)

    assert entry.name == "plain"


def test_ensemble_is_read(workspace):
    workspace.ensemble("mean", tta="dihedral", seconds=12.0)

    (entry,) = collect(["mean"], *workspace.folders)

    assert (entry.kind, entry.tta, entry.seconds, entry.parameters) == (
        "ensemble",
        "dihedral",
        12.0,
        None,
    )
    assert entry.fold_numbers == [0, 1, 2]


def test_image_without_a_lesion_is_its_own(workspace):
    folder = workspace.run("plain")
    path = folder / "fold0" / "oof.csv"
    table = pd.read_csv(path)
    table.loc[0, "lesion_id"] = None
    table.to_csv(path, index=False)

    (entry,) = collect(["plain"], *workspace.folders)

    assert table.loc[0, "image_id"] in entry.lesions


def test_lesion_in_two_folds_leaks_whatever_is_recorded(workspace, capsys):
    folder = workspace.run("plain")
    path = folder / "fold0" / "oof.csv"
    table = pd.read_csv(path)
    table.loc[0, "lesion_id"] = pd.read_csv(folder / "fold1" / "oof.csv").loc[0, "lesion_id"]
    table.to_csv(path, index=False)

    (entry,) = collect(["plain"], *workspace.folders)

    assert entry.leaking
    assert table.loc[0, "lesion_id"] in capsys.readouterr().err.replace("\n", "")


def test_recorded_leak_is_kept(workspace):
    workspace.run("plain", leaking=True)
    workspace.ensemble("mean", leaking=True)

    assert all(entry.leaking for entry in collect([], *workspace.folders))


def test_nothing_finished(workspace):
    with pytest.raises(SkinError, match=r"no finished run: train one with `skin train`"):
        collect([], *workspace.folders)


def test_unknown_name_gets_the_nearest(workspace):
    workspace.run("resnet50")

    with pytest.raises(SkinError, match="no run or ensemble 'resnet5': did you mean 'resnet50'"):
        collect(["resnet5"], *workspace.folders)


def test_name_of_a_run_and_of_an_ensemble_is_refused(workspace):
    workspace.run("same")
    workspace.ensemble("same")

    with pytest.raises(SkinError, match="'same' is a run and an ensemble"):
        collect(["same"], *workspace.folders)
    with pytest.raises(SkinError, match="several folders share the name same"):
        collect([], *workspace.folders)


def test_named_run_without_a_finished_fold(workspace):
    workspace.run("plain", status="running")

    with pytest.raises(SkinError, match="no finished fold"):
        collect(["plain"], *workspace.folders)


def test_runs_of_two_tasks_are_refused(workspace, monkeypatch):
    monkeypatch.setitem(TASKS, "other", Task("other", TASKS["isic2018"].classes))
    workspace.run("a")
    workspace.run("b", task="other")

    with pytest.raises(SkinError, match=r"isic2018: a; other: b"):
        collect([], *workspace.folders)


def test_folds_of_two_tasks_are_refused(workspace, monkeypatch):
    monkeypatch.setitem(TASKS, "other", TASKS["isic2018"])
    folder = workspace.run("a")
    edit(folder / "fold1" / "metadata.json", task="other")

    with pytest.raises(SkinError, match="its folds are of different tasks"):
        collect(["a"], *workspace.folders)


def test_damaged_metadata_is_named(workspace):
    path = workspace.run("plain") / "fold1" / "metadata.json"
    edit(path, seconds="long", parameters=None)

    with pytest.raises(SkinError, match=re.escape(str(path)) + r".*seconds: .*parameters: "):
        collect(["plain"], *workspace.folders)


@pytest.mark.parametrize("text", ["[]", "3", "{"])
def test_metadata_that_is_no_object_is_named(workspace, text):
    path = workspace.run("plain") / "fold1" / "metadata.json"
    path.write_text(text)

    with pytest.raises(SkinError, match=re.escape(str(path))):
        collect(["plain"], *workspace.folders)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="prob_DF"), "lacks the columns prob_DF"),
        (lambda t: t.assign(prob_DF=1.5), "probabilities outside 0 to 1"),
        (lambda t: t.assign(prob_DF=float("nan")), "cannot be read"),
        (lambda t: t.assign(prob_DF=-0.1), "probabilities outside 0 to 1"),
        (lambda t: t.assign(prob_DF=float("inf")), "probabilities outside 0 to 1"),
        (lambda t: t.assign(prob_DF="nan"), "probabilities outside 0 to 1"),
        (lambda t: t.assign(prob_DF="high"), "cannot be read.*'high'"),
        (lambda t: t.assign(fold=0.5), "cannot be read.*0.5"),
        (lambda t: t.assign(target="SCC"), "targets that isic2018 does not have: SCC"),
        (lambda t: t.head(0), "has no rows"),
        (lambda t: pd.concat([t, t.head(1)]), "images predicted twice: ISIC_"),
    ],
)
def test_damaged_predictions_are_named(workspace, change, message):
    path = workspace.run("plain") / "fold2" / "oof.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)

    with pytest.raises(SkinError, match=message) as refused:
        collect(["plain"], *workspace.folders)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("name", ["oof.csv", "history.csv"])
def test_missing_table_is_named(workspace, name):
    path = workspace.run("plain") / "fold2" / name
    path.unlink()

    with pytest.raises(SkinError, match=re.escape(f"{path} is missing")):
        collect(["plain"], *workspace.folders)


def as_binary(workspace, name):
    """Write a run that was trained on the binary task, with the predictions of another."""
    folder = workspace.run(name)
    malignant = ["MEL", "BCC", "AKIEC"]
    for fold in folder.iterdir():
        table = pd.read_csv(fold / "oof.csv")
        summed = table[[f"prob_{code}" for code in malignant]].sum(axis=1)
        target = np.where(table["target"].isin(malignant), "MAL", "BEN")
        binary = table[["image_id", "lesion_id", "fold"]].assign(target=target)
        for code, values in (("BEN", 1 - summed), ("MAL", summed)):
            binary = binary.assign(**{f"prob_{code}": values, f"logit_{code}": np.log(values)})
        binary.to_csv(fold / "oof.csv", index=False)
        edit(fold / "metadata.json", task="malignant")
    return folder


def test_runs_of_several_tasks_stand_together_as_the_coarser_one(workspace):
    workspace.run("seven")
    as_binary(workspace, "two")

    with pytest.raises(SkinError, match="score all of them as a coarser task, as --as malignant"):
        collect([], *workspace.folders)
    seven, two = collect([], *workspace.folders, scored_as=TASKS["malignant"])

    assert (seven.trained_as, two.trained_as) == ("isic2018", "malignant")
    assert seven.task == two.task == TASKS["malignant"]
    assert seven.targets.tolist() == two.targets.tolist()
    np.testing.assert_allclose(seven.probabilities, two.probabilities)
    result = compare([seven, two], resamples=100)
    assert all(row.ranked for row in result.rows)
    notes = " ".join(wording.notes(result))
    assert "Scored as malignant" in notes
    assert "(trained on isic2018: seven)" in notes
    table = comparison_table(result).set_index("run")
    assert table["task"].unique().tolist() == ["malignant"]
    assert table["trained_as"].to_dict() == {"seven": "isic2018", "two": "malignant"}


def test_malignant_auc_is_the_same_in_both_tasks(workspace):
    workspace.run("plain")

    (seven,) = compare(collect([], *workspace.folders), resamples=100).rows
    coarse = collect([], *workspace.folders, scored_as=TASKS["malignant"])
    (two,) = compare(coarse, resamples=100).rows

    assert two.scores.malignant_auc == pytest.approx(seven.scores.malignant_auc)
    assert two.scores.macro_auc == pytest.approx(seven.scores.malignant_auc)
    assert "Scored as" not in " ".join(wording.notes(compare(collect([], *workspace.folders))))


def test_a_coarser_run_cannot_be_scored_as_a_finer_task(workspace):
    as_binary(workspace, "two")

    with pytest.raises(SkinError, match="two: task 'malignant' cannot be scored as 'isic2018'"):
        collect([], *workspace.folders, scored_as=TASKS["isic2018"])
