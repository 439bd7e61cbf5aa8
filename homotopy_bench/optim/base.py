"""Define optimisers: classes of torch.optim whose parameters are the rows of theta.

A member of an ensemble is a row of theta (M, P), and torch.optim sees each row as one parameter: members keep their own
learning rate, weight decay and moments, and no update rule is written twice. Rows with the same numbers, such as those
of members that differ in their seeds, share a parameter group: a group costs about 40 microseconds a step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, runtime_checkable

from pydantic import Field

from homotopy_bench.core.options import PER_MEMBER, Options
from homotopy_bench.core.run_sections import RunSections

if TYPE_CHECKING:
    import torch

LearningRate = Annotated[float, Field(gt=0.0), PER_MEMBER]
WeightDecay = Annotated[float, Field(ge=0.0), PER_MEMBER]
Momentum = Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER]

Closure = Callable[..., Any]
"""Writes the gradients and returns the losses of R rows, shape (R,): of all, or called with a row of that one alone."""


@runtime_checkable
class RowOptimizer(Protocol):
    """State what training uses of an optimiser; those of torch.optim have it.

    Attributes:
        param_groups: Parts of rows that are updated with the same numbers. Training sets their ``lr`` before every step
            (:func:`set_rates`).
        state: Part of a row -> what the optimiser remembers of it.
    """

    param_groups: list[dict[str, Any]]
    state: defaultdict[torch.Tensor, Any]

    def step(self, closure: Closure) -> Any:
        """Ask for gradients, update the rows, and return the losses (R,) where they stood before."""


class Optimizer(Options):
    """Hyper-parameters of one update rule of torch.optim."""

    shares_groups: ClassVar[bool] = True
    """Whether rows with the same numbers can be in one parameter group."""

    torch_class: ClassVar[str]
    """Name of the class of torch.optim that does the update."""

    name: str
    lr: LearningRate

    def check(self, run: RunSections) -> None:
        """Raise :class:`~homotopy_bench.core.errors.InputError` where this update does not go with a run."""

    def gain(self) -> float:
        """Return how far a constant gradient g moves a parameter in a step, in units of lr g, in the long run.

        1 here; 1/(1 - momentum) where momentum accumulates. Updates that rescale the gradient have no such number.
        """
        return 1.0

    def stability(self) -> float:
        """Return c: with eta lambda < c a step of gradient descent on a quadratic of curvature lambda converges.

        2 here, which is plain gradient descent's (Cohen et al. 2021, arXiv:2103.00065, section 2). Updates that rescale
        the gradient have another limit in every direction, to which this one says nothing.
        """
        return 2.0

    def group(self) -> dict[str, Any]:
        """Return the hyper-parameters under torch.optim's names, without the rate, which every step sets anew."""
        return self.model_dump(exclude={"name", "lr"})

    def build(
        self,
        groups: list[dict[str, Any]],
        penalties: Callable[[], torch.Tensor] | None = None,  # noqa: ARG002 - for updates that compare losses
    ) -> RowOptimizer:
        """Return the optimiser of all rows, for the groups and penalties of :func:`over_rows`."""
        import torch

        optimizer: RowOptimizer = getattr(torch.optim, self.torch_class)(groups, fused=True)
        return optimizer


PART = "part"
"""Key of a parameter group: which part of all rows, counted through, its first parameter is."""


def over_rows(
    rows: Sequence[Sequence[torch.Tensor]],
    members: Sequence[Optimizer],
    rates: Sequence[Hashable],
    penalties: Callable[[], torch.Tensor] | None = None,
) -> RowOptimizer:
    """Build one optimiser that updates every row with the hyper-parameters of its member.

    Args:
        rows: For each of the M members the parts of its row of theta, each with its ``grad``.
        members: The M members' hyper-parameters, all of one class.
        rates: For every part of every row, in order, a value that is equal for parts whose learning rates are the same
            at every step.
        penalties: The values of what is added to the members' losses, shape (M,); None for nothing.

    Returns:
        An optimiser of torch.optim.

    Raises:
        ValueError: If the members ask for different update rules.
    """
    kinds = {type(member) for member in members}
    if len(kinds) != 1:
        raise ValueError(f"an ensemble has one update rule, not {sorted(kind.__name__ for kind in kinds)}")
    parts = [(piece, member.group()) for row, member in zip(rows, members, strict=True) for piece in row]
    groups: dict[Hashable, dict[str, Any]] = {}
    for part, ((piece, options), rate) in enumerate(zip(parts, rates, strict=True)):
        key = (rate, repr(options)) if members[0].shares_groups else part
        groups.setdefault(key, {"params": [], PART: part, **options})["params"].append(piece)
    return members[0].build(list(groups.values()), penalties)


def set_rates(optimizer: RowOptimizer, rates: Sequence[float]) -> None:
    """Let the optimiser of :func:`over_rows` take its next step at these rates, of every part of every row in order."""
    for group in optimizer.param_groups:
        group["lr"] = rates[group[PART]]


def merge_moments(
    before: RowOptimizer,
    rows: Sequence[Sequence[torch.Tensor]],
    groups: Sequence[slice],
    after: RowOptimizer,
    merged: Sequence[Sequence[torch.Tensor]],
) -> None:
    """Give the rows of a new optimiser the means of the moments that groups of old rows had.

    For SGD the mean of the copies' momenta is the momentum of their mean.

    Args:
        before: The optimiser of the old rows.
        rows: The old rows, in their parts.
        groups: For each new row the old rows that it is the mean of.
        after: The optimiser of the new rows.
        merged: The new rows, in as many parts.
    """
    for group, pieces in zip(groups, merged, strict=True):
        for part, piece in enumerate(pieces):
            states = [before.state[row[part]] for row in rows[group]]
            after.state[piece] = {
                name: value.clone() if len(states) == 1 else sum(state[name] for state in states) / len(states)
                for name, value in states[0].items()
            }
