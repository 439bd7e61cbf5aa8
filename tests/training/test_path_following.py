"""Adaptive paths in an ensemble: members are independent, continue bitwise, go back where they jumped, and arrive."""

from __future__ import annotations

import pytest
import torch

from tests.training_runs import begin, trained

CASE = (
    *("model.depth=4", "model.width=12", "dataset.samples=500", "training.epochs=8", "training.batch_size=32"),
    *("hardware.dtype=float64", "continuation=adaptive"),
    *("continuation.check_fraction=0.02", "continuation.first_step=0.1"),
)

METHODS = {
    "identity": ("method=identity_homotopy",),
    "convexity": ("method=convexity_annealing", "method.theta=per_neuron"),
}


@pytest.mark.parametrize("method", METHODS)
def test_members_equal_separate_runs(method: str) -> None:
    calm, wild = (*METHODS[method], *CASE), (*METHODS[method], *CASE, "seed=1", "optimizer.lr=0.05")
    hasty = (*METHODS[method], *CASE, "seed=2", "continuation.first_step=0.4", "continuation.jump=0.05")
    straight = (*METHODS[method], *CASE[:6], "continuation=linear")
    together = trained(calm, wild, hasty, straight, steps=80)
    for member, overrides in enumerate((calm, wild, hasty, straight)):
        alone = trained(overrides, steps=80)
        torch.testing.assert_close(together.ensemble.theta[member], alone.ensemble.theta[0], rtol=1e-11, atol=1e-11)
        assert together.paths.table[:, member].tolist() == alone.paths.table[:, 0].tolist()


@pytest.mark.parametrize("stop", [1, 2, 29, 30, 31, 60, 87])
def test_a_member_state_continues_bitwise(stop: int) -> None:
    case = (*METHODS["identity"], *CASE, "continuation.jump=1e-9", "continuation.haste=20")
    whole = trained(case, steps=88)
    half = trained(case, steps=stop)
    continued = begin(case)
    continued.load_member_states([half.member_state(0)])
    assert continued.last_t() == half.last_t()
    assert continued.evaluate("test") == half.evaluate("test")
    for _ in range(88 - stop):
        continued.advance()
    assert torch.equal(continued.ensemble.theta, whole.ensemble.theta)
    assert continued.diagnostics(0) == whole.diagnostics(0)
    assert whole.diagnostics(0)["path_rejected"] > 0


@pytest.mark.parametrize("reserve", [0.1, 0.3, 0.9])
def test_the_path_has_arrived_when_the_reserve_begins(reserve: float) -> None:
    training = trained((*METHODS["identity"], *CASE, f"continuation.reserve={reserve}"), steps=88)
    begins = -(-88 * (1 - reserve) // 1)
    assert (training.paths.table[int(begins) :, 0] == 1.0).all()
    assert training.paths.table[0, 0] == 0.0
    if reserve < 0.5:  # with a tenth of the training left for the path there is time for one check
        assert len(set(training.paths.table[:, 0].tolist())) > 3


@pytest.mark.parametrize("block", ["plain", "batchnorm"])
def test_going_back_restores_parameters_moments_and_statistics(block: str) -> None:
    hasty = ("continuation.jump=1e-9", "continuation.patience=1", "continuation.haste=20")
    training = begin((*METHODS["identity"], *CASE, *hasty, f"model.block={block}"))
    follower = training.follower
    rejected = 0
    statistics = {name: values for name, values in training.ensemble.buffers.items() if "running" in name}
    (piece,) = training.ensemble.rows[0]
    for _ in range(60):
        training.advance()
        training.follow_paths()  # what the next step begins with
        if follower.controllers[0].rejected > rejected:
            rejected = follower.controllers[0].rejected
            state = follower.member_state(0)
            assert state is not None
            saved, buffers = state["accepted"]
            assert buffers.keys() == statistics.keys()
            assert all(torch.equal(buffers[name], values[0]) for name, values in statistics.items())
            assert torch.equal(piece, saved["theta"])
            for name, value in training.optimizer.state[piece].items():
                assert torch.equal(value, saved.get(name, torch.zeros_like(value)))  # none before the first step
    assert rejected > 0


def test_an_evaluation_scores_what_was_trained_where_it_was_trained() -> None:
    case = (*METHODS["identity"], *CASE, "continuation.jump=1e-9", "continuation.patience=1", "continuation.haste=20")
    training = begin(case)
    follower = training.follower
    rejected = 0
    for _ in range(60):
        training.advance()
        t, theta = training.last_t()[0], training.ensemble.theta.clone()
        training.evaluate("validation")
        assert training.last_t() == [t]
        assert torch.equal(training.ensemble.theta, theta)
        assert follower.controllers[0].t == t  # it decides before the next step, not behind an evaluation's back
        rejected = follower.controllers[0].rejected
    assert rejected > 0


@pytest.mark.parametrize(("optimizer", "steps"), [("adamw", 20), ("sgd", 1)])
def test_a_member_that_breaks_on_its_path_goes_on_from_where_it_was(optimizer: str, steps: int) -> None:
    """Also to its beginning, without the moments that its neighbours have."""
    case = (*METHODS["identity"], *CASE, f"optimizer={optimizer}")
    training = trained(case, (*case, "seed=1"), steps=steps)
    undisturbed = trained((*case, "seed=1"), steps=60)
    training.ensemble.theta[0].fill_(float("nan"))
    assert training.follower.goes_back(0)
    for _ in range(60 - steps):
        training.advance()
    assert training.ensemble.theta.isfinite().all()
    assert training.diagnostics(0)["path_rejected"] >= 1
    torch.testing.assert_close(training.ensemble.theta[1], undisturbed.ensemble.theta[0], rtol=1e-11, atol=1e-11)
