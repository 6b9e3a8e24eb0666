"""The figure by which each challenge ranks its submissions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Metric(StrEnum):
    """Those of the official scorer's `--metric`, and the partial AUC of ISIC 2024.

    All but the balanced accuracy are means over the columns.
    """

    BALANCED_ACCURACY = "balanced_accuracy"
    AUC = "auc"
    AVERAGE_PRECISION = "ap"
    PARTIAL_AUC = "pauc"


OFFICIAL = (Metric.BALANCED_ACCURACY, Metric.AUC, Metric.AVERAGE_PRECISION)
"""Those that isic-challenge-scoring has."""

RANKED_BY: Mapping[str, Metric] = {
    "isic2017": Metric.AUC,
    "isic2018": Metric.BALANCED_ACCURACY,
    "isic2019": Metric.BALANCED_ACCURACY,
    "isic2020": Metric.AUC,
    "isic2024": Metric.PARTIAL_AUC,
}
"""The metric of each challenge, by its name."""

SHORT: Mapping[str, str] = {
    Metric.BALANCED_ACCURACY: "BACC",
    Metric.AUC: "AUC",
    Metric.AVERAGE_PRECISION: "AP",
    Metric.PARTIAL_AUC: "pAUC",
}
"""How a table's head names each."""
