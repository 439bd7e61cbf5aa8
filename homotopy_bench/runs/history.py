"""Keep the last evaluation, the best one at t = 1, and the best one anywhere on the path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homotopy_bench.training.evaluation import Evaluation
from homotopy_bench.training.objectives.base import Score


@dataclass
class History:
    """Keep the evaluations of one member that its summary names.

    Attributes:
        final: The last evaluation, with the test scores of the target network.
        best: The evaluation with t = 1 that has the best validation accuracy, with its test scores.
        best_on_path: The same over all evaluations, each at its own t. It describes the path; a homotopy is never
            ranked by it, because the network it belongs to is not the target.
    """

    final: dict[str, Any] | None = None
    best: dict[str, Any] | None = None
    best_on_path: dict[str, Any] | None = None

    def observe(self, member: int, epoch: int, scores: Evaluation) -> bool:
        """Take an evaluation of row ``member`` into account; of equally good ones the first stays.

        Test scores are computed only for evaluations that the validation split has chosen.

        Returns:
            Whether it is the best at t = 1 so far.
        """
        t, target, path = scores.t[member], scores.validation_target[member], scores.validation_path[member]
        best = t == 1.0 and (self.best is None or target.accuracy > self.best["val_acc_target"])
        if best:
            self.best = _chosen("target", epoch, t, target, scores.test_target[member])
        if self.best_on_path is None or path.accuracy > self.best_on_path["val_acc_path"]:
            self.best_on_path = _chosen("path", epoch, t, path, scores.test_path[member])
        return best

    def end(self, member: int, epoch: int, train_loss: float, scores: Evaluation) -> None:
        """Keep the last evaluation of a run, with the test scores of its target network and the last training loss."""
        target, test = scores.validation_target[member], scores.test_target[member]
        self.final = {
            "epoch": epoch,
            "t": scores.t[member],
            "train_loss": train_loss,
            "val_loss": target.loss,
            **target.figures("val", "target"),
            "val_acc_path": scores.validation_path[member].accuracy,
            "test_loss_target": test.loss,
            **test.figures("test", "target"),
        }


def _chosen(kind: str, epoch: int, t: float, validation: Score, test: Score) -> dict[str, Any]:
    """Return the record's entry of a network that the validation split has chosen."""
    return {
        "epoch": epoch,
        "t": t,
        f"val_loss_{kind}": validation.loss,
        **validation.figures("val", kind),
        f"test_loss_{kind}": test.loss,
        **test.figures("test", kind),
    }
