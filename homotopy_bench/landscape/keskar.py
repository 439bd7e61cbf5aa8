"""Measure epsilon-sharpness: how far the loss rises in a small box around the parameters.

    100 (max_C f - f)/(1 + f),    C = {x + y: |y_i| <= epsilon (|x_i| + 1)}

(Keskar et al. 2017, arXiv:1609.04836, metric 2.1 with A = I.) The maximum is searched by L-BFGS-B in float64 from
several points off the stationary one, and the best iterate is kept: a search from the minimum itself has no gradient to
follow, and reproductions that take the last iterate of a failed line search report 0. The corner x + epsilon (|x| + 1)
sign g is tried too. What is found is a lower bound of the maximum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize
from torch import Tensor

from homotopy_bench.landscape.measurement import Cost, Measurement
from homotopy_bench.landscape.networks import Networks, Samples
from homotopy_bench.landscape.surface import LossSurface, Surface

EPSILONS = (1e-3, 5e-4)
"""Sizes of the box in the source."""

TOLERANCE = 1e-3
"""A search has converged where the linear model of the loss promises no more than this share of the rise found."""

STEEPNESS = 100.0
"""About how steep the scaled loss is in every coordinate: steps along its gradient are longer than the box, so that a
few reach a corner. On trained networks 20 iterations found half as much with the loss as it is, and 10 to 1000 times
as steep made no difference to speak of."""


@dataclass(frozen=True)
class BoxMaximum:
    """Hold what the search in one box found: the best loss, whether it is a local maximum, and the gradients taken.

    It is one to first order where the linear model at the best point x* gains little in the whole box C,
    max over x in C of g(x*)·(x - x*) <= TOLERANCE (f(x*) - f), which is 0 exactly where the projected gradient is.
    """

    loss: float
    converged: bool
    gradients: int


def epsilon_sharpness(
    networks: Networks,
    samples: Samples,
    *,
    epsilon: float = EPSILONS[0],
    starts: int = 3,
    iterations: int = 20,
    seed: int = 0,
) -> Measurement:
    """Return the epsilon-sharpness of each network, in per cent.

    Args:
        networks: The M networks; they are searched one after the other.
        samples: Where.
        epsilon: Size of the box.
        starts: Random points from which a search begins, besides the corner.
        iterations: Most iterations of a search.
        seed: Seed of the starts.

    Returns:
        The values; one has converged where the best point is a local maximum of the box to first order, as
        :class:`BoxMaximum` says, and has not where the limit of iterations ended the search before.

    Raises:
        ValueError: If epsilon is not positive, or there is no start.
    """
    if not epsilon > 0.0 or starts < 1:
        raise ValueError(f"epsilon = {epsilon}, starts = {starts}: both must be positive")
    exact = networks.to(torch.float64)
    data = samples.to(torch.float64)
    values, converged, gradients = [], [], 0
    for row in range(len(exact)):
        surface = LossSurface(exact.at(exact.points().rows(slice(row, row + 1))), data)
        loss = surface.gradient(surface.theta)[0].item()
        if not np.isfinite(loss):
            values.append(np.nan)
            converged.append(False)
            continue
        generator = np.random.default_rng(seed)
        found = box_maximum(surface, epsilon, starts, iterations, generator)
        values.append(100.0 * (found.loss - loss) / (1.0 + loss))
        converged.append(found.converged)
        gradients = max(gradients, found.gradients)
    value = torch.tensor(values, dtype=torch.float64)
    details = (
        f"100 (max f - f)/(1 + f) in the box |y| <= epsilon (|x| + 1), best of L-BFGS-B from {starts} starts and the "
        "corner along the sign of the gradient: a lower bound of the maximum"
    )
    reasons = tuple(None if np.isfinite(one) else "the loss is not finite" for one in values)
    convention = exact.convention(data, details, epsilon)
    return Measurement(
        value,
        torch.full_like(value, torch.nan),
        torch.tensor(converged),
        Cost(gradients=gradients),
        convention,
        reasons,
    )


def box_maximum(
    surface: Surface, epsilon: float, starts: int, iterations: int, generator: np.random.Generator
) -> BoxMaximum:
    """Return the largest loss found in the box around a single network, M = 1.

    The search sees :data:`STEEPNESS` P (f - f_0)/s as a function of z = y/(epsilon (|x| + 1)), with P parameters and s
    the largest rise among the points it begins at. Its stopping rules are absolute and take a flat loss in a small box
    for stationary everywhere, and its first steps are as long as the gradient.
    """
    centre = _flat(surface.theta)
    half = epsilon * (np.abs(centre) + 1.0)
    best, best_z, best_slope, gradients = -np.inf, np.zeros_like(centre), np.zeros_like(centre), 0

    def rise(z: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal best, best_z, best_slope, gradients
        losses, gradient = surface.gradient(torch.from_numpy(centre + half * z).to(surface.theta)[None])
        gradients += 1
        loss, slope = losses.item(), half * _flat(gradient)
        if np.isfinite(loss) and loss > best:
            best, best_z, best_slope = loss, z.copy(), slope
        return loss, slope

    loss, slope = rise(np.zeros_like(centre))
    points = [np.sign(slope), *(generator.uniform(-1.0, 1.0, centre.shape) for _ in range(starts))]
    rises = np.array([rise(z)[0] for z in points]) - loss
    scale = np.abs(rises[np.isfinite(rises)]).max(initial=0.0)
    if scale > 0.0:  # else the loss is the same everywhere
        factor = STEEPNESS * centre.size / scale

        def falling(z: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            value, up = rise(z)
            return -factor * (value - loss), -factor * up

        # gtol bounds every slope so that all of them together promise no more than TOLERANCE times s.
        for z in points:
            minimize(
                falling,
                z,
                jac=True,
                method="L-BFGS-B",
                bounds=Bounds(-1.0, 1.0),
                options={"maxiter": iterations, "ftol": 1e-12, "gtol": STEEPNESS * TOLERANCE},
            )
    ahead = np.where(best_slope > 0.0, 1.0 - best_z, 1.0 + best_z)
    gain = (np.abs(best_slope) * ahead).sum()
    return BoxMaximum(best, bool(gain <= TOLERANCE * (best - loss)), gradients)


def _flat(row: Float[Tensor, "1 P"]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = row[0].detach().double().cpu().numpy().copy()
    return values
