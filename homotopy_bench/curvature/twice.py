"""Second derivatives that torch leaves out without a word, found before they are missed.

An operation that is marked ``once_differentiable`` puts a node that raises into the graph of its gradient. But
torch.autograd.grad visits only nodes between its outputs and its inputs, and that node is on no such way: the product
lacks what the operation would have contributed.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

ERROR = "torch::autograd::Error"
"""Name of the node."""


def require_second_derivatives(gradients: Iterable[Tensor]) -> None:
    """Check that gradients, with their graph, can be differentiated completely.

    Args:
        gradients: Tensors of any shape.

    Raises:
        RuntimeError: If a part of the graph can be differentiated once only.
    """
    nodes = [gradient.grad_fn for gradient in gradients]
    seen = set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        if node.name() == ERROR:
            raise RuntimeError("an operation of the network can be differentiated once only")
        seen.add(node)
        nodes += [following for following, _ in node.next_functions]
