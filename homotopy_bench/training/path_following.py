"""Follow adaptive paths with an ensemble: every member has a path controller and a state to go back to.

The controllers decide (:mod:`homotopy_bench.continuation.path_controller`); this module gives them the members' losses
and moves rows of theta and of the optimiser's moments. Members never wait for each other: one advances while
another goes back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from homotopy_bench.config.schema import Config
from homotopy_bench.continuation.adaptive import Adaptive
from homotopy_bench.continuation.path_controller import PathController
from homotopy_bench.ensemble.copies import copied
from homotopy_bench.optim.base import RowOptimizer


def adaptive_paths(configs: Sequence[Config]) -> dict[int, Adaptive]:
    """Return the adaptive continuations, by member."""
    return {m: one.continuation for m, one in enumerate(configs) if isinstance(one.continuation, Adaptive)}


class PathFollower:
    """The controllers of the members with an adaptive path, and the rows each goes back to.

    Args:
        paths: The adaptive continuations by member.
        rows: For each of the M members the parts of its row of theta.
        buffers: What else of a network training changes (running statistics): name -> values, shape (M, ...).
        optimizer: The optimiser over the rows.
        steps: Training steps of the whole run.
    """

    def __init__(
        self,
        paths: Mapping[int, Adaptive],
        rows: Sequence[Sequence[Tensor]],
        buffers: Mapping[str, Tensor],
        optimizer: RowOptimizer,
        steps: int,
    ) -> None:
        self.paths = dict(paths)
        self.rows = [list(pieces) for pieces in rows]
        self.buffers = dict(buffers)
        self.optimizer = optimizer
        self.every = {member: path.check_every(steps) for member, path in paths.items()}
        self.checks = {member: path.checks(steps) for member, path in paths.items()}
        self.controllers = {member: path.controller() for member, path in paths.items()}
        self._states = {member: self._state(member) for member in paths}
        first = self.rows[0][0]
        self._loss_sum = torch.zeros(len(self.rows), device=first.device, dtype=first.dtype)

    def observe(self, losses: Float[Tensor, " R"]) -> None:
        """Take the members' batch losses, shape (M,), into account; nothing waits for the device."""
        if self.controllers:
            self._loss_sum += losses

    def check(self, step: int) -> dict[int, float]:
        """Let every controller decide whose check is due, and move the rows of those that go back.

        Args:
            step: Steps done.

        Returns:
            The path parameters until the next check, by member whose check was due.
        """
        due = [member for member, every in self.every.items() if step and step % every == 0]
        sums: list[float] = self._loss_sum.tolist() if due else []  # looking at them waits for the device
        for member in due:
            controller, every = self.controllers[member], self.every[member]
            self._loss_sum[member] = 0.0
            # The last update before a check may break a member whose losses were finite until then.
            sound = all(bool(piece.isfinite().all()) for piece in self.rows[member])
            mean = sums[member] / every if sound else float("nan")
            move = controller.check(mean, self.checks[member] - step // every, self.paths[member].rules())
            if move.restore:
                self._restore(member)
            elif move.accept:
                self._states[member] = self._state(member)
        return {member: self.controllers[member].t for member in due}

    def follows(self, member: int) -> bool:
        """Return whether a member's path is adaptive."""
        return member in self.controllers

    def goes_back(self, member: int) -> bool:
        """Return whether a member whose loss is not finite will be put back to where it was."""
        return member in self.controllers and not self.controllers[member].arrived

    def diagnostics(self, member: int) -> dict[str, Any]:
        """Return what the record says of a member's path; nothing where it is not adaptive."""
        controller = self.controllers.get(member)
        if controller is None:
            return {}
        return {
            "path_accepted": controller.accepted,
            "path_rejected": controller.rejected,
            "path_step": controller.step,
            "path_loss_before": controller.reference,
            "path_loss_after": controller.loss_after,
        }

    def member_state(self, member: int) -> dict[str, Any] | None:
        """Return all that one member's path needs to continue, on the host; None where it is not adaptive."""
        if member not in self.controllers:
            return None
        return {
            "tracker": self.controllers[member].to_dict(),
            "loss_sum": self._loss_sum[member].cpu().clone(),
            "accepted": copied(self._states[member], "cpu"),
        }

    def load_member_state(self, member: int, state: Mapping[str, Any]) -> None:
        """Continue where :meth:`member_state` stood."""
        self.controllers[member] = PathController(**state["tracker"])
        self._loss_sum[member] = state["loss_sum"]
        self._states[member] = copied(state["accepted"], self._loss_sum.device)

    def _state(self, member: int) -> list[dict[str, Any]]:
        """Return copies of a member's parts of theta with their moments, and then of its buffers."""
        moments = [self.optimizer.state[piece] for piece in self.rows[member]]
        pieces = [
            {"theta": piece.clone(), **copied(state)} for piece, state in zip(self.rows[member], moments, strict=True)
        ]
        return [*pieces, {name: values[member].clone() for name, values in self.buffers.items()}]

    def _restore(self, member: int) -> None:
        """Put the last accepted state back; before the first, that is the initial one, with empty moments."""
        *pieces, buffers = self._states[member]
        for piece, saved in zip(self.rows[member], pieces, strict=True):
            piece.copy_(saved["theta"])
            moments = {name: value for name, value in saved.items() if name != "theta"}
            self.optimizer.state[piece] = copied(moments)
        for name, values in self.buffers.items():
            values[member].copy_(buffers[name])
