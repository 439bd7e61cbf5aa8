"""All figures of one network: what the bounds need, the bounds, the range, the recommendation, and the validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from homotopy_bench.precision import bounds
from homotopy_bench.precision.figure import Figure, Missing, figure
from homotopy_bench.precision.formats import BFLOAT16, FLOAT16, FLOAT32
from homotopy_bench.precision.loss import NetworkLoss, traced
from homotopy_bench.precision.point import Subject
from homotopy_bench.precision.ranges import RangeLoss, range_loss
from homotopy_bench.precision.recommendation import Recommendation, recommend
from homotopy_bench.precision.spectral_norm import SpectralNorm, spectral_norm
from homotopy_bench.precision.validation import (
    DOUBLE_BITS,
    RoundingError,
    errors_by_bits,
    filled_up,
    rounding_errors,
    sufficient_bits,
)

UNMEASURED = SpectralNorm(Missing.NOT_FINITE, Missing.NOT_FINITE, 0, converged=False, note="")
"""The norm where loss or gradient are not finite: no product is."""


@dataclass(frozen=True)
class Validation:
    """Hold the effects of rounding the parameters, and the format they ask for."""

    gradient_bits: int | None
    """Smallest p from which the relative error of the gradient is at most eps; None: 52 are not enough."""
    loss_bits: int | None
    """Smallest p from which the absolute error of the loss is at most eps; None: 52 are not enough."""
    by_bits: list[RoundingError]
    """For p = 1, ..., 52."""
    casts: dict[str, RoundingError]
    """Format -> the errors after casting the parameters to it, its range included."""
    recommendation: Recommendation
    """The format that the measured bits ask for."""


@dataclass(frozen=True)
class Measurement:
    """Hold the figures of one network."""

    parameters: int
    samples: int
    loss: Figure
    gradient: Figure
    """|g|."""
    curvature: SpectralNorm
    """|H|."""
    kappa: Figure
    distance: Figure
    """D = |theta|."""
    bounds: dict[str, Figure]
    """Name -> bits."""
    ranges: list[RangeLoss]
    recommendation: Recommendation
    validation: Validation | None


def measure(subject: Subject, eps: float, *, validate: bool) -> Measurement:
    """Measure a network.

    Args:
        subject: The network and its samples.
        eps: The accuracy: of the gradient relative, of the loss absolute.
        validate: Whether to round the parameters as well.

    Returns:
        The figures; what could not be computed says why.
    """
    function = NetworkLoss(subject.network, subject.x, subject.y)
    theta = function.theta
    loss, gradient = function(theta)
    norm, distance = figure(float(gradient.norm())), figure(float(theta.norm()))
    broken = Missing.NOT_FINITE in (norm, distance, figure(loss))
    curvature = UNMEASURED if broken else spectral_norm(function)
    bits = {
        "published": bounds.published(curvature.value, norm, distance, eps),
        "relative": bounds.relative(curvature.value, norm, distance, eps),
        "absolute": bounds.absolute(curvature.value, distance, eps),
        "absolute with slope": bounds.absolute_with_slope(curvature.value, norm, distance, eps),
    }
    batch = slice(None, subject.batch_size)
    outputs, errors = traced(subject.network, subject.x[batch], subject.y[batch])
    kinds = {
        "parameters": [theta],
        "gradients": [gradient],
        "activations": outputs,
        "gradients of activations": errors,
    }
    ranges = [range_loss(what, values, target) for target in (FLOAT16, BFLOAT16) for what, values in kinds.items()]
    demands = {f"{name} bound": value for name, value in bits.items() if name != "published"}
    return Measurement(
        parameters=len(theta),
        samples=len(subject.y),
        loss=figure(loss),
        gradient=norm,
        curvature=curvature,
        kappa=bounds.kappa(curvature.value, norm),
        distance=distance,
        bounds=bits,
        ranges=ranges,
        recommendation=recommend(demands, ranges),
        validation=_validate(function, subject.stored_bits, eps, ranges) if validate and not broken else None,
    )


def _validate(function: NetworkLoss, stored_bits: int, eps: float, ranges: Sequence[RangeLoss]) -> Validation:
    theta = filled_up(function.theta, stored_bits, torch.Generator().manual_seed(0))
    by_bits = errors_by_bits(function, theta)
    names = [target.name for target in (BFLOAT16, FLOAT16, FLOAT32)]
    casts = rounding_errors(function, theta, [theta.to(getattr(torch, name)).double() for name in names])
    gradient_bits = sufficient_bits([error.gradient for error in by_bits], eps)
    loss_bits = sufficient_bits([error.loss for error in by_bits], eps)
    demands: dict[str, Figure] = {"measured loss error": float(loss_bits or DOUBLE_BITS)}
    undefined = all(math.isnan(error.gradient) for error in by_bits)
    demands["measured gradient error"] = Missing.ZERO_GRADIENT if undefined else float(gradient_bits or DOUBLE_BITS)
    return Validation(
        gradient_bits, loss_bits, by_bits, dict(zip(names, casts, strict=True)), recommend(demands, ranges)
    )
