"""What every optimiser shares: a class of torch.optim and one parameter group per row of theta.

A member of an ensemble is a row of theta (M, P), and torch.optim sees each row as one parameter in a group of its
own: members keep their own learning rate, weight decay and moments, and no update rule is written twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from homotopy_bench.options import Options

if TYPE_CHECKING:
    import torch

LearningRate = Annotated[float, Field(gt=0.0)]
WeightDecay = Annotated[float, Field(ge=0.0)]
Momentum = Annotated[float, Field(ge=0.0, lt=1.0)]


class Optimizer(Options, ABC):
    """Hyper-parameters of one update rule of torch.optim."""

    name: str
    lr: LearningRate

    @abstractmethod
    def torch_class(self) -> type[torch.optim.Optimizer]:
        """Return the class of torch.optim that does the update."""

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
        """Return the hyper-parameters under torch.optim's names."""
        return self.model_dump(exclude={"name"})


def over_rows(rows: Sequence[Sequence[torch.Tensor]], members: Sequence[Optimizer]) -> torch.optim.Optimizer:
    """Build one optimiser that updates every row with the hyper-parameters of its member.

    Args:
        rows: For each of the M members the parts of its row of theta, each with its ``grad``.
        members: The M members' hyper-parameters, all of one class.

    Returns:
        An optimiser of torch.optim with a parameter group per part, in the order of the rows.

    Raises:
        ValueError: If the members ask for different update rules.
    """
    kinds = {type(member) for member in members}
    if len(kinds) != 1:
        raise ValueError(f"an ensemble has one update rule, not {sorted(kind.__name__ for kind in kinds)}")
    groups = [{"params": [part], **member.group()} for row, member in zip(rows, members, strict=True) for part in row]
    build: Any = members[0].torch_class()
    optimizer: torch.optim.Optimizer = build(groups, fused=True)
    return optimizer


def merge_moments(
    before: torch.optim.Optimizer,
    rows: Sequence[Sequence[torch.Tensor]],
    groups: Sequence[slice],
    after: torch.optim.Optimizer,
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
