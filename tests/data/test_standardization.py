"""Standardisation against sums done by hand in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.data.standardization import BLOCK, Standardization

GENERATOR = np.random.default_rng(3)


def by_hand(values: list[float]) -> tuple[float, float]:
    """Mean and variance in rational arithmetic."""
    exact = [Fraction(value) for value in values]
    mean = sum(exact) / len(exact)
    return float(mean), float(sum((value - mean) ** 2 for value in exact) / len(exact))


@pytest.mark.parametrize("samples", [1, 2, BLOCK - 1, BLOCK, 2 * BLOCK + 3])
def test_mean_and_deviation_of_each_channel(samples: int) -> None:
    x = GENERATOR.random((samples, 3, 2, 2), np.float32) * np.array([1, 5, 0.1], np.float32).reshape(3, 1, 1)
    map_ = Standardization.of(x)
    for channel in range(3):
        mean, variance = by_hand(x[:, channel].ravel().tolist())
        assert map_.mean[channel] == pytest.approx(mean, rel=1e-14)
        assert map_.deviation[channel] == pytest.approx(variance**0.5, rel=1e-13)
    map_.apply(x)
    assert x.dtype == np.float32
    assert x.mean(axis=(0, 2, 3)) == pytest.approx(np.zeros(3), abs=1e-5)
    assert x.std(axis=(0, 2, 3)) == pytest.approx(np.ones(3), rel=1e-5)


def test_signals_without_channels_are_one_channel() -> None:
    x = GENERATOR.normal(4.0, 2.0, (100, 7))
    map_ = Standardization.of(x)
    assert map_.mean.tolist() == [pytest.approx(x.mean())]
    assert map_.deviation.tolist() == [pytest.approx(x.std())]
    expected = (x - x.mean()) / x.std()
    map_.apply(x)
    assert np.allclose(x, expected, rtol=1e-13)


def test_inputs_far_from_zero_keep_their_variance() -> None:
    x = 1e8 + GENERATOR.random((200, 1, 5))
    assert Standardization.of(x).deviation[0] == pytest.approx(by_hand(x.ravel().tolist())[1] ** 0.5, rel=1e-6)


def test_a_constant_channel_becomes_zero() -> None:
    for constant, dtype in product((7.0, 0.1, 1 / 3, 0.0), (np.float32, np.float64)):
        x = np.full((100, 2, 7), constant, dtype)
        x[:, 1] = GENERATOR.random((100, 7), np.float32)
        map_ = Standardization.of(x)
        map_.apply(x)
        assert np.all(x[:, 0] == 0.0)
        assert np.isfinite(x).all()
        assert map_.deviation[0] == 1.0


def test_inputs_too_large_for_a_variance_are_refused() -> None:
    with (
        np.errstate(over="ignore"),
        pytest.raises(InputError, match=r"standardize=true: inputs of size 1e\+200 have no"),
    ):
        Standardization.of(np.array([[1e200, -1e200]]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_black_is_bitwise_what_a_black_pixel_becomes(dtype) -> None:
    x = GENERATOR.random((50, 3, 4, 4)).astype(dtype)
    x[0, :, 0, 0] = 0.0
    map_ = Standardization.of(x)
    map_.apply(x)
    black = map_.black(dtype)
    assert black.dtype == dtype
    assert np.array_equal(black, x[0, :, 0, 0])
