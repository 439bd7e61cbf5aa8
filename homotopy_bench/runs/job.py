"""Define the input and the result of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from homotopy_bench.config.schema import Config

Prune = Callable[[Mapping[str, Any], int], bool]
"""Pruning callback: (metrics, n_val) -> stop, for a line of the metrics and the number of validation samples."""

Observer = Callable[[Mapping[str, Any]], object]
"""Called with a line of the metrics once it is in the record; what it raises fails the run."""


@dataclass(frozen=True)
class Job:
    """Describe a run to train.

    Attributes:
        config: The configuration.
        folder: Folder of the record.
        overrides: The overrides of the configuration, for the record.
        prune: Called after every evaluation but the last; None for no pruning.
        on_evaluation: Called after every evaluation.
        by_hydra: Whether Hydra has begun the run, and thereby written ``.hydra/``.
        keeps_network: Whether the result holds the trained network; many of them do not fit into the memory.
    """

    config: Config
    folder: Path
    overrides: list[str]
    prune: Prune | None = None
    on_evaluation: Observer | None = None
    by_hydra: bool = False
    keeps_network: bool = True


@dataclass(frozen=True)
class Result:
    """Hold the result of a run.

    Attributes:
        summary: The content of ``summary.json``.
        trained: The trained target network (t = 1), in evaluation mode, on the host; None where the run failed
            or its job keeps none.
        folder: Where the record lies.
    """

    summary: dict[str, Any]
    trained: torch.nn.Module | None
    folder: Path

    @property
    def objective(self) -> float:
        """The validation accuracy of the target network at the end, which a search maximises; NaN for none."""
        final = self.summary["final"]
        return float("nan") if final is None else float(final["val_acc_target"])

    @property
    def network(self) -> torch.nn.Module:
        """The trained target network.

        Raises:
            ValueError: If the run failed.
        """
        if self.trained is None:
            raise ValueError(f"{self.folder}: this run failed and has no network: {self.summary['reason']}")
        return self.trained
