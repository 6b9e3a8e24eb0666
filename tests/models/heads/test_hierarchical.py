from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the name its documentation uses

from skin.models.heads.hierarchical import HierarchicalHead
from skin.taxonomy import TASKS
from skin.tree import Node, Tree

D, H, W, UNITS, LABEL_UNITS = 8, 2, 2, 3, 2
SMALL = Tree(Node("lesion", (Node("pair", (Node("A"), Node("B"))), Node("C"))), ("C", "B", "A"))
ISIC_2018 = TASKS["isic2018"].tree


def make(tree: Tree = SMALL, **keys: object) -> HierarchicalHead:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        sizes = {"units": UNITS, "label_units": LABEL_UNITS, "reduction": 4}
        return HierarchicalHead(D, tree, **(sizes | keys)).eval()


def make_features(batch: int = 3, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(batch, D, H, W, generator=torch.Generator().manual_seed(1))


def with_conditionals(head: HierarchicalHead, **shares: float) -> HierarchicalHead:
    """Give each node the same conditional probability whatever the image."""
    names = [node.name for node in SMALL.nodes[1:]]
    with torch.no_grad():
        head.classifier.weight.zero_()
        head.classifier.bias.copy_(torch.tensor([shares[name] for name in names]).log())
    return head


def recorded(module: nn.Module, run: Callable[[], object]) -> list[object]:
    """What a module gives, call by call, while something runs."""
    outputs: list[object] = []
    hook = module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    run()
    hook.remove()
    return outputs


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    codes = "ABCDEFGHI"[: draw(st.integers(2, 9))]
    row = [Node(code) for code in codes]
    while len(row) > 1:
        first = draw(st.integers(0, len(row) - 2))
        last = draw(st.integers(first + 2, len(row)))
        row[first:last] = [Node("group", tuple(row[first:last]))]
    return Tree(row[0], tuple(draw(st.permutations(codes))))


def by_hand(head: HierarchicalHead, image: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The equations of the paper for one image (D, H, W): log p of C, B, A, and both maps."""
    attend, cell = head.attention, head.cell
    places = [image[:, y, x] for y in range(H) for x in range(W)]
    mean = sum(places) / len(places)
    most = torch.stack(places).max(0).values

    def look(h: Tensor) -> tuple[Tensor, Tensor]:
        pooled = attend.squeeze.weight @ (mean + most) + 2 * attend.squeeze.bias
        hidden = torch.tanh(pooled + attend.channel_state.weight @ h)
        s = 1 / (1 + torch.exp(-(attend.excite.weight @ hidden + attend.excite.bias)))
        query = attend.spatial_state.weight @ h + attend.spatial_state.bias
        scores = [attend.score.weight[0] @ torch.tanh(s * v + query) for v in places]
        a = torch.stack(scores).exp()
        a /= a.sum()
        return sum(a[i] * s * v for i, v in enumerate(places)), a

    def step(row: int, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        z, a = look(h)
        x = torch.cat([z, head.labels.weight[row]])
        gates = cell.weight_ih @ x + cell.bias_ih + cell.weight_hh @ h + cell.bias_hh
        i, f, g, o = gates.split(UNITS)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c, a

    def softmax(logits: Tensor) -> Tensor:
        return logits.exp() / logits.exp().sum()

    first = torch.tanh(head.start.weight @ mean + head.start.bias)
    h1, c1, map1 = step(0, first[:UNITS], first[UNITS:])
    h2, _, map2 = step(1, h1, c1)
    # The logits stand in the order pair, C, A, B.
    pair, c = softmax((head.classifier.weight @ h1 + head.classifier.bias)[:2])
    a, b = softmax((head.classifier.weight @ h2 + head.classifier.bias)[2:])
    return torch.stack([c, pair * b, pair * a]).log(), [map1.view(H, W), map2.view(H, W)]


@torch.no_grad()
def test_the_equations_of_the_paper():
    head, features = make(), make_features(scale=2.0)
    expected = [by_hand(head, image) for image in features]
    torch.testing.assert_close(head(features), torch.stack([log_p for log_p, _ in expected]))


@torch.no_grad()
def test_its_nll_is_the_cross_entropy_of_the_decisions_under_teacher_forcing():
    head, features = make(ISIC_2018), make_features()
    logits = recorded(head.classifier, lambda: head(features))
    for target, path in enumerate(ISIC_2018.paths):
        steps = 0
        for node, position in path:
            children = [child - 1 for child in ISIC_2018.children[node]]
            at_node = logits[ISIC_2018.inner.index(node)][:, children]
            wanted = torch.full((len(features),), position)
            steps += F.cross_entropy(at_node, wanted, reduction="none")
        torch.testing.assert_close(-head(features)[:, target], steps)


@settings(deadline=None, max_examples=30)
@given(trees(), st.sampled_from(["product", "greedy"]), st.sampled_from([0.1, 100.0]))
@torch.no_grad()
def test_probabilities_sum_to_1_for_any_tree(tree: Tree, decoding: str, scale: float):
    log_p = make(tree, decoding=decoding)(make_features(scale=scale))
    assert log_p.shape == (3, len(tree.classes))
    assert log_p.dtype == torch.float32
    torch.testing.assert_close(log_p.exp().sum(1), torch.ones(3))
    assert log_p.isfinite().all()


@torch.no_grad()
def test_greedy_follows_the_likeliest_child_where_the_product_does_not():
    shares = {"pair": 0.6, "C": 0.4, "A": 0.55, "B": 0.45}
    # C, B, A
    product = torch.tensor([[0.4, 0.6 * 0.45, 0.6 * 0.55]])
    below_pair = torch.tensor([[0.0, 0.45, 0.55]])
    features = make_features(1)
    head = with_conditionals(make(), **shares)
    torch.testing.assert_close(head(features).exp(), product)
    greedy = with_conditionals(make(decoding="greedy"), **shares)
    torch.testing.assert_close(greedy(features).exp(), 0.99 * below_pair + 0.01 * product)
    torch.testing.assert_close(greedy.train()(features).exp(), product)


@torch.no_grad()
def test_a_greedy_path_may_end_early():
    shares = {"pair": 0.3, "C": 0.7, "A": 0.9, "B": 0.1}
    head = with_conditionals(make(decoding="greedy"), **shares)
    torch.testing.assert_close(head(make_features(1)).exp(), torch.tensor([[0.7, 0.03, 0.27]]))
    maps = head.heatmaps(make_features())
    torch.testing.assert_close(maps[:, 0], maps[:, 1], rtol=0, atol=0)


def likeliest_leaf(tree: Tree, log_p: Tensor) -> int:
    """Walk down by the children's shares, which are sums over the product's classes."""
    shares = np.append(1.0, tree.membership @ log_p.double().exp().numpy())
    node = 0
    while tree.children[node]:
        node = max(tree.children[node], key=lambda child: shares[child])
    return tree.leaves.index(node)


@settings(deadline=None, max_examples=30)
@given(trees())
@torch.no_grad()
def test_greedys_argmax_is_the_end_of_the_greedy_path(tree: Tree):
    features = make_features(scale=5.0)
    expected = [likeliest_leaf(tree, log_p) for log_p in make(tree)(features)]
    assert make(tree, decoding="greedy")(features).argmax(1).tolist() == expected


@torch.no_grad()
def test_heatmaps_are_the_attention_of_the_equations():
    head = with_conditionals(make(), pair=0.6, C=0.4, A=0.5, B=0.5)
    features = make_features(scale=2.0)
    expected = [torch.stack(by_hand(head, image)[1]) for image in features]
    torch.testing.assert_close(head.heatmaps(features), torch.stack(expected))


@torch.no_grad()
def test_heatmaps_are_what_forward_saw_along_the_greedy_path():
    head, features = make(ISIC_2018), make_features(16, scale=5.0)
    head.classifier.bias.zero_()
    seen = [attention for _, attention in recorded(head.attention, lambda: head(features))]
    maps = head.heatmaps(features)
    assert maps.shape == (16, 3, H, W)
    assert (maps >= 0).all()
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(16, 3))
    ends = [likeliest_leaf(ISIC_2018, log_p) for log_p in head(features)]
    assert len({len(ISIC_2018.paths[end]) for end in ends}) == 2, "both depths should occur"
    for image, end in enumerate(ends):
        nodes = [node for node, _ in ISIC_2018.paths[end]]
        nodes += nodes[-1:] * (ISIC_2018.levels - len(nodes))
        for level, node in enumerate(nodes):
            expected = seen[ISIC_2018.inner.index(node)][image].view(H, W)
            torch.testing.assert_close(maps[image, level], expected, rtol=0, atol=0)


def test_gradients_reach_every_parameter():
    head = make(ISIC_2018).train()
    F.nll_loss(head(make_features(7)), torch.arange(7)).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_it_learns_eight_images_by_heart():
    head, features = make(ISIC_2018, units=32).train(), make_features(8)
    targets = torch.tensor([0, 1, 2, 3, 4, 5, 6, 0])
    optimiser = torch.optim.Adam(head.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        F.nll_loss(head(features), targets).backward()
        optimiser.step()
    head.eval()
    assert F.nll_loss(head(features), targets) < 0.05
    assert (head(features).argmax(1) == targets).all()


def test_dropout_hides_features_from_the_first_state_in_training_only():
    head, features = make(dropout=0.5), make_features()
    torch.testing.assert_close(head(features), make()(features))
    head.train()
    assert not torch.equal(head(features), head(features))


def test_weights_hold_no_tables_of_the_tree():
    head = make()
    assert set(head.state_dict()) == {name for name, _ in head.named_parameters()}


@torch.no_grad()
def test_autocast_leaves_it_in_float32():
    head, features = make(), make_features().bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        log_p = head(features)
    assert log_p.dtype == torch.float32
    torch.testing.assert_close(log_p, head(features.float()), rtol=0, atol=0)


def test_it_compiles_whole():
    head, features = make(decoding="greedy"), make_features()
    compiled = torch.compile(head, fullgraph=True, backend="aot_eager")
    log_p = compiled(features)
    torch.testing.assert_close(log_p, head(features))
    log_p[:, 0].sum().backward()
    assert head.start.weight.grad is not None


@torch.no_grad()
def test_onnx_gives_the_same_for_any_batch(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    head, path = make(decoding="greedy"), tmp_path / "head.onnx"
    batch = {"features": {0: torch.export.Dim("batch")}}
    torch.onnx.export(
        head, (make_features(),), path, dynamo=True, dynamic_shapes=batch, verbose=False
    )
    session = onnxruntime.InferenceSession(path)
    features = make_features(5, scale=3.0)
    (log_p,) = session.run(None, {"features": features.numpy()})
    torch.testing.assert_close(torch.from_numpy(log_p), head(features))
