"""What a run remembers of its evaluations: the last one, the best at t = 1, and the best anywhere on the path."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from homotopy_bench.training.evaluation import Evaluation


@dataclass
class History:
    """The evaluations of one member that its summary names.

    Attributes:
        final: The last evaluation, with the test figures of the target network.
        best: The evaluation with t = 1 that has the best validation accuracy, with its test figures.
        best_on_path: The same over all evaluations, each at its own t. It describes the path; a homotopy is never
            ranked by it, because the network it belongs to is not the target.
    """

    final: dict[str, Any] | None = None
    best: dict[str, Any] | None = None
    best_on_path: dict[str, Any] | None = None

    def observe(self, member: int, epoch: int, scores: Evaluation) -> None:
        """Take an evaluation into account; of equally good ones the first stays.

        Test figures are computed only for evaluations that the validation split has chosen.

        Args:
            member: Row of the ensemble.
            epoch: Epochs done.
            scores: The evaluation.
        """
        t, target, path = scores.t[member], scores.validation_target[member], scores.validation_path[member]
        if t == 1.0 and (self.best is None or target.accuracy > self.best["val_acc_target"]):
            test = scores.test_target[member]
            self.best = {
                "epoch": epoch,
                "t": t,
                "val_loss_target": target.loss,
                **target.fractions("val", "target"),
                "test_loss_target": test.loss,
                **test.fractions("test", "target"),
            }
        if self.best_on_path is None or path.accuracy > self.best_on_path["val_acc_path"]:
            test = scores.test_path[member]
            self.best_on_path = {
                "epoch": epoch,
                "t": t,
                "val_loss_path": path.loss,
                **path.fractions("val", "path"),
                "test_loss_path": test.loss,
                **test.fractions("test", "path"),
            }

    def end(self, member: int, epoch: int, train_loss: float, scores: Evaluation) -> None:
        """Keep the last evaluation of a run, with the test figures of its target network.

        Args:
            member: Row of the ensemble.
            epoch: Epochs done.
            train_loss: Mean loss of the training batches since the evaluation before.
            scores: The evaluation.
        """
        target, test = scores.validation_target[member], scores.test_target[member]
        self.final = {
            "epoch": epoch,
            "t": scores.t[member],
            "train_loss": train_loss,
            "val_loss": target.loss,
            **target.fractions("val", "target"),
            "val_acc_path": scores.validation_path[member].accuracy,
            "test_loss_target": test.loss,
            **test.fractions("test", "target"),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the three as they stand in a record."""
        return asdict(self)
