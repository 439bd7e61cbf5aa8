"""Estimate traces by Hutchinson's mean of z·A z over random signs z, of matrices and of their diagonal blocks."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.curvature.estimate import Estimate, Operator, Vectors
from homotopy_bench.curvature.probes import rademacher


def hutchinson_trace(
    operator: Operator, like: Vectors, generator: torch.Generator, *, probes: int = 30, tolerance: float = 0.1
) -> Estimate:
    """Return an unbiased estimate of the trace of each member's matrix A.

    tr A = E[z·A z] for z with independent random signs; the variance of one term is 2 sum_{i != j} A_ij^2, the least
    that independent entries can have (Hutchinson 1990, Communications in Statistics 19, 433-450). A diagonal matrix
    needs a single probe.

    Args:
        operator: v (M, Q) -> A v (M, Q), symmetric.
        like: Gives shape (M, Q), format and device.
        generator: Source of the probes, on the host; all members have the same probes.
        probes: Number n of probes, at least 2, and of products.
        tolerance: A member has converged when its standard error is at most tolerance |trace|.

    Returns:
        Means, and their standard errors: the sample standard deviation over sqrt(n).

    Example:
        >>> matrix = torch.diag(torch.tensor([1.0, -4.0, 2.0]))
        >>> trace = hutchinson_trace(lambda v: v @ matrix, torch.zeros(1, 3), torch.Generator(), probes=2)
        >>> trace.value.tolist(), trace.error.tolist(), trace.products
        ([-1.0], [0.0], 2)
    """
    return layer_traces(operator, like, generator, {"all": slice(None)}, probes=probes, tolerance=tolerance)["all"]


def layer_traces(
    operator: Operator,
    like: Vectors,
    generator: torch.Generator,
    columns: Mapping[str, slice],
    *,
    probes: int = 30,
    tolerance: float = 0.1,
) -> dict[str, Estimate]:
    """Return unbiased estimates of the traces of diagonal blocks of each member's matrix A.

    tr A_bb = E[sum_{i in b} z_i (A z)_i] for random signs z, so that one product serves all blocks, and their estimates
    add up to Hutchinson's of the whole trace from the same probes. The variance of one term is the sum of A_ij^2 over i
    in b and j != i, counted twice where j is in b too: the blocks beside the diagonal add noise, no bias.

    ``columns`` gives the columns of each block by its name; all other arguments are those of :func:`hutchinson_trace`.

    Returns:
        Name -> means and their standard errors; the products of each are those of all together.

    Raises:
        ValueError: If there are fewer than two probes, which have no standard deviation.

    Example:
        >>> matrix = torch.diag(torch.tensor([1.0, -4.0, 2.0]))
        >>> blocks = {"first": slice(0, 1), "second": slice(1, 3)}
        >>> traces = layer_traces(lambda v: v @ matrix, torch.zeros(1, 3), torch.Generator(), blocks, probes=2)
        >>> {name: trace.value.tolist() for name, trace in traces.items()}
        {'first': [1.0], 'second': [-2.0]}
    """
    if probes < 2:
        raise ValueError(f"probes = {probes}: a standard error needs at least 2")
    samples: dict[str, list[Tensor]] = {name: [] for name in columns}
    for _ in range(probes):
        probe = rademacher(like, generator)
        terms = probe * operator(probe)
        for name, block in columns.items():
            samples[name].append(terms[:, block].sum(dim=1))
    return {name: mean_estimate(torch.stack(of_block), probes, tolerance) for name, of_block in samples.items()}


def mean_estimate(samples: Float[Tensor, "n M"], products: int, tolerance: float) -> Estimate:
    """Return the mean of n >= 2 independent samples, converged where its standard error is at most tolerance |mean|."""
    value = samples.mean(dim=0)
    error = samples.std(dim=0) / len(samples) ** 0.5
    return Estimate(value, error, products, error <= tolerance * value.abs())
