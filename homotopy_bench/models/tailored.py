"""Tailor activations to a depth, so that a deep network without skips or normalisation is well shaped at its start.

    phi_hat(x) = gamma (phi(alpha x + beta) + delta)

In wide networks of L such layers, whose maps have the gain 1, the squared length of a layer's input and the cosine
between two inputs pass from layer to layer by the Q map and the C map of the activation, with z ~ N(0, 1):

    Q(1) = E phi_hat(z)^2        C(c) = E phi_hat(z) phi_hat(c z + sqrt(1 - c^2) z')        C'(1) = E phi_hat'(z)^2

- ``dks_tanh``, ``dks_softplus``: deep kernel shaping (Martens et al. 2021, arXiv:2110.01765, section 4): Q(1) = 1,
  Q'(1) = 1, C(0) = 0 and C'(1)^L = 1.5.
- ``tat_tanh``: tailored activation transformation (Zhang et al. 2022, arXiv:2203.08120, section 4.2): Q(1) = 1,
  Q'(1) = 1, C'(1) = 1 and L C''(1) = 0.3.
- ``tat_leaky_relu``: the same for leaky ReLU (section 4.1): Q(1) = 1, and L times C takes the cosine 0 to 0.9. Here
  gamma = sqrt(2/(1 + slope^2)), alpha = 1, beta = delta = 0.

zeta = 1.5, tau = 0.3 and eta = 0.9 are the values of the authors' package ``dks``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import acos, erf, pi, sqrt

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from homotopy_bench.core.errors import InputError

ZETA, TAU, ETA = 1.5, 0.3, 0.9

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Tailored:
    """Compute gamma (phi(alpha x + beta) + delta)."""

    phi: Callable[[Tensor], Tensor]
    alpha: float
    beta: float
    gamma: float
    delta: float

    def __call__(self, x: Tensor) -> Tensor:
        """Return the activation of x, value by value."""
        return self.gamma * (self.phi(self.alpha * x + self.beta) + self.delta)


@dataclass(frozen=True)
class TailoredLeakyReLU:
    """Compute gamma x for x > 0 and gamma slope x otherwise, gamma = sqrt(2/(1 + slope^2))."""

    slope: float

    def __call__(self, x: Tensor) -> Tensor:
        """Return the activation of x, value by value."""
        return sqrt(2.0 / (1.0 + self.slope**2)) * functional.leaky_relu(x, self.slope)


@dataclass(frozen=True)
class _Smooth:
    """Hold an activation and its first two derivatives."""

    phi: Callable[[Tensor], Tensor]
    values: Callable[[Values], tuple[Values, Values, Values]]


def _tanh(x: Values) -> tuple[Values, Values, Values]:
    y = np.tanh(x)
    return y, 1 - y**2, -2 * y * (1 - y**2)


def _softplus(x: Values) -> tuple[Values, Values, Values]:
    s = 1 / (1 + np.exp(-x))
    return np.logaddexp(0.0, x), s, s * (1 - s)


_TANH, _SOFTPLUS = _Smooth(functional.tanh, _tanh), _Smooth(functional.softplus, _softplus)

NAMES = ("tat_leaky_relu", "tat_tanh", "dks_tanh", "dks_softplus")
"""The activations that are tailored to a depth."""


def tailored(name: str, depth: int) -> Tailored | TailoredLeakyReLU:
    """Return the activation of a network with L = ``depth`` layers of it.

    Args:
        name: One of :data:`NAMES`.
        depth: L.

    Raises:
        InputError: If a network of this depth cannot have the properties.

    Example:
        >>> tailored("tat_leaky_relu", 32)
        TailoredLeakyReLU(slope=0.3202233785...)
    """
    if name == "tat_leaky_relu":
        return TailoredLeakyReLU(leaky_slope(depth))
    if name == "tat_tanh":
        return _tat(_TANH, depth)
    return _dks(_TANH if name == "dks_tanh" else _SOFTPLUS, depth)


@cache
def leaky_slope(depth: int, cosine: float = ETA) -> float:
    """Return the slope for x < 0 at which L = ``depth`` C maps take the cosine 0 between inputs to ``cosine``.

    Raises:
        InputError: If even ReLU, slope 0, does not come so far in L layers.
    """
    from scipy.optimize import brentq

    def end(slope: float) -> float:
        c = 0.0
        for _ in range(depth):
            c = leaky_c_map(c, slope)
        return c - cosine

    if end(0.0) < 0:
        why = f"{depth} layers are too few to take the cosine 0 to {cosine}; accepted: depth of 13 and more"
        raise InputError("model.activation", "tat_leaky_relu", why)
    return float(brentq(end, 0.0, 1.0, xtol=1e-14))


def leaky_c_map(c: float, slope: float) -> float:
    """Return C(c) of leaky ReLU (arXiv:2203.08120, eq. 9).

    Example:
        >>> leaky_c_map(0.5, 1.0), round(leaky_c_map(0.0, 0.0) * pi, 12)
        (0.5, 1.0)
    """
    c = min(max(c, -1.0), 1.0)
    bent = sqrt(1 - c**2) + (pi - acos(c)) * c
    return float(((1 - slope) ** 2 * bent / pi + 2 * slope * c) / (1 + slope**2))


@cache
def _nodes() -> tuple[Values, Values]:
    """Return points z and weights with which sum w f(z) is E f(z), for smooth f, to about 1e-14."""
    z, weights = np.polynomial.legendre.leggauss(400)
    return 10 * z, weights * 10 * np.exp(-50 * z**2) / np.sqrt(2 * np.pi) / erf(10 / sqrt(2))


@cache
def _dks(smooth: _Smooth, depth: int) -> Tailored:
    return _solved(smooth, shift=True, conditions=lambda q, c1, _: (q - 1.0, c1 - ZETA ** (1.0 / depth)))


@cache
def _tat(smooth: _Smooth, depth: int) -> Tailored:
    return _solved(smooth, shift=False, conditions=lambda q, c1, c2: (q - 1.0, c1 - 1.0, c2 - TAU / depth))


def _solved(smooth: _Smooth, shift: bool, conditions: Callable[[float, float, float], tuple[float, ...]]) -> Tailored:
    """Return the constants at which conditions on (Q'(1), C'(1), C''(1)) are 0.

    Args:
        smooth: The activation.
        shift: Whether delta is given by C(0) = 0; else it is one of the unknowns.
        conditions: As many as there are unknowns.

    Raises:
        InputError: If none of the starts leads to a solution.
    """
    from scipy.optimize import root

    z, weights = _nodes()

    def constants(unknown: Values) -> tuple[float, float, float, float]:
        alpha, beta = unknown[:2]
        y = smooth.values(alpha * z + beta)[0]
        delta = -float(weights @ y) if shift else unknown[2]
        return float(alpha), float(beta), 1.0 / float(weights @ (y + delta) ** 2) ** 0.5, float(delta)

    def errors(unknown: Values) -> tuple[float, ...]:
        alpha, beta, gamma, delta = constants(unknown)
        y, first, second = smooth.values(alpha * z + beta)
        y, first, second = gamma * (y + delta), gamma * alpha * first, gamma * alpha**2 * second
        return conditions(float(weights @ (y * first * z)), float(weights @ first**2), float(weights @ second**2))

    starts = [(alpha, beta) for alpha in (1.0, 0.1) for beta in (0.0, 1.0, -1.0)]
    for start in starts if shift else [(*pair, delta) for pair in starts for delta in (0.0, 1.0, -1.0)]:
        found = root(errors, start, method="hybr", tol=1e-13)
        if np.abs(errors(found.x)).max() < 1e-9:
            alpha, beta, gamma, delta = constants(found.x)
            # Another solution has an unstable Q map; the authors' package leaves it out too.
            if shift or alpha * gamma < 2.0:
                return Tailored(smooth.phi, alpha, beta, gamma, delta)
    raise InputError("model.depth", "", "no constants give the activation its properties; accepted: another depth")
