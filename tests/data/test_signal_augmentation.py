"""Shifts and noise of signals: their formula, their streams, and who draws them."""

from __future__ import annotations

import torch

from homotopy_bench.data.signal_augmentation import ShiftNoise
from tests.training_runs import begin, trained

CASE = ("method=baseline", "model.depth=3", "model.width=8", "dataset.samples=500", "training.batch_size=32")
CHANGED = (*CASE, "dataset.shift=3", "dataset.noise=0.2", "training.epochs=3", "hardware.dtype=float64")


def test_every_signal_is_its_formula() -> None:
    change = ShiftNoise(shift=3, noise=0.5, length=7)
    draws = torch.stack([change.draws(20, seed, 2) for seed in (1, 2)])
    x = torch.randn(2, 20, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = change.apply(x, draws)
    for member in range(2):
        for row in range(20):
            k = int(draws[member, row, 0])
            expected = torch.roll(x[member, row], k) + 0.5 * draws[member, row, 1:].double()
            torch.testing.assert_close(y[member, row], expected, rtol=1e-15, atol=1e-15)


def test_draws_have_their_distribution_and_do_not_depend_on_each_other() -> None:
    both, shifted, noisy = ShiftNoise(3, 1.0, 40), ShiftNoise(3, 0.0, 40), ShiftNoise(0, 1.0, 40)
    draws = both.draws(7000, 5, 0)
    assert torch.equal(shifted.draws(7000, 5, 0), draws[:, :1])
    assert torch.equal(noisy.draws(7000, 5, 0)[:, 1:], draws[:, 1:])
    counts = torch.bincount(draws[:, 0].long() + 3, minlength=7)
    # Binomial(7000, 1/7) has standard deviation 29.
    assert len(counts) == 7
    assert ((counts - 1000).abs() < 5 * 29.3).all()
    z = draws[:, 1:]
    assert abs(z.mean().item()) < 5 / z.numel() ** 0.5
    assert abs(z.var().item() - 1) < 5 * (2 / z.numel()) ** 0.5
    for seed, epoch in ((5, 1), (6, 0)):
        assert not torch.equal(both.draws(7000, seed, epoch), draws)


def test_members_draw_for_themselves_and_training_continues_bitwise() -> None:
    members = [(*CHANGED, f"seed={seed}") for seed in (1, 2)]
    together, alone = begin(*members), [begin(member) for member in members]
    for k in (0, 12):
        x, _ = together.batches(k)
        for member, single in enumerate(alone):
            assert torch.equal(x[member], single.batches(k)[0][0])
        plain, _ = begin((*CASE, "training.epochs=3", "hardware.dtype=float64", "seed=1")).batches(k)
        assert not torch.equal(x[0], plain[0])
    whole, half = (trained(members[0], steps=steps) for steps in (20, 9))
    continued = begin(members[0])
    continued.load_member_states([half.member_state(0)])
    while continued.step < 20:
        continued.advance()
    assert torch.equal(continued.ensemble.theta, whole.ensemble.theta)


def test_off_by_default() -> None:
    assert begin((*CASE, "training.epochs=1")).batches(0)[0].shape == (1, 32, 40)
    config = begin((*CASE, "dataset.shift=0", "dataset.noise=0.0")).configs[0]
    assert config.hash() == begin(CASE).configs[0].hash()
    assert config.hash() != begin((*CASE, "dataset.shift=1")).configs[0].hash()
