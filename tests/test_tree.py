from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skin.tree import Node, Tree

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#       lesion 0
#      /        \
#    pair 1      C 2        classes in the order C, B, A
#   /     \
#  A 3     B 4
SMALL = Tree(Node("lesion", (Node("pair", (Node("A"), Node("B"))), Node("C"))), ("C", "B", "A"))


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Merge random neighbours of a row of leaves into nodes until one is left."""
    codes = LETTERS[: draw(st.integers(2, 9))]
    row = [Node(code) for code in codes]
    while len(row) > 1:
        first = draw(st.integers(0, len(row) - 2))
        last = draw(st.integers(first + 2, len(row)))
        row[first:last] = [Node(f"group of {last - first}", tuple(row[first:last]))]
    return Tree(row[0], tuple(draw(st.permutations(codes))))


def test_nodes_are_numbered_level_by_level():
    assert [node.name for node in SMALL.nodes] == ["lesion", "pair", "C", "A", "B"]
    assert SMALL.children == ((1, 2), (3, 4), (), (), ())
    assert SMALL.parents == (-1, 0, 0, 1, 1)
    assert SMALL.inner == (0, 1)
    assert SMALL.leaves == (2, 4, 3)


def test_paths_stand_in_the_order_of_the_classes():
    assert SMALL.paths == (((0, 1),), ((0, 0), (1, 1)), ((0, 0), (1, 0)))
    assert SMALL.depth_of_class.tolist() == [1, 2, 2]
    assert SMALL.levels == 2


def test_membership_by_hand():
    expected = [
        # C  B  A
        [0, 1, 1],  # pair
        [1, 0, 0],  # C
        [0, 0, 1],  # A
        [0, 1, 0],  # B
    ]
    np.testing.assert_array_equal(SMALL.membership, np.array(expected, bool))


def test_nothing_can_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        SMALL.membership[0, 0] = True
    with pytest.raises(ValueError, match="read-only"):
        SMALL.depth_of_class[0] = 7


@pytest.mark.parametrize(
    ("root", "classes", "message"),
    [
        (Node("r", (Node("A"), Node("B"))), "AC", "leaves .* are not the classes"),
        (Node("r", (Node("A"), Node("B"))), "A", "leaves .* are not the classes"),
        (Node("r", (Node("A"), Node("A"))), "AA", "leaves .* are not the classes"),
        (Node("r", (Node("g", (Node("A"),)), Node("B"))), "AB", "'g' needs at least two"),
        (Node("A"), "A", "'A' needs at least two"),
    ],
)
def test_what_is_no_tree_over_the_classes(root: Node, classes: str, message: str):
    with pytest.raises(ValueError, match=message):
        Tree(root, tuple(classes))


@given(trees())
def test_each_path_leads_to_its_class(tree: Tree):
    for code, path in zip(tree.classes, tree.paths, strict=True):
        node = tree.root
        for number, position in path:
            assert tree.nodes[number] is node
            node = node.children[position]
        assert node == Node(code)


@given(trees())
def test_each_level_is_a_partition_of_what_is_above(tree: Tree):
    member = np.vstack([np.ones(len(tree.classes), bool), tree.membership])
    for number in tree.inner:
        parts = member[list(tree.children[number])]
        np.testing.assert_array_equal(parts.sum(axis=0), member[number])
    np.testing.assert_array_equal(tree.membership.sum(axis=0), tree.depth_of_class)
    assert tree.levels == tree.depth_of_class.max()
