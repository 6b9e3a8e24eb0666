from __future__ import annotations

import numpy as np
import pytest

from skin.analysis.blocks import Group, Section, Table, Words, tables
from skin.analysis.report.collect import collect
from skin.analysis.report.compare import compare
from skin.analysis.report.context import Context
from skin.analysis.report.sections import tests


@pytest.fixture
def sectioned(workspace):
    def make(resamples=200, **options) -> Section | None:
        comparison = compare(collect([], *workspace.folders), resamples=resamples, **options)
        return tests.section(Context(comparison, None, resamples=resamples))

    return make


def test_a_line_a_row_with_its_verdict(workspace, sectioned):
    workspace.run("good", skill=3.0)
    workspace.run("twin", skill=3.0, seed=5)
    workspace.run("bad", skill=0.8, seed=6)

    section = sectioned(baseline="good")

    table = section.blocks[0]
    verdicts = {line.head: line.cells[-1].text for line in table.lines}
    assert verdicts == {"twin": "not told apart", "bad": "worse"}
    assert table.heads[-1] == "BACC, in words"
    assert all(len(line.cells) == len(table.heads) - 1 for line in table.lines)
    tones = {line.head: {cell.tone for cell in line.cells[:-1:2]} for line in table.lines}
    assert tones["bad"] == {"bad"}
    assert tones["twin"] == {"plain"}
    assert "bad is worse than good" in section.finding
    assert "twin is not told apart from good" in section.finding


def test_frame_holds_every_test(workspace, sectioned):
    for name, skill in (("a", 3.0), ("b", 2.0), ("c", 1.5)):
        workspace.run(name, skill=skill, seed=int(10 * skill))

    main, classes = tables([sectioned()])

    assert main.frame["measure"].value_counts().to_dict() == {
        "bacc": 2,
        "right decisions": 2,
        "AUC malignant": 2,
    }
    assert (main.frame["family"] == 2).all()
    assert len(classes.frame) == 14
    assert (classes.frame["family"] == 14).all()
    for frame in (main.frame, classes.frame):
        assert (frame["p_holm"] >= frame["p"]).all()
        right = frame["measure"] == "right decisions"
        apart = frame.loc[~right, "run_value"] - frame.loc[~right, "reference_value"]
        np.testing.assert_allclose(frame.loc[~right, "difference"], apart, atol=1e-12)


def test_better_than_a_chosen_baseline(workspace, sectioned):
    workspace.run("old", skill=0.8)
    workspace.run("new", skill=3.0, seed=3)

    section = sectioned(baseline="old")

    assert section.blocks[0].lines[0].cells[-1].text == "better"
    assert section.finding.startswith("In BACC, new is better than old (+")
    assert not any("picked" in block.text for block in section.blocks if isinstance(block, Words))


def test_the_best_of_several_is_said_to_be_picked(workspace, sectioned):
    workspace.run("a", skill=2.0)
    workspace.run("b", skill=2.2, seed=3)

    words = [block.text for block in sectioned().blocks if isinstance(block, Words)]

    assert any("was picked as the best" in text for text in words)


def test_too_few_resamples_are_warned_of(workspace, sectioned):
    for i in range(4):
        workspace.run(f"run{i}", seed=i)

    warnings = [
        block.text for block in sectioned(60).blocks if isinstance(block, Words) and block.warning
    ]

    assert len(warnings) == 1
    assert warnings[0].startswith("With 60 resamples, no p-value of BACC can fall below 0.033")


def test_decisions_follow_the_rule_and_areas_do_not(workspace, sectioned):
    workspace.run("plain", skill=2.0)
    workspace.ensemble("main", skill=2.0, seed=1, weights=(1, 1, 0.02, 1, 1, 1, 1))

    main, classes = tables([sectioned(baseline="plain")])

    frame = main.frame.set_index("measure")
    assert frame.loc["bacc", "p"] < 0.05
    assert frame.loc["AUC malignant", "p"] == 1
    assert (classes.frame["difference"] == 0).all()


def test_one_row_has_nothing_to_test(workspace, sectioned):
    workspace.run("alone")

    assert sectioned() is None


def test_rows_that_are_not_ranked_are_named(workspace, sectioned):
    workspace.run("a")
    workspace.run("b", seed=4)
    workspace.run("leaky", leaking=True)

    section = sectioned()

    assert [line.head for line in section.blocks[0].lines if line.head == "leaky"] == []
    assert any("leaky" in block.text for block in section.blocks if isinstance(block, Words))
    assert isinstance(section.blocks[-1], Group)
    assert isinstance(section.blocks[0], Table)
