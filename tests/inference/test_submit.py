from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as generated
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from skin.data.official import official_images
from skin.errors import SkinError
from skin.inference.decisions import Decided
from skin.inference.submission import read_submission
from skin.inference.submit import check_challenge, submit, takes_decisions
from skin.taxonomy import TASKS, Task, challenge_of, get_challenge

ISIC_2018 = get_challenge("isic2018")
OFFICIAL = official_images(ISIC_2018, "test")


@dataclass
class Cases:
    """Decisions by the scores given, in blocks of `size` images; probabilities are even."""

    image_ids: Sequence[str]
    scores: NDArray[np.float64]
    task: Task = TASKS["isic2018"]
    size: int = 100
    probabilities: NDArray[np.float64] | None = None
    odds: NDArray[np.float64] | None = None

    def __iter__(self) -> Iterator[Decided]:
        for start in range(0, len(self.image_ids), self.size):
            span = slice(start, start + self.size)
            ids, scores = list(self.image_ids[span]), self.scores[span]
            nothing, shares = np.zeros(len(scores)), np.full_like(scores, 1 / scores.shape[1])
            if self.probabilities is not None:
                shares = self.probabilities[span]
            odds = None if self.odds is None else self.odds[span]
            yield Decided(ids, shares, scores, nothing, nothing, None, None, odds)


def decided(
    image_ids: Sequence[str], scores: NDArray[np.float64] | None = None, size: int = 100
) -> Cases:
    if scores is None:
        scores = np.random.default_rng(0).dirichlet(np.ones(7), len(image_ids))
    return Cases(image_ids, scores, size=size)


def test_a_few_images_are_written_by_their_scores(tmp_path: Path):
    given = decided(["A", "B", "C"], size=2)
    assert submit(tmp_path / "x.csv", given, ISIC_2018, official_list=None) == []
    table = read_submission(tmp_path / "x.csv", ISIC_2018)
    assert table.index.tolist() == ["A", "B", "C"]
    assert table.to_numpy().tobytes() == given.scores.tobytes()


def test_a_missing_official_image_gets_the_mean_row(tmp_path: Path):
    given = decided([name for name in OFFICIAL if name != "ISIC_0035068"])
    assert submit(tmp_path / "x.csv", given, ISIC_2018, official_list=None) == ["ISIC_0035068"]
    table = read_submission(tmp_path / "x.csv", ISIC_2018)
    assert sorted(table.index) == list(OFFICIAL)
    np.testing.assert_allclose(table.loc["ISIC_0035068"], given.scores.mean(axis=0))
    np.testing.assert_array_equal(table.to_numpy()[:-1], given.scores)


@pytest.mark.parametrize(
    ("present", "official_list", "rows"),
    [
        (len(OFFICIAL) // 2, None, len(OFFICIAL) // 2),
        (len(OFFICIAL) // 2 + 1, None, len(OFFICIAL)),
        (len(OFFICIAL) - 1, False, len(OFFICIAL) - 1),
        (1, True, len(OFFICIAL)),
        (len(OFFICIAL), True, len(OFFICIAL)),
    ],
)
def test_when_the_official_list_is_filled_up(
    tmp_path: Path, present: int, official_list: bool | None, rows: int
):
    given = decided(OFFICIAL[:present])
    missing = submit(tmp_path / "x.csv", given, ISIC_2018, official_list=official_list)
    assert len(missing) == rows - present
    assert len(read_submission(tmp_path / "x.csv", ISIC_2018)) == rows


def test_other_images_stay(tmp_path: Path):
    given = decided(["mine", OFFICIAL[0]])
    missing = submit(tmp_path / "x.csv", given, ISIC_2018, official_list=True)
    assert missing == list(OFFICIAL[1:])
    assert read_submission(tmp_path / "x.csv", ISIC_2018).index[0] == "mine"


def test_shares_that_round_over_1_are_clipped(tmp_path: Path):
    values = np.zeros((1, 7))
    values[0, 0] = np.nextafter(1, 2)
    submit(tmp_path / "x.csv", decided(["A"], values), ISIC_2018, official_list=False)
    assert read_submission(tmp_path / "x.csv", ISIC_2018).loc["A", "MEL"] == 1.0


@pytest.mark.parametrize("name", ["isic2017", "isic2019"])
def test_a_challenge_of_other_classes_is_refused(tmp_path: Path, name: str):
    with pytest.raises(SkinError, match=f"no submission to {name} can be made"):
        check_challenge(get_challenge(name), "isic2018", official_list=None)
    with pytest.raises(SkinError, match=f"no submission to {name} can be made"):
        submit(tmp_path / "x.csv", decided(["A"]), get_challenge(name), official_list=False)
    assert not (tmp_path / "x.csv").exists()


def test_a_list_that_is_not_known_is_refused_where_it_is_asked_for():
    check_challenge(get_challenge("isic2024"), "malignant", official_list=None)
    with pytest.raises(SkinError, match="no official list of images 'isic2024_test'"):
        check_challenge(get_challenge("isic2024"), "malignant", official_list=True)


PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
RULED = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])


