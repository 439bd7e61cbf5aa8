"""One CUDA device: our step against eager PyTorch loops with a DataLoader, and against the matrix products alone.

Four questions, each answered by contenders that take turns in one process:

- ``one``: a member of 32 layers of 64 on MNIST-1D, against an eager loop that trains the same network;
- ``many``: 512 such members as one program, against the same loop, per step of a member;
- ``vgg13``: VGG13 with batch normalisation on CIFAR-10, random crops and mirror images, against a usual script: a
  DataLoader of 8 workers, float32, eager;
- ``limit``: the 512 members against the batched products of their step in the same format.

A turn ends when the device has done its work. Where there is no device the benchmark ends with a line that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, pairwise, repeat

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.config.schema import Config
from homotopy_bench.training.trainer import Trainer

MEMBERS, BATCH, LAYERS, WIDTH = 512, 128, 32, 64
EPOCH = 28
"""Steps of a turn of one member: an epoch of MNIST-1D."""

TOGETHER = 4
"""Steps of a turn of many members."""

IMAGES = 20
"""Steps of a turn on images."""

WORKERS, PADDING = 8, 4
WIDE = (f"model.depth={LAYERS}", f"model.width={WIDTH}", "dataset=mnist1d")
UPDATE = ("method=baseline", "optimizer=adam", "optimizer.lr=1e-3", "lr_schedule=constant", "training.clip_norm=null")
VGG = (
    *("method=baseline", "model=vgg13", "dataset=cifar10", "optimizer=sgd", "lr_schedule=constant"),
    *("optimizer.lr=0.01", "training.clip_norm=null", "hardware.channels_last=true"),
)

Work = Callable[[], None]


def run(rounds: int) -> dict[str, float]:
    """Measure and return the ratios.

    Args:
        rounds: Timed rounds.

    Returns:
        ``one_vs_loop``, ``many_vs_loop``, ``vgg13_vs_script``: steps of a member per second divided by theirs, above 1
        is faster; ``many_vs_limit``: seconds of a step divided by those of its products; ``a_a_control``; milliseconds
        per step of a member of every contender.

    Raises:
        InputError: If there is no CUDA device here.
    """
    device = compose("hardware=cuda").hardware.device()
    one = interleave(
        {
            "ours": on_device(device, steps_of(_configs(1, "bfloat16"), EPOCH)),
            "ours_float32": on_device(device, steps_of(_configs(1, "float32"), EPOCH)),
            "ours_again": on_device(device, steps_of(_configs(1, "bfloat16"), EPOCH)),
            "loop": on_device(device, plain_loop(device, EPOCH)),
        },
        rounds,
    )
    many = interleave(
        {
            "ours": on_device(device, steps_of(_configs(MEMBERS, "bfloat16"), TOGETHER)),
            "ours_float32": on_device(device, steps_of(_configs(MEMBERS, "float32"), TOGETHER)),
            "limit": on_device(device, products(device, torch.bfloat16)),
            "loop": on_device(device, plain_loop(device, EPOCH)),
        },
        rounds,
    )
    vgg = interleave(
        {
            "ours": on_device(device, steps_of([compose(*VGG, "hardware=cuda", "training.epochs=1000")], IMAGES)),
            "script": on_device(device, usual_script(device, IMAGES)),
        },
        rounds,
        slices=2,
    )
    per_step = {f"one_{name}": seconds / EPOCH for name, seconds in one.items()}
    turns = {"loop": EPOCH}
    per_step |= {f"many_{name}": seconds / turns.get(name, TOGETHER * MEMBERS) for name, seconds in many.items()}
    per_step |= {f"vgg13_{name}": seconds / IMAGES for name, seconds in vgg.items()}
    return {
        "one_vs_loop": per_step["one_loop"] / per_step["one_ours"],
        "many_vs_loop": per_step["many_loop"] / per_step["many_ours"],
        "many_vs_limit": per_step["many_ours"] / per_step["many_limit"],
        "vgg13_vs_script": per_step["vgg13_script"] / per_step["vgg13_ours"],
        "a_a_control": per_step["one_ours"] / per_step["one_ours_again"],
        **{f"ms_per_member_step_{name}": 1e3 * seconds for name, seconds in per_step.items()},
    }


def _configs(members: int, dtype: str) -> list[Config]:
    hardware = ("hardware=cuda", f"hardware.dtype={dtype}", "training.epochs=1000")
    return [compose(*UPDATE, *WIDE, *hardware, f"seed={seed}") for seed in range(members)]


def on_device(device: torch.device, work: Work) -> Work:
    """Return work that ends when the device has done it."""

    def waited_for() -> None:
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return waited_for


def steps_of(configs: list[Config], steps: int) -> Work:
    """Return the work of some training steps of an ensemble."""
    training = Trainer(configs, configs[0].dataset.load(configs[0].paths.data_root()))

    def work() -> None:
        with training.hardware.settings():
            for _ in range(steps):
                training.advance()
            training.meters.pop_train_loss()

    return work


def plain_loop(device: torch.device, steps: int) -> Work:
    """Return the work of an eager loop of a tutorial: a TensorDataset, a DataLoader, float32, Adam."""
    config = compose(*UPDATE, *WIDE)
    train = config.dataset.load(config.paths.data_root()).train
    data = TensorDataset(torch.from_numpy(train.x).float(), torch.from_numpy(train.y))
    layers = [nn.Linear(*sizes) for sizes in pairwise([40, *[WIDTH] * LAYERS, 10])]
    network = nn.Sequential(*chain.from_iterable((layer, nn.ReLU()) for layer in layers[:-1]), layers[-1]).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    return _eager(network, optimizer, DataLoader(data, BATCH, shuffle=True, drop_last=True), device, steps)


def usual_script(device: torch.device, steps: int) -> Work:
    """Return the work of a usual script for images: 8 workers crop and mirror, float32, eager, SGD with momentum."""
    config = compose(*VGG)
    train = config.dataset.load(config.paths.data_root()).train
    data = _Augmented(torch.from_numpy(train.x).float(), torch.from_numpy(train.y))
    network = config.model.build(tuple(train.x.shape[1:]), 10).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    batch = config.training.batch_size
    loader = DataLoader(
        data, batch, shuffle=True, drop_last=True, num_workers=WORKERS, persistent_workers=True, pin_memory=True
    )
    return _eager(network, optimizer, loader, device, steps)


class _Augmented(Dataset[tuple[Tensor, Tensor]]):
    """Images that a worker crops from a frame and mirrors, one by one."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = functional.pad(x, [PADDING] * 4), y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        top, left, mirrored = (int(torch.randint(count, ())) for count in (2 * PADDING + 1, 2 * PADDING + 1, 2))
        side = self.x.shape[-1] - 2 * PADDING
        image = self.x[index, :, top : top + side, left : left + side]
        return image.flip(2) if mirrored else image, self.y[index]


