"""Bend an activation from linear to ReLU by an angle theta from pi/4 down to 0.

    literal                a(x) = x for x > 0, x tan(theta) otherwise
    variance_preserving    a(x) = x cos(theta) for x > 0, x sin(theta) otherwise

Both are ReLU exactly at theta = 0. Derivatives: a'(x) is the slope of the side of x (at x = 0 that of the left, as in
torch.relu); d a/d theta = x/cos(theta)^2 for x < 0 in the literal form.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import pi, sqrt

from torch import Tensor

from homotopy_bench.models.bend import Bent, Slopes

START = pi / 4
"""The angle at t = 0."""

ANGLE = "theta"
"""Name of a trained angle shared by all layers, and the beginning of the names of angles of single layers."""


def literal_slopes(theta: Tensor) -> Slopes:
    """Return the slopes (1, tan theta) right and left of zero; (1, 1) exactly at pi/4 and (1, 0) at 0."""
    # tan(pi/4) is 1 - 1e-16 in float64; the start must be the identity exactly.
    return theta.new_ones(()).expand_as(theta), _exactly(1.0, theta.tan(), at=theta >= START)


def variance_preserving_slopes(theta: Tensor) -> Slopes:
    """Return the slopes (cos theta, sin theta) right and left of zero; equal exactly at pi/4, and (1, 0) at 0."""
    start = theta >= START
    return _exactly(sqrt(0.5), theta.cos(), at=start), _exactly(sqrt(0.5), theta.sin(), at=start)


def _exactly(value: float, slope: Tensor, at: Tensor) -> Tensor:
    """Return slope with ``value`` where ``at`` holds; the derivative stays that of the slope.

    Without it an angle could not leave pi/4, where every trained one starts.
    """
    return slope + (value - slope).detach() * at


SLOPES: dict[str, Callable[[Tensor], Slopes]] = {
    "literal": literal_slopes,
    "variance_preserving": variance_preserving_slopes,
}
"""Form -> function theta -> slopes (right, left) of zero."""


def given_slopes(*, right: Tensor, left: Tensor) -> Slopes:
    """Return the slopes of a scheduled angle, which are coefficients of the path themselves."""
    return right, left


def slopes_at(form: str, theta: Tensor, *, bound: Tensor) -> Slopes:
    """Return the slopes of a form at a trained angle, which is first projected to [0, bound]."""
    return SLOPES[form](limit(theta, bound))


def limit(theta: Tensor, bound: Tensor) -> Tensor:
    """Return theta projected to [0, bound].

    The derivative is 1 wherever bound > 0: projected gradient descent takes its gradient at the projected point, and
    the bound, which falls at every step, has passed below an angle that lay on it. At bound = 0 there is nothing left
    to train and the derivative is 0.
    """
    return (theta + (theta.clamp(min=0.0).minimum(bound) - theta).detach()) * (bound > 0)


SCHEDULED = Bent(given_slopes)
"""Rule (x; right, left) -> activation at a scheduled angle."""

TRAINED: dict[str, Bent] = {form: Bent(partial(slopes_at, form)) for form in SLOPES}
"""Form -> rule (x, theta; bound) -> activation at a trained angle."""
