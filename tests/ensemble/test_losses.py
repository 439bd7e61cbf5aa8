"""The objective of every member against torch's own loss of one network."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from homotopy_bench.ensemble.losses import cross_entropy, training_loss

SMOOTHING = (0.0, 0.1, 0.9)


def batch(members: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(members)
    logits = 3 * torch.randn(members, 17, 5, generator=generator, dtype=torch.float64)
    return logits.requires_grad_(), torch.randint(0, 5, (members, 17), generator=generator)


@pytest.mark.parametrize("smoothing", [SMOOTHING, SMOOTHING[1:2]], ids=["three members", "one member"])
def test_label_smoothing_is_that_of_torch_for_every_member(smoothing: tuple[float, ...]) -> None:
    logits, labels = batch(len(smoothing))
    losses = training_loss(smoothing, logits)(logits, labels)
    (gradient,) = torch.autograd.grad(losses.sum(), logits)
    rows = zip(losses, gradient, logits, labels, smoothing, strict=True)
    for loss, own_gradient, z, y, a in rows:
        expected = functional.cross_entropy(z, y, label_smoothing=a)
        torch.testing.assert_close(loss, expected, rtol=1e-13, atol=0)
        torch.testing.assert_close(own_gradient, torch.autograd.grad(expected, z)[0], rtol=1e-12, atol=1e-15)


def test_where_no_member_smooths_the_objective_is_the_cross_entropy_itself() -> None:
    assert training_loss([0.0, 0.0], torch.empty(0)) is cross_entropy
