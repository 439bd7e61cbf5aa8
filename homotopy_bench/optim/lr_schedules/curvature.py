"""Let the learning rate follow the measured curvature, over any open-loop schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, SerializeAsAny, field_validator

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.core.run_sections import RunSections
from homotopy_bench.optim.lr_schedules.base import Array, LRSchedule
from homotopy_bench.optim.lr_schedules.warmup_cosine import WarmupCosine

Share = Annotated[float, Field(gt=0.0, le=1.0), PER_MEMBER]
Positive = Annotated[float, Field(gt=0.0), PER_MEMBER]
PositiveOrNone = Annotated[Positive | None, PER_MEMBER]


class Curvature(LRSchedule):
    """Derive eta from the size of the Hessian |H|, below a schedule of training progress.

    ``base`` is that schedule; ``lr_schedule@lr_schedule.base=SCHEDULE`` chooses it.

    ``form`` is the rule (:mod:`homotopy_bench.curvature.control`): ``cap`` keeps eta below c/lam; its numbers are
    ``stability`` c (null: the optimiser's own, 2 (1 + momentum) for SGD), ``decay``, ``growth`` and ``start``.
    ``kappa`` is the published one with ``alpha``, ``target`` (null: the percentile over the dense steps),
    ``percentile`` and ``smoothing``. ``estimator`` gives |H| (:mod:`homotopy_bench.curvature.estimators`) from
    ``products`` products, the first time from ``first_products``; on a batch of at least 128 labels.

    Estimates are made at each of the first ``dense_steps`` steps, then at every step that is a multiple of ``every``.
    ``scope=per_layer`` gives every layer its own rate. Where ``clip_threshold`` is given, gradients are clipped to
    ``training.clip_norm``/(1 + kappa/clip_threshold).

    Members of one ensemble share the estimator and the steps at which it works; the numbers of the rules are their own.
    """

    precomputed: ClassVar[bool] = False
    parts: ClassVar[Mapping[str, str]] = {"base": "lr_schedule"}

    name: Literal["curvature"] = "curvature"
    base: Annotated[SerializeAsAny[LRSchedule], PER_MEMBER] = WarmupCosine()
    form: Literal["cap", "kappa"] = "cap"
    estimator: Literal["power", "hutchinson", "gradient_proxy", "secant"] = "power"
    scope: Literal["global", "per_layer"] = "global"
    every: Annotated[int, Field(ge=1)] = 50
    dense_steps: Annotated[int, Field(ge=1)] = 100
    products: Annotated[int, Field(ge=1)] = 1
    first_products: Annotated[int, Field(ge=1)] = 15
    stability: PositiveOrNone = None
    decay: Share = 0.999
    growth: Annotated[float, Field(ge=1.0), PER_MEMBER] = 1.03
    start: Share = 0.1
    alpha: Annotated[float, Field(ge=0.0), PER_MEMBER] = 1.0
    target: PositiveOrNone = None
    percentile: Annotated[float, Field(ge=0.0, le=1.0), PER_MEMBER] = 0.75
    smoothing: Annotated[float, Field(ge=0.0, lt=1.0), PER_MEMBER] = 0.9
    clip_threshold: PositiveOrNone = None

    @field_validator("base")
    @classmethod
    def _open_loop(cls, base: LRSchedule) -> LRSchedule:
        if isinstance(base, Curvature):
            raise ValueError("accepted: an open-loop schedule, lr_schedule@lr_schedule.base=SCHEDULE")
        return base

    def rates(self, u: Array, lr: float) -> Array:
        """Return the rates of ``base``: what the measured ones are bounded by, and what they fall back to."""
        return self.base.rates(u, lr)

    def check_sources(self) -> None:
        """Check the files that ``base`` reads."""
        self.base.check_sources()

    def check(self, run: RunSections) -> None:
        """Refuse what a measured rate cannot be combined with.

        Raises:
            InputError: If gradients should be clipped by curvature that are not clipped at all, the method needs one
                rate for all layers, or the optimiser searches for its rate itself.
        """
        if run.optimizer.name == "lbfgs":
            accepted = "optimizer=lbfgs takes the curvature into account itself; accepted: an open-loop schedule"
            raise InputError("lr_schedule", self.name, accepted)
        if self.clip_threshold is not None and run.training.clip_norm is None:
            accepted = "needs training.clip_norm, which it divides; accepted: null without"
            raise InputError("lr_schedule.clip_threshold", self.clip_threshold, accepted)
        if self.scope == "per_layer" and run.method.copies > 1:
            accepted = f"the copies of method={run.method.name} are coupled at one rate; accepted: global"
            raise InputError("lr_schedule.scope", self.scope, accepted)
