"""Which rows belong together: the connected components of what joins them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Edges = NDArray[np.int64]
"""Pairs (E, 2) of rows."""


def equal(values: pd.Series[str]) -> Edges:
    """Join each row to the first one of the same value, where it is known."""
    known = np.flatnonzero(values.notna())
    rows = pd.Series(known)
    first = rows.groupby(pd.factorize(values.iloc[known])[0]).transform("first")
    return np.column_stack([first, known]).astype(np.int64)


def differing(same_id: Edges, pairs: Edges) -> NDArray[np.bool_]:
    """The rows (N,) that are another photograph than the first row of their id.

    Args:
        same_id: (N, 2), each row joined to the first one of its id.
        pairs: (P, 2), rows that show the same photograph.
    """
    alike = set(map(tuple, np.sort(pairs, axis=1).tolist()))
    others = np.flatnonzero(same_id[:, 0] != same_id[:, 1])
    differs = np.zeros(len(same_id), np.bool_)
    differs[others] = [tuple(edge) not in alike for edge in same_id[others].tolist()]
    return differs


def first_of_each(count: int, edges: Iterable[Edges]) -> NDArray[np.int64]:
    """The first row (N,) of those that each row is joined to, directly or through others."""
    component = components(count, edges)
    _, firsts = np.unique(component, return_index=True)
    found: NDArray[np.int64] = firsts[component]
    return found


def components(count: int, edges: Iterable[Edges]) -> NDArray[np.int64]:
    """Number the sets (N,) of rows that are joined, directly or through others, from 0."""
    first, second = np.concatenate([np.empty((0, 2), np.int64), *edges]).T
    graph = coo_array((np.ones(len(first), np.bool_), (first, second)), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    return np.asarray(component, np.int64)
