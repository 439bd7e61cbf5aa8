"""Take what was measured between pairs of runs out of their figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from homotopy_bench.analysis.pairs import PairFigure


def barrier_tensors(figures: Sequence[PairFigure], name: str, split: str) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return :func:`path_tensors` of what was measured of a figure on a split."""
    return path_tensors([one.entry.get("tables") for one in figures if (one.name, one.split) == (name, split)])


def path_tensors(tables: Sequence[Mapping[str, Any] | None]) -> tuple[Tensor, Tensor, Tensor] | None:
    """Return positions, losses and errors along the paths of pairs, each (pairs, points); None where there are none.

    Args:
        tables: ``a``, ``loss`` and ``error`` of every pair; those that lack a number are left out.
    """
    whole = [table for table in tables if table and all(None not in row for row in table.values())]
    if not whole:
        return None
    a, loss, error = (torch.tensor([table[key] for table in whole]) for key in ("a", "loss", "error"))
    return a, loss, error
