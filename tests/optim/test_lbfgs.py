"""L-BFGS over rows against torch.optim.LBFGS in a plain loop, and the properties that hold for every update."""

from __future__ import annotations

import copy
import io
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from homotopy_bench import train
from homotopy_bench.config.schema import Config
from homotopy_bench.core.random_streams import initialization, permutation
from homotopy_bench.data.base import Splits
from homotopy_bench.optim.base import over_rows
from homotopy_bench.optim.lbfgs import LBFGS
from tests.cases import CASES
from tests.cli.runner import differences
from tests.composing import compose
from tests.training_runs import begin, trained

FULL = ("optimizer=lbfgs", "lr_schedule=constant", "training.batch_size=360")
BASELINE = CASES["baseline/mlp-orthogonal/mnist1d"]
PENALTIES = ("training.l1=1e-3", "training.l2=1e-2", "training.label_smoothing=0.2")


def reference_loop(config: Config, splits: Splits, steps: int) -> tuple[Tensor, list[float], int]:
    """A plain loop with torch.optim.LBFGS: parameters in order, batch losses before every step, gradients."""
    with initialization(config.seed):
        network = config.model.build(tuple(splits.train.x.shape[1:]), splits.classes).double()
    training, options = config.training, config.optimizer.model_dump(exclude={"name", "line_search", "max_eval"})
    search = {"strong_wolfe": "strong_wolfe", "none": None}[config.optimizer.model_dump()["line_search"]]
    optimizer = torch.optim.LBFGS(network.parameters(), line_search_fn=search, **options)
    weights = [module.weight for module in network.modules() if isinstance(module, nn.Linear)]
    data, labels = torch.from_numpy(splits.train.x).double(), torch.from_numpy(splits.train.y)
    per_epoch = len(labels) // training.batch_size
    losses, gradients = [], 0
    for k in range(steps):
        epoch, position = divmod(k, per_epoch)
        part = slice(position * training.batch_size, (position + 1) * training.batch_size)
        chosen = permutation(len(labels), config.seed, epoch)[part]

        def closure(x: Tensor, y: Tensor, of_step: list[float]) -> Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(x), y, label_smoothing=training.label_smoothing)
            of_step.append(float(loss.detach()))
            penalty = sum(training.l1 * w.abs().sum() + training.l2 * w.square().sum() for w in weights)
            total: Tensor = loss + penalty
            torch.autograd.backward(total)
            return total

        of_step: list[float] = []
        optimizer.step(partial(closure, data[chosen], labels[chosen], of_step))  # type: ignore[no-untyped-call]
        losses.append(of_step[0])
        gradients += len(of_step)
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]), losses, gradients


