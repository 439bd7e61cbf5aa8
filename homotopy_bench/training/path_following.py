"""Track adaptive paths with per-member rollback.

The controllers decide (:mod:`homotopy_bench.continuation.path_controller`); this module gives them the members' losses
and moves rows of theta and of the optimiser's moments. Members never wait for each other: one advances while
another is rolled back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from homotopy_bench.config.schema import Config
from homotopy_bench.continuation.adaptive import Adaptive
from homotopy_bench.continuation.path_controller import PathController
from homotopy_bench.ensemble.copies import copied
from homotopy_bench.ensemble.ensemble import Ensemble
from homotopy_bench.optim.base import RowOptimizer

_AVERAGE = "weight average"
"""Name of the average in an accepted state, which no buffer of a network has."""


class PathFollower:
    """Let path controllers move the members with an adaptive path, and roll their rows back.

    Args:
        configs: The M members' configurations.
        ensemble: The networks.
        optimizer: The optimiser over the rows.
        steps: Training steps of the whole run.
        average: Averages of the rows of theta over the steps, which go back with them; None for none.
    """

    def __init__(
        self,
        configs: Sequence[Config],
        ensemble: Ensemble,
        optimizer: RowOptimizer,
        steps: int,
        average: Float[Tensor, "R P"] | None = None,
    ) -> None:
        paths = {m: one.continuation for m, one in enumerate(configs) if isinstance(one.continuation, Adaptive)}
        self.paths = paths
        self.rows = ensemble.rows
        self.buffers = {name: own for name, own in ensemble.statistics().items() if own.is_floating_point()}
        self._theta, self._average = ensemble.theta, average
        self._averaging = {m for m, one in enumerate(configs) if one.training.weight_average}
        self.optimizer = optimizer
        self.every = {member: path.check_every(steps) for member, path in paths.items()}
        self.checks = {member: path.checks(steps) for member, path in paths.items()}
        self.controllers = {member: path.controller() for member, path in paths.items()}
        self._states = {member: self._state(member) for member in paths}
        self._loss_sum = ensemble.theta.new_zeros(len(self.rows))

    def observe(self, losses: Float[Tensor, " R"]) -> None:
        """Take the members' batch losses, shape (M,), into account; nothing waits for the device."""
        if self.controllers:
            self._loss_sum += losses

    def due(self, step: int) -> list[int]:
        """Return the members whose check is due after so many steps."""
        return [member for member, every in self.every.items() if step and step % every == 0]

    def check(self, step: int) -> dict[int, float]:
        """Return the path parameters until the next check, by member whose check is due after so many steps.

        The rows of members whose step is rejected are rolled back.
        """
        due = self.due(step)
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
        """Return whether a member whose loss is not finite will be rolled back."""
        return member in self.controllers and not self.controllers[member].arrived

    def diagnostics(self, member: int) -> dict[str, Any]:
        """Return the record's keys of an adaptive path; none for another path."""
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
        """Return copies of a member's parts of theta with their moments, and then of its buffers and average."""
        pieces = [{"theta": piece.clone(), **copied(self.optimizer.state[piece])} for piece in self.rows[member]]
        rest = {name: values[member].clone() for name, values in self.buffers.items()}
        if self._average is not None and member in self._averaging:
            rest[_AVERAGE] = self._average[member].clone()
        return [*pieces, rest]

    def _restore(self, member: int) -> None:
        """Put the last accepted state back; before the first, that is the initial one, with empty moments."""
        *pieces, buffers = self._states[member]
        for piece, saved in zip(self.rows[member], pieces, strict=True):
            piece.copy_(saved["theta"])
            moments = {name: value for name, value in saved.items() if name != "theta"}
            self.optimizer.state[piece] = copied(moments)
        for name, values in self.buffers.items():
            values[member].copy_(buffers[name])
        if self._average is not None:  # without one of its own, and in states of versions that kept none, it is theta
            self._average[member].copy_(buffers.get(_AVERAGE, self._theta[member]))
