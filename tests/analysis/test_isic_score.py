"""Figures of small tables that can be checked by hand, and the official scorer's own."""

import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skin.analysis.isic_metric import RANKED_BY, Metric
from skin.analysis.isic_score import IsicScore, balanced_accuracy, score, score_files
from skin.analysis.isic_truth import Truth, infer_challenge, read_truth
from skin.errors import SkinError
from skin.inference.submission import Block, write_blocks
from skin.taxonomy import CHALLENGES, Challenge, get_challenge

# The hand-made pairs of scripts/check_scorer/pairs.py with the figures of the real scorer, by
# `SCORER_PYTHON=python3.13 scripts/check-scorer 5.8.0 tests/analysis/isic_score_golden.json`.
# Null is an undefined figure, or one at which the official scorer breaks down.
GOLDEN = json.loads(Path(__file__).with_name("isic_score_golden.json").read_text())


def scored(
    labels: list[list[int]],
    values: list[list[float]],
    weight: list[float] | None = None,
    metric: Metric = Metric.BALANCED_ACCURACY,
) -> IsicScore:
    """Score rows of equal width, with classes A, B, … and images 0, 1, …"""
    codes = list("ABCDEFG"[: len(labels[0])])
    weights = np.ones(len(labels)) if weight is None else np.array(weight, float)
    truth = Truth(pd.DataFrame(labels, columns=codes).astype(bool), weights, weights)
    return score(pd.DataFrame(values, columns=codes), truth, metric)


class TestBalancedAccuracy:
    def test_mean_of_recalls(self):
        labels = [[1, 0], [1, 0], [1, 0], [0, 1]]
        values = [[0.9, 0.1], [0.2, 0.1], [0.1, 0.3], [0.4, 0.6]]
        assert scored(labels, values).balanced_accuracy == pytest.approx((2 / 3 + 1) / 2)

    def test_weights(self):
        labels = [[1, 0], [1, 0], [0, 1]]
        values = [[0.9, 0.1], [0.1, 0.9], [0.1, 0.9]]
        assert scored(labels, values, [3, 1, 5]).balanced_accuracy == (0.75 + 1) / 2

    def test_a_tie_for_the_maximum_is_wrong(self):
        result = scored([[1, 0, 0], [0, 1, 0]], [[0.4, 0.4, 0.2], [0.2, 0.6, 0.2]])
        assert result.balanced_accuracy == 0.5
        assert result.tied == (0,)

    def test_the_last_bit_breaks_a_tie(self):
        result = scored([[1, 0], [0, 1]], [[np.nextafter(0.5, 1), 0.5], [0.1, 0.9]])
        assert result.balanced_accuracy == 1.0
        assert result.tied == ()

    def test_a_class_without_a_true_image_is_left_out(self):
        assert scored([[1, 0, 0], [0, 1, 0]], np.eye(3)[:2]).balanced_accuracy == 1.0
        assert scored([[1, 0, 0], [0, 1, 0]], np.eye(3)[[0, 2]]).balanced_accuracy == 0.5

    def test_a_class_of_weight_0_is_left_out(self):
        assert scored([[1, 0], [0, 1]], [[1, 0], [1, 0]], [1, 0]).balanced_accuracy == 1.0

    def test_images_without_exactly_one_class_are_left_out(self):
        labels = [[1, 0], [0, 1], [0, 0], [1, 1]]
        assert scored(labels, [[1, 0], [0, 1], [1, 0], [1, 0]]).balanced_accuracy == 1.0

    def test_undefined_without_any_class(self):
        assert np.isnan(scored([[0, 0]], [[0.9, 0.1]]).balanced_accuracy)


