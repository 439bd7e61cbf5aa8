"""Compare the bounds on bits with measured bits on random quadratic functions f(x) = (x - x*)^T A (x - x*)/2.

    python scripts/quadratics.py 400 [--eps 1e-6]

A has a random spectrum and random eigenvectors; the minimiser, the distance of x from it and the scale of f vary over
orders of magnitude. The errors of gradient and loss are measured by rounding x, the floor under the loss by rounding
x*. They are computed from the step that rounding makes: in float64 a loss of 10^10 has no digit at 10^-6, and the
difference of two such losses would only show how the processor rounds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from homotopy_bench.core.text_table import table
from homotopy_bench.precision.bounds import Missing, bounds
from homotopy_bench.precision.rounding import Function, rounding_errors, sufficient_bits


@dataclass(frozen=True)
class Quadratic:
    """f(x) = (x - x*)^T A (x - x*)/2 and a point x, n variables, float64."""

    matrix: Tensor
    """A, shape (n, n), symmetric positive definite."""
    minimum: Tensor
    """x*, shape (n,)."""
    x: Tensor
    """x, shape (n,)."""

    def __call__(self, x: Tensor) -> tuple[float, Tensor]:
        """Return f and its gradient A (x - x*)."""
        gradient = self.matrix @ (x - self.minimum)
        return 0.5 * torch.dot(x - self.minimum, gradient).item(), gradient

    def change_from(self, point: Tensor) -> Function:
        """Return the function whose loss is f(x) - f(point), and whose gradient is that of f at x.

        Both come from the step s = x - point, which is exact where x is a rounding of the point: the loss is g^T s +
        s^T A s/2 and the gradient g + A s, with g that at the point. Nothing large cancels.

        Args:
            point: Where the loss counts as zero, shape (n,).

        Example:
            >>> one = torch.ones(1, dtype=torch.float64)
            >>> f = Quadratic(one.diag(), 0.0 * one, 2.0**30 * one)
            >>> f.change_from(f.x)(f.x + 1.0)[0], f(f.x + 1.0)[0] - f(f.x)[0]
            (1073741824.5, 1073741824.0)
        """
        gradient = self(point)[1]

        def change(x: Tensor) -> tuple[float, Tensor]:
            step = x - point
            bent = self.matrix @ step
            return torch.dot(gradient + 0.5 * bent, step).item(), gradient + bent

        return change

    def scaled(self, factor: float) -> Quadratic:
        """Return the function times ``factor``, at the same point."""
        return Quadratic(factor * self.matrix, self.minimum, self.x)

    def curvature(self) -> float:
        """Return |H|, the largest eigenvalue of A."""
        return float(torch.linalg.eigvalsh(self.matrix)[-1])


def random_quadratic(generator: torch.Generator) -> Quadratic:
    """Draw a quadratic function and a point.

    n is from 2 to 40, the condition number of A from 1 to 10^6 with eigenvalues evenly spread in their logarithms, the
    largest from 10^-1 to 10^5; the components of x* are normal with a standard deviation from 1 to 100, and x lies in a
    random direction at 10^-3 to 10 times |x*|.

    Args:
        generator: Source of randomness, on the host.

    Returns:
        The function with its point.
    """

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    n = int(torch.randint(2, 41, (), generator=generator))
    decades = uniform(0.0, 6.0) * torch.rand(n, generator=generator, dtype=torch.float64)
    eigenvalues = 10.0 ** (uniform(-1.0, 5.0) - decades + decades.min())
    rotation = torch.linalg.qr(normal(n, n))[0]
    matrix = rotation @ torch.diag(eigenvalues) @ rotation.mT
    minimum = 10.0 ** uniform(0.0, 2.0) * normal(n)
    direction = normal(n)
    away = 10.0 ** uniform(-3.0, 1.0) * minimum.norm() * direction / direction.norm()
    return Quadratic(0.5 * (matrix + matrix.mT), minimum, minimum + away)


@dataclass(frozen=True)
class Comparison:
    """A bound beside the bits that were measured, over many functions."""

    bound: str
    measured: str
    """What is at most eps from the measured p on: the relative error of the gradient at x, the absolute error of the
    loss at x, or that at the minimum, the floor under the loss."""
    cases: int
    """Functions on which 52 bits suffice."""
    correlation: float
    sd: float
    """Standard deviation of bound - measured, in bits."""
    offset: float
    """Mean of bound - measured, in bits."""


def compare(functions: Sequence[Quadratic], eps: float) -> list[Comparison]:
    """Compare all bounds with what is measured.

    Args:
        functions: At least two functions.
        eps: The accuracy.

    Returns:
        A row for each pair of a bound and a measurement.
    """
    pairs: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for function in functions:
        at_x = rounding_errors(function.change_from(function.x), function.x)
        at_minimum = rounding_errors(function.change_from(function.minimum), function.minimum)
        measured = {
            "gradient": sufficient_bits([error.gradient for error in at_x], eps),
            "loss": sufficient_bits([error.loss for error in at_x], eps),
            "floor": sufficient_bits([error.loss for error in at_minimum], eps),
        }
        curvature = function.curvature()
        gradient = float(function(function.x)[1].norm())
        scale, scale_of_minimum = float(function.x.norm()), float(function.minimum.norm())
        at = bounds(curvature, gradient, scale, eps)
        predicted = {
            ("relative", "gradient"): at["relative"],
            ("absolute", "floor"): bounds(curvature, 0.0, scale_of_minimum, eps)["absolute"],
            ("absolute with slope", "loss"): at["absolute with slope"],
            ("published", "gradient"): at["published"],
            ("published", "loss"): at["published"],
            ("published", "floor"): at["published"],
        }
        for (bound, what), bits in predicted.items():
            found = measured[what]
            if found is not None and not isinstance(bits, Missing):
                pairs.setdefault((bound, what), []).append((bits, found))
    return [_comparison(bound, what, bits) for (bound, what), bits in pairs.items()]


def _comparison(bound: str, measured: str, pairs: Sequence[tuple[float, int]]) -> Comparison:
    predicted, found = np.array(pairs).T
    difference = predicted - found
    correlation = float(np.corrcoef(predicted, found)[0, 1])
    return Comparison(bound, measured, len(pairs), correlation, float(difference.std(ddof=1)), float(difference.mean()))


def study(cases: int, eps: float, seed: int = 0) -> list[Comparison]:
    """Compare all bounds with what is measured on random quadratic functions.

    Args:
        cases: Number of functions, at least 2.
        eps: The accuracy.
        seed: Seed of the functions.

    Returns:
        A row for each pair of a bound and a measurement.

    Example:
        >>> relative = study(30, 1e-6)[0]
        >>> relative.bound, relative.correlation > 0.95
        ('relative', True)
    """
    generator = torch.Generator().manual_seed(seed)
    return compare([random_quadratic(generator) for _ in range(cases)], eps)


def to_text(rows: Sequence[Comparison]) -> str:
    """Return a study as a table."""
    lines = [["bound", "measured error", "cases", "correlation", "sd", "offset"]]
    for row in rows:
        figures = [f"{row.correlation:.3f}", f"{row.sd:.2f}", f"{row.offset:+.2f}"]
        lines.append([row.bound, row.measured, str(row.cases), *figures])
    return table(lines)


def main() -> int:
    """Print the study.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("functions", type=int, help="number of functions, at least 2")
    parser.add_argument("--eps", type=float, default=1e-6, help="the accuracy (default 1e-6)")
    arguments = parser.parse_args()
    if arguments.functions < 2:
        parser.error(f"functions {arguments.functions}; accepted: an integer >= 2")
    if not 0.0 < arguments.eps < float("inf"):
        parser.error(f"--eps {arguments.eps}; accepted: a finite number > 0")
    print(to_text(study(arguments.functions, arguments.eps)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
