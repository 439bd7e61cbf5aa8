"""Small networks with their exact second derivatives in float64, from ordinary modules one by one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from homotopy_bench.curvature.estimate import Operator
from homotopy_bench.curvature.point import Batch
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.models.mlp import MLP

hessian_of: Callable[..., Tensor] = torch.autograd.functional.hessian
jacobian_of: Callable[..., Tensor] = torch.autograd.functional.jacobian

NETWORKS = [(block, activation) for block in ("plain", "batchnorm") for activation in ("relu", "tanh")]


@dataclass
class Case:
    """An ensemble in evaluation mode, a batch for each member, and the members as modules of their own."""

    ensemble: Ensemble
    batch: Batch
    modules: list[nn.Module]

    def hessian(self, member: int, batch: Batch | None = None) -> Tensor:
        """The Hessian of the mean cross-entropy of a member, shape (P, P)."""
        x, y = (values[member] for values in batch or self.batch)

        def loss(flat):
            return nn.functional.cross_entropy(self._logits(member, flat, x), y)

        return hessian_of(loss, self._flat(member))

    def gauss_newton(self, member: int) -> Tensor:
        """J^T H_z J of the mean cross-entropy of a member, with H_z = (diag p - p p^T)/B written out, shape (P, P)."""
        x = self.batch[0][member]
        flat = self._flat(member)
        jacobian = jacobian_of(lambda w: self._logits(member, w, x), flat)
        p = self._logits(member, flat, x).softmax(dim=1)
        outputs = (torch.diag_embed(p) - p[:, :, None] * p[:, None, :]) / len(x)
        return torch.einsum("bip,bij,bjq->pq", jacobian, outputs, jacobian)

    def _flat(self, member: int) -> Tensor:
        return torch.cat([p.detach().flatten() for p in self.modules[member].parameters()])

    def _logits(self, member: int, flat: Tensor, x: Tensor) -> Tensor:
        named = dict(self.modules[member].named_parameters())
        pieces = torch.split(flat, [p.numel() for p in named.values()])
        values = {name: piece.view(named[name].shape) for name, piece in zip(named, pieces, strict=True)}
        outputs: Tensor = functional_call(self.modules[member], values, (x,))
        return outputs


def network_case(block: str, activation: str, members: int, samples: int = 12) -> Case:
    """Members that differ in everything: parameters, running statistics, data."""
    torch.manual_seed(members)
    model = MLP.model_validate({"depth": 2, "width": 6, "block": block, "activation": activation})
    modules = [model.build((4,), 3).double().eval() for _ in range(members)]
    for module in modules:
        for name, values in module.state_dict().items():
            if values.is_floating_point():
                values.copy_(0.5 + torch.rand_like(values) if "running_var" in name else torch.randn_like(values) * 0.7)
    ensemble = Ensemble(copy.deepcopy(modules), dtype=torch.float64)
    ensemble.train(False)
    batch = torch.randn(members, samples, 4, dtype=torch.float64), torch.randint(3, (members, samples))
    return Case(ensemble, batch, modules)


def dense(operator: Operator, like: Tensor) -> Tensor:
    """The members' matrices, column by column, shape (M, Q, Q)."""
    unit = torch.eye(like.shape[1], dtype=like.dtype)
    return torch.stack([operator(row.expand_as(like)) for row in unit], dim=2)


def explicit(matrices: Tensor) -> Operator:
    """The operator of given symmetric matrices (M, Q, Q)."""
    return lambda vectors: torch.einsum("mpq,mq->mp", matrices, vectors)


def symmetric(eigenvalues: Tensor, seed: int = 0) -> Tensor:
    """Matrices (M, Q, Q) with given eigenvalues (M, Q) and random eigenvectors, each member its own."""
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(*eigenvalues.shape, eigenvalues.shape[1], generator=generator, dtype=torch.float64)
    q = torch.linalg.qr(normal)[0]
    diagonal = torch.diag_embed(eigenvalues.double())
    matrices: Tensor = q @ diagonal @ q.mT
    return matrices


def generator(seed: int = 0) -> torch.Generator:
    """A source of randomness of its own."""
    return torch.Generator().manual_seed(seed)


class OnceDifferentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * x.cos()


class Sine(nn.Module):
    def __init__(self, function: type[torch.autograd.Function]) -> None:
        super().__init__()
        self._function = function

    def forward(self, x):
        return self._function.apply(x)  # type: ignore[no-untyped-call]
