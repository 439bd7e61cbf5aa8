"""Word what a run writes: a line of the metrics, and the summary. Pure functions of plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from homotopy_bench.config.schema import Config
from homotopy_bench.runs.cost import Cost
from homotopy_bench.runs.history import History
from homotopy_bench.runs.stability import Stability
from homotopy_bench.tracking.environment import code_version, command_line, environment
from homotopy_bench.training.evaluation import Evaluation


def metrics_line(
    position: Mapping[str, float],
    row: int,
    train_loss: float,
    scores: Evaluation,
    method: Mapping[str, Any],
    cost: Cost,
    landscape: Mapping[str, Mapping[str, float | None]],
) -> dict[str, Any]:
    """Return a line of ``metrics.jsonl``.

    Args:
        position: ``epoch``, ``step``, ``u`` (training progress in [0, 1]), ``lr`` and ``grad_norm``.
        row: Row of the ensemble.
        train_loss: Mean loss of the training batches since the evaluation before, at t.
        scores: The evaluation.
        method: What the stability of the steps, method and learning rate add.
        cost: What the run has paid.
        landscape: What was measured around the network, by split and metric; empty where nothing was.
    """
    target, path = scores.validation_target[row], scores.validation_path[row]
    return {
        **{key: position[key] for key in ("epoch", "step", "u")},
        "t": scores.t[row],
        "lr": position["lr"],
        "train_loss": train_loss,
        "val_loss_target": target.loss,
        **target.figures("val", "target"),
        "val_loss_path": path.loss,
        **path.figures("val", "path"),
        "grad_norm": position["grad_norm"],
        **method,
        **scores.of_copies(row),
        **({"landscape": landscape} if landscape else {}),
        "cost": cost.to_dict(),
    }


def run_summary(
    config: Config,
    overrides: Sequence[str],
    *,
    status: str | None,
    reason: str | None,
    fault: str | None,
    data: Sequence[Mapping[str, str | bool]],
    device: str,
    threads: int,
    history: History,
    stability: Stability,
    cost: Cost,
    landscape: Mapping[str, Any] | None,
    included: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the content of ``summary.json``, of a run on data files ``data``, on a device of that name."""
    return {
        "status": status,
        "reason": reason,
        "fault": fault,
        "dataset": config.dataset.name,
        "data": data,
        "model": config.model.name,
        "method": config.method.name,
        "seed": config.seed,
        "protocol": config.dataset.protocol,
        "overrides": overrides,
        "config": config.to_dict(),
        "config_hash": config.hash(),
        "code_version": code_version(),
        "command": command_line(),
        "environment": environment(device, threads),
        **({"included": included} if included else {}),
        **asdict(history),
        "stability": stability.to_dict(diverged=status == "diverged"),
        **({"landscape": landscape} if landscape else {}),
        "cost": cost.to_dict(),
    }
