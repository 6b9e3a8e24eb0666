from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.errors import SkinError
from skin.inference.predict import Predictions
from skin.inference.submission import official_images, read_submission
from skin.inference.submit import submit
from skin.taxonomy import get_challenge

ISIC_2018 = get_challenge("isic2018")
OFFICIAL = official_images(ISIC_2018, "test")


def predictions(image_ids: list[str], values: NDArray[np.float64] | None = None) -> Predictions:
    if values is None:
        values = np.random.default_rng(0).dirichlet(np.ones(7), len(image_ids))
    return Predictions(image_ids, values, [])


def test_a_few_images_are_written_as_they_are(tmp_path: Path):
    given = predictions(["A", "B"])
    assert submit(tmp_path / "x.csv", given, ISIC_2018, official_list=None) == []
    table = read_submission(tmp_path / "x.csv", ISIC_2018)
    assert table.index.tolist() == ["A", "B"]
    assert table.to_numpy().tobytes() == given.probabilities.tobytes()


def test_a_missing_official_image_gets_the_mean_row(tmp_path: Path):
    given = predictions([name for name in OFFICIAL if name != "ISIC_0035068"])
    assert submit(tmp_path / "x.csv", given, ISIC_2018, official_list=None) == ["ISIC_0035068"]
    table = read_submission(tmp_path / "x.csv", ISIC_2018)
    assert sorted(table.index) == list(OFFICIAL)
    np.testing.assert_allclose(table.loc["ISIC_0035068"], given.probabilities.mean(axis=0))
    np.testing.assert_array_equal(table.to_numpy()[:-1], given.probabilities)


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
    given = predictions(list(OFFICIAL[:present]))
    missing = submit(tmp_path / "x.csv", given, ISIC_2018, official_list=official_list)
    assert len(missing) == rows - present
    assert len(read_submission(tmp_path / "x.csv", ISIC_2018)) == rows


def test_other_images_stay(tmp_path: Path):
    given = predictions(["mine", OFFICIAL[0]])
    missing = submit(tmp_path / "x.csv", given, ISIC_2018, official_list=True)
    assert missing == list(OFFICIAL[1:])
    assert read_submission(tmp_path / "x.csv", ISIC_2018).index[0] == "mine"


def test_shares_that_round_over_1_are_clipped(tmp_path: Path):
    values = np.zeros((1, 7))
    values[0, 0] = np.nextafter(1, 2)
    submit(tmp_path / "x.csv", predictions(["A"], values), ISIC_2018, official_list=False)
    assert read_submission(tmp_path / "x.csv", ISIC_2018).loc["A", "MEL"] == 1.0


@pytest.mark.parametrize("name", ["isic2017", "isic2019", "isic2020"])
def test_a_challenge_of_other_classes_is_refused(tmp_path: Path, name: str):
    with pytest.raises(SkinError, match=f"do not predict the columns of {name} "):
        submit(tmp_path / "x.csv", predictions(["A"]), get_challenge(name), official_list=None)
    assert not (tmp_path / "x.csv").exists()


def test_ids_that_would_clash_are_refused(tmp_path: Path):
    (tmp_path / "x.csv").write_text("old")
    given = predictions(["A", "A.jpg"])
    with pytest.raises(SkinError, match="A"):
        submit(tmp_path / "x.csv", given, ISIC_2018, official_list=False)
    assert (tmp_path / "x.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
