"""Multiply by the Hessian and by the generalised Gauss-Newton matrix by double backward.

The graph of the gradient is built once and kept, so that a product is one backward pass through it: two matrix products
in the first layer, as many as a gradient with its forward pass takes there, and six in every other, where a gradient
takes three. Measured in gradients on a thread of a CPU: 1.3 to 1.4 for two hidden layers of 128 on 784 inputs (6000
samples, and 4 members with 2000), 2.0 to 2.3 for 32 layers of 64 (batch 128, 1 and 16 members).
``torch.func.linearize`` of the gradient takes 0.9 to 1.1 times as long and keeps as much, after 1 to 3 s of tracing.

What is kept are the activations of all batches. Where memory forbids that, ``rebuilt_hessian_operator`` builds the
graph of one batch after another at every product.

The Hessian of a line's loss, 0.5 (w x)^2 at x = 2, which is x^2 = 4 for every w:

    >>> from torch import nn
    >>> ensemble = Ensemble([nn.Linear(1, 1, bias=False) for _ in range(2)])
    >>> batch = torch.full((2, 1, 1), 2.0), torch.zeros(2, 1)
    >>> hessian = hessian_operator(ensemble, [batch], lambda z, y: 0.5 * z.square().mean(dim=(1, 2)))
    >>> hessian(torch.tensor([[1.0], [3.0]])).tolist(), hessian.products
    ([[4.0], [12.0]], 1)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from homotopy_bench.curvature.estimate import Operator, Vectors
from homotopy_bench.curvature.graph import require_second_derivatives
from homotopy_bench.curvature.point import Batch, Point, batch_weights
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import Loss


class CountedOperator:
    """Count the products of an operator, and know which columns are which parameter's.

    Attributes:
        products: Products so far, per member.
        columns: Name of each parameter -> its columns among the Q.
        like: The values of the parameters, shape (M, Q): gives shape, format and device of what goes in.

    Args:
        product: v (M, Q) -> A v (M, Q).
        point: Where the members stand.
    """

    def __init__(self, product: Operator, point: Point) -> None:
        self._product = product
        self.products = 0
        self.columns: Mapping[str, slice] = point.columns
        self.like = point.selected.detach()

    def __call__(self, vectors: Vectors) -> Vectors:
        """Return A v for every member, shape (M, Q)."""
        self.products += 1
        return self._product(vectors)


def hessian_operator(
    ensemble: Ensemble, batches: Sequence[Batch], objective: Loss, pattern: str = "*"
) -> CountedOperator:
    """Return v -> H v, with H the Hessian of each member's mean loss over the batches.

    H v = d(g·v)/dw for the gradient g of the loss in the chosen parameters w (Pearlmutter 1994, Neural Computation 6,
    147-160). As no member's loss depends on another's parameters, the sum over members serves all in one pass. Random
    layers keep the masks of the first pass, so that the product is linear.

    Args:
        ensemble: The members, M; their values of now are copied.
        batches: Inputs (M, B, *input) with labels (M, B). The loss is the mean over all samples, where the objective is
            one over the samples of a batch.
        objective: (logits (M, B, *places, classes), labels (M, B, *places)) -> losses (M,).
        pattern: Names of the parameters w, as in :class:`~homotopy_bench.curvature.point.Point`.

    Returns:
        The operator on (M, Q), for Q chosen parameters.

    Raises:
        InputError: If no parameter has such a name.
        RuntimeError: If a part of the network can be differentiated once only.
    """
    point = Point(ensemble, pattern)
    w = point.selected.requires_grad_()
    gradient = torch.zeros_like(w)
    for batch, weight in zip(batches, batch_weights(batches), strict=True):
        gradient = gradient + weight * _gradient(point, w, batch, objective)
    require_second_derivatives([gradient])
    return CountedOperator(lambda vectors: _derivative(gradient, w, vectors, keep=True), point)


def rebuilt_hessian_operator(
    ensemble: Ensemble, batches: Sequence[Batch], objective: Loss, pattern: str = "*"
) -> CountedOperator:
    """Return v -> H v, with H the Hessian of each member's mean loss over the batches, and keep no graph.

    Every product runs the network anew, so that random layers would draw other masks: it is for networks without them,
    or in evaluation mode. It takes the memory of a single batch however many there are. Measured on a thread of a CPU a
    product costs 2.2 to 3.5 gradients, where :mod:`~homotopy_bench.curvature.forward_over_reverse` takes 3.2 to 5.2 and
    twice the memory.

    Arguments and errors are those of :func:`hessian_operator`.
    """
    point = Point(ensemble, pattern)
    w = point.selected.requires_grad_()
    require_second_derivatives([_gradient(point, w, batches[0], objective)])

    def product(vectors: Tensor) -> Tensor:
        total = torch.zeros_like(vectors)
        for batch, weight in zip(batches, batch_weights(batches), strict=True):
            total += weight * _derivative(_gradient(point, w, batch, objective), w, vectors, keep=False)
        return total

    return CountedOperator(product, point)


def gauss_newton_operator(
    ensemble: Ensemble, batches: Sequence[Batch], objective: Loss, pattern: str = "*"
) -> CountedOperator:
    """Return v -> G v, with G = J^T H_z J the generalised Gauss-Newton matrix of each member's mean loss.

    J = dz/dw is the Jacobian of the logits z in the chosen parameters w, H_z the Hessian of the loss in the logits
    (Schraudolph 2002, Neural Computation 14, 1723-1738). J^T u is linear in u, so that its derivative in u gives
    J v by backward passes alone. G is positive semidefinite where the loss is convex in the logits.

    Arguments and errors are those of :func:`hessian_operator`.
    """
    point = Point(ensemble, pattern)
    w = point.selected.requires_grad_()
    products = [
        _gauss_newton_product(point.logits(w, x), w, y, objective, weight)
        for (x, y), weight in zip(batches, batch_weights(batches), strict=True)
    ]
    return CountedOperator(lambda vectors: torch.stack([of(vectors) for of in products]).sum(dim=0), point)


def _gradient(point: Point, w: Tensor, batch: Batch, objective: Loss) -> Tensor:
    """Return the members' gradients (M, Q) of the loss on one batch, with their graph."""
    x, y = batch
    loss = objective(point.logits(w, x), y).sum()
    return torch.autograd.grad(loss, w, create_graph=True)[0]


