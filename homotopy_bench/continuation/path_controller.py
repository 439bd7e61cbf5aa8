"""Control one adaptive path: advance t, wait until the loss has settled, go back where it jumped.

A predictor-corrector path tracker (Allgower and Georg 2003, Introduction to Numerical Continuation Methods, chapters 2
and 6): the corrector is training at a fixed t, the predictor moves t and keeps the parameters. What "settled" and
"jumped" mean is read off the mean training loss between two checks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any


@dataclass(frozen=True)
class Rules:
    """State when a path controller moves.

    Attributes:
        first_step: Length of the first advance in t.
        haste: Largest length of an advance, as a multiple of the pace: the length with which the path arrives just in
            time if every advance takes as many checks as this one.
        jump: Relative rise of the loss above that of the last accepted state which is a jump.
        settle: Relative fall of the loss from one check to the next below which it has settled.
        growth: Factor by which an easy success, one that brings the loss back to where it was, lengthens the step.
        patience: Checks after an advance before the loss is judged.
        longest_wait: Checks after which a loss that still falls is taken as settled.
    """

    first_step: float
    haste: float
    jump: float
    settle: float
    growth: float
    patience: int
    longest_wait: int


def pace(t: float, checks_left: int, checks: int) -> float:
    """Return the length of advances of ``checks`` checks each with which a member at t arrives just in time."""
    return checks * (1.0 - t) / checks_left


@dataclass(frozen=True)
class Move:
    """Say what to do after a check.

    Attributes:
        t: Where to train until the next check.
        accept: Whether the state at hand is the one to go back to from now on.
        restore: Whether to go back to the last accepted state.
    """

    t: float
    accept: bool = False
    restore: bool = False


@dataclass
class PathController:
    """Control the path of one member; its state is plain numbers, which a checkpoint can hold.

    Attributes:
        step: Length of the next advance.
        t: Where the member trains.
        accepted_t: Where the last accepted state was.
        reference: Loss of the last accepted state; None before the first.
        previous: Loss at the check before; None right after an advance.
        waited: Checks since the last advance.
        accepted: Number of accepted states.
        rejected: Number of advances taken back.
        loss_after: Loss at the first check after the last advance; ``reference`` is the one before it.
        arrived: Whether the member trains at t = 1 for good.
    """

    step: float
    t: float = 0.0
    accepted_t: float = 0.0
    reference: float | None = None
    previous: float | None = None
    waited: int = 0
    accepted: int = 0
    rejected: int = 0
    loss_after: float | None = None
    arrived: bool = False

    def check(self, loss: float, checks_left: int, rules: Rules) -> Move:
        """Decide what to do, given the mean training loss since the last check.

        The path arrives in time whatever the loss does: a member whose step has become shorter than half its pace is
        late. It advances as soon as its patience ends, at its pace, and is not sent back unless its loss is not finite;
        with no check left it moves to t = 1 for good. An advance to t = 1 is judged like any other.

        Args:
            loss: Mean training loss at the present t since the last check.
            checks_left: Checks until the path must have arrived, this one not counted.
            rules: When to move.

        Returns:
            What to do.
        """
        if self.arrived:
            return Move(1.0)
        if checks_left <= 0:
            return self._arrive(restore=not isfinite(loss))
        self.waited += 1
        if self.waited == 1:
            self.loss_after = loss
        late = self.step < pace(self.accepted_t, checks_left, rules.patience) / 2
        judged = self.waited >= rules.patience
        before = self.loss_after if self.reference is None else self.reference
        jumped = before is not None and judged and loss > before * (1.0 + rules.jump)
        if not isfinite(loss) or (jumped and not late):
            return self._go_back()
        settled = self.previous is not None and loss > self.previous * (1.0 - rules.settle)
        self.previous = loss
        if (judged and (settled or late)) or self.waited >= rules.longest_wait:
            return self._go_on(loss, checks_left, late, rules)
        return Move(self.t)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain numbers."""
        return asdict(self)

    def _go_on(self, loss: float, checks_left: int, late: bool, rules: Rules) -> Move:
        """Return the advance from the state at hand, which is accepted."""
        easy = self.reference is None or loss <= self.reference
        self.accepted_t, self.reference, self.accepted = self.t, loss, self.accepted + 1
        if self.t == 1.0:
            self.arrived = True
            return Move(1.0, accept=True)
        step = self.step * rules.growth if easy else self.step
        just_in_time = pace(self.t, checks_left, self.waited)
        self.step = just_in_time if late else min(step, rules.haste * just_in_time)
        return self._advance(Move(self._ahead(), accept=True))

    def _arrive(self, restore: bool) -> Move:
        """Return the last advance, which nothing takes back."""
        self.arrived = True
        return self._advance(Move(1.0, accept=not restore, restore=restore))

    def _go_back(self) -> Move:
        """Return half of the last advance, from where it began; before the first one, the beginning."""
        self.rejected += 1
        if self.t == self.accepted_t:
            return self._advance(Move(self.t, restore=True))
        self.step, self.t = self.step / 2, self.accepted_t
        return self._advance(Move(self._ahead(), restore=True))

    def _ahead(self) -> float:
        return min(1.0, self.t + self.step)

    def _advance(self, move: Move) -> Move:
        self.t, self.previous, self.waited = move.t, None, 0
        return move
