"""How much a column or a measure says about the class, and how sure that is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import PredefinedSplit, StratifiedKFold, cross_val_predict

from skin.analysis.exploration.cohort import Cohort
from skin.analysis.metrics import FloatArray, IntArray
from skin.analysis.statistics import LEVEL, Interval, bootstrap, interval, lesion_weights
from skin.taxonomy import TASKS

_FOLDS = 5
_FEWEST_LESIONS = 50  # malignant, and benign, to learn anything from
_SHUFFLES = 500
_CELLS = 1_000_000  # of tables held in memory together: 8 MB an array
_TREES = 100
_LEAVES = 8
_MOST_CATEGORIES = 255  # that the trees take


def cramers_v(counts: NDArray[np.floating], draws: int = 1) -> FloatArray:
    """Cramér's V of contingency tables (..., R, C), less what chance alone would give.

    W. Bergsma, A bias-correction for Cramér's V and Tschuprow's T, J. Korean Stat. Soc. 42 (2013),
    eq. 3 to 5: phi² = max(0, chi²/n - (R - 1)(C - 1)/(n - 1)), with R and C reduced likewise. Empty
    rows and columns do not count.

    Args:
        counts: of independent units.
        draws: how often chance came in; 2 for a resample of a sample, which has the noise of both
            (a deviation from the paper, which has no resamples); 0 for the plain V.

    Returns:
        (...), from 0 for independence to 1 where one tells the other; NaN where a table has but
        one row or column.
    """
    n = counts.sum(axis=(-2, -1))
    row, column = counts.sum(axis=-1), counts.sum(axis=-2)
    expected = row[..., :, None] * column[..., None, :] / n[..., None, None]
    off = np.divide((counts - expected) ** 2, expected, np.zeros_like(expected), where=expected > 0)
    rows, columns = ((side > 0).sum(axis=-1).astype(float) for side in (row, column))
    noise = draws / np.maximum(n - 1, 1)
    phi = np.maximum(0, off.sum(axis=(-2, -1)) / n - noise * (rows - 1) * (columns - 1))
    least = np.minimum(rows - noise * (rows - 1) ** 2, columns - noise * (columns - 1) ** 2) - 1
    v = np.full(np.shape(n), np.nan)
    np.divide(phi, least, out=v, where=least > 0)
    return np.asarray(np.minimum(np.sqrt(v), 1))


def association(cohort: Cohort, values: pd.Series[str]) -> tuple[Interval, float]:
    """Cramér's V of a column with the class, over lesions, each counted once.

    Args:
        cohort: whose lesions these are.
        values: one a lesion, in the order of `cohort.lesions`; a missing one is a value too.

    Returns:
        V with its interval, and what it stays below in 95 % of shuffles of the values.
    """
    row = np.asarray(pd.factorize(values)[0], np.int64)
    column = np.asarray(pd.factorize(cohort.lesions["class"])[0], np.int64)
    row[row < 0] = row.max() + 1
    shape = (int(row.max()) + 1, int(column.max()) + 1)
    cell = row * shape[1] + column
    units = sparse.coo_array(
        (np.ones(len(cell)), (cell, np.arange(len(cell)))), (shape[0] * shape[1], len(cell))
    ).tocsr()
    samples = np.concatenate(
        [
            cramers_v((units @ weights).T.reshape(-1, *shape), draws=2)
            for weights in lesion_weights(len(cell), cohort.resamples, cohort.seed)
        ]
    )
    value = cramers_v(_table(cell, shape))
    return interval(float(value), samples), _by_chance(row, column, shape, cohort.seed)


def malignancy_auc(cohort: Cohort, scores: FloatArray) -> Interval:
    """How well scores (N,) alone rank malignant above benign: AUC, its interval over lesions."""
    rank = np.asarray(pd.Series(scores).rank(pct=True), np.float64)
    positive = cohort.images["malignant"].to_numpy(np.int64)
    boot = bootstrap(
        positive,
        np.column_stack([1 - rank, rank]),
        cohort.lesion,
        TASKS["malignant"],
        resamples=cohort.resamples,
        seed=cohort.seed,
    )
    return boot.interval("malignant_auc")


def learned_auc(cohort: Cohort, columns: pd.DataFrame) -> Interval | None:
    """How well columns together tell malignant from benign: AUC of boosted trees, out of fold.

    Five folds that share no lesion; text columns are categories, missing values are kept as such.

    Args:
        cohort: whose images these are.
        columns: a row an image.

    Returns:
        None where there are fewer than 50 malignant or 50 benign lesions.
    """
    sides = cohort.lesions["malignant"].value_counts()
    if min(sides.get(True, 0), sides.get(False, 0)) < _FEWEST_LESIONS:
        return None
    is_text = [not pd.api.types.is_numeric_dtype(columns[name]) for name in columns]
    features = np.column_stack(
        [
            _codes(columns[name]) if text else columns[name].to_numpy(np.float64)
            for name, text in zip(columns, is_text, strict=True)
        ]
    )
    trees = HistGradientBoostingClassifier(
        max_iter=_TREES,
        max_leaf_nodes=_LEAVES,
        categorical_features=is_text,
        early_stopping=False,
        random_state=cohort.seed,
    )
    malignant = cohort.images["malignant"].to_numpy(bool)
    predicted = cross_val_predict(
        trees, features, malignant, cv=_whole_lesions(cohort), method="predict_proba"
    )
    return malignancy_auc(cohort, predicted[:, 1])


def _whole_lesions(cohort: Cohort) -> PredefinedSplit:
    """Folds of images that share no lesion, with as many malignant lesions each."""
    malignant = cohort.lesions["malignant"].to_numpy(bool)
    splitter = StratifiedKFold(_FOLDS, shuffle=True, random_state=cohort.seed)
    fold = np.empty(len(malignant), np.int64)
    for number, (_, held_out) in enumerate(splitter.split(malignant, malignant)):
        fold[held_out] = number
    return PredefinedSplit(fold[cohort.lesion])


def _by_chance(row: IntArray, column: IntArray, shape: tuple[int, int], seed: int) -> float:
    """What V stays below in 95 % of shuffles, some tables at once: one may have a row an image."""
    rng = np.random.default_rng(seed)
    at_once = max(1, _CELLS // (shape[0] * shape[1]))
    values = [
        cramers_v(
            np.stack(
                [
                    _table(rng.permutation(row) * shape[1] + column, shape)
                    for _ in range(min(at_once, _SHUFFLES - start))
                ]
            )
        )
        for start in range(0, _SHUFFLES, at_once)
    ]
    return float(np.quantile(np.concatenate(values), LEVEL))


def _table(cell: IntArray, shape: tuple[int, int]) -> FloatArray:
    return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _codes(column: pd.Series[str]) -> FloatArray:
    """Numbers of a text column's values; NaN for missing ones, and for those beyond the limit."""
    numbers = {value: code for code, value in enumerate(column.value_counts().index)}
    codes = column.astype(object).map(numbers).to_numpy(np.float64)
    return np.where(codes < _MOST_CATEGORIES, codes, np.nan)
