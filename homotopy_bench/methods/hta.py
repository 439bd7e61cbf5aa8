"""Train coupled copies: HTA, the homotopy training algorithm (Chen and Hao 2019, arXiv:1903.09872).

Also at openreview.net/forum?id=B1l6nnEtwr.

m >= 2 copies x_1, ..., x_m of the network train together on

    H = sum_j f(x_j)  +  alpha L sum_j |M_j (x_j - r)|^2  +  (beta/L) sum_{i<j} |x_i - x_j|^2

while L falls level by level: at large L each copy is held near the reference r in its own part M_j of the parameters
and is nearly a smaller network; as L falls the copies are pulled together. With m = 2 and alpha = beta = 1 this is the
published objective (eq. 3). The last stage, t = 1, is on f alone.

In this implementation:

- The copies are rows of theta with optimiser states of their own. Copy 1 is the network of the run's seed and sees its
  batches; copy j > 1 has the initial values of another seed, and with ``batches=separate`` also its batches: with both
  penalties off the copies are independent runs of those seeds, bit for bit.
- At t = 1 the copies are replaced by their mean: parameters, running statistics and moments of the optimiser are
  averaged once, and one network trains on, at one gradient a step. Its statistics are those of the mean network where
  the copies agree, which they nearly do under the coupling; otherwise training corrects them.
- Evaluations at the target score the mean of the copies. Evaluations on the path score every copy: their mean accuracy
  and loss are those "on the path", and the record also has each accuracy and the copies' distance.
- For small L the copies agree, and their mean follows f + (alpha L/m) |x - r|^2: with two copies, weight decay L toward
  r (``method=l2_schedule`` is that control).

``update`` says how the penalties enter a step: ``proximal`` (default, stable for every learning rate), ``literal`` (the
gradient of H; unstable from eta = (1 + momentum) L/2 on) or ``released`` (the authors' code). Gradients are clipped
copy by copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from homotopy_bench.core.errors import InputError
from homotopy_bench.core.options import PER_MEMBER
from homotopy_bench.core.run_sections import RunSections
from homotopy_bench.methods.coupling.levels import LevelledMethod
from homotopy_bench.methods.coupling.stability import largest_rate

if TYPE_CHECKING:
    import torch

    from homotopy_bench.methods.base import InitialState
    from homotopy_bench.methods.regularizer import Regularizer

Weight = Annotated[float, Field(ge=0.0), PER_MEMBER]


class HTA(LevelledMethod):
    """Train m copies, anchored in different parameters and coupled, while L falls level by level; see the module.

    ``groups`` is m, ``split`` where copy j is anchored (M_j), ``reference`` what to (r), ``anchor`` and ``coupling``
    are alpha and beta, 0 for off.
    """

    name: Literal["hta"] = "hta"
    groups: Annotated[int, Field(ge=2)] = 2
    split: Literal["layers", "channels", "random"] = "layers"
    update: Literal["proximal", "literal", "released"] = "proximal"
    reference: Literal["zero", "initial", "random"] = "zero"
    batches: Literal["shared", "separate"] = "shared"
    anchor: Weight = 1.0
    coupling: Weight = 1.0
    allow_unstable: Annotated[bool, PER_MEMBER] = False

    @model_validator(mode="after")
    def _what_the_authors_code_has(self) -> HTA:
        for key, value in {"groups": 2, "split": "channels", "reference": "zero"}.items():
            if self.update == "released" and getattr(self, key) != value:
                raise ValueError(f"update=released needs {key}={value}, not {getattr(self, key)}")
        return self

    @property
    def copies(self) -> int:
        """Number m of copies."""
        return self.groups

    @property
    def epochs_after_levels(self) -> int:
        """None for the authors' code, which has no stage on f alone."""
        return 0 if self.update == "released" else super().epochs_after_levels

    @property
    def batch_per_copy(self) -> bool:
        """Whether every copy has batches of its own."""
        return self.batches == "separate"

    def check(self, run: RunSections) -> None:
        """Check levels, continuation, learning rate and clipping.

        Raises:
            InputError: If the literal update would diverge, the path is adaptive, or rows of ``released`` would be
                clipped apart.
        """
        super().check(run)
        # Copies that have become their mean cannot part again: t must not fall.
        if run.continuation.name in ("adaptive", "shuffled"):
            accepted = "accepted: constant, cosine, jump, levels, linear, polynomial, stepwise"
            raise InputError("continuation", run.continuation.name, f"method=hta falls level by level; {accepted}")
        if self.update == "released" and run.training.clip_norm is not None:
            accepted = "update=released has parameters in common, which clipping copy by copy would part"
            raise InputError("training.clip_norm", run.training.clip_norm, f"{accepted}; accepted: null")
        descent = run.optimizer.model_dump()
        plain = {"momentum", "nesterov"} <= descent.keys()  # the bound is that of gradient descent
        if self.update == "literal" and self.coupling and not self.allow_unstable and plain:
            level, rate = self.values()[-1], run.optimizer.lr
            limit = largest_rate(level, descent["momentum"], descent["nesterov"], self.groups, self.coupling)
            if run.lr_schedule.name == "trace" and run.continuation.name != "constant":
                accepted = "update=literal diverges for large rates, and these are not known beforehand"
                why = f"{accepted}; accepted: update=proximal, or method.allow_unstable=true"
                raise InputError("lr_schedule", "trace", why)
            if run.continuation.name != "constant" and rate >= limit:
                accepted = f"update=literal diverges at L={level:g}; accepted: a number < {limit:g}"
                raise InputError("optimizer.lr", rate, f"{accepted}, update=proximal, or method.allow_unstable=true")

    def deform(self, network: torch.nn.Module) -> None:
        """Leave the network as it is, after checking that there is something in it to split.

        Raises:
            InputError: If it has fewer layers or channels than ``groups``, or no convolutions for ``released``.
        """
        from homotopy_bench.methods.coupling.released import shared_parameters
        from homotopy_bench.methods.coupling.splits import check_groups

        check_groups(self.split, network, self.groups)
        if self.update == "released" and not shared_parameters(network)[0]:
            accepted = "update=released shares the convolutions of the copies; accepted: a model with convolutions"
            raise InputError("method", self.name, accepted)

    def regularizer(self, initial: InitialState) -> Regularizer | None:
        """Return the penalties on the copies; None where every member is at the target from the start."""
        from homotopy_bench.methods.coupling.copies import Weights, references
        from homotopy_bench.methods.coupling.literal import LiteralGradient
        from homotopy_bench.methods.coupling.proximal import Proximal
        from homotopy_bench.methods.coupling.released import Released
        from homotopy_bench.methods.coupling.splits import masks

        ensemble, rows = initial.ensemble, initial.rows
        if max(rows.counts) == 1:
            return None
        own = {member: one for member, one in enumerate(initial.methods) if isinstance(one, HTA)}
        weights = {member: Weights(one.level, one.anchor, one.coupling) for member, one in own.items()}
        if self.update == "released":
            return Released(weights, ensemble, rows)
        update = Proximal if self.update == "proximal" else LiteralGradient
        anchored = masks(self.split, ensemble.network, self.groups, initial.seeds)
        on_device = [mask.to(ensemble.theta.device) for mask in anchored]
        return update(weights, on_device, references(self.reference, initial))