class TestCountedFigures:
    def test_of_a_confusion_matrix(self):
        # TP 3, FN 1, FP 2, TN 4.
        labels = [[1]] * 4 + [[0]] * 6
        values = [[0.9]] * 3 + [[0.1]] + [[0.9]] * 2 + [[0.1]] * 4
        figures = scored(labels, values).per_class.loc["A"]
        assert figures["accuracy"] == 0.7
        assert figures["sensitivity"] == 0.75
        assert figures["specificity"] == 4 / 6
        assert figures["dice"] == 6 / 9
        assert figures["ppv"] == 0.6
        assert figures["npv"] == 0.8

    def test_exactly_half_is_no(self):
        figures = scored([[1], [0]], [[0.5], [0.5]]).per_class.loc["A"]
        assert (figures["sensitivity"], figures["specificity"]) == (0.0, 1.0)

    def test_just_above_half_is_yes(self):
        figures = scored([[1], [0]], [[np.nextafter(0.5, 1)], [0.5]]).per_class.loc["A"]
        assert (figures["sensitivity"], figures["specificity"]) == (1.0, 1.0)

    @pytest.mark.parametrize(
        ("label", "value", "undefined"),
        [
            (0, 0.1, ["sensitivity", "dice", "ppv"]),
            (1, 0.9, ["specificity", "npv"]),
            (0, 0.9, ["sensitivity", "npv"]),
            (1, 0.1, ["specificity", "ppv"]),
        ],
    )
    def test_an_undefined_ratio_is_1(self, label: int, value: float, undefined: list[str]):
        figures = scored([[label]], [[value]]).per_class.loc["A"]
        assert figures[undefined].tolist() == [1.0] * len(undefined)


class TestRankedFigures:
    def test_auc_counts_a_tie_as_half(self):
        # Pairs (0.8, 0.5) right, (0.8, 0.2) right, (0.5, 0.5) tied, (0.5, 0.2) right.
        values = [[0.8], [0.5], [0.5], [0.2]]
        assert scored([[1], [1], [0], [0]], values).per_class.loc["A", "auc"] == 3.5 / 4

    def test_partial_auc_of_a_constant(self):
        # The diagonal from (0.8, 0.8) to (1, 1), down to the axis: 0.2 * 0.9.
        figures = scored([[1], [0], [1], [0]], [[0.5]] * 4).per_class.loc["A"]
        assert figures["auc_sens_80"] == pytest.approx(0.18)

    def test_partial_auc_of_a_perfect_order(self):
        assert scored([[1], [0]], [[0.2], [0.1]]).per_class.loc["A", "auc_sens_80"] == 1.0

    def test_partial_auc_begins_where_the_sensitivity_is_exactly_80_percent(self):
        # Four of five found, then a negative: from (0, 0.8) to (1, 0.8), then up to (1, 1).
        labels = [[1]] * 4 + [[0], [1]]
        values = [[0.9], [0.8], [0.7], [0.6], [0.5], [0.4]]
        assert scored(labels, values).per_class.loc["A", "auc_sens_80"] == pytest.approx(0.8)

    def test_average_precision(self):
        # Precision 1 at the first true image, 2/3 at the second.
        values = [[0.9], [0.8], [0.7]]
        ap = scored([[1], [0], [1]], values).per_class.loc["A", "ap"]
        assert ap == pytest.approx((1 + 2 / 3) / 2)

    def test_without_a_true_image(self):
        figures = scored([[0, 1], [0, 0]], [[0.9, 0.9], [0.1, 0.1]])
        assert np.isnan(figures.per_class.loc["A", ["auc", "auc_sens_80"]].to_numpy()).all()
        assert figures.per_class.loc["A", "ap"] == 0.0
        assert figures.macro["auc"] == 1.0, "the mean is over the classes where it is defined"

    def test_without_a_false_image(self):
        figures = scored([[1], [1]], [[0.9], [0.1]]).per_class.loc["A"]
        assert np.isnan([figures["auc"], figures["auc_sens_80"]]).all()
        assert figures["ap"] == 1.0


