"""The homotopy from a tailored leaky ReLU: what it starts from, and ReLU at its end."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.random_streams import initialization
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.methods.tailored_activation import TailoredActivation
from tests.composing import compose

X = torch.randn(5, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def build(*overrides: str) -> nn.Module:
    with initialization(0):
        return compose("method=baseline", "model.width=16", *overrides).model.build((40,), 10).double()


def at(t: float, depth: int = 16) -> torch.Tensor:
    method, network = TailoredActivation(), build(f"model.depth={depth}")
    method.deform(network)
    ensemble = Ensemble([network], dtype=torch.float64)
    ensemble.assign(method.coefficients(torch.tensor([t], dtype=torch.float64), network))
    return ensemble.forward(X[None])[0]


def test_it_starts_from_the_tailored_network_and_ends_at_the_plain_one() -> None:
    # The same orthogonal matrices with gain 1, and the factor sqrt(2) in the activation; they are drawn in float32.
    tailored = build("model.depth=16", "model.activation=tat_leaky_relu")
    torch.testing.assert_close(at(0.0), tailored(X), rtol=1e-5, atol=1e-6)
    assert torch.equal(at(1.0), build("model.depth=16")(X))


def test_a_network_too_shallow_for_its_cosine_is_refused() -> None:
    with pytest.raises(InputError, match=r"method.cosine=0.9: 12 hidden layers are too few"):
        at(0.0, depth=12)
    with pytest.raises(InputError, match="accepted: activation=relu"):
        TailoredActivation().deform(build("model.activation=tanh"))
    for block in ("residual", "dirac"):
        with pytest.raises(InputError, match="its slope is that of layers without skips"):
            TailoredActivation().deform(build(f"model.block={block}"))
