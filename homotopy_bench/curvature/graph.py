"""Take second derivatives of the batch loss that training has just computed, from its own graph.

``products.py`` copies the parameters and builds a graph of its own, so that training may go on meanwhile. Here the
gradient of a training step is taken with its graph kept: a first product costs no second gradient, and random layers
and BatchNorm act as they did in the step.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.ensemble.ensemble import Ensemble


class GradientGraph:
    """Write the members' gradients at a batch into the ensemble, and keep their graph for Hessian products.

    Attributes:
        gradients: The gradients of this replica's share with their graph, one per leaf.

    Args:
        ensemble: The R rows; ``ensemble.gradient`` receives the gradients, and the parameters must not change while
            products are taken.
        loss: Sum of the rows' losses on outputs of :meth:`Ensemble.modules`, whose graph is complete; no row's loss
            depends on another's parameters.

    Example:
        >>> ensemble = Ensemble([torch.nn.Linear(1, 1, bias=False) for _ in range(2)])
        >>> outputs = ensemble.modules(torch.tensor([[[2.0]], [[3.0]]]))
        >>> graph = GradientGraph(ensemble, (0.5 * outputs.square()).sum())
        >>> graph.product(torch.ones(2, 1)).tolist()
        [[4.0], [9.0]]
    """

    def __init__(self, ensemble: Ensemble, loss: Float[Tensor, ""]) -> None:
        self._ensemble = ensemble
        self._leaves = ensemble.leaves()
        self.gradients = torch.autograd.grad(loss, self._leaves, create_graph=True, materialize_grads=True)
        torch._foreach_copy_(ensemble.leaf_views(ensemble.gradient), [g.detach() for g in self.gradients])
        ensemble.replicas.mean_(ensemble.gradient)

    def product(self, vectors: Float[Tensor, "R P"]) -> Float[Tensor, "R P"]:
        """Return H v, shape (R, P), for every row's vector v, with H the Hessian of its loss over all replicas.

        Raises:
            RuntimeError: If a part of the network cannot be differentiated twice.
        """
        pairs = zip(self.gradients, self._ensemble.leaf_views(vectors), strict=True)
        curved = [(g, v) for g, v in pairs if g.requires_grad]
        if not curved:  # the loss is linear in all parameters
            return torch.zeros_like(vectors)
        gradients, directions = zip(*curved, strict=True)
        products = torch.autograd.grad(gradients, self._leaves, directions, retain_graph=True, materialize_grads=True)
        flat = torch.cat([product.reshape(len(vectors), -1) for product in products], dim=1)
        self._ensemble.replicas.mean_(flat)
        return flat


def require_second_derivatives(gradients: Iterable[Tensor]) -> None:
    """Check that gradients, with their graph, can be differentiated completely.

    An operation that is marked ``once_differentiable`` puts a node that raises into the graph of its gradient. But
    torch.autograd.grad visits only nodes between its outputs and its inputs, and that node is on no such way: without a
    word the product would lack what the operation contributes.

    Raises:
        RuntimeError: If a part of the graph can be differentiated once only.
    """
    nodes = [gradient.grad_fn for gradient in gradients]
    seen = set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        if node.name() == "torch::autograd::Error":
            raise RuntimeError("an operation of the network can be differentiated once only")
        seen.add(node)
        nodes += [following for following, _ in node.next_functions]
