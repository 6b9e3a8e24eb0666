from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skin.errors import SkinError
from skin.taxonomy import LABELS, TASKS, Task, coarsen, get_task, mapping_between
from skin.taxonomy.labels import KINDS
from skin.tree import Node

NESTED = [
    ("isic2018", "malignant"),
    ("isic2018", "melanoma"),
    ("isic2019", "malignant"),
    ("isic2017", "malignant"),
    *((name, name) for name in TASKS),
]


def outline(node: Node) -> object:
    """A leaf as its name, a group as a dictionary."""
    return {n.name: outline(n) for n in node.children} if node.children else node.name


def test_names_are_their_keys():
    assert all(name == task.name for name, task in TASKS.items())


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_no_label_means_two_classes(task: Task):
    kinds = [kind for diagnosis in task.classes for kind in diagnosis.kinds]
    assert len(kinds) == len(set(kinds))
    raw = [dx for diagnosis in task.classes for dx in diagnosis.dx]
    assert len(raw) == len(set(raw)) == len(task.index_by_dx())
    assert len(set(task.codes)) == len(task)
    assert "unknown" not in raw


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_a_class_is_as_malignant_as_its_kinds(task: Task):
    for diagnosis in task.classes:
        sides = {KINDS[kind].malignant for kind in diagnosis.kinds}
        # All but melanoma counts as benign where melanoma is the only question.
        assert sides == {diagnosis.malignant} or diagnosis.code == "OTHER"
        origins = {KINDS[kind].melanocytic for kind in diagnosis.kinds}
        assert diagnosis.melanocytic in (*origins, None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "isic2018",
            {
                "mel": "MEL",
                "nv": "NV",
                "bcc": "BCC",
                "akiec": "AKIEC",
                "ak": "AKIEC",
                "bowen": "AKIEC",
                **dict.fromkeys(["bkl", "sk", "solar_lentigo", "lplk"], "BKL"),
                "df": "DF",
                "vasc": "VASC",
            },
        ),
        ("isic2017", {"mel": "MEL", "sk": "SK", "nv": "NV"}),
        (
            "isic2019",
            {
                "mel": "MEL",
                "nv": "NV",
                "bcc": "BCC",
                "ak": "AK",
                **dict.fromkeys(["bkl", "sk", "solar_lentigo", "lplk"], "BKL"),
                "df": "DF",
                "vasc": "VASC",
                "scc": "SCC",
                "bowen": "SCC",
            },
        ),
    ],
)
def test_the_labels_of_each_class(name: str, expected: dict[str, str]):
    task = get_task(name)
    assert {dx: task.codes[i] for dx, i in task.index_by_dx().items()} == expected


def test_binary_tasks_take_all_that_says_which_side():
    malignant, melanoma = get_task("malignant").index_by_dx(), get_task("melanoma").index_by_dx()
    assert set(LABELS) - set(malignant) == {"unknown"}
    assert malignant["scc"] == malignant["malignant"] == malignant["mel"] == 1
    assert malignant["benign"] == malignant["nv"] == malignant["other_benign"] == 0
    # What is malignant and no more may be a melanoma.
    assert set(LABELS) - set(melanoma) == {"unknown", "malignant"}
    assert {dx for dx, i in melanoma.items() if i} == {"mel"}


def test_classes_of_isic2018():
    task = get_task("isic2018")
    assert task.codes == ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    assert task.malignant == ("MEL", "BCC", "AKIEC")
    assert [c.code for c in task.classes if c.melanocytic] == ["MEL", "NV"]
    assert len(task) == 7


def test_only_isic2019_has_a_column_of_unknown_lesions():
    assert {name: task.unknown for name, task in TASKS.items() if task.unknown} == {
        "isic2019": "UNK"
    }


def test_the_tree_of_isic2018():
    assert outline(get_task("isic2018").tree.root) == {
        "melanocytic": {"MEL": "MEL", "NV": "NV"},
        "non-melanocytic": {
            "benign": {"BKL": "BKL", "DF": "DF", "VASC": "VASC"},
            "malignant": {"BCC": "BCC", "AKIEC": "AKIEC"},
        },
    }
    assert get_task("isic2018").tree.depth_of_class.tolist() == [2, 2, 3, 3, 3, 3, 3]


def test_questions_with_one_answer_are_left_out():
    assert outline(get_task("isic2017").tree.root) == {
        "melanocytic": {"MEL": "MEL", "NV": "NV"},
        "SK": "SK",
    }
    assert outline(get_task("malignant").tree.root) == {"BEN": "BEN", "MAL": "MAL"}


def test_a_tree_without_melanocytic_lesions_starts_with_malignancy():
    task = Task("other", get_task("isic2018").classes[2:])
    assert list(outline(task.tree.root)) == ["benign", "malignant"]


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_the_leaves_are_the_classes_in_order(task: Task):
    assert task.tree.classes == task.codes
    assert task.tree is task.tree


def test_mapping_by_hand():
    # MEL NV BCC AKIEC BKL DF VASC
    isic2018 = get_task("isic2018")
    assert mapping_between(isic2018, get_task("malignant")) == [1, 0, 1, 1, 0, 0, 0]
    assert mapping_between(isic2018, get_task("melanoma")) == [1, 0, 0, 0, 0, 0, 0]
    assert mapping_between(get_task("isic2017"), get_task("malignant")) == [1, 0, 0]


def test_coarsen_by_hand():
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    binary = coarsen(p, get_task("isic2017"), get_task("malignant"))
    np.testing.assert_allclose(binary, [[0.5, 0.5], [0.9, 0.1]])


@pytest.mark.parametrize(("fine", "coarse"), NESTED)
@given(data=st.data())
def test_coarsening_keeps_sums(fine: str, coarse: str, data: st.DataObject):
    shape = (3, len(TASKS[fine]))
    p = data.draw(arrays(np.float64, shape, elements=st.floats(0, 1, width=32)))
    summed = coarsen(p, TASKS[fine], TASKS[coarse])
    assert summed.shape == (3, len(TASKS[coarse]))
    np.testing.assert_allclose(summed.sum(axis=1), p.sum(axis=1))


@pytest.mark.parametrize(
    ("fine", "coarse", "astray"),
    [
        ("malignant", "isic2018", "BEN, MAL not within one of its classes"),
        ("malignant", "melanoma", "MAL not within"),
        ("isic2018", "isic2017", "BCC, AKIEC, BKL, DF, VASC not within"),
        ("isic2018", "isic2019", "AKIEC not within"),
        ("isic2019", "isic2018", "SCC not within"),
    ],
)
def test_tasks_that_do_not_nest(fine: str, coarse: str, astray: str):
    message = f"'{fine}' cannot be scored as '{coarse}': {astray}"
    with pytest.raises(SkinError, match=message):
        mapping_between(TASKS[fine], TASKS[coarse])


def test_the_classes_of_isic2017_lie_within_those_of_2018():
    # A seborrheic keratosis is a benign keratosis, which is what its class was for.
    assert mapping_between(TASKS["isic2017"], TASKS["isic2018"]) == [0, 4, 1]


def test_unknown_names_get_the_nearest():
    with pytest.raises(SkinError, match="unknown task 'isic2091': did you mean 'isic2019'"):
        get_task("isic2091")
