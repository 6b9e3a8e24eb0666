"""Lesions that are none of the task's classes, told by outlier scores."""

from skin.ensembling.unknown.columns import with_unknown
from skin.ensembling.unknown.rule import Unknown

__all__ = ["Unknown", "with_unknown"]
