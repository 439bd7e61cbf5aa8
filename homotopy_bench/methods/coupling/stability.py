"""State where gradient descent on the literal objective stops being stable."""

from __future__ import annotations


def largest_rate(level: float, momentum: float, nesterov: bool, copies: int, coupling: float) -> float:
    """Return the learning rate from which on gradient descent on the coupling alone does not converge.

    The coupling (beta/L) sum_{i<j} |x_i - x_j|^2 of m copies has largest curvature lambda = 2 m beta/L, and descent
    with momentum mu converges on a quadratic for eta lambda < 2 (1 + mu), Nesterov's for eta lambda < 2 (1 + mu)/(1 +
    2 mu) (both from |trace| < 1 + determinant of the two-term recurrence). ``level`` is L, and ``coupling`` beta > 0.

    Example:
        >>> largest_rate(0.01, momentum=0.9, nesterov=False, copies=2, coupling=1.0)
        0.0095
    """
    limit = (1.0 + momentum) * level / (copies * coupling)
    return limit / (1.0 + 2.0 * momentum) if nesterov else limit
