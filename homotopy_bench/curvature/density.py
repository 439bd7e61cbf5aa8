"""Estimate the spectral density by stochastic Lanczos quadrature.

The spectrum of A as a vector z sees it is the measure sum_i (z·u_i)^2 delta(lambda - lambda_i) over the eigenvectors
u_i. The Lanczos process from z gives Gauss's quadrature for that measure: the Ritz values are the nodes, the squared
first components of the eigenvectors of T the weights (Golub and Welsch 1969, Mathematics of Computation 23, 221-230).
The mean over random unit vectors z is the density of the eigenvalues, as E[(z·u)^2] = 1/Q for every unit u (Ghorbani,
Krishnan and Xiao 2019, arXiv:1901.10159, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.curvature.estimate import Operator, Vectors
from homotopy_bench.curvature.krylov import Krylov
from homotopy_bench.curvature.probes import spherical


@dataclass(frozen=True)
class Quadrature:
    """Nodes and weights for each member's spectrum, probe by probe: (1/Q) tr f(A) ~ mean over probes of sum w f(x)."""

    nodes: Float[Tensor, "M probes steps"]
    """x, ascending, shape (M, probes, steps), float64, on the host; not a number where products are not finite."""
    weights: Float[Tensor, "M probes steps"]
    """w, shape (M, probes, steps), which add up to 1 for every probe; 0 for nodes that a probe did not need."""
    products: int
    """Products taken, per member."""


def spectral_density(
    operator: Operator, like: Vectors, generator: torch.Generator, *, steps: int = 50, probes: int = 2
) -> Quadrature:
    """Return a quadrature for the density of the eigenvalues of each member's matrix A.

    sum_j w_j x_j^k = z·A^k z for every unit probe z and every k <= 2 steps - 1. Full reorthogonalisation keeps the
    nodes simple: without it a converged eigenvalue comes again as a ghost, which splits its weight. Where the Krylov
    space of a probe is invariant after fewer steps, its quadrature is exact with fewer nodes, and z·A z with weight 0
    fills the rest.

    ``steps`` are the nodes per probe, of which no more than Q are taken, and both numbers are at least 1; the other
    arguments are those of :func:`~homotopy_bench.curvature.hutchinson.hutchinson_trace`.

    Returns:
        Nodes and weights; the products are steps times probes, or fewer where all spaces end before.

    Raises:
        ValueError: If there are no steps or no probes.

    Example:
        >>> matrix = torch.diag(torch.tensor([1.0, -4.0, 2.0]))
        >>> found = spectral_density(lambda v: v @ matrix, torch.zeros(1, 3), torch.Generator(), steps=3, probes=1)
        >>> [round(x, 4) for x in found.nodes.flatten().tolist()], round(found.weights.sum().item(), 4)
        ([-4.0, 1.0, 2.0], 1.0)
    """
    if min(steps, probes) < 1:
        raise ValueError(f"steps = {steps}, probes = {probes}: both must be at least 1")
    rules, products = [], 0
    for _ in range(probes):
        krylov = Krylov(operator, spherical(like, generator), steps)
        while krylov.steps < krylov.limit and not bool((krylov.beta == 0.0).all()):
            krylov.extend()
        products += krylov.steps
        rules.append(_quadrature(krylov))
    nodes, weights = (torch.stack(parts, dim=1) for parts in zip(*rules, strict=True))
    return Quadrature(nodes, weights, products)


def shortened(quadrature: Quadrature, steps: int) -> Quadrature:
    """Return the quadrature that fewer steps from the same starts give, without a product of the matrix.

    The Lanczos process on the nodes, from the roots of their weights, has the coefficients of the process that found
    them (Golub and Welsch 1969). What changes from half the steps to all says how far a sum over the nodes has settled.

    Args:
        quadrature: Nodes and weights of each probe.
        steps: Nodes to have; of no more than there are.

    Raises:
        ValueError: If there are no steps.

    Example:
        >>> nodes, weights = torch.tensor([[[0.0, 1.0, 2.0]]]), torch.tensor([[[0.25, 0.5, 0.25]]])
        >>> found = shortened(Quadrature(nodes, weights, products=3), steps=1)
        >>> [round(values.item(), 6) for values in (found.nodes, found.weights)]
        [1.0, 1.0]
    """
    if steps < 1:
        raise ValueError(f"steps = {steps}: it must be at least 1")
    members, probes, _ = quadrature.nodes.shape
    values = quadrature.nodes.flatten(0, 1)
    krylov = Krylov(lambda vectors: values * vectors, quadrature.weights.flatten(0, 1).sqrt(), steps)
    while krylov.steps < krylov.limit and not bool((krylov.beta == 0.0).all()):
        krylov.extend()
    nodes, weights = (part.view(members, probes, -1) for part in _quadrature(krylov))
    return Quadrature(nodes, weights, products=0)


def smoothed_density(quadrature: Quadrature, grid: Float[Tensor, "*M G"], width: float) -> Float[Tensor, "members G"]:
    """Return the density convolved with a normal distribution, averaged over the probes, float64, (M, G).

    p(g) = mean over probes of sum_j w_j exp(-(g - x_j)^2/(2 s^2))/(s sqrt(2 pi)), which integrates to 1, with nodes x,
    weights w, points g in ``grid``, shape (G,) or (M, G) with each member's own, and standard deviation s = ``width``.
    All but p, which is per unit of the eigenvalues, and w are in their units.

    Raises:
        ValueError: If the width is not positive.

    Example:
        >>> one = Quadrature(torch.zeros(1, 1, 1), torch.ones(1, 1, 1), products=1)
        >>> [round(p, 4) for p in smoothed_density(one, torch.tensor([0.0, 1.0]), 1.0)[0].tolist()]
        [0.3989, 0.242]
    """
    if not width > 0.0:
        raise ValueError(f"width = {width}: it must be positive")
    members, probes, _ = quadrature.nodes.shape
    points = grid.double().cpu().expand(members, grid.shape[-1])
    density = torch.zeros_like(points)
    for nodes, weights in zip(quadrature.nodes.unbind(dim=1), quadrature.weights.unbind(dim=1), strict=True):
        bumps = torch.exp(-0.5 * ((points[:, :, None] - nodes[:, None]) / width).square())
        density = density + (bumps * weights[:, None]).sum(dim=2)
    return density / (probes * width * sqrt(2.0 * pi))


def _quadrature(krylov: Krylov) -> tuple[Tensor, Tensor]:
    """Return the nodes and weights of one probe, each (M, limit)."""
    tridiagonal, rayleigh = krylov.tridiagonal, krylov.tridiagonal[:, :1, 0]
    # Past the end of an invariant space T has rows of zeros, and 0 need not even lie between the eigenvalues.
    past = (tridiagonal.diagonal(offset=1, dim1=1, dim2=2) == 0.0).cumsum(dim=1) > 0
    past = torch.nn.functional.pad(past, (1, 0))
    filled = tridiagonal + torch.diag_embed(torch.where(past, rayleigh, 0.0))
    values, vectors = torch.linalg.eigh(torch.where(krylov.finite[:, None, None], filled, 0.0))
    rest = krylov.limit - krylov.steps
    nodes, order = torch.cat([values, rayleigh.expand(-1, rest)], dim=1).sort(dim=1)
    weights = torch.nn.functional.pad(vectors[:, 0].square(), (0, rest)).gather(1, order)
    broken = ~krylov.finite[:, None]
    return nodes.masked_fill(broken, torch.nan), weights.masked_fill(broken, torch.nan)
