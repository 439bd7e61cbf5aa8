"""The bounds hold on every quadratic function, follow its bits, and say what is missing; the published one does not."""

from __future__ import annotations

import math
import sys
from fractions import Fraction

import pytest
import torch
from quadratics import Quadratic, compare, main, random_quadratic
from torch import Tensor

from homotopy_bench.precision import bounds
from homotopy_bench.precision.figure import Figure, Missing
from homotopy_bench.precision.validation import errors_by_bits, round_to_bits, sufficient_bits

EPS = 1e-6
FUNCTIONS = [random_quadratic(torch.Generator().manual_seed(seed)) for seed in range(150)]


def bits_of(bound: Figure) -> float:
    assert not isinstance(bound, Missing)
    return bound


def norms(function: Quadratic) -> tuple[float, float, float, float]:
    """|H|, |g| and D at x, and D at the minimum, from the definition of f."""
    difference = function.x - function.minimum
    curvature = float(torch.linalg.svdvals(function.matrix)[0])
    gradient = float((function.matrix @ difference).norm())
    return curvature, gradient, float(function.x.norm()), float(function.minimum.norm())


def test_corrected_bounds_follow_the_measured_bits_and_the_published_does_not():
    rows = {(row.bound, row.measured): row for row in compare(FUNCTIONS, EPS)}
    for pair in (("relative", "gradient"), ("absolute", "floor"), ("absolute with slope", "loss")):
        row = rows[pair]
        assert row.cases == len(FUNCTIONS)
        assert row.correlation >= 0.95
        assert row.sd <= 1.5
    for measured in ("gradient", "loss", "floor"):
        assert rows["published", measured].sd > 5.0
        assert rows["published", measured].correlation < 0.85


def test_no_rounding_errs_more_than_its_bits_allow():
    for function in FUNCTIONS:
        curvature, gradient, scale, scale_of_minimum = norms(function)
        at_x = errors_by_bits(function.change_from(function.x), function.x)
        at_minimum = errors_by_bits(function.change_from(function.minimum), function.minimum)
        for bits, (there, floor) in enumerate(zip(at_x, at_minimum, strict=True), start=1):
            d, d_of_minimum = scale * 2.0**-bits, scale_of_minimum * 2.0**-bits
            exact = 1.0 + 1e-9  # what computing in float64 adds
            assert there.gradient <= exact * curvature * d / gradient
            assert there.loss <= exact * (gradient * d + 0.5 * curvature * d * d)
            assert floor.loss <= exact * 0.5 * curvature * d_of_minimum**2


def test_from_the_bound_on_the_errors_are_as_small_as_asked():
    for function in FUNCTIONS:
        curvature, gradient, scale, scale_of_minimum = norms(function)
        at_x = errors_by_bits(function.change_from(function.x), function.x)
        at_minimum = errors_by_bits(function.change_from(function.minimum), function.minimum)
        for errors, bound in (
            ([error.gradient for error in at_x], bounds.relative(curvature, gradient, scale, EPS)),
            ([error.loss for error in at_x], bounds.absolute_with_slope(curvature, gradient, scale, EPS)),
            ([error.loss for error in at_minimum], bounds.absolute(curvature, scale_of_minimum, EPS)),
        ):
            found = sufficient_bits(errors, EPS)
            assert found is not None
            assert found <= math.ceil(bits_of(bound))


def test_a_change_of_the_loss_is_right_where_two_losses_have_no_digits_left():
    function = FUNCTIONS[36]
    assert function(function.x)[0] > 1e9, "one unit in the last place is more than EPS/2"
    rounded = round_to_bits(function.x, 50)
    exactly = [[Fraction(value) for value in row] for row in function.matrix.tolist()]

    def loss(point: Tensor) -> Fraction:
        away = [Fraction(a) - Fraction(b) for a, b in zip(point.tolist(), function.minimum.tolist(), strict=True)]
        terms = (a * h * b for a, row in zip(away, exactly, strict=True) for h, b in zip(row, away, strict=True))
        return sum(terms, start=Fraction()) / 2

    change = function.change_from(function.x)(rounded)[0]
    assert change == pytest.approx(float(loss(rounded) - loss(function.x)), rel=1e-9)


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**30])
def test_scaling_the_loss_changes_only_what_depends_on_its_unit(factor):
    for function in FUNCTIONS[:20]:
        curvature, gradient, scale, _ = norms(function)
        scaled_curvature, scaled_gradient, _, _ = norms(function.scaled(factor))
        bits = bits_of(bounds.relative(curvature, gradient, scale, EPS))
        assert bounds.relative(scaled_curvature, scaled_gradient, scale, EPS) == pytest.approx(bits, abs=1e-9)
        measured, scaled_measured = (
            sufficient_bits([error.gradient for error in errors_by_bits(one.change_from(one.x), one.x)], EPS)
            for one in (function, function.scaled(factor))
        )
        assert scaled_measured == measured
        bits = bits_of(bounds.published(curvature, gradient, scale, EPS)) - math.log2(factor)
        assert bounds.published(scaled_curvature, scaled_gradient, scale, EPS) == pytest.approx(bits, abs=1e-9)
        bits = bits_of(bounds.absolute(curvature, scale, EPS)) + 0.5 * math.log2(factor)
        assert bounds.absolute(scaled_curvature, scale, EPS) == pytest.approx(bits, abs=1e-9)


def test_the_bound_with_slope_solves_its_equation():
    for curvature, gradient, scale in ((3.0, 2.0, 5.0), (1e4, 1e-9, 0.1), (1e-12, 40.0, 1e3)):
        bits = bits_of(bounds.absolute_with_slope(curvature, gradient, scale, EPS))
        d = scale * 2.0**-bits
        assert gradient * d + 0.5 * curvature * d * d == pytest.approx(EPS, rel=1e-9)


def test_what_is_missing_is_said():
    assert bounds.kappa(1.0, 0.0) is Missing.ZERO_GRADIENT
    assert bounds.kappa(1.0, 1e-200) is Missing.NOT_FINITE
    assert bounds.relative(1.0, 0.0, 1.0, EPS) is Missing.ZERO_GRADIENT
    assert bounds.relative(0.0, 1.0, 1.0, EPS) is Missing.ZERO_CURVATURE
    assert bounds.absolute(1.0, 0.0, EPS) is Missing.ZERO_PARAMETERS
    assert bounds.published(Missing.NO_SECOND_DERIVATIVE, 1.0, 1.0, EPS) is Missing.NO_SECOND_DERIVATIVE
    assert bounds.absolute_with_slope(0.0, 0.0, 1.0, EPS) is Missing.ZERO_GRADIENT
    assert bounds.absolute_with_slope(1.0, Missing.NOT_FINITE, 1.0, EPS) is Missing.NOT_FINITE
    # Logarithms are added: no product of these is a number.
    assert bounds.relative(1e300, 1e-300, 1e300, 1e-300) == pytest.approx(1200 * math.log2(10.0))


def test_the_study_prints_the_rows_it_computes(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quadratics.py", "12"])
    assert main() == 0
    generator = torch.Generator().manual_seed(0)
    rows = compare([random_quadratic(generator) for _ in range(12)], EPS)
    lines = capsys.readouterr().out.splitlines()[1:]
    assert len(lines) == len(rows) == 6
    for line, row in zip(lines, rows, strict=True):
        assert line.split()[-4:] == [str(row.cases), f"{row.correlation:.3f}", f"{row.sd:.2f}", f"{row.offset:+.2f}"]
    monkeypatch.setattr(sys, "argv", ["quadratics.py", "1"])
    with pytest.raises(SystemExit, match="2"):
        main()
