"""One member: our loop against a hand-written tensor loop and against a DataLoader loop.

The network is the default one (32 hidden layers of 64, MNIST-1D, batch 128), the work one epoch, the update Adam at a
constant rate without clipping. The hand-written loop is what an expert would write without this package: tensors in
memory, index_select, fused Adam. The DataLoader loop is what a tutorial would write: a TensorDataset, a shuffling
DataLoader, Adam with its default implementation. A second instance of our loop is the A/A control.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.training.trainer import Trainer

EPOCHS_PER_TURN = 1
SHARED = ("optimizer=adam", "optimizer.lr=1e-3", "lr_schedule=constant", "training.clip_norm=null")
METHODS = {
    "baseline": ("method=baseline", *SHARED),
    "identity_homotopy": ("method=identity_homotopy", *SHARED),
}


def run(rounds: int) -> dict[str, float]:
    """Measure and return the ratios.

    Args:
        rounds: Timed rounds.

    Returns:
        ``vs_tensor_loop`` and ``vs_dataloader`` (ours divided by theirs, below 1 is faster), ``a_a_control``, and the
        same for identity homotopy on its path with the suffix ``_homotopy``; seconds per epoch beside them.
    """
    torch.set_num_threads(1)
    result: dict[str, float] = {}
    for method, overrides in METHODS.items():
        deformed = method == "identity_homotopy"
        contenders = {
            "ours": _ours(overrides),
            "ours_again": _ours(overrides),
            "tensor_loop": _tensor_loop(deformed),
            "dataloader": _dataloader_loop(deformed),
        }
        seconds = interleave(contenders, rounds)
        suffix = "_homotopy" if deformed else ""
        result[f"vs_tensor_loop{suffix}"] = seconds["ours"] / seconds["tensor_loop"]
        result[f"vs_dataloader{suffix}"] = seconds["ours"] / seconds["dataloader"]
        result[f"a_a_control{suffix}"] = seconds["ours"] / seconds["ours_again"]
        for name, value in seconds.items():
            result[f"seconds_per_epoch_{name}{suffix}"] = value / EPOCHS_PER_TURN
    return result


def _ours(overrides: tuple[str, ...]) -> Callable[[], None]:
    config = compose(*overrides, "training.epochs=1000", "seed=0")
    training = Trainer([config], config.dataset.load(config.paths.data_root()))

    def work() -> None:
        for _ in range(EPOCHS_PER_TURN * training.steps_per_epoch):
            training.advance()
        training.meters.pop_train_loss()

    return work


class _Plain(nn.Module):
    """The default network as one would write it, with the linear path of identity homotopy if asked for."""

    def __init__(self, deformed: bool) -> None:
        super().__init__()
        self.first = nn.Linear(40, 64)
        self.hidden = nn.ModuleList(nn.Linear(64, 64) for _ in range(31))
        self.output = nn.Linear(64, 10)
        self.deformed = deformed
        for layer in self.hidden:
            nn.init.orthogonal_(layer.weight, gain=2**0.5)  # type: ignore[arg-type]  # ModuleList forgets the type

    def forward(self, x: Tensor, t: float) -> Tensor:
        x = functional.relu(self.first(x))
        for layer in self.hidden:
            y = functional.relu(layer(x))
            x = (1 - t) * x + t * y if self.deformed else y
        logits: Tensor = self.output(x)
        return logits


def _training_data() -> tuple[Tensor, Tensor]:
    config = compose("method=baseline")
    train = config.dataset.load(config.paths.data_root()).train
    return torch.from_numpy(train.x).float(), torch.from_numpy(train.y)


def _loop(network: _Plain, optimizer: torch.optim.Optimizer, batches: Callable[[], Iterator[list[Tensor]]]) -> None:
    for epoch in range(EPOCHS_PER_TURN):
        total = torch.zeros(())
        for x, y in batches():
            loss = functional.cross_entropy(network(x, t=epoch / 1000), y)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            optimizer.step()
            total += loss.detach()


def _tensor_loop(deformed: bool) -> Callable[[], None]:
    x, y = _training_data()
    network = _Plain(deformed)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def batches() -> Iterator[list[Tensor]]:
        order = torch.randperm(len(y))
        for start in range(0, len(y) - 127, 128):
            chosen = order[start : start + 128]
            yield [x.index_select(0, chosen), y.index_select(0, chosen)]

    return lambda: _loop(network, optimizer, batches)


def _dataloader_loop(deformed: bool) -> Callable[[], None]:
    loader = DataLoader(TensorDataset(*_training_data()), batch_size=128, shuffle=True, drop_last=True)
    network = _Plain(deformed)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    return lambda: _loop(network, optimizer, lambda: iter(loader))
