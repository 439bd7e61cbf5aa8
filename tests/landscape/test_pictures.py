"""Pictures of slices: nothing is cut or hidden, and colours are logarithmic where the loss spans decades."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import LogNorm
from matplotlib.legend import Legend
from torch import Tensor

from homotopy_bench.landscape.measurement import Convention, Cost
from homotopy_bench.landscape.networks import Points
from homotopy_bench.landscape.pictures import heat_map, path_curves, spectral_density_curve, surface
from homotopy_bench.landscape.slices import Plane, Slice
from tests.pictures import assert_nothing_is_cut, drawn

LABELS = ("first filter-normalised direction", "second filter-normalised direction")


def slice_with(loss: Tensor) -> Slice:
    marks = torch.tensor([[-0.5, 0.0], [0.5, 0.0], [0.0, 0.7]], dtype=torch.float64)
    plane = Plane(torch.zeros(2), torch.eye(2), marks, Points(torch.zeros(1, 2), {}))
    grids = tuple(torch.linspace(-1.0, 1.0, size, dtype=torch.float64) for size in loss.shape)
    return Slice(plane, grids, loss, loss, Cost(), Convention("train", 1, "float32"))


def bowl(power: float) -> Tensor:
    x, y = torch.linspace(-1, 1, 9)[:, None], torch.linspace(-1, 1, 7)
    return (0.01 + x.square() + 2 * y.square()).double() ** power


@pytest.mark.parametrize("power", [0.1, 3.0])
@pytest.mark.parametrize("path", [False, True])
def test_a_heat_map_shows_the_losses_where_they_were_taken(power: float, path: bool) -> None:
    loss = bowl(power)
    figure = drawn(heat_map(slice_with(loss), "a $title$", LABELS, path))
    assert_nothing_is_cut(figure)
    (mesh,) = [one for one in figure.axes[0].collections if type(one).__name__ == "QuadMesh"]
    assert isinstance(mesh.norm, LogNorm) == (power == 3.0)
    np.testing.assert_allclose(np.asarray(mesh.get_array()).ravel(), loss.T.numpy().ravel())


@pytest.mark.parametrize("loss", [bowl(1.0), bowl(4.0), torch.ones(5, 5).double(), torch.zeros(5, 5).double()])
def test_a_surface_is_not_cut(loss: Tensor) -> None:
    assert_nothing_is_cut(drawn(surface(slice_with(loss), "title", LABELS)))
    assert_nothing_is_cut(drawn(heat_map(slice_with(loss), "title", LABELS)))


def test_losses_that_are_not_finite_are_drawn_as_the_largest() -> None:
    loss = bowl(1.0)
    loss[0, 0], loss[1, 1] = torch.nan, torch.inf
    figure = drawn(heat_map(slice_with(loss), "title"))
    (mesh,) = [one for one in figure.axes[0].collections if type(one).__name__ == "QuadMesh"]
    drawn_loss = np.asarray(mesh.get_array()).reshape(7, 9).T
    finite = loss[loss.isfinite()]
    assert drawn_loss[0, 0] == drawn_loss[1, 1] == finite.max()
    assert_nothing_is_cut(drawn(surface(slice_with(loss), "title")))


def test_curves_between_networks_have_their_legend_beside_them() -> None:
    a = torch.linspace(0, 1, 11).expand(3, 11)
    ways = {
        name: (a, 1.0 + height * a * (1 - a), 0.1 + 0 * a) for name, height in (("straight", 4.0), ("matched", 1.0))
    }
    figure = drawn(path_curves(ways, "title"))
    assert_nothing_is_cut(figure)
    (legend,) = figure.findobj(Legend)
    assert isinstance(legend, Legend)
    assert [text.get_text() for text in legend.get_texts()] == ["straight", "matched"]


def test_the_density_of_one_eigenvalue_peaks_there() -> None:
    figure = drawn(spectral_density_curve(torch.tensor([[3.0, 5.0]]), torch.tensor([[0.75, 0.25]]), "title"))
    assert_nothing_is_cut(figure)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    x, p = (np.asarray(values, dtype=float) for values in axes.get_lines()[0].get_data())
    assert x[p.argmax()] == pytest.approx(3.0, abs=0.02)
