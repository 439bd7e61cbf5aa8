"""L-BFGS for small problems (Liu and Nocedal 1989, doi:10.1007/BF01589116, algorithm 2.1), as in torch.optim.LBFGS.

A quasi-Newton method wants one objective: it is meant for full batches, ``training.batch_size`` = the size of the
training split, so that a step is an epoch. On smaller batches every step works on one batch, and the pair (s, y) that
links two steps mixes the gradients of two batches; so it does where t moves between two steps. A line search also
wants a function that is the same at every look: dropout, which draws new masks for every gradient, and the kinks of
``training.l1`` mislead it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.core.run_sections import RunSections
from homotopy_bench.optim.base import LearningRate, Optimizer, RowOptimizer

if TYPE_CHECKING:
    import torch

Iterations = Annotated[int, Field(ge=1), PER_MEMBER]
Tolerance = Annotated[float, Field(ge=0.0), PER_MEMBER]


class LBFGS(Optimizer):
    """theta <- theta - eta H g, up to n times a step, H from the last m pairs s = (change of theta), y = (change of g).

    n = ``max_iter``, m = ``history_size``. eta is the scheduled rate with base ``lr`` (``line_search=none``), or found
    from there as a first trial by a search for the strong Wolfe conditions (``strong_wolfe``); at a rate of 0 nothing
    moves. A step ends early after about ``max_eval`` gradients (null: 5 n/4), where no entry of g is larger than
    ``tolerance_grad``, or where loss or theta change by less than ``tolerance_change``. The cost counts every gradient.

    The line search compares losses: they include the penalties of ``training``; clipping and methods that correct
    gradients or parameters by themselves do not go with it.
    """

    shares_groups: ClassVar[bool] = False

    name: Literal["lbfgs"] = "lbfgs"
    lr: LearningRate = 1.0
    max_iter: Iterations = 20
    max_eval: Annotated[Iterations | None, PER_MEMBER] = None
    history_size: Iterations = 10
    tolerance_grad: Tolerance = 1e-7
    tolerance_change: Tolerance = 1e-9
    line_search: Annotated[Literal["strong_wolfe", "none"], PER_MEMBER] = "strong_wolfe"

    def check(self, run: RunSections) -> None:
        """Check that what the step minimises is the loss that its line search sees.

        Raises:
            InputError: If gradients are clipped, or the method adds to them or to the parameters.
        """
        if run.method.has_own_terms:
            why = f"method={run.method.name} changes gradients or steps by itself"
            raise InputError("optimizer", self.name, f"{why}; accepted: adam, adamw, sgd")
        if run.method.has_own_parameters:
            why = f"method={run.method.name} trains parameters of its own, apart from those of the network"
            raise InputError("optimizer", self.name, f"{why}; accepted: adam, adamw, sgd")
        if run.training.clip_norm is not None:
            why = "optimizer=lbfgs needs the gradients of its loss, not clipped ones"
            raise InputError("training.clip_norm", run.training.clip_norm, f"{why}; accepted: null")

    def group(self) -> dict[str, Any]:
        """Return the hyper-parameters under torch.optim's names."""
        options = self.model_dump(exclude={"name", "lr", "line_search", "max_eval"})
        searched = self.line_search == "strong_wolfe"
        # torch's own default of max_eval, which it does not take as None where groups are made before it.
        limit = self.max_iter * 5 // 4 if self.max_eval is None else self.max_eval
        return {**options, "max_eval": limit, "line_search_fn": self.line_search if searched else None}

    def build(self, groups: list[dict[str, Any]], penalties: Callable[[], torch.Tensor] | None = None) -> RowOptimizer:
        """Return one torch.optim.LBFGS per row, for a group each."""
        from homotopy_bench.optim.row_lbfgs import RowLBFGS

        return RowLBFGS(groups, penalties)
