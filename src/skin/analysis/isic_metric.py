"""The figure by which each challenge ranks its submissions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Metric(StrEnum):
    """The official scorer's `--metric`; AUC and average precision are means over the classes."""

    BALANCED_ACCURACY = "balanced_accuracy"
    AUC = "auc"
    AVERAGE_PRECISION = "ap"


RANKED_BY: Mapping[str, Metric] = {
    "isic2017": Metric.AUC,
    "isic2018": Metric.BALANCED_ACCURACY,
    "isic2019": Metric.BALANCED_ACCURACY,
    "isic2020": Metric.AUC,
}