@pytest.mark.parametrize(
    ("task", "challenge", "columns", "expected"),
    [
        # MEL, SK, NV
        ("isic2017", "isic2017", "melanoma seborrheic_keratosis", [[0.5, 0.3], [0.1, 0.2]]),
        ("isic2017", "isic2020", "target", [[0.5], [0.1]]),
        ("isic2017", "isic2024", "target", [[0.5], [0.1]]),
    ],
)
def test_where_order_counts_rows_are_probabilities_by_meaning(
    tmp_path: Path, task: str, challenge: str, columns: str, expected: list[list[float]]
):
    form = get_challenge(challenge)
    given = Cases(["A", "B"], RULED, TASKS[task], probabilities=PROBABILITIES)
    assert not takes_decisions(form)
    submit(tmp_path / "x.csv", given, form, official_list=False)
    table = read_submission(tmp_path / "x.csv", form)
    assert table.columns.tolist() == columns.split()
    np.testing.assert_array_equal(table.to_numpy(), expected)


def test_classes_are_summed(tmp_path: Path):
    form = get_challenge("isic2024")
    shares = np.array([[0.1, 0.2, 0.3, 0.05, 0.15, 0.1, 0.1]])
    given = Cases(["A"], shares, probabilities=shares)
    submit(tmp_path / "x.csv", given, form, official_list=False)
    # MEL, BCC and AKIEC.
    assert read_submission(tmp_path / "x.csv", form).loc["A", "target"] == pytest.approx(0.45)


@pytest.mark.parametrize(("task", "index"), [("melanoma", "image_name"), ("malignant", "isic_id")])
def test_of_a_binary_task_the_second_class_is_the_target(tmp_path: Path, task: str, index: str):
    form = challenge_of(task)
    shares = np.array([[0.75, 0.25], [0.5, 0.5]])
    given = Cases(["A", "B"], shares[::-1], TASKS[task], probabilities=shares)
    submit(tmp_path / "x.csv", given, form, official_list=None)
    assert (tmp_path / "x.csv").read_text() == f"{index},target\nA,0.25\nB,0.5\n"


def test_unknown_lesions_have_the_last_column_of_2019(tmp_path: Path):
    form, task = get_challenge("isic2019"), TASKS["isic2019"]
    scores = np.random.default_rng(0).dirichlet(np.ones(8), 3)
    ids = ["ISIC_1", "ISIC_2_downsampled", "ISIC_3"]
    odds = np.array([0.5, 3.0, 1.0])
    submit(tmp_path / "x.csv", Cases(ids, scores, task, odds=odds), form, official_list=None)
    table = read_submission(tmp_path / "x.csv", form)
    assert table.index.tolist() == ids, "as the official rows are named"
    decisions = [*(task.codes[i] for i in scores.argmax(axis=1))]
    decisions[1] = "UNK"
    assert table.idxmax(axis=1).tolist() == decisions
    known = table[list(task.codes)].to_numpy()
    np.testing.assert_array_equal(known.argsort(axis=1), scores.argsort(axis=1))


def test_models_that_do_not_tell_leave_the_unknown_column_at_0(tmp_path: Path):
    form, task = get_challenge("isic2019"), TASKS["isic2019"]
    scores = np.random.default_rng(0).dirichlet(np.ones(8), 3)
    submit(tmp_path / "x.csv", Cases(["A", "B", "C"], scores, task), form, official_list=None)
    table = read_submission(tmp_path / "x.csv", form)
    assert table["UNK"].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(table[list(task.codes)], scores)


@generated(
    shares=hnp.arrays(np.float64, (4, 7), elements=st.floats(0, 1)),
    challenge=st.sampled_from(["isic2018", "isic2020", "isic2024"]),
)
def test_any_shares_make_a_submission_that_is_taken(
    tmp_path_factory: pytest.TempPathFactory, shares: NDArray[np.float64], challenge: str
):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    form = get_challenge(challenge)
    given = Cases(list("ABCD"), shares, probabilities=shares)
    submit(path, given, form, official_list=False)
    table = read_submission(path, form)
    assert table.shape == (4, len(form.columns))
    assert table.index.name == form.index


def test_ids_that_would_clash_are_refused(tmp_path: Path):
    (tmp_path / "x.csv").write_text("old")
    given = decided(["A", "A.jpg"])
    with pytest.raises(SkinError, match="A"):
        submit(tmp_path / "x.csv", given, ISIC_2018, official_list=False)
    assert (tmp_path / "x.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
