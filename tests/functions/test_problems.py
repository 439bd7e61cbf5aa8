"""The problems: gradients against finite differences, minima, and values from independent formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from homotopy_bench.core.errors import InputError
from homotopy_bench.functions.problems import NAMES, problem_named


def levy(x):
    """The formula, term by term."""
    n = len(x)
    w = [1 + (value - 1) / 4 for value in x]
    terms = [(w[i] - 1) ** 2 * (1 + 10 * math.sin(math.pi * w[i + 1]) ** 2) for i in range(n - 1)]
    return math.pi / n * (10 * math.sin(math.pi * w[0]) ** 2 + sum(terms) + (w[-1] - 1) ** 2)


def rastrigin(x):
    return 10 * len(x) + sum(value**2 - 10 * math.cos(2 * math.pi * value) for value in x)


def ackley(x):
    r = math.sqrt(sum(value**2 for value in x) / len(x))
    c = sum(math.cos(2 * math.pi * value) for value in x) / len(x)
    return -20 * math.exp(-0.2 * r) - math.exp(c) + 20 + math.e


def griewank(x):
    product = math.prod(math.cos(value / math.sqrt(i)) for i, value in enumerate(x, start=1))
    return 1 + sum(value**2 for value in x) / 4000 - product


FORMULAS: dict[str, Any] = {
    "levy": levy,
    "rastrigin": rastrigin,
    "ackley": ackley,
    "rosenbrock": rosen,
    "griewank": griewank,
}


@pytest.mark.parametrize("dimension", [2, 3, 6])
@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_formula(name, dimension):
    problem = problem_named(name)
    x = np.random.default_rng(dimension).uniform(problem.low, problem.high, (20, dimension))
    formula = FORMULAS[name]
    np.testing.assert_allclose(problem.value_and_gradient(x)[0], [formula(row) for row in x], rtol=1e-12)


@pytest.mark.parametrize("dimension", [2, 3, 6])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_central_differences(name, dimension):
    problem = problem_named(name)
    x = np.random.default_rng(dimension).uniform(-3.0, 3.0, (20, dimension))
    step = 1e-6
    ahead = [problem.value_and_gradient(x + step * unit)[0] for unit in np.eye(dimension)]
    behind = [problem.value_and_gradient(x - step * unit)[0] for unit in np.eye(dimension)]
    differences = (np.array(ahead) - np.array(behind)).T / (2 * step)
    np.testing.assert_allclose(problem.value_and_gradient(x)[1], differences, rtol=1e-6, atol=1e-6)


def test_the_gradient_of_rosenbrock_is_scipys():
    x = np.random.default_rng(1).uniform(-2.0, 2.0, (5, 4))
    np.testing.assert_allclose(
        problem_named("rosenbrock").value_and_gradient(x)[1], [rosen_der(row) for row in x], rtol=1e-12
    )


@pytest.mark.parametrize("dimension", [2, 4, 8])
@pytest.mark.parametrize("name", NAMES)
def test_the_known_minimum_is_zero_and_nothing_around_it_is_lower(name, dimension):
    problem = problem_named(name)
    value, gradient = problem.value_and_gradient(np.full((1, dimension), problem.minimizer))
    assert abs(value[0]) < 1e-14
    assert abs(gradient).max() < 1e-12
    generator = np.random.default_rng(0)
    near = problem.minimizer + generator.normal(scale=0.3, size=(500, dimension))
    far = generator.uniform(problem.low, problem.high, (500, dimension))
    assert problem.value_and_gradient(np.concatenate([near, far]))[0].min() > 0.0


def test_no_cosine_of_griewank_is_divided_by():
    x = np.array([[np.pi / 2, 0.0], [np.pi / 2, np.pi / 2 * math.sqrt(2)]])
    # Where one cosine is zero the product's slope along that coordinate is that of the others alone.
    np.testing.assert_allclose(
        problem_named("griewank").value_and_gradient(x)[1] - x / 2000, [[1.0, 0.0], [0.0, 0.0]], atol=1e-15
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_order_of_the_points_does_not_matter(name):
    problem = problem_named(name)
    x = np.random.default_rng(2).uniform(-3.0, 3.0, (7, 4))
    for expected, actual in zip(
        problem.value_and_gradient(x), problem.value_and_gradient(np.asfortranarray(x)), strict=True
    ):
        np.testing.assert_allclose(actual, expected, rtol=1e-14)


def test_a_misspelt_problem_is_named_with_its_neighbour():
    with pytest.raises(InputError, match="did you mean 'ackley'"):
        problem_named("akley")
