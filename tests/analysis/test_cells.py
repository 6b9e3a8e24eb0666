from __future__ import annotations

import math

from skin.analysis.cells import ends, gap_cell
from skin.analysis.statistics import Interval


def test_ends_are_columns_empty_where_there_is_no_interval():
    found = ends({"bacc": Interval(0.5, 0.4, 0.6), "gain": None})

    assert list(found) == ["bacc", "bacc_low", "bacc_high", "gain", "gain_low", "gain_high"]
    assert [found["bacc"], found["bacc_low"], found["bacc_high"]] == [0.5, 0.4, 0.6]
    assert all(math.isnan(found[name]) for name in ("gain", "gain_low", "gain_high"))


def test_a_gap_is_toned_where_its_interval_leaves_zero_out():
    gaps = [Interval(0.1, 0.05, 0.2), Interval(-0.1, -0.2, -0.05), Interval(0.1, -0.1, 0.2)]

    assert [gap_cell(gap).tone for gap in gaps] == ["good", "bad", "plain"]
