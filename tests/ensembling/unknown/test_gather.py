from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skin.ensembling.gather import gather
from skin.ensembling.nested import with_parts
from skin.ensembling.unknown.gather import gather_outliers, require_same_images
from skin.errors import SkinError
from skin.runs import FoldRun, Run

OutlierRun = Callable[..., Run]
NOWHERE = Path("nowhere")


def test_each_models_scores_are_standardised_by_its_own_known_images(outlier_run: OutlierRun):
    outliers = gather_outliers([outlier_run("a", skill={"entropy": 3.0})])
    for fold in range(3):
        known = (outliers.parts == fold) & ~outliers.outside
        assert outliers.scores["entropy"][known].mean() == pytest.approx(0, abs=1e-9)
        assert outliers.scores["entropy"][known].std() == pytest.approx(1)
    # A deviation of the known images is 10 ** fold; outside they are 3 of them farther.
    assert outliers.scores["entropy"][outliers.outside].mean() == pytest.approx(3, abs=0.5)
    (standards,) = outliers.standards["entropy"]
    assert [round(np.log10(each.scale)) for each in standards] == [0, 1, 2]


def test_runs_are_averaged_image_by_image(outlier_run: OutlierRun):
    first, second = outlier_run("a"), outlier_run("b", seed=1)
    each = [gather_outliers([run]).scores["energy"] for run in (first, second)]
    both = gather_outliers([first, second])
    np.testing.assert_allclose(both.scores["energy"], np.mean(each, axis=0))
    assert len(both.standards["energy"]) == 2
    assert both.image_ids.tolist() == sorted(both.image_ids)


def test_scores_that_not_all_runs_have_are_left_out(outlier_run: OutlierRun):
    runs = [outlier_run("a"), outlier_run("b", ["max_probability", "entropy", "mahalanobis"])]
    assert list(gather_outliers(runs).scores) == ["max_probability", "entropy", "mahalanobis"]


def test_runs_of_other_images_are_refused(outlier_run: OutlierRun):
    with pytest.raises(SkinError, match="'a' and 'b' do not have outlier scores of the same"):
        gather_outliers([outlier_run("a"), outlier_run("b", outside=3)])


def no_file(fold: FoldRun, _: object) -> None:
    (fold.folder / "features.safetensors").unlink()


def no_table(fold: FoldRun, _: object) -> None:
    (fold.folder / "outliers.csv").unlink()


def edited(fold: FoldRun, _: object) -> None:
    path = fold.folder / "outliers.csv"
    path.write_text(path.read_text().replace("I1", "J1"))


def other_weights(fold: FoldRun, _: object) -> None:
    with fold.weights.open("ab") as file:
        file.write(b" ")


def not_a_number(fold: FoldRun, write_outliers: Callable[..., None]) -> None:
    table = pd.read_csv(fold.folder / "outliers.csv")
    table.loc[3, "entropy"] = np.inf
    write_outliers(fold, table)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (no_file, r"features\.safetensors is missing; the `skin train` command of .*a makes it"),
        (no_table, r"outliers\.csv is missing"),
        (edited, r"outliers\.csv was changed after it was made"),
        (other_weights, "is not of the weights beside it"),
        (not_a_number, "does not hold a number of each score"),
    ],
)
def test_files_that_cannot_be_relied_on(
    outlier_run: OutlierRun,
    write_outliers: Callable[..., None],
    spoil: Callable[..., None],
    message: str,
):
    run = outlier_run("a")
    spoil(run.fold(1), write_outliers)
    with pytest.raises(SkinError, match=message):
        gather_outliers([run])


def test_known_images_are_those_of_the_predictions(outlier_run: OutlierRun):
    run = outlier_run("a")
    outliers, oof = gather_outliers([run]), gather([run], data_dir=NOWHERE)
    require_same_images(outliers, oof)
    with pytest.raises(SkinError, match="outlier scores of other images"):
        require_same_images(outliers, oof.take(np.arange(10)))


def test_folds_stay_the_parts(outlier_run: OutlierRun):
    run = outlier_run("a")
    outliers, oof = gather_outliers([run]), gather([run], data_dir=NOWHERE)
    assert outliers.with_parts_of(with_parts(oof)) is outliers


def test_other_parts_take_whole_lesions(outlier_run: OutlierRun):
    run = outlier_run("a")
    outliers, oof = gather_outliers([run]), gather([run], data_dir=NOWHERE)
    _, lesion = np.unique(oof.lesions, return_inverse=True)
    parted = outliers.with_parts_of(replace(oof, parts=lesion % 4))
    assert parted.parts[~parted.outside].tolist() == (lesion % 4).tolist()
    per_lesion = pd.Series(parted.parts).groupby(parted.lesions).nunique()
    assert (per_lesion == 1).all()
    assert set(parted.parts[parted.outside]) == {0, 1, 2, 3}
