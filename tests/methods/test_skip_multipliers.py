"""Skips under multipliers: the layer, the Lagrangian's gradient, the ascent, and what becomes of the skips."""

from __future__ import annotations

from itertools import pairwise

import torch

from homotopy_bench.training.trainer import Trainer
from tests.training_runs import begin

CASE = (
    *("method=skip_multipliers", "model.depth=4", "model.width=12", "dataset.samples=500", "training.batch_size=32"),
    *("hardware.dtype=float64", "training.epochs=10", "optimizer=sgd", "optimizer.momentum=0", "optimizer.lr=0.05"),
    *("lr_schedule=constant", "training.clip_norm=null"),
)


def alphas(training: Trainer) -> torch.Tensor:
    return torch.stack([training.ensemble.parameters[f"homotopy.alpha_{k}"].detach()[0] for k in range(3)])


def test_a_layer_is_its_formula() -> None:
    training = begin(CASE)
    for k, alpha in enumerate((0.25, 0.5, 1.0)):
        training.ensemble.parameters[f"homotopy.alpha_{k}"].detach().fill_(alpha)
    x = training.splits["test"].x
    plain = training.target_network(0)
    first, *layers = plain.get_submodule("hidden").children()
    hidden = first(x)
    for layer, alpha in zip(layers, (0.25, 0.5, 1.0), strict=True):
        hidden = alpha * hidden + (1 - alpha) * layer(hidden)
    expected = plain.get_submodule("output")(hidden)
    torch.testing.assert_close(training.ensemble.forward(x[None])[0], expected, rtol=1e-12, atol=1e-12)


def test_alphas_descend_multipliers_ascend() -> None:
    """Two steps of gradient descent on f + sum lambda alpha, with lambda <- lambda + rate alpha after each."""
    training = begin((*CASE, "method.rate=0.5"))
    multipliers = torch.zeros(3, dtype=torch.float64)
    for k in range(6):
        before = alphas(training).requires_grad_()
        x, y = training.batches(k)
        tensors = {name: values[0].detach() for name, values in training.ensemble.parameters.items()}
        tensors |= {f"homotopy.alpha_{layer}": before[layer] for layer in range(3)}
        logits = torch.func.functional_call(training.ensemble.network, tensors, (x[0],))
        (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, y[0]), before)
        training.advance()
        expected = (before.detach() - 0.05 * (gradient + multipliers)).clamp(0.0, 1.0)
        torch.testing.assert_close(alphas(training), expected, rtol=1e-11, atol=1e-12)
        multipliers = multipliers + 0.5 * expected
        torch.testing.assert_close(training.ensemble.buffers["multipliers"][0], multipliers, rtol=1e-11, atol=1e-12)


def test_skips_are_gone_before_they_must_and_the_record_says_so() -> None:
    training = begin((*CASE, "method.rate=0.2"))
    means = []
    for _ in range(60):
        training.advance()
        means.append(training.diagnostics(0)["alpha"])
    assert training.last_t() == [0.0]
    assert means[0] > 0.9
    assert means[-1] == 0.0
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(means[20:]))
