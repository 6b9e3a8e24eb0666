from __future__ import annotations

from dataclasses import replace

import pytest

from skin.analysis.report import wording
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.statistics import Interval
from skin.errors import SkinError


def comparison(workspace, resamples=200):
    return compare(collect([], *workspace.folders), resamples=resamples)


def test_best_comes_first_and_others_differ_from_it(workspace):
    workspace.run("weak", skill=1.0)
    workspace.run("strong", skill=4.0)
    workspace.ensemble("middle", skill=2.0)

    result = comparison(workspace)

    assert [row.entry.name for row in result.rows] == ["strong", "middle", "weak"]
    best, middle, weak = result.rows
    assert best.difference is None
    assert middle.difference.value == pytest.approx(middle.scores.bacc - best.scores.bacc)
    assert weak.difference.high < 0
    assert result.ranked == result.rows


def test_differences_are_to_the_baseline_where_one_is_named(workspace):
    workspace.run("weak", skill=1.0)
    workspace.run("strong", skill=4.0)
    workspace.run("middle", skill=2.0)

    entries = collect([], *workspace.folders)
    result = compare(entries, baseline=str(workspace.folders[0] / "middle"), resamples=200)

    assert [row.entry.name for row in result.rows] == ["strong", "middle", "weak"]
    strong, middle, weak = result.rows
    assert (result.best, result.reference, middle.difference) == (strong, middle, None)
    assert strong.difference.value == pytest.approx(strong.scores.bacc - middle.scores.bacc)
    assert weak.difference.value == pytest.approx(weak.scores.bacc - middle.scores.bacc)
    headline = wording.headline(result)
    assert headline.startswith("strong is best: ")
    assert f" {100 * strong.difference.value:.1f} points above middle (" in headline
    assert "number of runs that are compared with it" in " ".join(wording.notes(result))


def test_a_baseline_that_is_best_leads_the_second(workspace):
    workspace.run("weak", skill=1.0)
    workspace.run("strong", skill=4.0)
    entries = collect([], *workspace.folders)

    headlines = [
        wording.headline(compare(entries, baseline=name, resamples=200))
        for name in (None, "strong", "weak")
    ]

    assert headlines[0] == headlines[1] == headlines[2]


def test_a_baseline_says_which_rows_are_ranked(workspace):
    workspace.run("whole", skill=1.0)
    folders = [workspace.run(name, skill=2.0) for name in ("part", "piece")]
    for folder in folders:
        (folder / "fold1" / "metadata.json").unlink()

    result = compare(collect([], *workspace.folders), baseline="piece", resamples=100)

    assert {row.entry.name: row.ranked for row in result.rows} == {
        "part": True,
        "piece": True,
        "whole": False,
    }


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        ("plane", "--baseline plane: it is not in the report: did you mean 'plain'"),
        ("leaky", "--baseline leaky: it leaks, so .* take one that does not: plain"),
    ],
)
def test_a_baseline_that_cannot_be_one_is_refused(workspace, baseline, message):
    workspace.run("plain")
    workspace.run("leaky", leaking=True)

    with pytest.raises(SkinError, match=message):
        compare(collect([], *workspace.folders), baseline=baseline, resamples=100)


def test_scores_over_folds(workspace):
    workspace.run("plain")

    (row,) = comparison(workspace).rows

    values = [scores.bacc for scores in row.folds.values()]
    mean = sum(values) / 3
    sd = (sum((value - mean) ** 2 for value in values) / 2) ** 0.5
    assert row.over_folds("bacc") == pytest.approx((mean, sd))
    assert sum(int(scores.confusion.sum()) for scores in row.folds.values()) == 240


def test_leaking_run_is_marked_and_not_ranked_however_good(workspace):
    workspace.run("clean", skill=1.0)
    workspace.run("a_leaky", skill=9.0, leaking=True)

    result = comparison(workspace)

    assert result.best.entry.name == "clean"
    assert result.rows[1].marks == ("leaking",)
    assert not result.rows[1].ranked
    assert result.rows[1].difference is None


def test_leaking_runs_alone_are_ranked_and_marked(workspace):
    workspace.run("a", skill=1.0, leaking=True)
    workspace.run("b", skill=3.0, leaking=True)

    result = comparison(workspace)

    assert [(row.entry.name, row.marks, row.ranked) for row in result.rows] == [
        ("b", ("leaking",), True),
        ("a", ("leaking",), True),
    ]
    assert "says nothing of new lesions" in wording.headline(result)


