"""A run with W&B (offline) and TensorBoard against the same run without trackers, from its first step to its last word.

The run is the default one, identity homotopy on MNIST-1D with 32 hidden layers of 64, evaluated and logged every epoch.
A turn is a whole run: the record, the start of the process of the trackers, and the wait until they have everything are
all in it. A second run without trackers is the A/A control.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.interleaved import interleave
from homotopy_bench.config.compose import compose
from homotopy_bench.runs.run import train

EPOCHS = 100

CONTENDERS = {
    "without": ("logger=none",),
    "without_again": ("logger=none",),
    "with_trackers": ("logger=[wandb,tensorboard]",),
}


def run(rounds: int) -> dict[str, float]:
    """Measure and return the ratios.

    Args:
        rounds: Timed rounds.

    Returns:
        ``trackers_overhead``: seconds of the run with trackers divided by those without, less 1; ``a_a_control``;
        seconds of a run beside them.
    """
    with tempfile.TemporaryDirectory() as folder:
        contenders = {name: _run(overrides, Path(folder) / name) for name, overrides in CONTENDERS.items()}
        seconds = interleave(contenders, rounds, slices=1)
    return {
        "trackers_overhead": seconds["with_trackers"] / seconds["without"] - 1,
        "a_a_control": seconds["without_again"] / seconds["without"] - 1,
        **{f"seconds_per_run_{name}": value for name, value in seconds.items()},
    }


def _run(overrides: tuple[str, ...], folder: Path) -> Callable[[], None]:
    config = compose(*overrides, f"training.epochs={EPOCHS}", f"paths.outputs={folder}")

    def work() -> None:
        result = train(config)
        assert result.summary["status"] == "completed", result.summary["reason"]

    return work
