"""Rounding to p bits is the cast to the format of p bits; ranges and recommendations are those of the formats."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from homotopy_bench.precision.bounds import Missing
from homotopy_bench.precision.formats import FORMATS, RangeLoss, range_loss, recommend
from homotopy_bench.precision.rounding import filled_up, round_to_bits, sufficient_bits


def samples(count: int = 20_000) -> torch.Tensor:
    """Numbers of all signs within float16's normal range, among them many halfway between its neighbours."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(count, generator=generator)
    ties = torch.randint(2**10, 2**13, (count,), generator=generator) * 2.0**-9
    return torch.cat([normal[normal.abs() > 2.0**-14], ties, -ties]).double()


def test_formats_are_those_of_ieee_754_and_casts_round_to_their_bits():
    assert {torch.bfloat16: 8, torch.float16: 11, torch.float32: 24, torch.float64: 53} == FORMATS
    assert list(FORMATS.values()) == sorted(FORMATS.values())
    x = samples()
    for dtype, bits in FORMATS.items():
        assert torch.equal(round_to_bits(x, bits), x.to(dtype).double())


def test_rounding_agrees_with_numpy_over_the_whole_range_of_float32():
    exponents = torch.linspace(-120.0, 120.0, 5000, dtype=torch.float64)
    x = torch.exp2(exponents) * (1.0 + torch.rand(5000, generator=torch.Generator().manual_seed(1)).double())
    assert np.array_equal(round_to_bits(x, 24).numpy(), x.numpy().astype(np.float32).astype(np.float64))


@pytest.mark.parametrize("bits", [1, 2, 7, 30, 52])
def test_rounding_takes_the_nearest_number_and_the_even_of_two(bits):
    for value in (0.7, -1.0 / 3.0, 5.0, 6.0, 1e-320, 1.7e308 / 2, 2.0**-1060 * 3.0):
        rounded = round_to_bits(torch.tensor([value], dtype=torch.float64), bits).item()
        exact = Fraction(value)
        unit = Fraction(2) ** (math.frexp(value)[1] - bits)
        assert Fraction(rounded) == round(exact / unit) * unit  # Python rounds fractions to even
        assert abs(Fraction(rounded) - exact) <= Fraction(2) ** -bits * abs(exact)


def test_what_is_not_finite_stays_and_bits_out_of_range_are_refused():
    x = torch.tensor([0.0, -math.inf, math.nan], dtype=torch.float64)
    assert torch.equal(round_to_bits(x, 3), x) is False  # not a number is not equal to itself
    assert torch.equal(round_to_bits(x, 3)[:2], x[:2])
    assert round_to_bits(x, 3)[2].isnan()
    for bits in (0, 54):
        with pytest.raises(ValueError, match="accepted are 1 to 53"):
            round_to_bits(x, bits)


def test_filled_up_parameters_round_back_and_fill_their_bits():
    stored = samples().float()
    stored[:3] = torch.tensor([0.0, 1.0, -2.0])  # below a power of two the neighbours are nearer
    full = filled_up(stored.double(), 24, torch.Generator().manual_seed(0))
    assert torch.equal(full.float(), stored)
    assert full[0] == 0.0
    assert (round_to_bits(full, 45) != full).float().mean() > 0.9
    assert filled_up(full, 53, torch.Generator()) is full


def test_the_smallest_sufficient_bits_are_those_from_which_all_hold():
    assert sufficient_bits([0.0, 0.0], 1.0) == 1
    assert sufficient_bits([0.0, math.nan, 0.0], 1.0) == 3
    assert sufficient_bits([0.0, 2.0], 1.0) is None


def test_ranges_are_those_of_ieee_754():
    values = torch.tensor([65504.0, 65519.0, 65520.0, 2.0**-14, 2.0**-15, 2.0**-24, 2.0**-25, 0.0, math.inf])
    float16, bfloat16 = (range_loss("x", [values.double()], dtype) for dtype in (torch.float16, torch.bfloat16))
    assert float16 == RangeLoss("float16", "x", 8, 2 / 8, 2 / 8, 1 / 8)
    assert bfloat16 == RangeLoss("bfloat16", "x", 8, 1 / 8, 0.0, 0.0)
    assert range_loss("x", [torch.zeros(3).double()], torch.float16) == RangeLoss("float16", "x", 0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("bits", "ranges", "dtype"),
    [
        (-3.0, [], "bfloat16"),
        (8.0, [], "bfloat16"),
        (8.01, [], "float16"),
        (8.01, [RangeLoss("float16", "parameters", 10, 1e-6, 0.0, 0.0)], "float32"),
        (8.01, [RangeLoss("float16", "gradients", 10, 0.0, 1.0, 0.02)], "float32"),
        (8.01, [RangeLoss("float16", "gradients", 10, 0.0, 1.0, 0.005)], "float16"),
        (8.0, [RangeLoss("float16", "gradients", 10, 1.0, 0.0, 0.0)], "bfloat16"),
        (24.0, [], "float32"),
        (24.1, [], "float64"),
        (53.1, [], None),
    ],
)
def test_the_smallest_format_that_has_bits_and_range_is_recommended(bits, ranges, dtype):
    chosen = recommend({"relative bound": bits, "absolute bound": bits - 1.0}, ranges)
    assert chosen.dtype == dtype
    assert "the relative bound decides" in chosen.reason
    assert chosen.bits == max(math.ceil(bits), 1)


def test_what_is_missing_leaves_the_other_demands():
    chosen = recommend({"relative bound": Missing.ZERO_GRADIENT, "absolute bound": 10.0}, [])
    assert (chosen.dtype, chosen.bits) == ("float16", 10)
    assert "without the relative bound (zero gradient)" in chosen.reason
    assert recommend({"relative bound": Missing.ZERO_GRADIENT}, []).dtype is None
    assert recommend({"relative bound": Missing.NOT_FINITE, "absolute bound": 3.0}, []).dtype is None
