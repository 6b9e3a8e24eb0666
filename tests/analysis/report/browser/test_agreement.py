from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skin.analysis.report.browser import agreement
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.tables import comparison_table
from skin.taxonomy import TASKS

TASK = TASKS["isic2018"]


@pytest.fixture
def comparison(workspace):
    workspace.run("plain")
    workspace.run("se", skill=3.0, seed=4)
    return compare(collect([], *workspace.folders), resamples=100)


def deciding(row, decided) -> object:
    """Give a row that decides the given classes with probability 0.7."""
    shares = np.full((len(decided), len(TASK)), 0.05)
    shares[np.arange(len(decided)), decided] = 0.7
    columns = {f"prob_{code}": shares[:, i] for i, code in enumerate(TASK.codes)}
    return replace(row, entry=replace(row.entry, oof=row.entry.oof.assign(**columns)))


def test_table_counts_by_class(comparison):
    first, second = comparison.ranked
    targets = first.entry.targets
    wrong = (targets + 1) % len(TASK)
    mel = np.flatnonzero(targets == 0)
    one, other = targets.copy(), targets.copy()
    one[mel[:5]], other[mel[:3]] = wrong[mel[:5]], wrong[mel[:3]]

    table = agreement.images_table(TASK, [deciding(first, one), deciding(second, other)])

    texts = {line.head: [cell.text for cell in line.cells] for line in table.lines}
    count = len(mel)
    assert texts["MEL Melanoma"] == [str(count), str(count - 5), "2", "3"]
    assert texts["VASC Vascular lesion"][2:] == ["0", "0"]
    assert texts["All"] == ["240", "235", "2", "3"]
    assert table.heads == ["True class", "Images", "Right in all", "Some", "Right in none"]
    assert table.frame["rows_right"].value_counts().to_dict() == {2: 235, 0: 3, 1: 2}


def test_table_of_one_row_agrees_with_its_accuracy(comparison):
    table = agreement.images_table(TASK, comparison.ranked[:1])

    assert table.heads[2:] == ["Right", "Wrong"]
    accuracy = comparison_table(comparison)["accuracy"][0]
    assert table.lines[-1].cells[1].value == pytest.approx(accuracy)


def test_file_has_every_image_with_every_run(comparison):
    frame = agreement.images_table(TASK, comparison.ranked).frame

    oof = comparison.best.entry.oof
    name = comparison.best.entry.name
    assert frame["image_id"].tolist() == oof["image_id"].tolist()
    probabilities = oof[[f"prob_{code}" for code in TASK.codes]]
    assert frame[f"p_decided_{name}"].tolist() == probabilities.max(axis=1).tolist()
    assert frame[f"p_true_{name}"].tolist() == [
        row[f"prob_{row['target']}"] for _, row in oof.iterrows()
    ]
    right = frame[f"decided_{name}"] == frame["target"]
    assert right.mean() == comparison.best.scores.accuracy


def test_finding_tells_how_many_no_run_gets_right(comparison):
    first, second = comparison.ranked
    targets = first.entry.targets
    decided = targets.copy()
    decided[np.flatnonzero(targets == 0)[:6]] = 1
    decided[np.flatnonzero(targets == 4)[:6]] = 2
    decided[np.flatnonzero(targets == 0)[6]] = 2
    rows = [deciding(first, decided), deciding(second, decided)]

    assert agreement.finding(TASK, rows).startswith(
        "All 2 runs get 13 of 240 images wrong (5.4\N{NO-BREAK SPACE}%, "
    )
    # Of pairs that are as frequent, the first in the order of the classes.
    assert agreement.finding(TASK, rows).endswith(
        f"; 6 are MEL taken for NV by {first.entry.name}."
    )
    assert agreement.finding(TASK, rows[:1]).startswith(f"{first.entry.name} gets 13 of")
    assert not agreement.finding(TASK, [rows[0], deciding(second, targets)])


def test_finding_names_ties(comparison):
    row = comparison.best
    columns = dict.fromkeys([f"prob_{code}" for code in TASK.codes], 0.1)
    tied = replace(row, entry=replace(row.entry, oof=row.entry.oof.assign(**columns)))

    assert "gets 240 of 240 images wrong (100.0" in agreement.finding(TASK, [tied])
    assert "tied." in agreement.finding(TASK, [tied])
    assert agreement.images_table(TASK, [tied]).frame["decided_se"].unique().tolist() == ["tied"]
