"""Control learning rates by curvature: measure at the steps that are due, and give every block its rate.

Where the estimate of a member fails, its rate is the schedule's, and the record says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite, nan
from typing import Any

from jaxtyping import Float
from torch import Tensor

from homotopy_bench.core.masking import error_line
from homotopy_bench.curvature.control import FORMS, Rule
from homotopy_bench.curvature.control.base import Values, has_ratio
from homotopy_bench.curvature.estimators import ESTIMATORS, Estimator, Local
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.ensemble.rows import Rows
from homotopy_bench.hardware.transfer import sent_like
from homotopy_bench.optim.lr_schedules.curvature import Curvature

LABELS = 128
"""Least number of labels of an estimate, one per sample or per token: the curvature of fewer is mostly noise."""

TRACE = ("step", "lambda_max", "kappa", "lr")
"""What is kept of every estimate, of blocks the largest curvature and the smallest rate."""


class CurvatureController:
    """Control the rates of the members whose learning rate follows the curvature, with one estimator for all.

    Attributes:
        blocks: Name -> columns of each block of parameters.
        measurement_cost: Gradients and Hessian products of the last estimate per row, the batch's gradient included.

    Args:
        options: Member -> its schedule, all of one program: they agree in form, estimator and when estimates are due.
        stability: Member -> c of its optimiser.
        ensemble: The rows.
        seeds: Seeds of the rows.
        blocks: Columns of each block of parameters, with its name.
    """

    def __init__(
        self,
        options: Mapping[int, Curvature],
        stability: Mapping[int, float],
        ensemble: Ensemble,
        seeds: Sequence[int],
        blocks: Mapping[str, slice],
    ) -> None:
        self.options = next(iter(options.values()))
        self.blocks = dict(blocks)
        build = FORMS[self.options.form]
        self.rules: dict[int, Rule] = {m: build(one, stability[m], len(blocks)) for m, one in options.items()}
        self.measurement_cost = (0, 0)
        self._traces: dict[int, dict[str, list[float]]] = {m: {name: [] for name in TRACE} for m in options}
        self._failures: dict[int, dict[str, Any]] = {m: {"count": 0, "last": None} for m in options}
        self._rates: dict[int, Values] = {m: [nan] * len(blocks) for m in options}
        self._estimator = self._build(ensemble, seeds)
        self._checked = False

    def follow(self, ensemble: Ensemble, seeds: Sequence[int], groups: Sequence[slice]) -> None:
        """Estimate from now on for other rows, each the mean of one of the groups of the rows before."""
        before, self._estimator = self._estimator, self._build(ensemble, seeds)
        self._estimator.follow(before, groups)

    def _build(self, ensemble: Ensemble, seeds: Sequence[int]) -> Estimator:
        options, blocks = self.options, list(self.blocks.values())
        return ESTIMATORS[options.estimator](blocks, ensemble.theta, seeds, options.products, options.first_products)

    def due(self, step: int) -> bool:
        """Return whether an estimate is made at a step: at every one of the first, then at every k-th."""
        return step < self.options.dense_steps or step % self.options.every == 0

    def measure(
        self, step: int, ensemble: Ensemble, rows: Rows, evaluate: Callable[[], Tensor]
    ) -> Float[Tensor, " R"] | None:
        """Write the rows' gradients at a batch into the ensemble, and estimate the curvature there.

        Returns:
            The losses (R,) that ``evaluate`` returns on the batch, detached; None if the gradients could not be had in
            a way that allows second derivatives.
        """
        self.measurement_cost = (1, 0)  # an attempt at a gradient, if no more comes of it
        try:
            at = Local(ensemble, evaluate, step, self._estimator.twice)
        except RuntimeError as error:
            self._fail(self.rules, error)
            return None
        slopes = self._estimator.norms(at.gradient)
        try:
            if not self._checked:  # the graph of a later step is made in the same way
                at.check()
                self._checked = True
            norm = self._estimator.estimate(at)
        except RuntimeError as error:
            self._fail(self.rules, error)
        else:
            self._observe(step, rows, norm.tolist(), slopes.tolist())
        self.measurement_cost = (1 + at.gradients, at.products)
        return at.losses

    def rates(self, step: int, scheduled: Sequence[float]) -> dict[int, Values]:
        """Return the rates of a step for every member under control, one per block; steps are asked for in order.

        ``scheduled`` is what the members' open-loop schedules say.
        """
        due = self.due(step)
        for member, rule in self.rules.items():
            rates = self._rates[member] = rule.rate(step, scheduled[member])
            if due:
                for name, value in zip(TRACE, (step, *_measured(rule), min(rates)), strict=True):
                    self._traces[member][name].append(value)
        return self._rates

    def clipped(self, bounds: Float[Tensor, " R"], owners: Sequence[int]) -> Float[Tensor, " R"]:
        """Return bounds (R,) of rows with these owners, divided by 1 + kappa/threshold where there is a threshold."""
        if all(rule.options.clip_threshold is None for rule in self.rules.values()):
            return bounds
        return bounds * sent_like([self._clip_factor(m) for m in owners], bounds)

    def take_diagnostics(self, member: int) -> dict[str, Any]:
        """Return what the record says of a member's curvature since the last call; of a failed estimate no number."""
        rule = self.rules[member]
        trace, failures = self._traces[member], self._failures[member]
        self._traces[member] = {name: [] for name in TRACE}
        known: dict[str, Any] = dict(zip(("lambda_max", "kappa"), _measured(rule), strict=True))
        if len(self.blocks) > 1:
            for name, values in (("lambda_max", rule.norm), ("kappa", rule.kappa), ("lr", self._rates[member])):
                known[f"{name}_layers"] = dict(zip(self.blocks, values, strict=True))
        known["curvature_failures"] = failures["count"]
        if failures["last"]:
            known["curvature_last_failure"] = failures["last"]
        return {**known, "curvature": trace}

    def member_state(self, member: int, rows: slice) -> dict[str, Any]:
        """Return all that one member needs to continue, on the host."""
        return {
            "rule": self.rules[member].to_dict(),
            "rates": list(self._rates[member]),
            "estimator": {name: values[rows].cpu().clone() for name, values in self._estimator.memory.items()},
            "trace": {name: list(values) for name, values in self._traces[member].items()},
            "failures": dict(self._failures[member]),
        }

    def load_member_state(self, member: int, rows: slice, state: Mapping[str, Any]) -> Values:
        """Return the rates of the last step, after setting all that :meth:`member_state` returned."""
        self.rules[member].load(state["rule"])
        self._rates[member] = list(state["rates"])
        self._estimator.load(rows, state["estimator"])
        self._traces[member] = {name: list(values) for name, values in state["trace"].items()}
        self._failures[member] = dict(state["failures"])
        return self._rates[member]

    def _observe(self, step: int, rows: Rows, norms: list[Values], slopes: list[Values]) -> None:
        """Give the rules |H| (R, B) and |g| (R, B); plain numbers, as a step of a small network takes a millisecond."""
        for member, rule in self.rules.items():
            own = rows.of(member)
            # Of coupled copies the largest curvature and the smallest gradient decide: one rate serves them all.
            largest = [max(copies) for copies in zip(*norms[own], strict=True)]
            square = [min(copies) ** 2 for copies in zip(*slopes[own], strict=True)]
            if not all(isfinite(norm) for copy in norms[own] for norm in copy):
                self._fail([member], "the estimate is not finite")
            elif not all(isfinite(slope) for copy in slopes[own] for slope in copy):
                self._fail([member], "the gradient is not finite")
            elif not any(map(has_ratio, largest, square)):
                self._fail([member], "the gradient is zero")
            else:
                rule.observe(step, largest, square)

    def _fail(self, members: Iterable[int], reason: str | Exception) -> None:
        text = reason if isinstance(reason, str) else error_line(reason)
        for member in members:
            self.rules[member].fail()
            self._failures[member] = {"count": self._failures[member]["count"] + 1, "last": text}

    def _clip_factor(self, member: int) -> float:
        rule = self.rules[member]
        if rule.options.clip_threshold is None or rule.failing:
            return 1.0
        return 1.0 / (1.0 + max(rule.kappa) / rule.options.clip_threshold)


def _measured(rule: Rule) -> tuple[float, float]:
    """Return the largest |H| and kappa of the blocks; not numbers where the last estimate failed."""
    return (nan, nan) if rule.failing else (max(rule.norm), max(rule.kappa))
