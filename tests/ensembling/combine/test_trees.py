from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from skin.ensembling.combine.trees import RegressionTree

# x0 <= 0.5? then 10, else x1 <= 2? then 20, else 30
TREE = RegressionTree(
    feature=(0, -1, 1, -1, -1),
    threshold=(0.5, 0, 2.0, 0, 0),
    left=(1, 0, 3, 0, 0),
    right=(2, 0, 4, 0, 0),
    value=(0, 10.0, 0, 20.0, 30.0),
)


def test_by_hand():
    """What is equal to the threshold goes left."""
    rows = np.array([[0.5, 9.0], [0.6, 2.0], [0.6, 2.1]])
    assert TREE.evaluate(rows.T).tolist() == [10, 20, 30]


def test_a_lone_leaf_is_a_number():
    leaf = RegressionTree(feature=(-1,), threshold=(0,), left=(0,), right=(0,), value=(3.0,))
    assert leaf.evaluate(np.zeros((2, 4))) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left": (0, 0, 3, 0, 0)}, "nodes after their parent"),  # its own child: no end
        ({"right": (2, 0, 1, 0, 0)}, "nodes after their parent"),
        ({"right": (2, 0, 5, 0, 0)}, "nodes after their parent"),
        ({"left": (-4, 0, 3, 0, 0)}, "nodes after their parent"),
        ({"feature": (-2, -1, 1, -1, -1)}, "feature must be -1 or a place"),
        ({"value": (0, 10.0)}, "equally long"),
        ({"value": (0, 10.0, 0, 20.0, float("inf"))}, "finite"),
        (
            dict.fromkeys(("feature", "threshold", "left", "right", "value"), ()),
            "at least one node",
        ),
    ],
)
def test_trees_that_would_not_end_are_refused(change: dict[str, object], message: str):
    with pytest.raises(ValidationError, match=message):
        RegressionTree.model_validate(TREE.model_dump() | change)