LOOPS: dict[str, tuple[str, ...]] = {
    "full batches": FULL,
    "full batches, penalties": (*FULL, *PENALTIES, "optimizer.history_size=3"),
    "smaller batches": (*FULL, "training.batch_size=120", "optimizer.max_iter=4", "training.l2=1e-2"),
    "no line search": (*FULL, *PENALTIES, "optimizer.line_search=none", "optimizer.lr=0.3"),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_loop_equals_plain_pytorch(loop: str) -> None:
    training = begin((*BASELINE, *LOOPS[loop]))
    config = training.configs[0]
    # With Wolfe's search every full step, of some twenty inner ones, multiplies rounding errors by some hundred.
    gradients, steps = 0, 2 if loop.startswith("full") else 3
    for _ in range(steps):
        training.advance()
        gradients += training.meters.last.gradients[0]
    theta, losses, expected = reference_loop(config, config.dataset.load(config.paths.data_root()), steps)
    torch.testing.assert_close(training.ensemble.theta[0], theta, rtol=1e-10, atol=1e-10)
    assert training.meters.pop_train_loss() == pytest.approx([sum(losses) / steps], rel=1e-10)
    assert gradients == expected > 2 * steps


def test_the_record_counts_every_gradient(tmp_path: Path) -> None:
    config = compose(*BASELINE, *FULL)
    result = train(config, tmp_path / "run")
    splits = config.dataset.load(config.paths.data_root())
    assert result.summary["cost"]["gradient_evaluations"] == reference_loop(config, splits, 5)[2]


def test_rows_reach_their_least_squares_solutions() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(3, 12, 5, dtype=torch.float64, generator=generator)
    targets = torch.randn(3, 12, dtype=torch.float64, generator=generator)
    ridge = torch.tensor([0.0, 0.5, 3.0], dtype=torch.float64)
    theta = torch.zeros(3, 5, dtype=torch.float64)
    rows = [[row] for row in theta]
    for (row,) in rows:
        row.grad = torch.zeros_like(row)

    def closure(row: int) -> Tensor:
        residuals = torch.einsum("rij,rj->ri", maps, theta) - targets
        gradient = torch.einsum("rij,ri->rj", maps, residuals) + 2 * ridge.unsqueeze(1) * theta
        (piece,) = rows[row]
        assert piece.grad is not None
        piece.grad.copy_(gradient[row])
        return residuals.square().sum(dim=1) / 2

    options = [LBFGS(tolerance_grad=1e-12, tolerance_change=0.0, history_size=m) for m in (1, 5, 20)]
    optimizer = over_rows(rows, options, range(len(rows)), lambda: ridge * theta.square().sum(dim=1))
    for _ in range(10):
        optimizer.step(closure)
    normal = maps.mT @ maps + 2 * ridge.view(3, 1, 1) * torch.eye(5, dtype=torch.float64)
    solution = torch.linalg.solve(normal, torch.einsum("rij,ri->rj", maps, targets))
    # A line search sees the loss: it cannot tell points apart whose losses round to one number.
    torch.testing.assert_close(theta, solution, rtol=1e-6, atol=1e-7)


MEMBERS = (
    ("seed=1", "optimizer.max_iter=5"),
    ("seed=2", *PENALTIES, "optimizer.history_size=2", "optimizer.max_iter=3"),
    ("seed=3", "optimizer.line_search=none", "optimizer.lr=0.1", "optimizer.max_iter=4"),
)


@pytest.mark.parametrize(
    "case",
    [
        "baseline/mlp-batchnorm/mnist1d",
        "identity-circular/mlp-orthogonal/mnist1d",
        "convexity-preserving/cnn/mnist1d",
        "baseline/vgg11/cifar10",
    ],
)
def test_members_equal_separate_runs(case: str) -> None:
    small, steps = (("training.batch_size=8",), 1) if case.endswith("cifar10") else ((), 2)
    members = [(*CASES[case], *FULL, *small, *own) for own in MEMBERS]
    together = begin(*members)
    alone = [begin(member) for member in members]
    for _ in range(steps):
        together.advance()
        for training in alone:
            training.advance()
        assert together.meters.last.gradients == [training.meters.last.gradients[0] for training in alone]
    for member, training in enumerate(alone):
        ours, theirs = together.member_state(member), training.member_state(0)
        torch.testing.assert_close(ours["theta"], theirs["theta"], rtol=1e-9, atol=1e-9)
        for name, values in theirs["buffers"].items():
            torch.testing.assert_close(ours["buffers"][name], values, rtol=1e-9, atol=1e-9)
        assert together.meters.gradient_norms()[member] == pytest.approx(training.meters.gradient_norms()[0], rel=1e-7)
    losses = [training.meters.pop_train_loss()[0] for training in alone]
    assert together.meters.pop_train_loss() == pytest.approx(losses, rel=1e-9)


def test_a_diverging_member_does_not_disturb_others() -> None:
    shared = (*BASELINE, *FULL, "hardware.dtype=float32")
    calm, wild = (*shared, "optimizer.max_iter=4"), (*shared, "optimizer.lr=1e38")
    training = begin(wild, calm)
    for _ in range(3):
        training.advance()  # among infinite losses torch's line search of the first overflows
    torch.testing.assert_close(training.ensemble.theta[1:], trained(calm, steps=3).ensemble.theta, rtol=1e-4, atol=1e-5)
    assert not torch.tensor(training.meters.pop_train_loss()[0]).isfinite()


def test_an_error_among_finite_losses_is_an_error() -> None:
    row = torch.zeros(2)
    row.grad = torch.ones(2)
    optimizer = over_rows([[row]], [LBFGS()], [0])

    def broken(row: int) -> Tensor:
        raise RuntimeError(f"row {row} cannot be evaluated")

    with pytest.raises(RuntimeError, match="row 0 cannot be evaluated"):
        optimizer.step(broken)


def test_at_a_rate_of_zero_nothing_moves() -> None:
    training = begin((*BASELINE, *FULL, "lr_schedule=linear_warmup"))
    before = training.ensemble.theta.clone()
    training.advance()
    assert training.last_lr() == [0.0]
    assert torch.equal(training.ensemble.theta, before)
    assert training.meters.last.gradients == [1]
    training.advance()
    assert not torch.equal(training.ensemble.theta, before)


ADAPTIVE = ("continuation=adaptive", "continuation.jump=1e-9", "continuation.patience=1", "continuation.haste=20")
PATHS = {
    "baseline": (*BASELINE, *FULL, *PENALTIES),
    "adaptive": (*CASES["identity-circular/mlp-orthogonal/mnist1d"], *FULL, *ADAPTIVE, "training.batch_size=120"),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_continued_run_is_the_same_bit_for_bit(path: str) -> None:
    case = (*PATHS[path], "training.epochs=12", "optimizer.max_iter=3", "optimizer.history_size=4")
    straight = begin(case)
    for _ in range(straight.total_steps // 2):
        straight.advance()
    file = io.BytesIO()
    torch.save(straight.member_state(0), file)
    file.seek(0)
    continued = begin(case)
    continued.load_member_states([torch.load(file, weights_only=True)])
    while straight.step < straight.total_steps:
        straight.advance()
        continued.advance()
        assert straight.meters.last.gradients == continued.meters.last.gradients
    assert differences(straight.member_state(0), continued.member_state(0)) == []


def test_going_back_on_an_adaptive_path_restores_the_memory() -> None:
    training = begin((*PATHS["adaptive"], "training.epochs=20", "optimizer.max_iter=3"))
    follower = training.follower
    (piece,) = training.ensemble.rows[0]

    def state() -> dict[str, Any]:
        return copy.deepcopy({"theta": piece, **training.optimizer.state[piece]})

    accepted, moves, rejected = state(), 0, 0
    for _ in range(40):
        training.advance()
        training.follow_paths()  # what the next step begins with
        controller = follower.controllers[0]
        if controller.rejected > rejected:
            rejected = controller.rejected
            assert differences(state(), accepted) == []
        elif controller.accepted > moves:
            moves, accepted = controller.accepted, state()
    assert rejected > 2
    assert moves > 0
    assert accepted["old_dirs"]
