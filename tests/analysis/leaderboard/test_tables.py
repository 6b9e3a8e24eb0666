from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from skin.analysis.leaderboard import wording
from skin.analysis.leaderboard.facts import malignant_sensitivity, title_of_rule
from skin.analysis.leaderboard.tables import (
    calibration_table,
    leaderboard_table,
    markdown,
    rich_tables,
    rules_table,
    steps_table,
)

WIDTH = 100


def printed(assessment, width=WIDTH) -> list[str]:
    console = Console(file=StringIO(), width=width)
    for table in rich_tables(assessment):
        console.print(table)
        console.print("=")
    return console.file.getvalue().split("=\n")


def test_terminal_shows_tables_in_order_and_a_line(assessment):
    leaderboard, steps, calibrations, rules, line, _ = printed(assessment)

    assert "Run or method" in leaderboard
    assert "Step" in steps
    assert "Class-wise" in calibrations
    assert "Melanoma" in rules
    assert line.startswith("Referral: 0.200 of the images are referred")


def test_terminal_cuts_nothing(simulate):
    wide = simulate(
        runs=("resnet50_soft_attention_prior_adjusted_seed2", "efficientnet_lite1"),
        methods=12,
        chosen=("boosting+metadata", "vector", "sensitivity:MEL=0.95"),
    )

    text = "".join(printed(wide))

    assert "…" not in text
    assert max(map(len, text.splitlines())) <= WIDTH
    for line in wide.lines:
        assert f"{line.bootstrap.scores.bacc:.3f}" in text
        assert f"{line.in_sample:.3f}" in text
        assert f"{line.bootstrap.scores.accuracy:.3f}" in text
    for rule in wide.rules:
        assert rule.name in text
        assert title_of_rule(rule, wide.task) not in text


def test_terminal_marks_kinds_and_the_chosen(assessment):
    rows = printed(assessment)[0].splitlines()
    place = next(i for i, row in enumerate(rows) if "rank-mean" in row)

    assert rows[place + 1].startswith("chosen")
    assert sum("single run" in row for row in rows) == 3
    assert sum("chosen" in row for row in rows) == 1
    assert sum("best run" in row for row in rows) == 1


def test_terminal_shows_names_as_they_are(awkward):
    text = "".join(printed(awkward))

    for name in awkward.names:
        assert f". {name} " in text


def test_one_run_has_no_steps(alone):
    leaderboard, calibrations, rules, _, _ = printed(alone)

    assert "best run" in leaderboard
    assert "none" in calibrations
    assert "chosen" in rules
    assert "Melanoma" not in rules
    assert steps_table(alone).empty
    assert "bacc_gain_low" in steps_table(alone).columns


def test_leaderboard_table(assessment):
    table = leaderboard_table(assessment)

    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["bacc"].is_monotonic_decreasing
    assert table.set_index("name")["kind"]["rank-mean"] == "method"
    assert table.loc[table["chosen"], "name"].tolist() == ["rank-mean"]
    assert (table["bacc_low"] <= table["bacc"]).all()
    best = table[table["kind"] == "run"].iloc[0]
    others = table[table["name"] != best["name"]]
    assert best[["bacc_difference", "bacc_difference_low"]].isna().all()
    assert (others["bacc"] - others["bacc_difference"]).tolist() == pytest.approx(
        [best["bacc"]] * 5
    )
    for line, (_, row) in zip(assessment.lines, table.iterrows(), strict=True):
        assert row["bacc_in_sample"] == line.in_sample
        assert row["malignant_auc"] == line.bootstrap.scores.malignant_auc
        assert row["recall_DF"] == line.bootstrap.scores.recall[5]


def test_steps_table(assessment):
    table = steps_table(assessment)

    assert table["title"].tolist() == ["cbam, one view", "se joins", "plain joins"]
    assert table["bacc_gain"].isna().tolist() == [True, False, False]
    assert table["bacc"].diff()[1:].tolist() == pytest.approx(table["bacc_gain"][1:].tolist())


def test_calibration_table(assessment):
    table = calibration_table(assessment).set_index("name")
    vector = next(line for line in assessment.calibrations if line.name == "vector").calibration

    assert table.index.tolist() == ["none", "vector", "isotonic"]
    assert table["chosen"].tolist() == [False, True, False]
    assert table.loc["vector", ["log_loss", "brier", "ece", "class_ece"]].tolist() == [
        vector.log_loss,
        vector.brier,
        vector.ece,
        vector.class_ece,
    ]
    assert table.loc["vector", "ece_VASC"] == vector.class_eces[6]


def test_rules_table(assessment):
    table = rules_table(assessment)
    prior = next(rule for rule in assessment.rules if rule.name == "prior").bootstrap

    assert table["name"].tolist() == ["argmax", "prior", "sensitivity:MEL=0.95"]
    assert table["bacc_gain"].isna().tolist() == [True, False, False]
    assert table.loc[1, "recall_MEL"] == prior.scores.recall[0]
    assert table.loc[1, "malignant_sensitivity"] == malignant_sensitivity(
        prior.scores, assessment.task
    )


def test_markdown(assessment):
    text = markdown(assessment)

    assert text.startswith("# 3 runs combined (rank-mean) reach balanced accuracy 0.")
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "## Leaderboard",
        "## Steps",
        "## Calibration",
        "## Decision rules",
        "## Uncertainty",
    ]
    assert "(chosen): mean of ranks within each class | 0." in text
    assert "| none: before calibration |" in text
    assert "| Step | BACC, out of fold | Gain, paired |" in text
    assert "| **prior** (chosen): corrected for the class shares |" in text
    for words in (wording.LEADERBOARD, wording.steps(assessment), wording.rules(assessment)):
        assert words in text
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({row.replace("\\|", "").count("|") for row in block.splitlines()}) == 1


def test_markdown_reads_no_name_as_its_own(awkward):
    text = markdown(awkward)

    assert r"\[bold\]x\[/bold\]: single run" in text
    assert r"\<b\>y\</b\>\|\&amp;: single run" in text
    assert r"\$z_1\$ \*s\*: single run" in text


def test_a_class_without_images_has_no_figures(awkward):
    assert leaderboard_table(awkward)[["recall_MEL", "recall_VASC_low"]].isna().all(axis=None)
    assert rules_table(awkward)["recall_MEL"].isna().all()
    argmax = next(line for line in printed(awkward)[3].splitlines() if line.startswith("argmax"))
    assert argmax.endswith("—")
