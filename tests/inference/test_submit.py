from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skin.errors import SkinError
from skin.inference.decisions import Decided
from skin.inference.submission import official_images, read_submission
from skin.inference.submit import check_challenge, submit
from skin.taxonomy import Challenge, get_challenge

ISIC_2018 = get_challenge("isic2018")
OFFICIAL = official_images(ISIC_2018, "test")


def decided(
    image_ids: Sequence[str], scores: NDArray[np.float64] | None = None, size: int = 100
) -> list[Decided]:
    """Decisions by the scores given, in blocks of `size` images."""
    if scores is None:
        scores = np.random.default_rng(0).dirichlet(np.ones(7), len(image_ids))
    blocks = []
    for start in range(0, len(image_ids), size):
        span = slice(start, start + size)
        nothing = np.zeros(len(scores[span]))
        even = np.full_like(scores[span], 1 / 7)
        ids = list(image_ids[span])
        blocks.append(Decided(ids, even, scores[span], nothing, nothing, None, None))
    return blocks


def scores_of(blocks: list[Decided]) -> NDArray[np.float64]:
    return np.concatenate([each.scores for each in blocks])


def test_a_few_images_are_written_by_their_scores(tmp_path: Path):
    given = decided(["A", "B", "C"], size=2)
    assert submit(tmp_path / "x.csv", given, ISIC_2018, official_list=None) == []
    table = read_submission(tmp_path / "x.csv", ISIC_2018)
    assert table.index.tolist() == ["A", "B", "C"]
    assert table.to_numpy().tobytes() == scores_of(given).tobytes()


def test_a_missing_official_image_gets_the_mean_row(tmp_path: Path):
    given = decided([name for name in OFFICIAL if name != "ISIC_0035068"])
    assert submit(tmp_path / "x.csv", given, ISIC_2018, official_list=None) == ["ISIC_0035068"]
    table = read_submission(tmp_path / "x.csv", ISIC_2018)
    assert sorted(table.index) == list(OFFICIAL)
    np.testing.assert_allclose(table.loc["ISIC_0035068"], scores_of(given).mean(axis=0))
    np.testing.assert_array_equal(table.to_numpy()[:-1], scores_of(given))


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


@pytest.mark.parametrize("name", ["isic2017", "isic2019", "isic2020"])
def test_a_challenge_of_other_classes_is_refused(name: str):
    with pytest.raises(SkinError, match=f"do not predict the columns of {name} "):
        check_challenge(get_challenge(name), "isic2018", official_list=None)


def test_a_list_that_is_not_known_is_refused_where_it_is_asked_for():
    odd = Challenge("odd", "image", ("BEN", "MAL"), "malignant")
    check_challenge(odd, "malignant", official_list=None)
    with pytest.raises(SkinError, match="no official list of images 'odd_test'"):
        check_challenge(odd, "malignant", official_list=True)


def test_ids_that_would_clash_are_refused(tmp_path: Path):
    (tmp_path / "x.csv").write_text("old")
    given = decided(["A", "A.jpg"])
    with pytest.raises(SkinError, match="A"):
        submit(tmp_path / "x.csv", given, ISIC_2018, official_list=False)
    assert (tmp_path / "x.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
