"""Define what a metric returns: a value for each network, and all that is needed to compare it with another's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Convention:
    """Say how a value came about; two values compare only where these agree."""

    split: str
    """``train`` or ``test``."""
    samples: int
    """Number of samples."""
    dtype: str
    """Number format, as ``float32``."""
    batchnorm: str = "frozen"
    """``frozen`` running statistics, those ``reestimated`` at every point, or ``none`` where there are none."""
    radius: float | None = None
    """Radius, in the unit that ``details`` names; None where there is none."""
    details: str = ""
    """The definition in words, with its source."""


@dataclass(frozen=True)
class Cost:
    """Count passes over the samples per network: a forward pass, a gradient and a Hessian product are one each."""

    forwards: int = 0
    gradients: int = 0
    products: int = 0


@dataclass(frozen=True)
class Measurement:
    """Hold one metric of M networks, or of M pairs of them."""

    value: Float[Tensor, " M"]
    """The values (M,); not a number where there is none, and ``reasons`` says why."""
    error: Float[Tensor, " M"]
    """Estimates of their absolute errors, shape (M,): 0 where a value is exact but for rounding."""
    converged: Bool[Tensor, " M"]
    """Whether the error met the metric's tolerance, shape (M,), bool."""
    cost: Cost
    convention: Convention
    reasons: Sequence[str | None] = ()
    """For each network why it has no value, or None; empty where all have one."""
    tables: Mapping[str, Float[Tensor, "M ..."]] = field(default_factory=dict)
    """Arrays behind the values, for pictures, name -> (M, ...): nodes and weights of a density, losses of a chord."""

    def entry(self, row: int) -> dict[str, Any]:
        """Return what a record keeps of one network: plain numbers, texts and lists; null for what is no number.

        Example:
            >>> one = torch.ones(1)
            >>> found = Measurement(one, 0 * one, one > 0, Cost(gradients=2), Convention("test", 100, "float32"))
            >>> found.entry(0)["value"], found.entry(0)["cost"], found.entry(0)["convention"]["split"]
            (1.0, {'forwards': 0, 'gradients': 2, 'products': 0}, 'test')
        """
        value = _number(self.value[row].item())
        reason = self.reasons[row] if self.reasons else None
        return {
            "value": value,
            "error": _number(self.error[row].item()),
            "converged": bool(self.converged[row]),
            "reason": reason or ("not a finite number" if value is None else None),
            "cost": asdict(self.cost),
            "convention": asdict(self.convention),
            **({"tables": {name: _numbers(table[row].tolist()) for name, table in self.tables.items()}}),
        }


def exact(value: Float[Tensor, " M"], cost: Cost, convention: Convention, **tables: Tensor) -> Measurement:
    """Return a measurement that is exact but for rounding; a value that is no finite number has not converged."""
    return Measurement(value, torch.zeros_like(value), value.isfinite(), cost, convention, (), tables)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _numbers(values: Any) -> Any:
    return [_numbers(value) for value in values] if isinstance(values, list) else _number(values)
