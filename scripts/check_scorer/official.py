"""Score with the official scorer: `python -m check_scorer.official FOLDER [PAUC]`.

Runs where isic-challenge-scoring is installed and this project is not. PAUC is the file with the
partial AUC of ISIC 2024, as its organisers published it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from isic_challenge_scoring import metrics
from isic_challenge_scoring.classification import ClassificationMetric, ClassificationScore
from isic_challenge_scoring.confusion import create_binary_confusion_matrix
from isic_challenge_scoring.load_csv import parse_csv, parse_truth_csv, sort_rows, validate_rows
from isic_challenge_scoring.types import ScoreError

METRICS = ("balanced_accuracy", "auc", "ap")
RANKED_BY_PAUC = "isic2024"
SENSITIVITY = 0.80


def main() -> None:
    """Write the figures of each pair, and whether each malformed file is taken."""
    warnings.simplefilter("ignore")  # of undefined figures, which are part of the comparison
    folder = Path(sys.argv[1])
    pairs = json.loads((folder / "pairs.json").read_text())
    malformed = json.loads((folder / "malformed.json").read_text())
    truth = folder / "malformed_truth.csv"
    scored = [_score(Path(p["official_truth"]), Path(p["official_submission"])) for p in pairs]
    if len(sys.argv) > 2:  # noqa: PLR2004 - the folder and PAUC
        partial_auc = _load_partial_auc(Path(sys.argv[2]))
        for pair, answered in zip(pairs, scored, strict=True):
            if pair["challenge"] == RANKED_BY_PAUC:
                answered["figures"] |= _partial_areas(pair, partial_auc)
    answer = {
        "versions": {name: version(name) for name in ("isic-challenge-scoring", "pandas")},
        "exact_decimals": tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1),
        "pairs": scored,
        "accepted": {name: _accepts(truth, Path(path)) for name, path in malformed.items()},
    }
    (folder / "official.json").write_text(json.dumps(answer))


def _load_partial_auc(path: Path) -> Callable[..., float]:
    """Load the organisers' function from their file."""
    spec = importlib.util.spec_from_file_location("pauc", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"check-scorer: PAUC_SCORER={path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., float] = module.p_auc_tpr
    return function


def _partial_areas(
    pair: dict[str, Any], partial_auc: Callable[..., float]
) -> dict[str, float | None]:
    """The figure that ranks ISIC 2024, by each kind of weight; None where it is undefined."""
    with (
        Path(pair["official_truth"]).open() as truth,
        Path(pair["official_submission"]).open() as submission,
    ):
        actual, weights = parse_truth_csv(truth)
        predicted = parse_csv(submission, actual.columns).loc[actual.index]
    figures = {}
    for name, kind in (("overall", "score_weight"), ("validation", "validation_weight")):
        weight = weights[kind].to_numpy()
        counts = weight > 0
        true, values = (table.to_numpy()[counts, 0] for table in (actual, predicted))
        figures[f"{name}/pauc"] = _try(partial_auc, true, values, SENSITIVITY, weight[counts])
    return figures


def _score(truth: Path, submission: Path) -> dict[str, Any]:
    """All figures; where the scorer breaks down as a whole, those that it has functions for."""
    figures: dict[str, float | None] = {}
    try:
        for metric in METRICS:
            score = ClassificationScore.from_file(truth, submission, ClassificationMetric(metric))
            answer = score.to_dict(rocs=False)
            figures[f"overall/{metric}"] = _or_none(answer.pop("overall"))
            figures[f"validation/{metric}"] = _or_none(answer.pop("validation"))
            figures |= _flat(answer)
    except (ValueError, IndexError):
        return {"broke_down": True, "figures": _parts(truth, submission)}
    return {"broke_down": False, "figures": figures}


def _flat(figures: dict[str, Any], prefix: str = "") -> dict[str, float | None]:
    flat: dict[str, float | None] = {}
    for name, value in figures.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}/")
        else:
            flat[prefix + name] = _or_none(value)
    return flat


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def _parts(truth: Path, submission: Path) -> dict[str, float | None]:
    """Each figure by itself, as the scorer composes them; None for one that breaks down."""
    with truth.open() as truth_stream, submission.open() as submission_stream:
        actual, weights = parse_truth_csv(truth_stream)
        predicted = parse_csv(submission_stream, actual.columns)
    sort_rows(actual)
    sort_rows(predicted)
    score, validation = weights["score_weight"], weights["validation_weight"]
    bacc = metrics.balanced_multiclass_accuracy
    figures = {
        "aggregate/balanced_accuracy": _try(bacc, actual, predicted, score),
        "overall/balanced_accuracy": _try(bacc, actual, predicted, score),
        "validation/balanced_accuracy": _try(bacc, actual, predicted, validation),
    }
    for category in actual.columns:
        of_category = actual[category], predicted[category], score
        ranked = {
            "auc": _try(metrics.auc, *of_category),
            "auc_sens_80": _try(metrics.auc_above_sensitivity, *of_category, 0.80),
            "ap": _try(metrics.average_precision, *of_category),
        }
        counted = _counted(*of_category, category)
        for name, value in (counted | ranked).items():
            figures[f"per_category/{name}/{category}"] = value
    return figures


def _counted(
    actual: pd.Series, predicted: pd.Series, weight: pd.Series, category: str
) -> dict[str, float | None]:
    counts = create_binary_confusion_matrix(
        actual.gt(0.5).to_numpy(), predicted.gt(0.5).to_numpy(), weight.to_numpy(), category
    )
    names = ("accuracy", "sensitivity", "specificity", "dice", "ppv", "npv")
    return {name: _try(getattr(metrics, f"binary_{name}"), counts) for name in names}


def _try(figure: Callable[..., float], *arguments: object) -> float | None:
    try:
        return _or_none(figure(*arguments))
    except (ValueError, IndexError):
        return None


def _accepts(truth: Path, submission: Path) -> bool:
    with truth.open() as truth_stream, submission.open(encoding="utf-8") as submission_stream:
        actual, _ = parse_truth_csv(truth_stream)
        try:
            validate_rows(actual, parse_csv(submission_stream, actual.columns))
        except ScoreError:
            return False
    return True


if __name__ == "__main__":
    main()
