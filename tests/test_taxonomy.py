from __future__ import annotations

import pytest

from skin.errors import SkinError
from skin.taxonomy import CHALLENGES, TASKS, Task, challenge_of, get_challenge, get_task


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
