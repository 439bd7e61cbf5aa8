"""Find loss spikes, and keep the largest gradient norm, of M members while they train.

A batch loss is a spike if it lies more than 4 robust deviations above the running median,

    loss_k > median(w_k) + 4 * 1.4826 median(|w_k - median(w_k)|),     w_k = (loss_{k-100}, ..., loss_{k-1}),

of the 100 losses before it, of at least 20 where there are not so many. 1.4826 makes the median of absolute deviations
an estimate of the standard deviation of normal losses (Rousseeuw and Croux 1993, doi:10.1080/01621459.1993.10476408);
of an even number of losses the lower middle one is the median. Every batch above the bound counts.

A step adds a tensor to a list and takes a maximum on the device; spikes are looked for where a run is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.ensemble.rows import Rows

WINDOW, LEAST = 100, 20
DEVIATIONS = 4.0
NORMAL = 1.4826
"""Standard deviation of a normal distribution in units of its median absolute deviation."""

CHUNK = 1_000_000
"""Losses of windows that are looked at together; bounds the memory."""


@dataclass(frozen=True)
class Instability:
    """Hold what happened to one member since the reading before.

    Attributes:
        spikes: Steps, counted from 1, whose batch loss was a spike.
        gradient_norm: Largest norm of a gradient before clipping; of copies the largest of all.
    """

    spikes: list[int]
    gradient_norm: float


def spikes(losses: Float[Tensor, "M S"], before: int) -> list[list[int]]:
    """Return for each member the indices k >= ``before`` of its spikes.

    Args:
        losses: Batch losses in their order, shape (M, S); not a number where there was none.
        before: How many of them are only what the others are compared with.

    Example:
        >>> losses = torch.tensor([[1.0, 1.1, 1.2] * 10 + [3.0] + [1.1] * 4])
        >>> spikes(losses, 0), spikes(losses, 31)
        ([[30]], [[]])
    """
    members, count = losses.shape
    padded = torch.cat([losses.new_full((members, WINDOW), torch.nan), losses], dim=1)
    windows = padded.unfold(1, WINDOW, 1)  # window k is what comes before loss k
    found: list[list[int]] = [[] for _ in range(members)]
    size = max(CHUNK // (members * WINDOW), 1)
    for begin in range(before, count, size):
        own = windows[:, begin : min(begin + size, count)]
        median = own.nanmedian(dim=2).values
        deviation = NORMAL * (own - median.unsqueeze(2)).abs().nanmedian(dim=2).values
        enough = own.isfinite().sum(dim=2) >= LEAST
        high = enough & (losses[:, begin : begin + own.shape[1]] > median + DEVIATIONS * deviation)
        for member, index in high.nonzero().tolist():
            found[member].append(begin + index)
    return found


class StabilityMeter:
    """Watch the steps over the rows of M members.

    Args:
        rows: Which rows belong to which member.
        like: Gives device and format.
    """

    def __init__(self, rows: Rows, like: Tensor) -> None:
        self._rows = rows
        self._new: list[Tensor] = []
        self._norms = like.new_zeros(len(rows.owners))
        members = len(rows.counts)
        self._folded: list[Tensor] = []
        self._norms_of_members = like.new_zeros(members)
        self._losses = torch.empty(members, 0, dtype=torch.float64)
        self._before = 0
        self._largest = torch.zeros(members, dtype=torch.float64)

    def add(self, losses: Float[Tensor, " R"], norms: Float[Tensor, " R"]) -> None:
        """Take the batch losses and the gradient norms of a step into account."""
        self._new.append(losses.clone())  # the next step may write where they lie
        torch.maximum(self._norms, norms, out=self._norms)

    def pop(self, step: int) -> list[Instability]:
        """Return what happened to the members since the last call, the last step being number ``step``."""
        self._gather()
        first = step - self._losses.shape[1] + 1
        found = spikes(self._losses, self._before)
        outcome = [
            Instability([first + index for index in own], norm)
            for own, norm in zip(found, self._largest.tolist(), strict=True)
        ]
        self._losses = self._losses[:, -WINDOW:]
        self._before = self._losses.shape[1]
        self._largest.zero_()
        return outcome

    def merge_into(self, later: Rows) -> None:
        """Replace the rows by ``later``."""
        self._fold()
        self._rows, self._norms = later, self._norms.new_zeros(len(later.owners))

    def member_state(self, member: int) -> dict[str, Any]:
        """Return the state of one member, on the host."""
        self._gather()
        largest = self._largest[member].item()
        return {"losses": self._losses[member].clone(), "before": self._before, "largest": largest}

    def load_member_state(self, member: int, state: Mapping[str, Any] | None) -> None:
        """Restore what :meth:`member_state` returned; None, of a version that kept none, is a beginning."""
        if state is None:
            return
        own: Tensor = state["losses"]
        lacking = len(own) - self._losses.shape[1]
        if lacking > 0:
            nothing = self._losses.new_full((len(self._losses), lacking), torch.nan)
            self._losses = torch.cat([nothing, self._losses], dim=1)
        self._losses[member] = torch.nan
        self._losses[member, self._losses.shape[1] - len(own) :] = own
        self._before = self._losses.shape[1] - (len(own) - state["before"])
        self._largest[member] = state["largest"]

    def _gather(self) -> None:
        """Bring what is new to the host."""
        self._fold()
        if self._folded:
            self._losses = torch.cat([self._losses, *(part.double().cpu() for part in self._folded)], dim=1)
            self._largest = torch.maximum(self._largest, self._norms_of_members.double().cpu())
            self._folded = []
            self._norms_of_members.zero_()

    def _fold(self) -> None:
        """Make the steps of the rows those of the members, on the device: of copies the mean loss, the largest norm."""
        if not self._new:
            return
        new, groups = torch.stack(self._new, dim=1), [self._rows.of(member) for member in range(len(self._rows.counts))]
        self._folded.append(torch.stack([new[rows].mean(dim=0) for rows in groups]))
        norms = torch.stack([self._norms[rows].max() for rows in groups])
        torch.maximum(self._norms_of_members, norms, out=self._norms_of_members)
        self._new = []
        self._norms.zero_()
