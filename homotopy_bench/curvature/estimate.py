"""What every routine of curvature takes and returns: an operator, and a value with its error for each member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Operator = Callable[[Tensor], Tensor]
"""v (M, Q) -> A v (M, Q): row m times the symmetric matrix A_m of member m."""


@dataclass(frozen=True)
class Estimate:
    """A number about each member's matrix, and how far it can be trusted."""

    value: Tensor
    """The estimates (M,); not a number for a member whose products are not finite."""
    error: Tensor
    """Of an eigenvalue the norm of the residual, within which there is an eigenvalue, or what its routine makes of it;
    of a trace the standard error. Shape (M,), in the unit of the value."""
    products: int
    """Products taken, per member: a call of the operator is one, whatever M is."""
    converged: Tensor
    """Whether the error met the routine's tolerance, shape (M,), bool."""


@dataclass(frozen=True)
class Eigenpair(Estimate):
    """An eigenvalue of each member's matrix with its eigenvector."""

    vector: Tensor
    """Unit vectors (M, Q); what a later search can start from."""
