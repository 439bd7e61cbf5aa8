"""Say of points of parameter space that they are combinations of a few given ones.

A chord, a plane and a Bezier curve lead through few networks, and each of their points is a linear combination of them,

    theta_k = sum_s c_ks theta_s.

What is linear in the parameters need then be computed for the few alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Term:
    """Hold one summand of K points: the share of each, and of which of N given points."""

    theta: Float[Tensor, "N P"]
    """The given points."""
    rows: Int[Tensor, " K"]
    """Which of them."""
    shares: Float[Tensor, " K"]
    """The shares c, float64."""


@dataclass(frozen=True)
class Combined:
    """Hold K points that are sums of terms, with the buffers that belong to them.

    Example:
        >>> import torch
        >>> ends, one = torch.tensor([[1.0, 0.0], [3.0, 4.0]]), torch.zeros(1, dtype=torch.int64)
        >>> half = torch.tensor([0.5], dtype=torch.float64)
        >>> Combined((Term(ends, one, half), Term(ends, one + 1, half)), {}).theta.tolist()
        [[2.0, 2.0]]
    """

    terms: tuple[Term, ...]
    buffers: Mapping[str, Shaped[Tensor, "K ..."]]
    """Name -> (K, *shape): running statistics, coefficients of a deformation."""

    def __len__(self) -> int:
        """Return K."""
        return len(self.terms[0].rows)

    @cached_property
    def theta(self) -> Float[Tensor, "K P"]:
        """Parameters (K, P)."""
        first, *others = self.terms
        total = first.theta[first.rows].mul_(first.shares.to(first.theta)[:, None])
        for term in others:
            total.addcmul_(term.theta[term.rows], term.shares.to(total)[:, None])
        return total

    def parts(self, k: int) -> Iterator[tuple[float, Float[Tensor, "N P"], int]]:
        """Return the terms of one point: share, given points, and which of them."""
        return ((float(term.shares[k]), term.theta, int(term.rows[k])) for term in self.terms)
