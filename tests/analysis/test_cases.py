from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.analysis.cases import (
    Cases,
    Outcomes,
    choose,
    confused,
    errors,
    main_confusions,
    right_of,
    uncertain,
    wrong_of,
)
from skin.errors import SkinError
from skin.runs import oof_columns, score_columns
from skin.taxonomy import get_task

TASK = get_task("isic2018")
BINARY = get_task("malignant")
# true class, class decided, its probability, lesion
ROWS = [
    ("MEL", "MEL", 0.9, "L0"),
    ("MEL", "MEL", 0.8, "L0"),
    ("MEL", "MEL", 0.7, "L1"),
    ("MEL", "NV", 0.6, "L2"),
    ("MEL", "NV", 0.95, "L3"),
    ("NV", "BKL", 0.99, "L4"),
    ("NV", "BKL", 0.5, "L5"),
    ("NV", "NV", 0.4, "L6"),
]


def outcomes(rows=ROWS, task=TASK):
    spread = np.array([[(1 - p) / (len(task) - 1)] * len(task) for _, _, p, _ in rows])
    for i, (_, decided, probability, _) in enumerate(rows):
        spread[i, task.codes.index(decided)] = probability
    keys = pd.DataFrame(
        {
            "image_id": [f"I{i}" for i in range(len(rows))],
            "lesion_id": [lesion for *_, lesion in rows],
            "fold": [i % 2 for i in range(len(rows))],
            "target": [true for true, *_ in rows],
        }
    )
    values = np.hstack([spread, np.log(spread)])
    oof = keys.join(pd.DataFrame(values, columns=oof_columns(task)[4:]))
    return Outcomes.of("plain", task, oof)


def test_what_a_table_says():
    known = outcomes()
    assert [TASK.codes[i] for i in known.decided] == [decided for _, decided, *_ in ROWS]
    assert known.right.tolist() == [True] * 3 + [False] * 4 + [True]
    np.testing.assert_allclose(known.confidence, [p for *_, p, _ in ROWS])
    assert list(known.confusions()) == [("MEL", "NV", 2), ("NV", "BKL", 2)]


def test_a_rule_decides_where_there_is_one():
    shares = [0.4, 0.6, *[0.0] * 5]
    oof = pd.DataFrame([["I", "L", 0, "MEL", *shares, *[-1.0] * 7]], columns=oof_columns(TASK))
    oof[score_columns(TASK)] = [[0.7, 0.3, *[0.0] * 5]]
    known = Outcomes.of("ruled", TASK, oof)
    assert known.right.all()
    assert known.confidence.tolist() == [0.4]  # the probability of what the rule decided


def test_a_tie_is_never_right_nor_for_a_class():
    shares = [0.4, 0.4, 0.2, *[0.0] * 4]
    oof = pd.DataFrame([["I", "L", 0, "MEL", *shares, *[-1.0] * 7]], columns=oof_columns(TASK))
    known = Outcomes.of("tied", TASK, oof)
    assert known.decided.tolist() == [len(TASK)]
    assert not known.right.any()
    assert known.confidence.tolist() == [0.4]
    assert list(known.confusions()) == []
    assert wrong_of(known, "MEL", 1).total == 1
    assert right_of(known, "MEL", 1).total == confused(known, "MEL", "NV", 1).total == 0


def test_a_lesion_in_two_folds_leaks():
    assert outcomes().leaking  # L0 is in both folds
    assert not outcomes(ROWS[2:]).leaking


def test_foremost_cases_are_of_different_lesions():
    known = outcomes()
    assert right_of(known, "MEL", 2) == Cases("MEL decided right", ("I0", "I2"), 3)
    assert wrong_of(known, "MEL", 5) == Cases("MEL decided wrong", ("I4", "I3"), 2)
    assert confused(known, "NV", "BKL", 1) == Cases("NV taken for BKL", ("I5",), 2)
    assert errors(known, 3).image_ids == ("I5", "I4", "I3")
    assert uncertain(known, 2).image_ids == ("I7", "I6")
    assert right_of(known, "DF", 2) == Cases("DF decided right", (), 0)


def test_cases_by_name():
    known = outcomes()
    chosen = choose(known, ["MEL:NV", "I7", "NV", "worst", "I1"], 1)
    assert [(each.title, each.image_ids) for each in chosen] == [
        ("Chosen images", ("I7", "I1")),
        ("MEL taken for NV", ("I4",)),
        ("NV decided right", ("I7",)),
        ("NV decided wrong", ("I5",)),
        ("Most confident errors", ("I5",)),
    ]
    best = choose(known, ["best"], 1)
    assert [each.title for each in best] == [f"{code} decided right" for code in TASK.codes]
    assert choose(known, ["errors"], 2) == choose(known, ["worst"], 2)


@pytest.mark.parametrize("kind", ["eror", "MEL:", "MEL:MEL", "I99", ""])
def test_an_unknown_kind_is_named(kind):
    with pytest.raises(SkinError, match=f"--cases {kind}: no such kind, and no image of that id"):
        choose(outcomes(), [kind], 1)


@pytest.mark.parametrize(
    ("kind", "meant"), [("mel", "MEL"), ("mel:nv", "MEL:NV"), ("Best", "best")]
)
def test_a_kind_in_other_case_is_named(kind, meant):
    with pytest.raises(SkinError, match=f"--cases {kind}: did you mean '{meant}'"):
        choose(outcomes(), [kind], 1)


def test_the_confusions_that_are_asked_for_first_come_first():
    rows = [("NV", "DF", 0.9, f"L{i}") for i in range(3)]
    rows += [("BCC", "NV", 0.9, "L8"), ("BCC", "NV", 0.9, "L9"), ("MEL", "BKL", 0.9, "L7")]
    assert main_confusions(outcomes(rows), 1) == ([("MEL", "BKL", 1)], [("NV", "DF", 3)])


def test_where_no_class_is_melanoma_missed_malignant_ones_come_first():
    rows = [("BEN", "MAL", 0.9, f"L{i}") for i in range(3)] + [("MAL", "BEN", 0.8, "L9")]
    known = outcomes(rows, BINARY)
    assert main_confusions(known, 2) == ([("MAL", "BEN", 1)], [("BEN", "MAL", 3)])


def test_within_keeps_the_rows_together():
    part = outcomes().within({"I5", "I2"})
    assert part.image_ids.tolist() == ["I2", "I5"]
    assert part.right.tolist() == [True, False]
    assert part.row == {"I2": 0, "I5": 1}
    assert part.folds.tolist() == [0, 1]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(TASK.codes),
            st.sampled_from(TASK.codes),
            st.floats(0.2, 0.99),
            st.sampled_from("abcde"),
        ),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 4),
)
def test_cases_are_what_they_are_called(rows, per):
    known = outcomes(rows)
    lesion = dict(zip(known.image_ids.tolist(), known.lesions.tolist(), strict=True))
    for each in choose(known, ["best", "errors", "uncertain", *TASK.codes], per):
        at = [known.row[image_id] for image_id in each.image_ids]
        assert len(at) <= per
        assert len({lesion[image_id] for image_id in each.image_ids}) == len(at)
        if "right" in each.title:
            assert known.right[at].all()
        if "wrong" in each.title or "errors" in each.title:
            assert not known.right[at].any()
        if "uncertain" not in each.title:
            assert (np.diff(known.confidence[at]) <= 0).all()