def _derivative(gradient: Tensor, w: Tensor, vectors: Tensor, keep: bool) -> Tensor:
    """Return d(gradient·v)/dw, shape (M, Q)."""
    if not gradient.requires_grad:  # the loss is linear in w
        return torch.zeros_like(vectors)
    return torch.autograd.grad(gradient, w, vectors, retain_graph=keep, materialize_grads=True)[0]


def _gauss_newton_product(z: Tensor, w: Tensor, y: Tensor, objective: Loss, weight: float) -> Operator:
    """Return v -> weight J^T H_z J v for the logits z (M, B, classes) of one batch."""
    u = torch.zeros_like(z, requires_grad=True)
    pulled_back = torch.autograd.grad(z, w, u, create_graph=True)[0]  # J^T u
    require_second_derivatives([pulled_back])
    output = z.detach().requires_grad_()
    slope = weight * torch.autograd.grad(objective(output, y).sum(), output, create_graph=True)[0]

    def product(vectors: Tensor) -> Tensor:
        if not slope.requires_grad:  # the loss is linear in the logits
            return torch.zeros_like(vectors)
        pushed = torch.autograd.grad(pulled_back, u, vectors, retain_graph=True)[0]  # J v
        curved = torch.autograd.grad(slope, output, pushed, retain_graph=True)[0]  # H_z J v
        return torch.autograd.grad(z, w, curved, retain_graph=True)[0]

    return product
