"""The hierarchical head: an LSTM that walks down a tree of classes and looks anew at each step."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.tree import Tree

_SPREAD = 0.01
"""The share of greedy decoding's result that follows the product, so that no class gets 0."""


class StateAttention(nn.Module):
    """Channel, then spatial attention under an LSTM's state (Barata et al. 2021).

    s = sigmoid(W2 tanh(W1 avg(V) + W1 max(V) + Wc h)), V' = s * V
    a = softmax over the places of w . tanh(V' + Ws h), z = sum of a V'

    Args:
        channels: D.
        units: U, of the state.
        reduction: D over the hidden units of the channel attention.
    """

    def __init__(self, channels: int, units: int, reduction: int) -> None:
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.squeeze = nn.Linear(channels, hidden)
        self.channel_state = nn.Linear(units, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels)
        self.spatial_state = nn.Linear(units, channels)
        self.score = nn.Linear(channels, 1, bias=False)  # the softmax would cancel a bias

    def forward(self, values: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Give z (B, D) and the attention (B, L), for `values` (B, L, D) and `state` (B, U)."""
        pooled = self.squeeze(values.mean(1)) + self.squeeze(values.amax(1))
        scale = torch.sigmoid(self.excite(torch.tanh(pooled + self.channel_state(state))))
        values = values * scale[:, None]
        scores = self.score(torch.tanh(values + self.spatial_state(state)[:, None]))
        attention = scores.softmax(dim=1)
        return (attention * values).sum(1), attention.squeeze(2)


class _Walk(NamedTuple):
    """What the walk over all I inner nodes gives."""

    log_p: Tensor  # (B, nodes): of reaching each node, the root's being 0
    likeliest: Tensor  # (B, I): the number of each inner node's likeliest child
    attention: Tensor  # (B, I, L): where each inner node looked


class HierarchicalHead(nn.Module):
    """Hierarchical diagnosis (Barata, Celebi, Marques 2021, Pattern Recognition 110:107413).

    h, c = tanh(W dropout(mean V)) at the root. At each inner node the attention gives z under the
    node's h, an LSTM cell takes [z; embedding of the node's label] to the state of its children,
    and a softmax over the children of a linear layer's logits gives their conditional
    probabilities. A class's probability is the product of those on its path.

    Every inner node is expanded with its own label as the previous one. The negative log-likelihood
    of the true class is thus the sum of the cross entropies of its path's decisions under teacher
    forcing, which is the paper's loss but for its mean over the steps.

    Deviations from the paper: label embeddings are learned, not retrofitted GloVe vectors; the
    softmax is over the node's children, not over all labels, so that every path is consistent; by
    default the classes are compared by their products, not by following the likeliest child.

    Shapes: (B, D, H, W) -> (B, C), float32 also under autocast.

    Args:
        channels: D.
        tree: the decisions, with the C classes as its leaves.
        units: of the LSTM.
        label_units: of a label's embedding.
        dropout: the share of the mean features that is hidden from the first state in training.
        decoding: what evaluation gives: `product`, or `greedy`: the path of the likeliest child
            of each node ends under some inner node, and the result is the distribution over the
            classes below that one, mixed with 1 % of the product. Its argmax is the path's leaf,
            unless a node has a hundred children. Training always gives the product.
        reduction: of the channel attention.
    """

    def __init__(
        self,
        channels: int,
        tree: Tree,
        *,
        units: int = 512,
        label_units: int = 50,
        dropout: float = 0.0,
        decoding: Literal["product", "greedy"] = "product",
        reduction: int = 16,
    ) -> None:
        super().__init__()
        self.decoding, self.levels = decoding, tree.levels
        self.decisions = tuple((node, tree.children[node]) for node in tree.inner)
        self.dropout = nn.Dropout(dropout)
        self.start = nn.Linear(channels, 2 * units)
        self.attention = StateAttention(channels, units, reduction)
        self.labels = nn.Embedding(len(tree.inner), label_units)
        self.cell = nn.LSTMCell(channels + label_units, units)
        self.classifier = nn.Linear(units, len(tree.nodes) - 1)
        self._register_tree(tree)

    def forward(self, features: Tensor) -> Tensor:
        """Give class log-probabilities (B, C) for a feature map (B, D, H, W)."""
        walk = self._walk(features)
        log_p = walk.log_p[:, self.leaves]
        if self.training or self.decoding == "product":
            return log_p
        end = self._greedy_rows(walk.likeliest)[:, -1]
        reached = walk.log_p[:, self.inner].gather(1, end[:, None]).exp()
        return log_p + torch.log(_SPREAD + (1 - _SPREAD) * self.below[end] / reached)

    def heatmaps(self, features: Tensor) -> Tensor:
        """Give where it looked at each level of the greedy path: (B, levels, H, W), each of sum 1.

        A path that ends early repeats its last map.
        """
        walk = self._walk(features)
        rows = self._greedy_rows(walk.likeliest)
        maps = walk.attention.gather(1, rows[:, :, None].expand(-1, -1, walk.attention.shape[2]))
        return maps.reshape(*maps.shape[:2], *features.shape[2:])

    def _walk(self, features: Tensor) -> _Walk:
        """Expand every inner node, parents first, for a feature map (B, D, H, W)."""
        # A state goes through several steps, and log-probabilities need more than 8 bits.
        with torch.autocast(features.device.type, enabled=False):
            values = features.float().flatten(2).transpose(1, 2)
            start = torch.tanh(self.start(self.dropout(values.mean(1))))
            states = {0: start.chunk(2, dim=1)}
            log_p = {0: torch.zeros_like(start[:, 0])}
            likeliest, looked = [], []
            for row, (node, children) in enumerate(self.decisions):
                z, attention = self.attention(values, states[node][0])
                # An export would take len(z) for a constant.
                label = self.labels.weight[row].expand(z.shape[0], -1)
                state = self.cell(torch.cat([z, label], dim=1), states[node])
                logits = self.classifier(state[0])[:, children[0] - 1 : children[-1]]
                conditional = F.log_softmax(logits, dim=1)
                for position, child in enumerate(children):
                    states[child] = state
                    log_p[child] = log_p[node] + conditional[:, position]
                likeliest.append(children[0] + conditional.argmax(1))
                looked.append(attention)
            return _Walk(  # nodes were reached in the order of their numbers
                torch.stack(list(log_p.values()), dim=1),
                torch.stack(likeliest, dim=1),
                torch.stack(looked, dim=1),
            )

    def _greedy_rows(self, likeliest: Tensor) -> Tensor:
        """Which inner node the greedy path stands at, level by level, as rows 0 to I - 1: (B, K).

        A path that has come to a leaf stays at the leaf's parent.
        """
        row = torch.zeros_like(likeliest[:, 0])
        rows = [row]
        for _ in range(self.levels - 1):
            child = likeliest.gather(1, row[:, None]).squeeze(1)
            row = self.row_after[child]
            rows.append(row)
        return torch.stack(rows, dim=1)

    def _register_tree(self, tree: Tree) -> None:
        """Keep the tree as index tensors, which move with the module but are no weights."""
        rows = {node: row for row, node in enumerate(tree.inner)}
        stand = [rows[i if i in rows else tree.parents[i]] for i in range(len(tree.nodes))]
        passed = np.vstack([np.ones(len(tree.classes), np.bool_), tree.membership])
        tables = {
            "leaves": torch.tensor(tree.leaves),  # (C,): each class's node
            "inner": torch.tensor(tree.inner),  # (I,): each row's node
            "row_after": torch.tensor(stand),  # (nodes,): where a path stands after each node
            "below": torch.from_numpy(passed[list(tree.inner)]).float(),  # (I, C): 0 or 1
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)
        self.leaves: Tensor
        self.inner: Tensor
        self.row_after: Tensor
        self.below: Tensor
