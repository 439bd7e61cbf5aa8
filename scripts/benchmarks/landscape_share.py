"""What ``landscape=final`` adds to the default run, as a share of its training, on one thread."""

from __future__ import annotations

import tempfile

import torch

from homotopy_bench import compose, train


def run(rounds: int) -> dict[str, float]:
    """Measure and return the figure.

    Args:
        rounds: Runs, each of its own seed, at least one; no more than three are trained.

    Returns:
        ``final_share``: seconds of the measurements over seconds of training, the median run's.
    """
    torch.set_num_threads(1)
    shares = []
    for seed in range(min(rounds, 3)):
        with tempfile.TemporaryDirectory() as folder:
            cost = train(compose("landscape=final", f"seed={seed}"), folder).summary["cost"]
        shares.append(cost["landscape_seconds"] / cost["train_seconds"])
    return {"final_share": sorted(shares)[len(shares) // 2]}
