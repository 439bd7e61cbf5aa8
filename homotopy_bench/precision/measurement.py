"""Measure a network: what the bounds need, the bounds, the ranges, the recommendation, and the validation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from homotopy_bench.precision.bounds import Figure, Missing, bounds, figure
from homotopy_bench.precision.formats import FORMATS, RangeLoss, Recommendation, range_loss, recommend
from homotopy_bench.precision.loss import NetworkLoss, traced
from homotopy_bench.precision.rounding import DOUBLE_BITS, RoundingError, filled_up, rounding_errors, sufficient_bits
from homotopy_bench.precision.spectral_norm import SpectralNorm, missing, spectral_norm


@dataclass(frozen=True)
class Validation:
    """Hold the effects of rounding the parameters to p = 1, ..., 52 bits, and of casts, their range included.

    The bits are the smallest p from which the error is at most eps, None where 52 are not enough.
    """

    gradient_bits: int | None
    loss_bits: int | None
    by_bits: list[RoundingError]
    casts: dict[str, RoundingError]
    recommendation: Recommendation


@dataclass(frozen=True)
class Measurement:
    """Hold the figures of one network: loss, |g|, |H|, kappa, D = |theta|, the bits of every bound, and more."""

    network: str
    samples_of: str
    eps: float
    parameters: int
    samples: int
    loss: Figure
    gradient: Figure
    curvature: SpectralNorm
    kappa: Figure
    distance: Figure
    bounds: dict[str, Figure]
    ranges: list[RangeLoss]
    recommendation: Recommendation
    validation: Validation | None


def measure(
    network: nn.Module, x: Tensor, y: Tensor, eps: float, *, batch_size: int, validate: bool, words: tuple[str, str]
) -> Measurement:
    """Measure a network in float64 and evaluation mode.

    Args:
        network: The network, its parameters all in one format.
        x: Inputs (N, *shape).
        y: Labels (N,).
        eps: The accuracy: of the gradient relative, of the loss absolute.
        batch_size: Samples of a batch in training, on which activations and their gradients are looked at.
        validate: Whether to round the parameters as well.
        words: The network, and where its samples come from, in words.

    Returns:
        The figures; what could not be computed says why.
    """
    function, stored = NetworkLoss(network, x, y), next(network.parameters()).dtype
    theta = function.theta
    loss, gradient = function(theta)
    norm, distance = figure(float(gradient.norm())), figure(float(theta.norm()))
    broken = Missing.NOT_FINITE in (norm, distance, figure(loss))
    curvature = missing(Missing.NOT_FINITE) if broken else spectral_norm(function)
    bits = bounds(curvature.value, norm, distance, eps)
    kappa = bits.pop("kappa")
    outputs, errors = traced(network, x[:batch_size], y[:batch_size])
    kinds = {"parameters": [theta], "gradients": [gradient], "activations": outputs, "gradients of activations": errors}
    ranges = [range_loss(*kind, dtype) for dtype in (torch.float16, torch.bfloat16) for kind in kinds.items()]
    demands = {f"{name} bound": value for name, value in bits.items() if name != "published"}
    return Measurement(
        *words,
        eps,
        parameters=len(theta),
        samples=len(y),
        loss=figure(loss),
        gradient=norm,
        curvature=curvature,
        kappa=kappa,
        distance=distance,
        bounds=bits,
        ranges=ranges,
        recommendation=recommend(demands, ranges),
        validation=_validate(function, stored, eps, ranges) if validate and not broken else None,
    )


def _validate(function: NetworkLoss, stored: torch.dtype, eps: float, ranges: Sequence[RangeLoss]) -> Validation:
    theta = filled_up(function.theta, FORMATS[stored], torch.Generator().manual_seed(0))
    by_bits = rounding_errors(function, theta)
    narrow = [dtype for dtype in FORMATS if dtype != torch.float64]
    errors = rounding_errors(function, theta, (theta.to(dtype).double() for dtype in narrow))
    casts = {torch.finfo(dtype).dtype: error for dtype, error in zip(narrow, errors, strict=True)}
    gradient_bits = sufficient_bits([error.gradient for error in by_bits], eps)
    loss_bits = sufficient_bits([error.loss for error in by_bits], eps)
    undefined = all(math.isnan(error.gradient) for error in by_bits)
    demands: dict[str, Figure] = {
        "measured loss error": float(loss_bits or DOUBLE_BITS),
        "measured gradient error": Missing.ZERO_GRADIENT if undefined else float(gradient_bits or DOUBLE_BITS),
    }
    return Validation(gradient_bits, loss_bits, by_bits, casts, recommend(demands, ranges))
