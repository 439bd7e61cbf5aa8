"""Chains of fully connected layers are repaired as the modules are."""

from __future__ import annotations

import pytest
import torch

from homotopy_bench.landscape.connectivity import chords
from homotopy_bench.landscape.connectivity.chords import RepairedChord, chord_of
from homotopy_bench.landscape.connectivity.repair import repaired, rows_of, unit_statistics
from homotopy_bench.landscape.networks import Networks
from tests.landscape.test_dense import KINDS
from tests.landscape.trained import network, samples


@pytest.mark.parametrize(("dtype", "precision"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize("kind", KINDS)
def test_points_are_those_of_the_pass_through_the_modules(
    kind: str, dtype: torch.dtype, precision: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = Networks.of([network(kind, seed) for seed in (1, 2, 3)], dtype)
    data, chord = samples(kind).to(dtype), chord_of(networks, [(0, 1), (2, 1)])
    pair, a = torch.tensor([0, 1, 1, 0]), torch.tensor([0.0, 0.4, 0.5, 0.9], dtype=torch.float64)
    own = unit_statistics(networks, networks.points(), data)
    ends = rows_of(own, torch.tensor([0, 2, 2, 0])), rows_of(own, torch.tensor([1, 1, 1, 1]))
    expected = repaired(networks, chord.at(pair, a), data, ends, a)
    monkeypatch.setattr(chords, "repaired", None)  # not called
    found = RepairedChord(chord, networks, data).at(pair, a)
    torch.testing.assert_close(found.theta, expected.theta, rtol=precision, atol=precision)
    losses = [networks.evaluate([points], data).loss for points in (found, expected)]
    torch.testing.assert_close(*losses, rtol=precision / 10, atol=precision / 10)
    assert (losses[0] - networks.evaluate([chord.at(pair, a)], data).loss).abs().max() > 1e-3


def test_units_that_say_nothing_get_the_wanted_mean() -> None:
    networks, data = Networks.of([network("plain", seed) for seed in (1, 2)]), samples("plain")
    for row in range(2):
        networks.theta[row, :10] = 0.0  # the weights of the first unit
    found = RepairedChord(chord_of(networks, [(0, 1)]), networks, data).at(torch.tensor([0]), torch.tensor([0.5]))
    assert found.theta.isfinite().all()
    own = unit_statistics(networks, found, data)["hidden.0.affine"]
    ends = unit_statistics(networks, networks.points(), data)["hidden.0.affine"]
    torch.testing.assert_close(own[0][0, 0], ends[0][:, 0].mean())
    assert own[1][0, 0] == 0.0
