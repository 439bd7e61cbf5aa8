"""Define what every routine of curvature takes and returns: an operator, a value with its error for each member."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

Vectors = Float[Tensor, "M Q"]
"""One vector for each of M members."""

Operator = Callable[[Vectors], Vectors]
"""v (M, Q) -> A v (M, Q): row m times the symmetric matrix A_m of member m."""


@dataclass(frozen=True)
class Estimate:
    """Hold a number about each member's matrix, and how far it can be trusted."""

    value: Float[Tensor, " M"]
    """The estimates (M,); not a number for a member whose products are not finite."""
    error: Float[Tensor, " M"]
    """Of an eigenvalue the norm of the residual, within which there is an eigenvalue, or what its routine makes of it;
    of a trace the standard error. Shape (M,), in the unit of the value."""
    products: int
    """Products taken, per member: a call of the operator is one, whatever M is."""
    converged: Bool[Tensor, " M"]
    """Whether the error met the routine's tolerance, shape (M,), bool."""


@dataclass(frozen=True)
class Eigenpair(Estimate):
    """Hold an eigenvalue of each member's matrix with its eigenvector."""

    vector: Vectors
    """Unit vectors (M, Q); what a later search can start from."""
