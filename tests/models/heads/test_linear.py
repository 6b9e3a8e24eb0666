from __future__ import annotations

import torch

from skin.models.heads.linear import LinearHead

POOLED = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))


def test_it_is_a_linear_layer_and_a_softmax():
    head = LinearHead(6, 3, dropout=0.5).eval()
    layer = head.classifier
    expected = (POOLED @ layer.weight.T + layer.bias).softmax(1)
    torch.testing.assert_close(head(POOLED).exp(), expected)


def test_in_evaluation_the_samples_make_no_difference():
    one, five = LinearHead(6, 3, 0.5).eval(), LinearHead(6, 3, 0.5, samples=5).eval()
    five.load_state_dict(one.state_dict())
    torch.testing.assert_close(one(POOLED), five(POOLED))


def test_the_samples_are_masked_one_by_one_and_their_logits_averaged():
    head = LinearHead(6, 3, 0.5, samples=3)
    torch.manual_seed(1)
    averaged = head(POOLED)
    torch.manual_seed(1)
    logits = torch.stack([head.classifier(head.dropout(POOLED)) for _ in range(3)])
    torch.testing.assert_close(averaged, logits.mean(0).log_softmax(1))
    assert not torch.equal(logits[0], logits[1])


def test_more_samples_scatter_less():
    def scatter(samples: int) -> float:
        torch.manual_seed(0)
        head = LinearHead(6, 3, 0.5, samples=samples)
        return torch.stack([head(POOLED) for _ in range(60)]).std(0).mean().item()

    assert scatter(16) < 0.5 * scatter(1)