class TestOverall:
    labels = ((1, 0), (0, 1), (0, 1))
    values = ((0.9, 0.1), (0.6, 0.3), (0.2, 0.4))

    @pytest.mark.parametrize(
        ("metric", "overall"),
        [(Metric.BALANCED_ACCURACY, 0.75), (Metric.AUC, 1.0), (Metric.AVERAGE_PRECISION, 1.0)],
    )
    def test_metric(self, metric: Metric, overall: float):
        assert scored(self.labels, self.values, metric=metric).overall == overall

    @pytest.mark.parametrize(
        ("metric", "validation"),
        [(Metric.BALANCED_ACCURACY, 0.5), (Metric.AUC, 1.0), (Metric.AVERAGE_PRECISION, 1.0)],
    )
    def test_validation_has_its_own_weights(self, metric: Metric, validation: float):
        labels = pd.DataFrame(self.labels, columns=["A", "B"]).astype(bool)
        truth = Truth(labels, np.ones(3), np.array([1.0, 1.0, 0.0]))
        result = score(pd.DataFrame(self.values, columns=["A", "B"]), truth, metric)
        assert result.validation == validation

    def test_validation_without_weight_is_undefined(self):
        labels = pd.DataFrame(self.labels, columns=["A", "B"]).astype(bool)
        for metric in Metric:
            result = score(
                pd.DataFrame(self.values, columns=["A", "B"]),
                Truth(labels, np.ones(3), np.zeros(3)),
                metric,
            )
            assert result.to_dict()["validation"] is None

    def test_each_challenge_has_a_metric(self):
        assert set(RANKED_BY) == set(CHALLENGES)

    def test_the_partial_auc_is_a_figure_only_where_it_ranks(self):
        for metric in Metric:
            result = scored(self.labels, self.values, metric=metric)
            assert ("pauc" in result.per_class) == (metric is Metric.PARTIAL_AUC)
        assert result.overall == result.macro["pauc"] == pytest.approx(0.2)
        assert result.to_dict()["per_category"]["pauc"] == pytest.approx({"A": 0.2, "B": 0.2})


@pytest.mark.parametrize("case", GOLDEN, ids=[case["name"] for case in GOLDEN])
def test_the_official_figures(tmp_path: Path, case: dict):
    challenge = get_challenge(case["challenge"])
    block = Block(case["images"], np.array(case["submission"]))
    write_blocks(tmp_path / "s.csv", [block], challenge)
    truth = pd.DataFrame(case["truth"], index=case["images"])
    truth[::-1].to_csv(tmp_path / "t.csv", index_label=challenge.index)
    official = case["official"]
    for name, overall in official["overall"].items():
        result = score_files(tmp_path / "s.csv", tmp_path / "t.csv", challenge, Metric(name))
        assert same(result.overall, overall)
        assert same(result.validation, official["validation"][name])
    assert same(result.balanced_accuracy, official["aggregate"]["balanced_accuracy"])
    for figure in result.per_class:
        assert same(result.per_class[figure], official[figure]), figure


def same(ours: object, official: object) -> bool:
    expected = np.array(official, dtype=float)
    return np.allclose(np.asarray(ours), expected, rtol=0, atol=1e-12, equal_nan=True)


def test_golden_figures_are_there():
    assert len(GOLDEN) >= 25
    assert {case["challenge"] for case in GOLDEN} == set(CHALLENGES)


few = settings(max_examples=25, deadline=None)
Table = tuple[np.ndarray, np.ndarray, np.ndarray]
tables = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.bool_, (n, 3)),
        hnp.arrays(np.float64, (n, 3), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])),
        hnp.arrays(np.float64, n, elements=st.sampled_from([1.0, 2.0, 0.5])),
    )
)


@few
@given(table=tables)
def test_balanced_accuracy_by_a_loop(table: Table):
    labels, values, weights = table
    recalls = []
    for code in range(3):
        found = total = 0.0
        for row, value, weight in zip(labels, values, weights, strict=True):
            if row.sum() == 1 and row[code]:
                total += weight
                found += weight * (value[code] > np.delete(value, code).max())
        if total:
            recalls.append(found / total)
    ours = balanced_accuracy(labels, values, weights)
    assert ours == pytest.approx(np.mean(recalls)) if recalls else np.isnan(ours)


