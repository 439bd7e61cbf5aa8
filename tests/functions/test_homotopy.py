"""The homotopy: its function, its start, its end, and the counts of Table 1."""

from __future__ import annotations

import numpy as np
import pytest

from homotopy_bench.core.errors import InputError
from homotopy_bench.functions.anchors import anchors_of
from homotopy_bench.functions.base import Array
from homotopy_bench.functions.counting import count
from homotopy_bench.functions.homotopy import LEVELS, coupled, follow, zero
from homotopy_bench.functions.problems import problem_named
from homotopy_bench.functions.starts import MOST_STARTS, decoupled, grid
from homotopy_bench.functions.table1 import AXES, PAPER_HOMOTOPY, PAPER_PLAIN, SINGLE

LEVY = problem_named("levy")


def table1_starts(dimension: int) -> Array:
    return grid(AXES[dimension], dimension)


def test_the_coupled_function_is_the_formula():
    z = np.random.default_rng(0).normal(size=(5, 8))
    anchors, level, rows = np.random.default_rng(2).normal(size=(7, 4)), 0.3, np.array([6, 0, 2, 3, 1])
    for second, share in ((LEVY.value_and_gradient, 1.0), (zero, 0.0)):
        value, _ = coupled(LEVY.value_and_gradient, second, anchors, level)(z, rows)
        for point, x0, actual in zip(z, anchors[rows], value, strict=True):
            x, y = point[:4], point[4:]
            f, g = LEVY.value_and_gradient(np.stack([x, y]))[0]
            penalty = level * (sum((x[:2] - x0[:2]) ** 2) + sum((y[2:] - x0[2:]) ** 2))
            assert actual == pytest.approx(f + share * g + penalty + sum((x - y) ** 2) / level, rel=1e-13)


def test_the_gradient_of_the_coupled_function_is_the_central_differences():
    z = np.random.default_rng(1).normal(size=(5, 8))
    rows, step = np.arange(5), 1e-6
    objective = coupled(LEVY.value_and_gradient, LEVY.value_and_gradient, np.full((5, 4), -1.0), 0.7)
    differences = [
        (objective(z + step * e, rows)[0] - objective(z - step * e, rows)[0]) / (2 * step) for e in np.eye(8)
    ]
    np.testing.assert_allclose(objective(z, rows)[1], np.array(differences).T, rtol=1e-6, atol=1e-7)


def test_each_copy_starts_with_its_own_half_at_the_anchor():
    first, second = decoupled(np.arange(8.0).reshape(2, 4), np.full((2, 4), 9.0))
    assert first.tolist() == [[9, 9, 2, 3], [9, 9, 6, 7]]
    assert second.tolist() == [[0, 1, 9, 9], [4, 5, 9, 9]]


def test_the_path_passes_minima_of_every_level_and_draws_the_copies_together():
    starts = table1_starts(2)
    anchors = anchors_of("random", starts)
    path = follow(LEVY.value_and_gradient, decoupled(starts, anchors), anchors)
    assert path.x.shape == path.y.shape == (len(LEVELS) + 1, *starts.shape)
    np.testing.assert_array_equal(path.x[0], decoupled(starts, anchors)[0])
    for level, x, y in zip(LEVELS, path.x[1:], path.y[1:], strict=True):
        function = coupled(LEVY.value_and_gradient, LEVY.value_and_gradient, anchors, level)
        gradient = function(np.concatenate([x, y], axis=1), np.arange(len(starts)))[1]
        assert abs(gradient).max() <= 1e-3
    apart = abs(path.x - path.y).max(axis=2)
    assert (apart[-1] < apart[1]).all()
    assert LEVELS == (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    assert (path.iterations > path.end.iterations).all()
    np.testing.assert_allclose(LEVY.value_and_gradient(path.end.x)[0], path.end.value, atol=1e-14)


@pytest.mark.parametrize(
    ("method", "anchor", "expected"),
    [
        ("plain", 2.0, (24, 860, 980)),
        ("homotopy", "start", (24, 864, 1024)),
        ("homotopy", "random", (32, 938, 2167)),
        ("homotopy", 0.0, (36, 1296)),
        ("homotopy", 2.0, (36, 1296)),
        ("homotopy", 4.0, (19, 647)),
        ("control", 2.0, (36, 1296, 4096)),
        ("control", 4.0, (0, 0)),
        ("homotopy_g0", 4.0, (0, 97)),
        ("homotopy_at_start", 2.0, (24, 865, 1810)),
    ],
)
def test_counts_of_table_1(method, anchor, expected):
    """Counts of two independent programs; last digits move a start at a wall to the other side.

    Six dimensions take seconds: of the rows in which nearly all starts arrive there or none does, one has them.
    """
    for (dimension, axis), found in zip(AXES.items(), expected, strict=False):
        starts = grid(axis, dimension)
        row = count(LEVY, method, starts, anchor)
        assert abs(row.found - found) <= (0 if found in (0, len(starts)) else 0.02 * len(starts))
        assert row.starts == PAPER_HOMOTOPY[dimension] >= PAPER_PLAIN[dimension]


def test_scipy_ends_where_ours_does():
    starts = table1_starts(2)
    assert count(LEVY, "scipy", starts, 0.0).found == count(LEVY, "plain", starts, 0.0).found


def test_from_the_single_start_the_anchor_decides():
    start = np.array([SINGLE])
    found = {anchor: count(LEVY, "homotopy", start, anchor).found for anchor in ("start", 0.0, 2.0, 4.0)}
    assert found == {"start": 0, 0.0: 1, 2.0: 1, 4.0: 0}
    assert count(LEVY, "plain", start, "start").found == 0


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
