"""Where a training stands."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Progress:
    """Where a training stands. It is saved in every checkpoint."""

    epoch: int = 0  # the one that is running
    batch: int = 0  # its next batch
    loss_sum: float = 0.0  # over the epoch's batches so far
    epoch_seconds: float = 0.0
    seconds: float = 0.0  # of all epochs that ended
    best: float = -math.inf  # of the figure that epochs are judged by
    best_bacc: float = -math.inf  # of the best epoch
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)