@few
@given(table=tables, seed=st.integers(0, 2**32 - 1))
def test_order_of_rows_does_not_matter(table: Table, seed: int):
    labels, values, weights = table
    order = np.random.default_rng(seed).permutation(len(labels))
    truth = Truth(pd.DataFrame(labels, columns=list("ABC")), weights, weights)
    frame = pd.DataFrame(values, columns=list("ABC"))
    one = score(frame, truth, Metric.AUC)
    other = score(frame.iloc[order][["C", "A", "B"]], truth, Metric.AUC)
    assert one.to_dict() == other.to_dict()


@few
@given(table=tables)
def test_weight_0_is_as_absent(table: Table):
    labels, values, weights = table
    with_ghosts = score(
        pd.DataFrame(np.vstack([values, 1 - values]), columns=list("ABC")),
        Truth(
            pd.DataFrame(np.vstack([labels, labels]), columns=list("ABC")),
            np.concatenate([weights, 0 * weights]),
            np.concatenate([weights, 0 * weights]),
        ),
        Metric.AUC,
    )
    truth = Truth(pd.DataFrame(labels, columns=list("ABC")), weights, weights)
    without = score(pd.DataFrame(values, columns=list("ABC")), truth, Metric.AUC)
    pd.testing.assert_frame_equal(with_ghosts.per_class, without.per_class, atol=1e-12)
    assert with_ghosts.overall == pytest.approx(without.overall, nan_ok=True)


TRUTH = """\
image_id,melanoma,seborrheic_keratosis,score_weight
ISIC_2,1.0,0,2
ISIC_1,0,1,0.5
"""


