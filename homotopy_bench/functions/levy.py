"""Define the Levy-type function of the homotopy training algorithm."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from homotopy_bench.functions.base import Array, Problem


class Levy(Problem):
    """f(x) = (π/n) (10 sin²(π w_1) + Σ_{i<n} (w_i - 1)² (1 + 10 sin²(π w_{i+1})) + (w_n - 1)²), w = 1 + (x - 1)/4.

    The minimum is 0 at x = (1, ..., 1). Walls of height 10 π/n part the minima of the first coordinate, about 4 apart.
    The walls of every later coordinate are as high as the square of w - 1 of the one before: they vanish once that one
    is in the right basin.

    Source: Levy and Montalvo, SIAM J. Sci. Stat. Comput. 6 (1985) 15-29, problem 4; Chen and Hao, Proc. R. Soc. A 475
    (2019) 20190662, eq. 33-34 with k = 10 and A = 1, which is this function.

    Example:
        >>> value, gradient = Levy().value_and_gradient(np.array([[1.0, 1.0], [5.0, 1.0]]))
        >>> value.round(3).tolist(), bool(abs(gradient[0]).max() < 1e-14)
        ([0.0, 1.571], True)
    """

    name: ClassVar[str] = "levy"
    low: ClassVar[float] = -10.0
    high: ClassVar[float] = 10.0
    minimizer: ClassVar[float] = 1.0

    def value_and_gradient(self, x: Array) -> tuple[Array, Array]:
        """Return f (S,) and its gradient (S, n) at points (S, n)."""
        scale = np.pi / x.shape[1]
        u = (x - 1.0) / 4.0
        # The sine of π w is minus that of π u, and only even powers of it enter.
        sine, cosine = np.sin(np.pi * u), np.cos(np.pi * u)
        ripple = 10.0 * sine * sine
        ripple_slope = 20.0 * np.pi * sine * cosine
        weight = 1.0 + ripple[:, 1:]
        squares = u * u
        value = ripple[:, 0] + (squares[:, :-1] * weight).sum(axis=1) + squares[:, -1]
        gradient = 2.0 * u
        gradient[:, :-1] *= weight
        gradient[:, 1:] += squares[:, :-1] * ripple_slope[:, 1:]
        gradient[:, 0] += ripple_slope[:, 0]
        return scale * value, (scale / 4.0) * gradient
