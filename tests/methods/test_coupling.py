"""The penalties on coupled copies against linear solves, autograd and a plain loop of the authors' algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from homotopy_bench.core.random_streams import copy_seeds, initialization, permutation
from homotopy_bench.methods.coupling.copies import Weights
from homotopy_bench.methods.coupling.literal import LiteralGradient
from homotopy_bench.methods.coupling.proximal import Proximal, minimiser
from homotopy_bench.methods.coupling.splits import masks
from homotopy_bench.methods.coupling.stability import largest_rate
from homotopy_bench.optim.sgd import SGD
from tests.composing import compose
from tests.training_runs import begin

SPLITS = ["layers", "channels", "random"]


def network(depth: int = 3) -> nn.Module:
    model = compose("method=baseline", f"model.depth={depth}", "model.width=6", "model.block=batchnorm").model
    with initialization(0):
        return model.build((5,), 4)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def laplacian(m: int) -> Tensor:
    """The matrix K with x^T K x = sum over pairs of (x_i - x_j)^2."""
    return m * torch.eye(m, dtype=torch.float64) - torch.ones(m, m, dtype=torch.float64)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("m", [2, 3])
@pytest.mark.parametrize(("a", "c"), [(0.0, 0.0), (0.3, 0.0), (0.0, 2.0), (1e-3, 10.0), (5.0, 0.1), (0.1, 1e7)])
def test_the_proximal_step_is_the_minimiser_of_the_quadratic_model(split: str, m: int, a: float, c: float) -> None:
    (mask,) = masks(split, network(), m, [7])
    y, r = normal(m, mask.shape[1]), normal(mask.shape[1], seed=1)
    for reference in (None, r):
        x = minimiser(y, mask, reference, a, c)
        for column in range(0, mask.shape[1], 5):
            weight = torch.diag(mask[:, column].double()) * a
            pull = weight.sum(dim=1) * (0.0 if reference is None else reference[column])
            system = torch.eye(m, dtype=torch.float64) + weight + c * laplacian(m)
            expected = torch.linalg.solve(system, y[:, column] + pull)
            # The condition of the system is about 1 + m c.
            torch.testing.assert_close(x[:, column], expected, rtol=0, atol=1e-14 * (100 + 10 * m * c))


def test_with_both_penalties_off_nothing_moves() -> None:
    (mask,) = masks("random", network(), 3, [0])
    theta = normal(3, mask.shape[1]).float()
    before = theta.clone()
    Proximal({0: Weights(lambda _: 0.01, anchor=0.0, coupling=0.0)}, [mask], [None]).correct(0, theta, 0.01, 0.05)
    assert torch.equal(theta, before)


def test_copies_held_together_have_weight_decay_toward_the_reference() -> None:
    y, r, rate = normal(2, 9), normal(9, seed=1), 0.05 * 0.01
    (mask,) = masks("random", nn.Linear(2, 3), 2, [0])
    x = minimiser(y, mask, r, a=2 * rate, c=1e9)
    implicit = (y.mean(dim=0) + rate * r) / (1 + rate)  # the minimiser of |x - mean|^2 + rate |x - r|^2
    torch.testing.assert_close(x, implicit.expand(2, -1), rtol=1e-6, atol=1e-6)


def descend(update: str, factor: float, m: int, momentum: float = 0.0, steps: int = 4000) -> tuple[Tensor, Tensor]:
    """Return where SGD with an update ends on a convex quadratic f, and the minimum of H, both (m, P)."""
    size, level = 6, 0.01
    lr = factor * largest_rate(level, momentum=0.0, nesterov=False, copies=m, coupling=1.0)
    root = normal(size, size)
    hessian = root @ root.T + torch.eye(size, dtype=torch.float64)
    hessian /= torch.linalg.eigvalsh(hessian)[-1] * lr  # f itself is stable: lr lambda = 1
    linear, reference = normal(size, seed=1), normal(size, seed=2)
    (mask,) = masks("random", nn.Linear(2, 2), m, [3])
    kinds: dict[str, type[Proximal | LiteralGradient]] = {"proximal": Proximal, "literal": LiteralGradient}
    penalty = kinds[update]({0: Weights(lambda _: level)}, [mask], [reference])
    theta = normal(m, size, seed=4)
    velocity = torch.zeros_like(theta)
    gain = SGD(lr=lr, momentum=momentum).gain()
    for _ in range(steps):
        before = theta.clone()
        gradient = theta @ hessian - linear
        penalty.gradient(0, theta, gradient, level)
        velocity = momentum * velocity + gradient
        theta -= lr * velocity
        penalty.correct(0, theta, level, lr * gain)
        if torch.equal(theta, before):
            break
    anchors = torch.diag(mask.double().flatten())
    eye = torch.eye(size, dtype=torch.float64)
    system = torch.kron(torch.eye(m, dtype=torch.float64), hessian) + 2 * level * anchors
    system += 2 / level * torch.kron(laplacian(m), eye)
    constant = linear.repeat(m) + 2 * level * anchors @ reference.repeat(m)
    return theta, torch.linalg.solve(system, constant).view(m, size)


@pytest.mark.parametrize(("momentum", "m"), [(0.0, 2), (0.5, 3), (0.9, 2)])
@pytest.mark.parametrize("factor", [0.1, 0.9, 1.5, 10.0])
def test_the_proximal_update_converges_to_the_minimum_whatever_the_rate(momentum: float, factor: float, m: int) -> None:
    theta, minimum = descend("proximal", factor, m, momentum)
    torch.testing.assert_close(theta, minimum, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("m", [2, 3])
def test_the_literal_update_converges_below_its_limit_only(m: int) -> None:
    theta, minimum = descend("literal", 0.45, m)  # f itself takes the other half of what is stable
    torch.testing.assert_close(theta, minimum, rtol=1e-8, atol=1e-8)
    assert not descend("literal", 1.05, m)[0].abs().max() < 1e3


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.5, False), (0.9, False), (0.5, True), (0.9, True)])
@pytest.mark.parametrize("m", [2, 4])
def test_the_limit_is_where_torchs_sgd_starts_to_diverge_on_the_coupling(
    m: int, momentum: float, nesterov: bool
) -> None:
    level = 0.02
    limit = largest_rate(level, momentum, nesterov, copies=m, coupling=0.5)
    size = {}
    for factor in (0.9, 1.1):
        x = normal(m).requires_grad_()
        sgd = torch.optim.SGD([x], lr=factor * limit, momentum=momentum, nesterov=nesterov)
        for _ in range(300):
            sgd.zero_grad()
            torch.autograd.backward(0.5 / level * (x @ laplacian(m) @ x))
            sgd.step()
        size[factor] = (x - x.mean()).abs().max().item()
    assert size[0.9] < 1e-2
    assert not size[1.1] < 1e2


@pytest.mark.parametrize("m", [2, 3])
def test_the_literal_gradient_is_that_of_h(m: int) -> None:
    level, anchor, coupling = 0.3, 0.7, 1.3
    (mask,) = masks("layers", network(), m, [0])
    theta, reference = normal(m, mask.shape[1]).requires_grad_(), normal(mask.shape[1], seed=1)
    pairs = [(i, j) for i in range(m) for j in range(i)]
    h = anchor * level * (mask * (theta - reference)).square().sum()
    h = h + coupling / level * torch.stack([(theta[i] - theta[j]).square().sum() for i, j in pairs]).sum()
    (expected,) = torch.autograd.grad(h, theta)
    gradient = torch.zeros_like(expected)
    penalty = LiteralGradient({0: Weights(lambda _: level, anchor, coupling)}, [mask], [reference])
    penalty.gradient(0, theta.detach(), gradient, level)
    torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_splits_cut_every_layer_where_they_say(m: int) -> None:
    module = network()  # three hidden layers with normalisation, and the output
    names = [name for name, parameter in module.named_parameters() for _ in range(parameter.numel())]
    for split in SPLITS:
        (mask,) = masks(split, module, m, [5])
        assert mask.shape == (m, len(names))
        assert (mask.sum(dim=0) == 1).all()
    (by_layer,) = masks("layers", module, m, [5])
    layer = [3 if name.startswith("output") else int(name.split(".")[1]) for name in names]
    begins = [j * 4 // m for j in range(m)] + [4]
    for j in range(m):
        assert [begins[j] <= index < begins[j + 1] for index in layer] == by_layer[j].tolist()
    (by_channel,) = masks("channels", module, m, [5])
    column = 0
    for parameter in module.parameters():
        n = len(parameter)
        own = by_channel[:, column : column + parameter.numel()].view(m, *parameter.shape)
        for j in range(m):
            inside = own[j].flatten(start_dim=1).all(dim=1) if parameter.dim() > 1 else own[j]
            assert inside.nonzero().flatten().tolist() == list(range(j * n // m, (j + 1) * n // m))
        column += parameter.numel()


def test_the_random_split_is_even_and_the_seeds_own() -> None:
    wide = nn.Linear(100, 100)
    first, second, again = masks("random", wide, 2, [1, 2, 1])
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert abs(first[0].double().mean().item() - 0.5) < 4 * 0.5 / np.sqrt(10100)


RELEASED = (
    *("method=hta", "method.update=released", "method.split=channels", "method.anchor=0.1", "method.L=[0.01,0.006]"),
    *("method.epochs_per_level=1", "model=cnn", "model.depth=2", "model.width=5", "dataset.samples=500"),
    *("optimizer=sgd", "optimizer.weight_decay=5e-4", "optimizer.lr=0.02", "lr_schedule=constant"),
    *("training.epochs=3", "training.batch_size=40", "training.clip_norm=null", "hardware.dtype=float64", "seed=4"),
)


class Pair(nn.Module):
    """Two networks that have their convolutions in common."""

    def __init__(self, build: Any, seeds: Sequence[int]) -> None:
        super().__init__()
        self.copies = nn.ModuleList()
        for seed in seeds:
            with initialization(seed):
                self.copies.append(build().double())
        self.copies[1].hidden = self.copies[0].hidden


def test_the_released_update_is_the_authors_algorithm() -> None:
    ours = begin(RELEASED)
    config = ours.configs[0]
    pair = Pair(lambda: config.model.build(ours.input_shape, ours.classes), copy_seeds(4, 2))
    first, second = pair.copies
    convolutions = [module for module in first.modules() if isinstance(module, nn.Conv1d)]
    linear = [[module for module in copy.modules() if isinstance(module, nn.Linear)] for copy in pair.copies]
    sgd = torch.optim.SGD(pair.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    train = ours.splits["train"]
    for k in range(2 * ours.steps_per_epoch):
        level = 0.01 if k < ours.steps_per_epoch else 0.006
        epoch, position = divmod(k, ours.steps_per_epoch)
        chosen = permutation(len(train.y), 4, epoch)[position * 40 : (position + 1) * 40]
        x, y = train.x[chosen], train.y[chosen]
        loss = functional.cross_entropy(first(x), y) + functional.cross_entropy(second(x), y)
        for module in convolutions:
            for tensor in (module.weight, module.bias):
                assert tensor is not None
                half = len(tensor) // 2
                loss = loss + 0.1 * level * (torch.dist(tensor[:half], torch.zeros_like(tensor[:half])))
                loss = loss + 0.1 * level * (torch.dist(tensor[half:], torch.zeros_like(tensor[half:])))
        for one, two in zip(*linear, strict=True):
            loss = loss + (torch.dist(one.weight, two.weight) + torch.dist(one.bias, two.bias)) / level
        sgd.zero_grad()
        torch.autograd.backward(loss)
        sgd.step()
        ours.advance()
        for row, copy in zip(ours.ensemble.theta, pair.copies, strict=True):
            expected = torch.cat([parameter.detach().flatten() for parameter in copy.parameters()])
            torch.testing.assert_close(row, expected, rtol=1e-9, atol=1e-9)
