"""Apply the proximal update: a gradient step on f, then the exact minimiser of the penalties near where it has led.

After the optimiser has moved copy j to y_j, the copies become the minimiser over x_1, ..., x_m of

    sum_j |x_j - y_j|^2 / (2 eta)  +  alpha L sum_j |M_j (x_j - r)|^2  +  (beta/L) sum_{i<j} |x_i - x_j|^2

with eta = lr, and lr/(1 - momentum) for SGD with momentum: that far a gradient of f moves a copy in the long run, and
the penalties must weigh as much, or the copies would come to rest at the minimum of f + (1 - momentum) times them. Adam
and AdamW, which rescale gradients, have no such eta and come to rest elsewhere. (Forward-backward splitting: Combettes
and Pesquet 2011, Proximal splitting methods in signal processing, section 10.3.)

It is stable for every learning rate that is stable on f alone, whatever L. With a = 2 eta alpha L, c = 2 eta beta/L,
w_j = 1 + a M_j and s = sum_j x_j the stationary point of every scalar is

    (w_j + m c) x_j = y_j + a M_j r + c s,

a diagonal matrix plus one of rank one. Summing x_j over j gives s in closed form (Sherman-Morrison); written as

    s = m  sum_j [(y_j + a M_j r)/(w_j + m c)]  /  sum_j [w_j/(w_j + m c)]

nothing cancels when c is large.
"""

from __future__ import annotations

from torch import Tensor

from homotopy_bench.methods.coupling.copies import CoupledCopies


class Proximal(CoupledCopies):
    """Apply the penalties as a proximal step after the optimiser's."""

    def correct(self, member: int, theta: Tensor, level: float, lr: float) -> None:
        """Replace the rows (m, P) of a member by the minimiser near them."""
        weights = self.weights[member]
        a, c = 2.0 * lr * weights.anchor * level, 2.0 * lr * weights.coupling / level
        if a or c:
            theta.copy_(minimiser(theta, self.masks[member], self.references[member], a, c))


def minimiser(y: Tensor, masks: Tensor, reference: Tensor | None, a: float, c: float) -> Tensor:
    """Return the minimiser of sum_j |x_j - y_j|^2 + a sum_j |M_j (x_j - r)|^2 + c sum_{i<j} |x_i - x_j|^2.

    x, y and the masks M_j, bool, have the shape (m, P), the reference r has (P,), None for zero; a and c are >= 0.

    Example:
        >>> import torch
        >>> y, masks = torch.tensor([[1.0], [3.0]]), torch.tensor([[True], [False]])
        >>> minimiser(y, masks, None, a=0.0, c=0.5).flatten().tolist()  # the distance 2 becomes 2/(1 + 2c)
        [1.5, 2.5]
        >>> minimiser(y, masks, None, a=1.0, c=0.0).flatten().tolist()
        [0.5, 3.0]
    """
    pull = masks.to(y.dtype) * a
    weight = 1.0 + pull
    diagonal = weight + len(y) * c
    b = y if reference is None else y + pull * reference
    total = len(y) * (b / diagonal).sum(dim=0) / (weight / diagonal).sum(dim=0)
    return (b + c * total) / diagonal
