"""An independent reference of the training loop: a plain PyTorch loop over ordinary modules and torch.optim.

It shares with the package the data, the order of the samples and the initial values, and nothing else: the deformed
network, the schedules and the clipping are written out again from their formulas, per step and in Python floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from homotopy_bench.config.schema import Config
from homotopy_bench.continuation.base import Continuation
from homotopy_bench.core.random_streams import initialization, permutation
from homotopy_bench.data.base import Splits
from homotopy_bench.optim.lr_schedules.base import LRSchedule


def path_parameter(schedule: Continuation, k: int, steps: int) -> float:
    """t of step k of S, from the definitions."""
    if k == steps - 1 or schedule.name == "constant":
        return 1.0
    options = schedule.model_dump()
    v = min(1.0, k / steps / options["warmup_fraction"])
    shapes: dict[str, Callable[[], float]] = {
        "linear": lambda: v,
        "cosine": lambda: (1 - math.cos(math.pi * v)) / 2,
        "polynomial": lambda: v ** options["power"],
        "stepwise": lambda: math.floor(options["stages"] * v + 1e-9) / options["stages"],
    }
    return shapes[schedule.name]()


def rate(schedule: LRSchedule, base: float, k: int, steps: int) -> float:
    """Learning rate of step k of S, from the definitions."""
    options, u = schedule.model_dump(), k / steps
    if schedule.name == "constant":
        return base
    if schedule.name == "inverse":
        return float(base / (math.floor(u * options["stairs"] + 1e-9) + 1))
    if schedule.name == "step":
        return float(base * options["gamma"] ** math.floor(max(u - options["start"], 0.0) / options["every"] + 1e-9))
    a = options["warmup_fraction"]
    if u < a:
        return float(base * u / a)
    if schedule.name == "linear_warmup":
        return base
    f = options["final_fraction"]
    return float(base * (f + (1 - f) * (1 + math.cos(math.pi * (u - a) / (1 - a))) / 2))


def skip_and_branch(path: str, t: float, depth: int) -> tuple[float, float]:
    """s(t), c(t) of the identity homotopy, from its table."""
    if t == 1.0:
        return 0.0, 1.0
    branch = 1 / math.sqrt(depth)
    return {
        "linear": (1 - t, t),
        "residual": (1 - t, (1 - t) * branch + t),
        "circular": (math.cos(math.pi * t / 2), branch + (1 - branch) * math.sin(math.pi * t / 2)),
    }[path]


def train_mlp(config: Config, splits: Splits, steps: int, total: int) -> Tensor:
    """Train one multilayer perceptron and return its parameters in order, shape (P,)."""
    with initialization(config.seed):
        network = config.model.build(tuple(splits.train.x.shape[1:]), splits.classes).double()
    maps = [module for module in network.modules() if isinstance(module, nn.Linear)]
    group = config.optimizer.model_dump(exclude={"name"})
    if "beta1" in group:
        group["betas"] = (group.pop("beta1"), group.pop("beta2"))
    kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    optimizer = kinds[config.optimizer.name](network.parameters(), foreach=False, **group)
    x, y = torch.from_numpy(splits.train.x).double(), torch.from_numpy(splits.train.y)
    batch = config.training.batch_size
    per_epoch = len(y) // batch
    for k in range(steps):
        epoch, position = divmod(k, per_epoch)
        chosen = permutation(len(y), config.seed, epoch)[position * batch : (position + 1) * batch]
        t = path_parameter(config.continuation, k, total)
        s, c = skip_and_branch(getattr(config.method, "path", "linear"), t, len(maps) - 2)
        if config.method.name == "baseline":
            s, c = 0.0, 1.0
        hidden = torch.relu(maps[0](x[chosen]))
        for layer in maps[1:-1]:
            hidden = s * hidden + c * torch.relu(layer(hidden))
        smoothing = config.training.label_smoothing
        loss = nn.functional.cross_entropy(maps[-1](hidden), y[chosen], label_smoothing=smoothing)
        for layer in maps:
            loss = (
                loss + config.training.l1 * layer.weight.abs().sum() + config.training.l2 * layer.weight.square().sum()
            )
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        if config.training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters(), config.training.clip_norm)
        for parameters in optimizer.param_groups:
            parameters["lr"] = rate(config.lr_schedule, config.optimizer.lr, k, total)
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
