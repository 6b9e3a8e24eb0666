from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skin.errors import SkinError
from skin.taxonomy import (
    CHALLENGES,
    TASKS,
    Diagnosis,
    Task,
    challenge_of,
    coarsen,
    get_challenge,
    get_task,
    mapping_between,
)
from skin.tree import Node

NESTED = [("isic2018", "malignant"), ("isic2017", "malignant"), *((name, name) for name in TASKS)]


def outline(node: Node) -> object:
    """A leaf as its name, a group as a dictionary."""
    return {n.name: outline(n) for n in node.children} if node.children else node.name


def test_isic2018_has_the_official_columns_in_order():
    task = get_task("isic2018")
    assert task.codes == ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    assert get_challenge("isic2018").columns == task.codes
    assert len(task) == 7


def test_isic2018_maps_the_diagnoses_of_ham10000():
    expected = {"mel": 0, "nv": 1, "bcc": 2, "akiec": 3, "bkl": 4, "df": 5, "vasc": 6}
    assert get_task("isic2018").index_by_dx() == expected


def test_isic2018_groups():
    task = get_task("isic2018")
    assert task.malignant == ("MEL", "BCC", "AKIEC")
    assert [c.code for c in task.classes if c.melanocytic] == ["MEL", "NV"]


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_no_diagnosis_means_two_classes(task: Task):
    raw = [dx for diagnosis in task.classes for dx in diagnosis.dx]
    assert len(raw) == len(set(raw)) == len(task.index_by_dx())
    assert len(set(task.codes)) == len(task)


@pytest.mark.parametrize(
    ("name", "index", "columns"),
    [
        ("isic2017", "image_id", "melanoma seborrheic_keratosis"),
        ("isic2018", "image", "MEL NV BCC AKIEC BKL DF VASC"),
        ("isic2019", "image", "MEL NV BCC AK BKL DF VASC SCC UNK"),
        ("isic2020", "image_name", "target"),
    ],
)
def test_the_columns_of_each_challenge(name: str, index: str, columns: str):
    challenge = get_challenge(name)
    assert (challenge.index, list(challenge.columns)) == (index, columns.split())


def test_isic2017_has_melanoma_seborrheic_keratosis_and_nevus():
    task = get_task("isic2017")
    assert task.codes == ("MEL", "SK", "NV")
    assert task.index_by_dx() == {"mel": 0, "sk": 1, "seborrheic_keratosis": 1, "nv": 2}
    assert task.malignant == ("MEL",)


def test_malignant_knows_every_diagnosis():
    task = get_task("malignant")
    assert task.codes == ("BEN", "MAL")
    assert task.malignant == ("MAL",)
    index = task.index_by_dx()
    assert {dx for dx, i in index.items() if i} == {"mel", "bcc", "akiec"}
    assert set(index) == {dx for other in TASKS.values() for dx in other.index_by_dx()}


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


def test_mapping_to_malignant_by_hand():
    malignant = get_task("malignant")
    # MEL NV BCC AKIEC BKL DF VASC
    assert mapping_between(get_task("isic2018"), malignant) == [1, 0, 1, 1, 0, 0, 0]
    assert mapping_between(get_task("isic2017"), malignant) == [1, 0, 0]


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
        ("isic2018", "isic2017", "BCC, AKIEC, BKL, DF, VASC not within"),
        ("isic2017", "isic2018", "SK not within one of its classes .MEL, NV, BCC"),
    ],
)
def test_tasks_that_do_not_nest(fine: str, coarse: str, astray: str):
    message = f"'{fine}' cannot be scored as '{coarse}': {astray}"
    with pytest.raises(SkinError, match=message):
        mapping_between(TASKS[fine], TASKS[coarse])


def test_a_class_without_a_diagnosis_is_part_of_nothing():
    unknown = Diagnosis("UNK", "Unknown", (), malignant=False, melanocytic=None)
    task = Task("other", (*TASKS["isic2018"].classes, unknown))
    with pytest.raises(SkinError, match="UNK not within"):
        mapping_between(task, TASKS["malignant"])


def test_names_are_their_keys():
    assert all(name == task.name for name, task in TASKS.items())
    assert all(name == challenge.name for name, challenge in CHALLENGES.items())
    assert all(c.task is None or TASKS[c.task].codes == c.columns for c in CHALLENGES.values())


def test_the_challenge_of_a_task():
    assert challenge_of("isic2018") is CHALLENGES["isic2018"]
    with pytest.raises(SkinError, match="no challenge takes the classes of task 'other'"):
        challenge_of("other")


def test_unknown_names_get_the_nearest():
    with pytest.raises(SkinError, match="unknown task 'isic2081': did you mean 'isic2018'"):
        get_task("isic2081")
    with pytest.raises(SkinError, match="unknown challenge 'isic17': did you mean 'isic2017'"):
        get_challenge("isic17")
