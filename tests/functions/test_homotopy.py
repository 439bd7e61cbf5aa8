"""The homotopy: its function, its start, its end, and the counts of Table 1."""

from __future__ import annotations

import numpy as np
import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.functions.base import Array
from homotopy_bench.functions.counting import count
from homotopy_bench.functions.homotopy import LEVELS, coupled, follow
from homotopy_bench.functions.problems import problem_named
from homotopy_bench.functions.starts import MOST_STARTS, axis, decoupled, grid
from homotopy_bench.functions.table1 import ANCHOR, AXES, PAPER

LEVY = problem_named("levy")


def table1_starts(dimension: int) -> Array:
    low, high, points = AXES[dimension]
    return grid(axis(low, high, points), dimension)


def test_the_coupled_function_is_the_formula():
    z = np.random.default_rng(0).normal(size=(5, 8))
    x0, level = 2.0, 0.3
    value, _ = coupled(LEVY.value_and_gradient, x0, level)(z)
    for row, actual in zip(z, value, strict=True):
        x, y = row[:4], row[4:]
        f = LEVY.value_and_gradient(np.stack([x, y]))[0].sum()
        anchors = level * (sum((x[:2] - x0) ** 2) + sum((y[2:] - x0) ** 2))
        assert actual == pytest.approx(f + anchors + sum((x - y) ** 2) / level, rel=1e-13)


def test_the_gradient_of_the_coupled_function_is_the_central_differences():
    z = np.random.default_rng(1).normal(size=(5, 8))
    objective = coupled(LEVY.value_and_gradient, -1.0, 0.7)
    step = 1e-6
    differences = [(objective(z + step * e)[0] - objective(z - step * e)[0]) / (2 * step) for e in np.eye(8)]
    np.testing.assert_allclose(objective(z)[1], np.array(differences).T, rtol=1e-6, atol=1e-7)


def test_each_copy_starts_with_its_own_half_at_the_anchor():
    first, second = decoupled(np.arange(8.0).reshape(2, 4), 9.0)
    assert first.tolist() == [[9, 9, 2, 3], [9, 9, 6, 7]]
    assert second.tolist() == [[0, 1, 9, 9], [4, 5, 9, 9]]


def test_the_path_passes_minima_of_every_level_and_draws_the_copies_together():
    starts = table1_starts(2)
    path = follow(LEVY.value_and_gradient, starts, ANCHOR)
    assert path.x.shape == path.y.shape == (len(LEVELS) + 1, *starts.shape)
    np.testing.assert_array_equal(path.x[0], decoupled(starts, ANCHOR)[0])
    for level, x, y in zip(LEVELS, path.x[1:], path.y[1:], strict=True):
        gradient = coupled(LEVY.value_and_gradient, ANCHOR, level)(np.concatenate([x, y], axis=1))[1]
        assert abs(gradient).max() <= 1e-3
    apart = abs(path.x - path.y).max(axis=2)
    assert (apart[-1] < apart[1]).all()
    assert LEVELS == (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert (path.iterations > path.end.iterations).all()
    np.testing.assert_allclose(LEVY.value_and_gradient(path.end.x)[0], path.end.value, atol=1e-14)


@pytest.mark.parametrize(("dimension", "expected", "within"), [(2, 24, 0), (4, 864, 5), (6, 980, 30)])
def test_plain_counts_of_table_1(dimension, expected, within):
    row = count(LEVY, "plain", table1_starts(dimension), ANCHOR)
    assert abs(row.found - expected) <= within
    assert row.starts == PAPER[dimension]
    assert row.anchor is None


@pytest.mark.parametrize("method", ["homotopy", "control"])
@pytest.mark.parametrize("dimension", [2, 4, 6])
def test_homotopy_and_control_counts_of_table_1(dimension, method):
    row = count(LEVY, method, table1_starts(dimension), ANCHOR)
    assert (row.found, row.starts, row.anchor) == (PAPER[dimension], PAPER[dimension], ANCHOR)


def test_the_gain_is_the_anchors_not_the_paths():
    starts = table1_starts(4)
    plain = count(LEVY, "plain", starts, ANCHOR).found
    # Anchored in the next basin, the control finds nothing and the homotopy no more than plain does.
    assert count(LEVY, "control", starts, 4.0).found == 0
    assert count(LEVY, "homotopy", starts, 4.0).found < 1.05 * plain


def test_a_grid_has_every_point_once():
    starts = grid([0.0, 1.0, 5.0], 4)
    assert starts.shape == (81, 4)
    assert len(np.unique(starts, axis=0)) == 81
    assert set(starts.ravel()) == {0.0, 1.0, 5.0}


@pytest.mark.parametrize("dimension", [-2, 0, 1, 3, 7])
def test_an_odd_or_empty_dimension_is_refused(dimension):
    with pytest.raises(InputError, match=f"--dimension={dimension}: accepted: an even integer"):
        grid([0.0, 1.0], dimension)


def test_too_many_starts_are_refused_before_they_are_made():
    with pytest.raises(InputError, match=r"100\^400 starts are too many"):
        grid(np.linspace(0.0, 1.0, 100), 400)
    assert len(grid(np.linspace(0.0, 1.0, 10), 4)) < MOST_STARTS