def _eager(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: DataLoader[tuple[Tensor, ...]],
    device: torch.device,
    steps: int,
) -> Work:
    batches: Iterator[list[Tensor]] = chain.from_iterable(map(iter, repeat(loader)))

    def work() -> None:
        total = torch.zeros((), device=device)
        for _ in range(steps):
            x, y = (part.to(device, non_blocking=True) for part in next(batches))
            loss = functional.cross_entropy(network(x), y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimizer.step()
            total += loss.detach()
        total.item()

    return work


def products(device: torch.device, dtype: torch.dtype) -> Work:
    """Return the work of the products of the steps of many members: W x, and the gradients of x and of W, per layer."""
    shapes = list(pairwise([40, *[WIDTH] * LAYERS, 10]))
    operands = [
        [
            torch.randn(MEMBERS, *shape, device=device, dtype=dtype)
            for shape in ((BATCH, inputs), (outputs, inputs), (BATCH, outputs))
        ]
        for inputs, outputs in shapes
    ]

    def work() -> None:
        for _ in range(TOGETHER):
            for x, weight, _ in operands:
                torch.bmm(x, weight.mT)
            for layer, (x, weight, gradient) in reversed(list(enumerate(operands))):
                torch.bmm(gradient.mT, x)
                if layer:
                    torch.bmm(gradient, weight)

    return work
