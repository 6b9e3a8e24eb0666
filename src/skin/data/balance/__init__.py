"""Balancing: an ordered list of steps that changes which images a fold's training part holds.

It sees the training part alone, so no held-out lesion can reach a synthetic image.
"""

from __future__ import annotations

from skin.data.balance.steps import TrainingPart, balance, trace

__all__ = ["TrainingPart", "balance", "trace"]
