"""Pooling: several datasets as one, each photograph and lesion once, and no test image."""

from __future__ import annotations

from skin.data.pool.build import Pooled, pool_datasets
from skin.data.pool.record import RECORD, PoolRecord, load_record

__all__ = ["RECORD", "PoolRecord", "Pooled", "load_record", "pool_datasets"]
