"""Measure how far one step uphill raises the loss: the sharpness that SAM and ASAM minimise.

One ascent step is a lower bound of the maximum over the ball: the loss is not linear in it.

    SAM     L(w + rho g/|g|) - L(w)                        Foret et al. 2021, arXiv:2010.01412, eq. 2
    ASAM    L(w + rho T^2 g/|T g|) - L(w)                  Kwon et al. 2021, arXiv:2102.11600, eq. 5

with a diagonal T that undoes the scale of the parameters. T = |w| is invariant under every rescaling of units that
changes no output; as published T is |w| + eta on weights and 1 on biases, which is not. Micro-batches
(:func:`m_sharpness`) are those of SAM.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.landscape.measurement import Cost, Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.surface import LossSurface, Surface

RHO = 0.05
"""Radius of SAM in the experiments of its source."""

ADAPTIVE_RHO = 0.5
"""Radius of ASAM there."""

ETA = 0.01
"""Addition to |w| there."""

Scaling = Callable[[Networks], Tensor]
"""Networks -> diagonal of T, shape (M, P)."""


def invariant_scaling(networks: Networks) -> Float[Tensor, "M P"]:
    """Return T = |w| of every parameter."""
    return networks.theta.abs()


def published_scaling(networks: Networks) -> Float[Tensor, "M P"]:
    """Return T = |w| + 0.01 of parameters with ``weight`` in their names, and 1 of all others.

    So does the released code of the source: the scales of a normalisation count as weights.
    """
    scale = torch.ones_like(networks.theta)
    for name, columns in networks.columns.items():
        if "weight" in name:
            scale[:, columns] = networks.theta[:, columns].abs() + ETA
    return scale


def sam(networks: Networks, samples: Samples, *, rho: float = RHO) -> Measurement:
    """Return SAM's sharpness, L(w + rho g/|g|) - L(w), in nats, with g the gradient over all samples.

    Args:
        networks: The M networks.
        samples: Where.
        rho: Radius, in the unit of the parameters.

    Raises:
        ValueError: If the radius is not positive.

    Example:
        >>> from torch import nn
        >>> network = nn.Linear(1, 2, bias=False)
        >>> _ = network.weight.data.zero_()
        >>> at = Samples(torch.tensor([[1.0]]), torch.tensor([0]), "train")
        >>> round(sam(Networks.of([network]), at, rho=2.0**0.5).value.item(), 4)  # log(1 + e^2) - log 2
        1.4338
    """
    details = "rise of the loss by one step of length rho along the gradient: a lower bound of the maximum"
    return _measure(networks, samples, torch.ones_like(networks.theta), rho, details)


def asam(
    networks: Networks, samples: Samples, *, rho: float = ADAPTIVE_RHO, scaling: Scaling = invariant_scaling
) -> Measurement:
    """Return ASAM's sharpness, L(w + rho T^2 g/|T g|) - L(w), in nats; arguments as of :func:`sam`.

    Args:
        networks: The M networks.
        samples: Where.
        rho: Radius, relative to the parameters.
        scaling: T.

    Raises:
        ValueError: If the radius is not positive.
    """
    words = (scaling.__doc__ or "").partition(".")[0].removeprefix("Return ")
    details = f"rise of the loss by one step of T-norm rho along T^2 g, {words}: a lower bound of the maximum"
    return _measure(networks, samples, scaling(networks), rho, details)


def m_sharpness(networks: Networks, samples: Samples, *, m: int = 128, rho: float = RHO) -> Measurement:
    """Return SAM's sharpness of micro-batches of m samples, each with its own step and its own loss: their mean.

    (Foret et al. 2021, section 4.1.) The samples are dealt in an order drawn once for all networks, as files may be
    sorted by class; those that fill no micro-batch are left out. The error is the standard error over micro-batches.

    Args:
        networks: The M networks.
        samples: Where.
        m: Samples of a micro-batch.
        rho: Radius, in the unit of the parameters.

    Raises:
        ValueError: If the radius or m is not positive.
    """
    if m < 1:
        raise ValueError(f"m = {m}: it must be at least 1")
    m = min(m, len(samples))
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(0)).to(samples.y.device)
    rises = []
    for own in torch.split(order[: len(samples) // m * m], m):
        part = Samples(samples.x[own], samples.y[own], samples.split)
        rises.append(ascent(LossSurface(networks, part), torch.ones_like(networks.theta), rho))
    values = torch.stack(rises)
    error = values.std(dim=0) / len(values) ** 0.5 if len(values) > 1 else torch.full_like(values[0], torch.nan)
    details = (
        f"mean over {len(values)} micro-batches of {m} samples, dealt at random, of the rise by one step of length rho "
        "along their own gradient: a lower bound of the maximum"
    )
    convention = networks.convention(samples, details, rho)
    mean = values.mean(dim=0)
    return Measurement(mean, error, mean.isfinite(), Cost(forwards=1, gradients=1), convention, _reasons(mean))


def ascent(surface: Surface, scale: Float[Tensor, "M P"], rho: float) -> Float[Tensor, " M"]:
    """Return L(w + rho T^2 g/|T g|) - L(w) for the diagonal T = ``scale``; where T g is 0, the loss does not rise.

    Raises:
        ValueError: If the radius is not positive.
    """
    if not rho > 0.0:
        raise ValueError(f"rho = {rho}: it must be positive")
    theta = surface.theta
    before, gradient = surface.gradient(theta)
    length = (scale * gradient).norm(dim=1, keepdim=True)
    step = torch.where(length > 0.0, rho / length, 0.0) * scale.square() * gradient
    after = surface.evaluate(theta + step, torch.arange(len(theta))).loss
    return torch.where(length[:, 0].isnan(), torch.nan, after - before)


def _measure(
    networks: Networks, samples: Samples, scale: Float[Tensor, "M P"], rho: float, details: str
) -> Measurement:
    rise = ascent(LossSurface(networks, samples), scale, rho)
    convention = networks.convention(samples, details, rho)
    cost = Cost(forwards=1, gradients=1)
    return Measurement(rise, torch.zeros_like(rise), rise.isfinite(), cost, convention, _reasons(rise))


def _reasons(values: Tensor) -> tuple[str | None, ...]:
    return tuple(None if ok else "the loss or its gradient is not finite" for ok in values.isfinite().tolist())
