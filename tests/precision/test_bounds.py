"""The bounds hold on every quadratic function, follow its bits, and say what is missing; the published one does not."""

from __future__ import annotations

import math
import sys
from fractions import Fraction

import pytest
import torch
from quadratics import Quadratic, compare, main, random_quadratic
from torch import Tensor

from homotopy_bench.precision.bounds import Missing, bounds
from homotopy_bench.precision.rounding import round_to_bits, rounding_errors, sufficient_bits

EPS = 1e-6
FUNCTIONS = [random_quadratic(torch.Generator().manual_seed(seed)) for seed in range(150)]


def bits(name: str, curvature: float, gradient: float, scale: float) -> float:
    bound = bounds(curvature, gradient, scale, EPS)[name]
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
        at_x = rounding_errors(function.change_from(function.x), function.x)
        at_minimum = rounding_errors(function.change_from(function.minimum), function.minimum)
        for p, (there, floor) in enumerate(zip(at_x, at_minimum, strict=True), start=1):
            d, d_of_minimum = scale * 2.0**-p, scale_of_minimum * 2.0**-p
            exact = 1.0 + 1e-9  # what computing in float64 adds
            assert there.gradient <= exact * curvature * d / gradient
            assert there.loss <= exact * (gradient * d + 0.5 * curvature * d * d)
            assert floor.loss <= exact * 0.5 * curvature * d_of_minimum**2


def test_from_the_bound_on_the_errors_are_as_small_as_asked():
    for function in FUNCTIONS:
        curvature, gradient, scale, scale_of_minimum = norms(function)
        at_x = rounding_errors(function.change_from(function.x), function.x)
        at_minimum = rounding_errors(function.change_from(function.minimum), function.minimum)
        for errors, bound in (
            ([error.gradient for error in at_x], bits("relative", curvature, gradient, scale)),
            ([error.loss for error in at_x], bits("absolute with slope", curvature, gradient, scale)),
            ([error.loss for error in at_minimum], bits("absolute", curvature, 0.0, scale_of_minimum)),
        ):
            found = sufficient_bits(errors, EPS)
            assert found is not None
            assert found <= math.ceil(bound)


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
        before = bounds(curvature, gradient, scale, EPS)
        after = bounds(*norms(function.scaled(factor))[:3], EPS)
        for name, change in (
            ("relative", 0.0),
            ("published", -math.log2(factor)),
            ("absolute", 0.5 * math.log2(factor)),
        ):
            assert after[name] == pytest.approx(float(before[name]) + change, abs=1e-9)
        measured, scaled_measured = (
            sufficient_bits([error.gradient for error in rounding_errors(one.change_from(one.x), one.x)], EPS)
            for one in (function, function.scaled(factor))
        )
        assert scaled_measured == measured


def test_the_bound_with_slope_solves_its_equation():
    for curvature, gradient, scale in ((3.0, 2.0, 5.0), (1e4, 1e-9, 0.1), (1e-12, 40.0, 1e3)):
        d = scale * 2.0 ** -bits("absolute with slope", curvature, gradient, scale)
        assert gradient * d + 0.5 * curvature * d * d == pytest.approx(EPS, rel=1e-9)


def test_what_is_missing_is_said():
    assert bounds(1.0, 0.0, 1.0, EPS)["kappa"] is Missing.ZERO_GRADIENT
    assert bounds(1.0, 1e-200, 1.0, EPS)["kappa"] is Missing.NOT_FINITE
    assert bounds(1.0, 0.0, 1.0, EPS)["relative"] is Missing.ZERO_GRADIENT
    assert bounds(0.0, 1.0, 1.0, EPS)["relative"] is Missing.ZERO_CURVATURE
    assert bounds(0.0, 1.0, 1.0, EPS)["kappa"] == 0.0
    assert bounds(1.0, 1.0, 0.0, EPS)["absolute"] is Missing.ZERO_PARAMETERS
    without = bounds(Missing.NO_SECOND_DERIVATIVE, 1.0, 1.0, EPS)
    assert set(without.values()) == {Missing.NO_SECOND_DERIVATIVE}
    assert bounds(0.0, 0.0, 1.0, EPS)["absolute with slope"] is Missing.ZERO_GRADIENT
    assert bounds(1.0, Missing.NOT_FINITE, 1.0, EPS)["absolute with slope"] is Missing.NOT_FINITE
    # Logarithms are added: no product of these is a number.
    assert bits("relative", 1e300, 1e-300, 1e300) == pytest.approx(math.log2(1e300) * 3 - math.log2(EPS))


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
