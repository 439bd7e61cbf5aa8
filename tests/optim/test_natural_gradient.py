"""The natural gradient against dense Fisher matrices and a plain loop, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from homotopy_bench.core.random_streams import initialization, permutation, stream_seed
from homotopy_bench.distributed.replicas import ALONE
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.losses import cross_entropy
from homotopy_bench.optim.base import over_rows
from homotopy_bench.optim.natural_gradient import NaturalGradient
from homotopy_bench.training.drawn_labels import DrawnLabels
from tests.cases import CASES
from tests.training_runs import begin, trained

BASELINE = (*CASES["baseline/mlp-orthogonal/mnist1d"], "optimizer=natural_gradient", "training.batch_size=60")
PATH = (*CASES["identity-circular/mlp-batchnorm/mnist1d"], "optimizer=natural_gradient")
MEMBERS = (
    ("seed=1", "optimizer.damping=0.1"),
    ("seed=2", "optimizer.lr=1e-2", "optimizer.momentum=0.0", "training.clip_norm=0.5"),
    ("seed=3", "optimizer.decay=0.5"),
)


def fisher(network: nn.Module, x: Tensor) -> Tensor:
    """The diagonal of the Fisher matrix of a batch, shape (P,): all labels in turn, one sample at a time."""
    parameters = list(network.parameters())
    total = torch.zeros(sum(parameter.numel() for parameter in parameters), dtype=x.dtype)
    for sample in x:
        log_p = network(sample.unsqueeze(0)).log_softmax(1)[0]
        for value in log_p:
            gradient = torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters, retain_graph=True)])
            total += value.exp().detach() * gradient.square()
    return total / len(x)


def test_the_running_mean_is_the_fisher_matrix_of_the_batch() -> None:
    rows, samples = 1000, 6
    with initialization(0):
        network = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)).double()
        x = torch.randn(samples, 5, dtype=torch.float64)
    exact = fisher(network, x)
    # As many networks as draws, all the same.
    ensemble = Ensemble([network] * rows, dtype=torch.float64)
    draw = DrawnLabels(range(rows), samples, ALONE)
    optimizer = over_rows(ensemble.rows, [NaturalGradient(decay=0.9)] * rows, [0] * rows)
    for k in range(4):
        logits = ensemble.forward(x.expand(rows, -1, -1))
        ensemble.backward(cross_entropy(logits, draw(logits, k)).sum())
        optimizer.observe(samples)  # type: ignore[attr-defined]
    states = [optimizer.state[part] for row in ensemble.rows for part in row]
    mean = torch.stack([state["fisher"] / state["weight"] for state in states]).mean(0)
    assert float((mean - exact).norm() / exact.norm()) < 0.05
    labels = draw(logits, 0).flatten()
    shares = torch.stack([(labels == label).double().mean() for label in range(3)])
    torch.testing.assert_close(shares, logits.softmax(2).mean((0, 1)).detach(), rtol=0.0, atol=0.02)


def test_labels_of_rounded_logits_are_drawn_from_all_classes() -> None:
    logits = torch.randn(1, 40_000, 256, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    labels = DrawnLabels([0], 40_000, ALONE)(logits[:, :1].expand(logits.shape), 0)
    shares = logits[0, 0].double().softmax(0)
    found = labels.flatten().bincount(minlength=256) / 40_000
    assert float((found - shares).abs().sum()) / 2 < 0.05


@pytest.mark.parametrize("every", [1, 3])
def test_the_loop_equals_a_plain_one(every: int) -> None:
    training = begin((*BASELINE, "training.clip_norm=null", f"optimizer.every={every}", "lr_schedule=constant"))
    config, steps = training.configs[0], 5
    for _ in range(steps):
        training.advance()
    assert training.meters.last.gradients == [2 if (steps - 1) % every == 0 else 1]
    splits = config.dataset.load(config.paths.data_root())
    with initialization(config.seed):
        network = config.model.build(tuple(splits.train.x.shape[1:]), splits.classes).double()
    x, y = torch.from_numpy(splits.train.x).double(), torch.from_numpy(splits.train.y)
    parameters, options, seen = list(network.parameters()), config.optimizer.model_dump(), 0
    decay = options["decay"]
    mean = [torch.zeros_like(one) for one in parameters]
    velocity = [torch.zeros_like(one) for one in parameters]
    for k in range(steps):
        epoch, position = divmod(k, len(y) // 60)
        chosen = permutation(len(y), config.seed, epoch)[position * 60 : (position + 1) * 60]
        if k % every == 0:
            seen += 1
            logits = network(x[chosen])
            generator = torch.Generator().manual_seed(stream_seed(config.seed, "fisher", k))
            points = torch.rand(60, 1, generator=generator, dtype=torch.float64)
            labels = torch.searchsorted(logits.detach().softmax(1).cumsum(1), points).flatten().clamp(max=9)
            drawn = torch.autograd.grad(nn.functional.cross_entropy(logits, labels), parameters)
            mean = [
                options["decay"] * m + (1 - options["decay"]) * 60 * g * g for m, g in zip(mean, drawn, strict=True)
            ]
        own = torch.autograd.grad(nn.functional.cross_entropy(network(x[chosen]), y[chosen]), parameters)
        with torch.no_grad():
            for one, m, v, g in zip(parameters, mean, velocity, own, strict=True):
                v.mul_(options["momentum"]).add_(g / (m / (1 - decay**seen) + options["damping"]))
                one.sub_(options["lr"] * v)
    theta = torch.cat([one.detach().flatten() for one in parameters])
    torch.testing.assert_close(training.ensemble.theta[0], theta, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", [BASELINE, PATH], ids=["baseline", "path"])
def test_members_equal_separate_runs_and_continue(case: tuple[str, ...]) -> None:
    members = [(*case, *own) for own in MEMBERS]
    together = trained(*members, steps=6)
    for index, member in enumerate(members):
        ours, theirs = together.member_state(index), trained(member, steps=6).member_state(0)
        torch.testing.assert_close(ours["theta"], theirs["theta"], rtol=1e-10, atol=1e-10)
        assert ours["buffers"].keys() == theirs["buffers"].keys()
        for name, values in theirs["buffers"].items():
            torch.testing.assert_close(ours["buffers"][name], values, rtol=1e-10, atol=1e-10)
    continued = begin(members[0])
    continued.load_member_states([trained(members[0], steps=6).member_state(0)])
    continued.advance()
    assert torch.equal(continued.ensemble.theta, trained(members[0], steps=7).ensemble.theta)


def test_looking_at_the_fisher_matrix_leaves_running_statistics_alone() -> None:
    case = CASES["baseline/mlp-batchnorm/mnist1d"]
    sgd = trained((*case, "optimizer=sgd", "optimizer.lr=1e-30"), steps=1)
    natural = trained((*case, "optimizer=natural_gradient", "optimizer.lr=1e-30"), steps=1)
    for name, values in sgd.ensemble.buffers.items():
        assert torch.equal(natural.ensemble.buffers[name], values), name
