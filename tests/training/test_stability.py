"""Loss spikes against a slow reference, wherever a run is evaluated, continued or merged."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.training.stability import WINDOW, StabilityMeter, spikes
from tests.cases import CASES
from tests.training_runs import begin, trained


def lower_median(values: list[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]


def counted(losses: list[float]) -> list[int]:
    """Steps, from 1, of the spikes, one by one from the definition."""
    found = []
    for k, loss in enumerate(losses):
        window = losses[max(k - 100, 0) : k]
        if len(window) >= 20:
            median = lower_median(window)
            deviation = 1.4826 * lower_median([abs(value - median) for value in window])
            if loss > median + 4.0 * deviation:
                found.append(k + 1)
    return found


def noisy(seed: int, steps: int) -> list[float]:
    """Falling losses with noise of heavy tails, so that there are spikes."""
    random = np.random.default_rng(seed)
    noise = 0.1 * random.standard_t(2, steps)
    return list(map(float, 2.0 * np.exp(-np.arange(steps) / 100) + noise))


@pytest.mark.parametrize("parts", [[1, 19, 1, 150], [40, 3, 100, 60], [250]], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_spikes_are_those_of_the_definition_wherever_the_run_is_read(seed: int, parts: list[int]) -> None:
    losses = [noisy(seed, sum(parts)), noisy(seed + 1, sum(parts))]
    found: list[list[int]] = [[], []]
    meter, step = StabilityMeter(Rows((1, 1)), torch.zeros(1, dtype=torch.float64)), 0
    norms = torch.tensor(losses).abs()
    for part in parts:
        for k in range(step, step + part):
            meter.add(torch.tensor([own[k] for own in losses]).double(), norms[:, k])
        step += part
        states = [meter.member_state(member) for member in range(2)]
        meter = StabilityMeter(Rows((1, 1)), torch.zeros(1, dtype=torch.float64))
        for member, state in enumerate(states):
            meter.load_member_state(member, state)
        outcome = meter.pop(step)
        for member, one in enumerate(outcome):
            found[member] += one.spikes
            assert one.gradient_norm == norms[member, step - part : step].max().item()
    assert found == [counted(own) for own in losses]


def test_windows_in_chunks_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = torch.tensor([noisy(seed, 400) for seed in range(3)])
    whole = spikes(losses, 50)
    monkeypatch.setattr("homotopy_bench.training.stability.CHUNK", 7 * 3 * WINDOW)
    assert spikes(losses, 50) == whole
    assert sum(map(len, whole)) >= 5


def test_a_loss_that_is_no_number_is_no_spike_and_none_is_compared_with_it() -> None:
    losses = [*noisy(0, 60), float("nan"), 50.0, *noisy(1, 5)]
    (found,) = spikes(torch.tensor([losses]), 60)
    assert found == [61]


def test_copies_have_the_mean_loss_and_the_largest_norm() -> None:
    meter = StabilityMeter(Rows((2, 1)), torch.zeros(1))
    for _ in range(30):
        meter.add(torch.tensor([1.0, 3.0, 2.0]), torch.tensor([1.0, 5.0, 2.0]))
    meter.merge_into(Rows((1, 1)))
    meter.add(torch.tensor([2.0, 2.5]), torch.tensor([3.0, 3.0]))
    first, second = meter.pop(31)
    assert (first.spikes, first.gradient_norm) == ([], 5.0)  # 2.0 is the mean of the copies
    assert (second.spikes, second.gradient_norm) == ([31], 3.0)


@pytest.mark.parametrize("case", ["baseline/mlp-default/mnist1d", "hta/mlp-orthogonal/mnist1d"])
def test_a_training_knows_its_spikes(case: str) -> None:
    wild = (*CASES[case], "optimizer=sgd", "optimizer.lr=0.3", "training.clip_norm=null", "lr_schedule=constant")
    if case.startswith("hta"):
        wild = (*CASES[case], "optimizer=sgd", "optimizer.lr=0.05", "continuation.warmup_fraction=0.5")
    training, losses, norms = begin(wild), [], []
    for _ in range(50):
        training.advance()
        losses += training.meters.pop_train_loss()
        norms += training.meters.gradient_norms()
    (reading,) = training.read()
    assert reading.instability.spikes == counted(losses)
    if case.startswith("baseline"):
        assert reading.instability.gradient_norm == pytest.approx(max(norms))
    half = trained(wild, steps=25)
    continued = begin(wild)
    continued.load_member_states([half.member_state(0)])
    for _ in range(25):
        continued.advance()
    assert continued.read()[0].instability == reading.instability


def test_a_state_of_a_version_without_stability_is_a_beginning() -> None:
    case = CASES["baseline/mlp-default/mnist1d"]
    state = trained(case, steps=5).member_state(0)
    del state["stability"]
    continued = begin(case)
    continued.load_member_states([state])
    continued.advance()
    assert continued.read()[0].instability.spikes == []
