"""The decoder of experiment=shakespeare: our loop against a hand-written one with the same modules.

The hand-written loop is what an expert would write: tokens in memory, windows by one indexing, AdamW in its fused
implementation over the parameters, clipping by torch, a cosine of the rate after a warm-up. A second instance of our
loop is the A/A control. A text of random bytes has the size of Shakespeare's, so that no data are needed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from math import cos, pi
from pathlib import Path

import torch
from torch.nn import functional

from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.config.schema import Config
from homotopy_bench.core.random_streams import initialization
from homotopy_bench.training.trainer import Trainer

BYTES = 1_115_394
STEPS = 2
"""Steps of a turn."""

TURNS = 4
"""Turns of each contender in a round."""

THREADS = 2


def run(rounds: int) -> dict[str, float]:
    """Measure and return the ratios.

    Args:
        rounds: Timed rounds.

    Returns:
        ``vs_loop``: our throughput in units of the hand-written loop's, above 1 is faster; ``a_a_control``; seconds of
        a step, and the steps that 15 minutes have.
    """
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text"
        file.write_bytes(torch.randint(256, (BYTES,), dtype=torch.uint8).numpy().tobytes())
        # The experiment on another text: all but the name of the data is the same.
        config = compose("experiment=shakespeare", "dataset=text", f"dataset.file={file}")
        contenders = {"ours": _ours(config), "ours_again": _ours(config), "loop": _loop(config)}
        seconds = interleave(contenders, rounds, TURNS)
    step = seconds["ours"] / STEPS
    return {
        "vs_loop": seconds["loop"] / seconds["ours"],
        "a_a_control": seconds["ours_again"] / seconds["ours"],
        **{f"seconds_per_step_{name}": value / STEPS for name, value in seconds.items()},
        "steps_in_15_minutes": 900.0 / step,
    }


def _ours(config: Config) -> Callable[[], None]:
    training = Trainer([config], config.dataset.load(config.paths.data_root()))

    def work() -> None:
        for _ in range(STEPS):
            training.advance()

    return work


def _loop(config: Config) -> Callable[[], None]:
    splits = config.dataset.load(config.paths.data_root())
    length, size = splits.train.x.shape[1], config.training.batch_size
    tokens = torch.from_numpy(splits.train.x).flatten()
    with initialization(config.seed):
        network = config.model.build((length,), splits.classes)
    rate = config.optimizer.lr
    options = config.optimizer.model_dump()
    betas = (options["beta1"], options["beta2"])
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=rate, betas=betas, weight_decay=options["weight_decay"], fused=True
    )
    steps = config.training.epochs * (len(splits.train.y) // size)
    warmup = round(0.05 * steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda k: min((k + 1) / warmup, 0.5 * (1.0 + cos(pi * max(k - warmup, 0) / (steps - warmup)))),
    )
    bound = config.training.clip_norm
    assert bound is not None

    def work() -> None:
        total = torch.zeros(())
        for _ in range(STEPS):
            begins = torch.randint(len(tokens) - length, (size, 1))
            windows = tokens[begins + torch.arange(length + 1)]
            logits = network(windows[:, :-1])
            loss = functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
            torch.nn.utils.clip_grad_norm_(network.parameters(), bound)
            optimizer.step()
            schedule.step()
            total += loss.detach()

    return work
