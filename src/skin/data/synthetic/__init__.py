"""Synthetic dermoscopy: a small, seeded data set in HAM10000's layout, for demos and tests."""

from __future__ import annotations

from skin.data.synthetic.dataset import SyntheticSummary, write_synthetic

__all__ = ["SyntheticSummary", "write_synthetic"]
