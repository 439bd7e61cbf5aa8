"""Sum up how stable a run's training was."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from math import isnan
from typing import Any

from homotopy_bench.training.stability import Instability

MOST_STEPS = 1000
"""Most spikes whose step a summary names; all are counted."""


@dataclass
class Stability:
    """Keep the stability of a member so far.

    Attributes:
        loss_spikes: Batch losses that were spikes (:mod:`homotopy_bench.training.stability`).
        loss_spike_steps: Their steps, counted from 1; of many the first.
        max_grad_norm: Largest norm of a gradient before clipping.
    """

    loss_spikes: int = 0
    loss_spike_steps: list[int] = field(default_factory=list)
    max_grad_norm: float = 0.0

    def observe(self, found: Instability) -> None:
        """Take a reading into account.

        Example:
            >>> stability = Stability()
            >>> for norm in (1.0, float("nan"), 2.0):
            ...     stability.observe(Instability([], norm))
            >>> stability.max_grad_norm
            nan
        """
        self.loss_spikes += len(found.spikes)
        self.loss_spike_steps += found.spikes[: max(MOST_STEPS - len(self.loss_spike_steps), 0)]
        # A norm that is no number is larger than any, and stays: max() would forget it.
        if not (isnan(self.max_grad_norm) or found.gradient_norm <= self.max_grad_norm):
            self.max_grad_norm = found.gradient_norm

    def to_dict(self, *, diverged: bool) -> dict[str, Any]:
        """Return what a summary says."""
        return {**asdict(self), "diverged": diverged}


def instability_entries(found: Instability) -> dict[str, Any]:
    """Return what a line of the metrics says of a reading; the steps of spikes only where there are any.

    Example:
        >>> instability_entries(Instability([7, 9], 2.5))
        {'max_grad_norm': 2.5, 'loss_spikes': 2, 'loss_spike_steps': [7, 9]}
    """
    steps = {"loss_spike_steps": found.spikes[:MOST_STEPS]} if found.spikes else {}
    return {"max_grad_norm": found.gradient_norm, "loss_spikes": len(found.spikes), **steps}
