from __future__ import annotations

import re

import numpy as np
import pytest

from skin.errors import SkinError
from skin.taxonomy import (
    CHALLENGES,
    TASKS,
    Challenge,
    challenge_of,
    challenges_for,
    column_parts,
    get_challenge,
    get_task,
)


@pytest.mark.parametrize(
    ("name", "index", "columns"),
    [
        ("isic2017", "image_id", "melanoma seborrheic_keratosis"),
        ("isic2018", "image", "MEL NV BCC AKIEC BKL DF VASC"),
        ("isic2019", "image", "MEL NV BCC AK BKL DF VASC SCC UNK"),
        ("isic2020", "image_name", "target"),
        ("isic2024", "isic_id", "target"),
    ],
)
def test_the_columns_of_each_challenge(name: str, index: str, columns: str):
    challenge = get_challenge(name)
    assert (challenge.index, list(challenge.columns)) == (index, columns.split())
    assert len(challenge.meanings) == len(challenge.columns)


def test_every_challenge_has_a_task_and_every_task_a_challenge():
    assert all(name == challenge.name for name, challenge in CHALLENGES.items())
    assert {challenge_of(task).task for task in TASKS} == set(TASKS)
    assert challenge_of("melanoma") is CHALLENGES["isic2020"]


def chosen(task: str, challenge: str) -> dict[str, list[str]]:
    """The classes of each column."""
    parts = column_parts(get_task(task), get_challenge(challenge))
    codes, columns = np.array(get_task(task).codes), get_challenge(challenge).columns
    return {column: codes[parts[:, i]].tolist() for i, column in enumerate(columns)}


@pytest.mark.parametrize(
    ("task", "challenge", "expected"),
    [
        ("isic2017", "isic2017", {"melanoma": ["MEL"], "seborrheic_keratosis": ["SK"]}),
        ("isic2017", "isic2020", {"target": ["MEL"]}),
        ("isic2018", "isic2020", {"target": ["MEL"]}),
        ("isic2018", "isic2024", {"target": ["MEL", "BCC", "AKIEC"]}),
        ("isic2019", "isic2024", {"target": ["MEL", "BCC", "AK", "SCC"]}),
        ("melanoma", "isic2020", {"target": ["MEL"]}),
        ("malignant", "isic2024", {"target": ["MAL"]}),
    ],
)
def test_parts_by_hand(task: str, challenge: str, expected: dict[str, list[str]]):
    assert chosen(task, challenge) == expected


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("isic2017", ["isic2017", "isic2020", "isic2024"]),
        ("isic2018", ["isic2018", "isic2020", "isic2024"]),
        ("isic2019", ["isic2019", "isic2020", "isic2024"]),
        ("melanoma", ["isic2020"]),
        ("malignant", ["isic2024"]),
    ],
)
def test_the_challenges_that_a_task_can_be_submitted_to(task: str, names: list[str]):
    assert [challenge.name for challenge in challenges_for(get_task(task))] == names


@pytest.mark.parametrize("name", ["isic2018", "isic2019"])
def test_a_class_is_its_own_column(name: str):
    codes = get_task(name).codes
    unknown = {"UNK": []} if name == "isic2019" else {}
    assert chosen(name, name) == {code: [code] for code in codes} | unknown


@pytest.mark.parametrize(
    ("task", "challenge", "message"),
    [
        ("isic2018", "isic2017", "BKL is only partly what its column 'seborrheic_keratosis' asks"),
        ("isic2018", "isic2019", "AKIEC is only partly what its column 'AK' asks for"),
        ("isic2019", "isic2018", "SCC is only partly what its column 'AKIEC' asks for"),
        ("melanoma", "isic2024", "OTHER is only partly what its column 'target' asks for"),
        ("malignant", "isic2020", "MAL is only partly what its column 'target' asks for"),
        ("isic2017", "isic2018", "nothing there is its column 'BCC'"),
        ("malignant", "isic2018", "MAL is only partly"),
    ],
)
def test_what_cannot_be_submitted_says_why(task: str, challenge: str, message: str):
    with pytest.raises(SkinError, match=message) as caught:
        column_parts(get_task(task), get_challenge(challenge))
    wanted = f"task '{task}' ({', '.join(get_task(task).codes)})"
    assert re.search(re.escape(wanted), str(caught.value))
    assert f"no submission to {challenge} can be made" in str(caught.value)


def test_a_column_of_unknown_lesions_needs_a_task_that_has_one():
    task = get_task("isic2018")
    odd = Challenge("odd", "image", ("MEL", "UNK"), (task.classes[0].kinds, frozenset()), "odd")
    with pytest.raises(SkinError, match="nothing there is its column 'UNK'"):
        column_parts(task, odd)


def test_unknown_names_get_the_nearest():
    with pytest.raises(SkinError, match="unknown challenge 'isic17': did you mean 'isic2017'"):
        get_challenge("isic17")