def test_run_without_all_folds_is_marked(workspace):
    workspace.run("whole", skill=1.0)
    folder = workspace.run("part", skill=5.0)
    (folder / "fold1" / "metadata.json").unlink()

    result = comparison(workspace)

    assert [row.entry.name for row in result.rows] == ["whole", "part"]
    assert result.rows[1].marks == ("other images",)


def test_other_folds_and_labels_are_marked(workspace):
    workspace.run("a")
    workspace.run("b")
    one, two = collect([], *workspace.folders)
    refolded = one.oof.assign(fold=(one.oof["fold"] + 1) % 3)
    relabelled = one.oof.assign(target="NV")

    for oof, mark in ((refolded, "other folds"), (relabelled, "other images")):
        changed = replace(one, name="changed", oof=oof)
        result = compare([changed, one, two], resamples=100)
        assert result.rows[-1].entry.name == "changed"
        assert result.rows[-1].marks == (mark,)
        assert [row.ranked for row in result.rows] == [True, True, False]


def test_chance_is_said_only_of_runs_above_it(workspace):
    workspace.run("guess", skill=0.0)
    workspace.run("able", skill=3.0)

    result = comparison(workspace)

    assert result.classes == 7
    assert [row.entry.name for row in result.beating_chance] == ["able"]
    assert wording.chance(result) == "Not clearly above chance (1/7 = 0.143): guess."


def test_clear_lead_and_noise_are_worded_apart(workspace):
    workspace.run("weak", skill=0.5, seed=1)
    workspace.run("strong", skill=4.0, seed=2)
    clear = wording.headline(comparison(workspace))

    assert clear.startswith("strong is best: balanced accuracy 0.")
    assert clear.endswith("), told apart.")
    workspace.run("rival", skill=4.0, seed=3)
    assert wording.headline(comparison(workspace)).endswith(
        "), not told apart: within sampling noise."
    )


def test_headline_and_tests_say_the_same_of_a_pair_that_only_the_correction_parts(workspace):
    """Its interval leaves zero out, and its p-value corrected for five others does not hold."""
    for seed in range(4):
        workspace.run(f"twin{seed}", skill=3.0, seed=10 + seed)
    result = comparison(workspace)
    second = result.tests.bacc[0]
    uncorrected = replace(second, p=0.03, p_holm=0.09, difference=Interval(-0.04, -0.08, -0.01))
    result.__dict__["tests"] = replace(result.tests, bacc=[uncorrected, *result.tests.bacc[1:]])

    assert "(1.0 to 8.0), not told apart after correction for 3 comp" in wording.headline(result)


def test_too_few_resamples_are_not_called_noise(workspace):
    for i in range(4):
        workspace.run(f"run{i}", skill=4.0 - 2 * (i > 0), seed=i)

    headline = wording.headline(comparison(workspace, 60))
    assert headline.endswith("not told apart after correction: too few resamples.")


def test_single_run_is_not_called_best(workspace):
    workspace.run("only", skill=3.0)
    result = comparison(workspace)

    assert wording.headline(result).startswith("only reaches balanced accuracy 0.")
    assert wording.chance(result).startswith("It clearly beats chance (1/7 = 0.143): ")


def test_notes_tell_how_checkpoints_were_chosen_and_explain_only_marks_that_occur(workspace):
    workspace.run("plain")
    text = " ".join(wording.notes(comparison(workspace)))

    assert "chosen on that same held-out fold, by BACC unless" in text
    assert "plain argmax" in text
    assert "200 bootstrap resamples of lesions" in text
    assert "MEL, BCC, AKIEC" in text
    assert "marked" not in text


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ((), ("that same held-out fold",)),
        (("good",), ("that same held-out fold", "of its own", "scored: good.")),
        (("good", "poor"), ("a validation part of its own",)),
    ],
)
def test_notes_tell_which_checkpoints_were_chosen_apart(workspace, apart, expected):
    for name, skill in (("good", 3.0), ("poor", 1.0)):
        workspace.run(name, skill, chosen_on_held_out=name not in apart)
    text = wording.checkpoint(compare(collect([], *workspace.folders), resamples=20))
    assert all(words in text for words in expected)
    assert ("that same" in text) == (len(apart) < 2)


def test_rows_of_one_score_are_level(workspace):
    workspace.run("one", skill=1)
    workspace.run("two", skill=1)
    workspace.run("weak", skill=0)

    assert wording.headline(comparison(workspace)).startswith("one, two are level: balanced")
