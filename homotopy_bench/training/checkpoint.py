"""Copy one member's networks and moments out of an ensemble, and back into the same or another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from homotopy_bench.ensemble.copies import copied
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.optim.base import RowOptimizer


def networks_state(ensemble: Ensemble, optimizer: RowOptimizer, rows: slice) -> dict[str, Any]:
    """Return the parameters, statistics and moments of a member's rows, on the host.

    Args:
        ensemble: The networks.
        optimizer: The optimiser over their rows.
        rows: The m rows of the member.

    Returns:
        ``theta`` (m, P); ``buffers``, name -> values (m, ...); ``optimizer``, one mapping per part of a row.
    """
    return {
        "theta": ensemble.theta[rows].cpu().clone(),
        "buffers": {name: values[rows].cpu().clone() for name, values in ensemble.statistics().items()},
        "optimizer": [copied(optimizer.state[part], "cpu") for row in ensemble.rows[rows] for part in row],
    }


def load_networks_state(ensemble: Ensemble, optimizer: RowOptimizer, rows: slice, state: Mapping[str, Any]) -> None:
    """Restore the state that :func:`networks_state` returned, in a mapping that may hold more.

    Raises:
        ValueError: If it belongs to another architecture.
    """
    theta, saved = ensemble.theta[rows], state["theta"]
    statistics = ensemble.statistics()
    if saved.shape != theta.shape:
        raise ValueError(f"a state of {list(saved.shape)} parameters for {list(theta.shape)}")
    missing, others = statistics.keys() - state["buffers"].keys(), state["buffers"].keys() - statistics.keys()
    # Versions that left nn.Dropout to PyTorch kept nothing of it.
    if others or not missing <= ensemble.unsaved_buffers():
        raise ValueError(f"buffers {sorted(others)} for {sorted(missing)}")
    theta.copy_(saved)
    for name, value in state["buffers"].items():
        statistics[name][rows].copy_(value)
    parts = [part for row in ensemble.rows[rows] for part in row]
    for part, moments in zip(parts, state["optimizer"], strict=True):
        shapes = {tuple(value.shape) for value in moments.values() if torch.is_tensor(value)}
        if not shapes <= {(), tuple(part.shape)}:
            raise ValueError(f"moments of shapes {shapes} for a part of shape {tuple(part.shape)}")
        optimizer.state[part] = copied(moments, theta.device)
