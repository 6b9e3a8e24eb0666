"""A tree over classes: named inner nodes, with the classes as its leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Node:
    """A group of classes, or one class where it has no children; a leaf's name is its code."""

    name: str
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Tree:
    """A rooted tree whose leaves are classes, with its nodes numbered breadth-first.

    The root is node 0 and a node's children have consecutive numbers. Every node but the root
    is the label of one decision, so label i is node i + 1.

    Attributes:
        root: holds all other nodes.
        classes: the leaves' codes in the order of a task's probability columns.
    """

    root: Node
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the shape.

        Raises:
            ValueError: the leaves are not the classes, or an inner node leaves no choice.
        """
        leaves = [node.name for node in self.nodes if not node.children]
        if sorted(leaves) != sorted(set(self.classes)) or len(leaves) != len(self.classes):
            raise ValueError(f"leaves {leaves} are not the classes {list(self.classes)}")
        for node in self.nodes:
            if len(node.children) == 1 or (node is self.root and not node.children):
                raise ValueError(f"node '{node.name}' needs at least two children")

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, the root first, level by level."""
        nodes: list[Node] = []
        level = [self.root]
        while level:
            nodes += level
            level = [child for node in level for child in node.children]
        return tuple(nodes)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """The children's numbers for each node; a leaf has none."""
        counts = [len(node.children) for node in self.nodes]
        firsts = accumulate(counts, initial=1)
        return tuple(
            tuple(range(first, first + count))
            for first, count in zip(firsts, counts, strict=False)  # the last sum is the total
        )

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """The parent's number for each node; the root's is -1."""
        return (-1, *(i for i, children in enumerate(self.children) for _ in children))

    @cached_property
    def inner(self) -> tuple[int, ...]:
        """The numbers of the nodes that have children, in order: one decision each."""
        return tuple(i for i, children in enumerate(self.children) if children)

    @cached_property
    def leaves(self) -> tuple[int, ...]:
        """Each class's number as a node."""
        numbers = {node.name: i for i, node in enumerate(self.nodes) if not node.children}
        return tuple(numbers[code] for code in self.classes)

    @cached_property
    def paths(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """The decisions from the root to each class: pairs (inner node, position of the child)."""
        return tuple(self._path(leaf) for leaf in self.leaves)

    @cached_property
    def levels(self) -> int:
        """The most decisions on any path."""
        return max(len(path) for path in self.paths)

    @cached_property
    def depth_of_class(self) -> NDArray[np.int64]:
        """The number of decisions on each class's path: (C,)."""
        depths = np.array([len(path) for path in self.paths], np.int64)
        depths.setflags(write=False)
        return depths

    @cached_property
    def membership(self) -> NDArray[np.bool_]:
        """Which classes lie at or below each node but the root: (nodes - 1, C).

        `membership @ probabilities` is each such node's probability.
        """
        below = np.zeros((len(self.nodes) - 1, len(self.classes)), np.bool_)
        for column, path in enumerate(self.paths):
            for node, position in path:
                below[self.children[node][position] - 1, column] = True
        below.setflags(write=False)
        return below

    def _path(self, node: int) -> tuple[tuple[int, int], ...]:
        parent = self.parents[node]
        if parent < 0:
            return ()
        return (*self._path(parent), (parent, self.children[parent].index(node)))
