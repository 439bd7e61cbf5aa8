"""Scales, ticks and lines: what is drawn is where the numbers are."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from homotopy_bench.report.html.markup import element, embedded, path_data
from homotopy_bench.report.html.scale import Scale, scale
from homotopy_bench.report.html.svg import polyline

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


@given(st.lists(NUMBERS, max_size=10), st.floats(0.0, 5.0))
@example([5e-324], 0.0)
@example([0.0, 5e-324], 0.0)
def test_a_scale_holds_all_values_and_at_least_its_range(values, least):
    x = scale(values, 10.0, 110.0, least=least)
    assert x.high > x.low
    assert all(map(math.isfinite, x.ticks()))
    assert x.high - x.low >= least * (1 - 1e-9)
    for value in values:
        assert 10.0 - 1e-6 <= x(value) <= 110.0 + 1e-6


@given(NUMBERS, st.floats(1e-3, 1e6))
def test_ticks_are_few_round_and_within(low, length):
    x = Scale(low, low + length, 0.0, 1.0)
    assume(length > 1e-6 * abs(low))
    ticks = x.ticks()
    assert 2 <= len(ticks) <= 12
    assert all(-1e-6 <= x(one) <= 1 + 1e-6 for one in ticks)
    gaps = [b - a for a, b in pairwise(ticks)]
    mantissa = gaps[0] / 10 ** math.floor(math.log10(gaps[0]) + 1e-9)
    assert min(abs(mantissa - one) for one in (1, 2, 5, 10)) < 1e-6 * max(1.0, abs(low) / gaps[0])
    assert gaps == pytest.approx([gaps[0]] * len(gaps), rel=1e-6, abs=1e-9 * max(1.0, abs(low)))


def drawn(markup: str) -> list[tuple[float, float]]:
    """Return the points of a path of M and l commands, in units of the figure."""
    points: list[tuple[float, float]] = []
    for command, words in re.findall(r"([Ml])([^Ml]*)", markup):
        x, y = map(int, re.findall(r"-?\d+", words))
        if command == "l":
            x, y = 2 * points[-1][0] + x, 2 * points[-1][1] + y  # type: ignore[assignment]
        points.append((x / 2, y / 2))
    return points


@given(st.lists(st.tuples(st.floats(0, 480), st.floats(0, 300)), min_size=1, max_size=200))
def test_a_line_of_many_points_does_not_drift(points):
    path = re.search(r'd="([^"]*)"', polyline(points, "#000", "thin"))
    assert path is not None
    found = drawn(path[1])
    assert max(abs(a - b) for a, b in zip(found[-1], points[-1], strict=True)) <= 0.25 + 1e-9
    for x, y in points:
        assert min(max(abs(a - x), abs(b - y)) for a, b in found) <= 0.25 + 1e-9


def test_a_line_is_broken_where_nothing_is_known():
    markup = polyline([(1, 1), (2, 2), (math.nan, 3), (4, 4)], "#000", "thin")
    assert 'd="M2 2l0 0l2 2M8 8l0 0"' in markup


def test_text_is_escaped_and_data_of_a_path_are_numbers():
    assert element("a", "<b>", title='"x"') == '<a title="&quot;x&quot;">&lt;b&gt;</a>'
    with pytest.raises(ValueError, match="commands and numbers"):
        path_data(['M0 0"><script>'])
    with pytest.raises(ValueError, match="</"):
        embedded("</script>")