class TestTruth:
    challenge = get_challenge("isic2017")

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "truth.csv"

    def test_sorted_with_its_weights(self, path: Path):
        path.write_text(TRUTH)
        truth = read_truth(path, self.challenge)
        assert truth.labels.index.tolist() == ["ISIC_1", "ISIC_2"]
        assert truth.labels.to_numpy().tolist() == [[False, True], [True, False]]
        assert truth.score_weight.tolist() == [0.5, 2.0]
        assert truth.validation_weight.tolist() == [1.0, 1.0]

    def test_the_excluded_image_weighs_0(self, path: Path):
        path.write_text(TRUTH.replace("ISIC_1", "ISIC_0035068"))
        truth = read_truth(path, self.challenge)
        assert truth.score_weight.tolist() == [0.0, 2.0]
        assert truth.validation_weight.tolist() == [0.0, 1.0]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (TRUTH.replace("melanoma", "mel"), "missing column melanoma"),
            (TRUTH.replace("1.0", "0.5"), "image ISIC_2, column 'melanoma': '0.5' is neither"),
            (TRUTH.replace("1.0", ""), "image ISIC_2, column 'melanoma': 'nan' is neither"),
            (TRUTH.replace(",2", ",-2"), "column 'score_weight': '-2.0' is not a weight"),
            (TRUTH.replace(",2", ",heavy"), "column 'score_weight': 'heavy' is not a weight"),
            (TRUTH.replace(",2", ",inf"), "column 'score_weight': 'inf' is not a weight"),
            (TRUTH.replace(",2", ",0").replace("0.5", "0"), "no image has a score_weight above 0"),
            (TRUTH.replace("ISIC_2", "ISIC_1"), "more than one row for ISIC_1"),
        ],
    )
    def test_each_mistake_is_named(self, path: Path, content: str, message: str):
        path.write_text(content)
        with pytest.raises(SkinError, match=message) as caught:
            read_truth(path, self.challenge)
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize("challenge", CHALLENGES.values(), ids=list(CHALLENGES))
    def test_challenge_from_the_columns(self, path: Path, challenge: Challenge):
        columns = [*reversed(challenge.columns), "score_weight", challenge.index]
        path.write_text(",".join(columns) + "\n")
        assert infer_challenge(path) is challenge

    @pytest.mark.parametrize("name", ["isic2017", "isic2020", "isic2024"])
    def test_published_tables_tell_more(self, path: Path, name: str):
        challenge = get_challenge(name)
        labels = ["1.0" if i == 0 else "0" for i in range(len(challenge.columns))]
        columns = ["patient_id", *challenge.columns, "sex", challenge.index, ""]
        lines = [columns, ["IP_1", *labels, "", "ISIC_1", ""], ["IP_2", *labels, "f", "ISIC_2", ""]]
        path.write_text("\ufeff" + "\r\n".join(map(",".join, lines)) + "\r\n")
        assert infer_challenge(path) is challenge
        truth = read_truth(path, challenge)
        assert truth.labels.columns.tolist() == list(challenge.columns)
        assert truth.labels.iloc[:, 0].tolist() == [True, True]
        assert truth.score_weight.tolist() == [1, 1]

    @pytest.mark.parametrize("name", ["isic2018", "isic2019"])
    def test_others_are_as_strict_as_the_official_scorer(self, path: Path, name: str):
        challenge = get_challenge(name)
        labels = ["1", *["0"] * (len(challenge.columns) - 1)]
        columns = [challenge.index, *challenge.columns, "patient_id"]
        path.write_text("\n".join(map(",".join, [columns, ["ISIC_1", *labels, "IP_1"]])) + "\n")
        with pytest.raises(SkinError, match="unknown column patient_id"):
            read_truth(path, challenge)
        with pytest.raises(SkinError, match="of no one challenge"):
            infer_challenge(path)

    def test_a_zip_with_one_table_is_read_as_that_table(self, path: Path):
        zipped = path.with_suffix(".zip")
        with ZipFile(zipped, "w") as file:
            file.writestr("truth/truth.csv", TRUTH.replace("\n", "\r\n"))
            file.writestr("LICENSE.txt", "CC0")
        assert infer_challenge(zipped) is self.challenge
        path.write_text(TRUTH)
        one, other = (read_truth(each, self.challenge) for each in (path, zipped))
        pd.testing.assert_frame_equal(one.labels, other.labels)
        assert one.score_weight.tolist() == other.score_weight.tolist()

    @pytest.mark.parametrize(
        ("names", "message"), [(["a.txt"], "has no CSV, where one"), (["a.csv", "b.CSV"], "a.csv")]
    )
    def test_a_zip_without_one_table(self, tmp_path: Path, names: list[str], message: str):
        with ZipFile(tmp_path / "t.zip", "w") as file:
            for name in names:
                file.writestr(name, TRUTH)
        with pytest.raises(SkinError, match=message):
            infer_challenge(tmp_path / "t.zip")

    def test_columns_of_no_challenge(self, path: Path):
        path.write_text("image,MEL,NV\n")
        with pytest.raises(SkinError, match=r"MEL, NV, image.*name it with --challenge: isic2017"):
            infer_challenge(path)


class TestScoreFiles:
    def test_images_must_be_the_truths(self, tmp_path: Path):
        challenge = get_challenge("isic2017")
        (tmp_path / "t.csv").write_text(TRUTH)
        block = Block(["ISIC_1"], np.full((1, 2), 0.5))
        write_blocks(tmp_path / "s.csv", [block], challenge)
        with pytest.raises(SkinError, match="1 of the truth's images have no row: ISIC_2"):
            score_files(tmp_path / "s.csv", tmp_path / "t.csv", challenge)
        ids = ["ISIC_1", "ISIC_2", "ISIC_3"]
        write_blocks(tmp_path / "s.csv", [Block(ids, np.full((3, 2), 0.5))], challenge)
        with pytest.raises(SkinError, match="1 images are not in the truth: ISIC_3"):
            score_files(tmp_path / "s.csv", tmp_path / "t.csv", challenge)
