"""One run from configuration to record: data, ensemble, loop, and what is written on the way.

The order within an evaluation is what makes a run survive a kill at any moment: the line goes to the metrics, then the
checkpoint, which knows how long the metrics were. A run continued from a checkpoint cuts the metrics back to it and
does the steps since then again, with the same numbers.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Any

import torch

from homotopy_bench.config import Config, validate
from homotopy_bench.cost import Cost
from homotopy_bench.data.published import provenance
from homotopy_bench.errors import InputError
from homotopy_bench.evaluation import Evaluation
from homotopy_bench.interrupt import Interrupt
from homotopy_bench.tracking.curves import draw_curves
from homotopy_bench.tracking.display import Display, Silent, describe
from homotopy_bench.tracking.environment import code_version, command_line, environment
from homotopy_bench.tracking.history import History
from homotopy_bench.tracking.record import Record
from homotopy_bench.training import EnsembleTraining


@dataclass(frozen=True)
class Result:
    """What a run gives back.

    Attributes:
        summary: The content of ``summary.json``.
        network: The trained target network (t = 1), in evaluation mode, on the host.
        folder: Where the record lies.
    """

    summary: dict[str, Any]
    network: torch.nn.Module
    folder: Path


def train(config: Config | Mapping[str, Any], folder: Path | str | None = None) -> Result:
    """Run a composed configuration, as ``homotopy-train`` does, without printing.

    Args:
        config: What :func:`homotopy_bench.compose` returned, or a nested mapping with the same keys.
        folder: Where the record goes; by default a new folder under ``paths.outputs`` named by date and time.

    Returns:
        The summary, the trained target network and the folder of the record.

    Raises:
        InputError: If the configuration cannot be used, or the folder already holds a run.

    Example:
        >>> from homotopy_bench import compose, train
        >>> import tempfile
        >>> config = compose("method=baseline", "model.depth=2", "training.epochs=1")
        >>> result = train(config, folder=tempfile.mkdtemp())
        >>> result.summary["status"], result.network(torch.zeros(1, 40)).shape
        ('completed', torch.Size([1, 10]))
    """
    if not isinstance(config, Config):
        config = validate(config)
    if folder is None:
        folder = Path(config.paths.outputs) / datetime.now().strftime("%Y-%m-%d/%H-%M-%S-%f")
    return start(config, Path(folder), [], Silent())


def start(config: Config, folder: Path, overrides: list[str], show: Display) -> Result:
    """Begin a run in a folder that holds none.

    Args:
        config: What to run.
        folder: Folder of the record.
        overrides: What the configuration was composed from, for the record.
        show: What is shown meanwhile.

    Returns:
        The result.

    Raises:
        InputError: If the folder holds a run already, or the data, the device or the model do not fit.
    """
    record = Record.create(folder, config.to_dict(), overrides)
    record.log(command_line())
    return _Run(config, record, overrides, show).go(None)


def resume(config: Config, folder: Path, overrides: list[str], show: Display) -> Result:
    """Continue an interrupted run from its last checkpoint, or from its beginning if it had none.

    Args:
        config: The run's own configuration.
        folder: Folder of the record.
        overrides: What the configuration was composed from, for the record.
        show: What is shown meanwhile.

    Returns:
        The result; bitwise what the run would have given had it not been interrupted.

    Raises:
        InputError: If the checkpoint does not belong to this code or this configuration.
    """
    record = Record(folder)
    state = record.load()
    if state is not None and state["config_hash"] != config.hash():
        accepted = f"its checkpoint.pt belongs to configuration {state['config_hash']}, not {config.hash()}"
        raise InputError("resume", folder, f"{accepted}: .hydra/config.yaml was changed since")
    record.log(f"{command_line()} (from step {state['member']['step'] if state else 0})")
    return _Run(config, record, overrides, show).go(state)


class _Run:
    """One member's way through training, and what the record learns of it."""

    def __init__(self, config: Config, record: Record, overrides: list[str], show: Display) -> None:
        self.config = config
        self.record = record
        self.overrides = overrides
        self.show = show
        self.cost = Cost()
        self.data: list[dict[str, str | bool]] = []
        self.history = History()
        self.device_name = config.hardware.name
        self.code_version = code_version()

    def go(self, state: Mapping[str, Any] | None) -> Result:
        """Return the result of training to the end, from the beginning or from a checkpoint.

        The summary is written however it ends.
        """
        try:
            training = self._prepare(state)
            self.show.start(self._title(), training.total_steps, training.step)
            status, reason = self._loop(training)
        except Exception as error:
            reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            with suppress(OSError):  # a full disk must not hide what went wrong before
                self.record.log(traceback.format_exc())
                self.record.finish(self._summary("failed", reason))
            raise
        finally:
            self.show.stop()
        self._draw()
        summary = self._summary(status, reason)
        self.record.finish(summary)
        self.record.log(f"{status}{f': {reason}' if reason else ''}")
        self.show.finish(summary, self.record.folder)
        return Result(summary, training.target_network(0), self.record.folder)

    def _prepare(self, state: Mapping[str, Any] | None) -> EnsembleTraining:
        config = self.config
        torch.set_num_threads(config.hardware.threads)
        device = config.hardware.device()
        self.device_name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        splits = config.dataset.load(config.paths.data_root())
        self.data = provenance(config.paths.data_root(), config.dataset.published())
        if others := sum(not file["published"] for file in self.data):
            self.record.log(f"{config.dataset.name}: {others} of {len(self.data)} files are not the published ones")
        training = EnsembleTraining([config], splits)
        if state is not None:
            training.load_member_states([state["member"]])
            self.cost = Cost(**state["cost"])
            self.history = History(**state["history"])
        return training

    def _loop(self, training: EnsembleTraining) -> tuple[str, str | None]:
        """Return the status after the remaining steps, and its reason."""
        total = training.total_steps
        evaluate_every = self.config.training.eval_every * training.steps_per_epoch
        save_every = self.config.training.checkpoint_every * training.steps_per_epoch
        with Interrupt() as interrupt:
            while training.step < total:
                begun = training.step
                goal = min(_next(begun, evaluate_every), _next(begun, save_every), total)
                self._train(training, goal, interrupt)
                ended = training.step == total
                # An interrupt may come before the first step of this round: what lies there has been evaluated.
                if ended or (training.step > begun and training.step % evaluate_every == 0):
                    line = self._evaluate(training)
                    train_loss, val_loss = line["train_loss"], line["val_loss_path"]
                    if _diverged(training, train_loss, val_loss):
                        return "diverged", f"training loss {train_loss}, validation loss {val_loss}"
                if ended or interrupt.requested or training.step % save_every == 0:
                    self._save(training)
                if interrupt.requested and not ended:
                    return "interrupted", f"after {training.step} of {total} steps"
        return "completed", None

    def _train(self, training: EnsembleTraining, goal: int, interrupt: Interrupt) -> None:
        begin = time.perf_counter()
        while training.step < goal and not interrupt.requested:
            training.advance()
            self.cost.gradient_evaluations += training.gradients_per_step()[0]
            self.cost.hvp_evaluations += training.products_per_step()[0]
            self.show.at_step(training.step)
        self.config.hardware.synchronize()
        self.cost.train_seconds += time.perf_counter() - begin

    def _evaluate(self, training: EnsembleTraining) -> dict[str, Any]:
        """Return the line of a new evaluation, appended to the metrics."""
        begin = time.perf_counter()
        epoch = training.step // training.steps_per_epoch
        (train_loss,) = training.take_train_loss()
        scores = Evaluation(training)
        self.history.observe(0, epoch, scores)
        target, path = scores.validation_target[0], scores.validation_path[0]
        if training.step == training.total_steps or _broken(train_loss, path.loss):
            self.history.end(0, epoch, train_loss, scores)
        self.cost.eval_seconds += time.perf_counter() - begin
        self.cost.peak_memory_mb = max(self.cost.peak_memory_mb, self.config.hardware.peak_memory_mb())
        line = {
            "epoch": epoch,
            "step": training.step,
            "u": training.step / training.total_steps,
            "t": scores.t[0],
            "lr": training.last_lr()[0],
            "train_loss": train_loss,
            "val_loss_target": target.loss,
            **target.fractions("val", "target"),
            "val_loss_path": path.loss,
            **path.fractions("val", "path"),
            "grad_norm": training.gradient_norms()[0],
            **training.diagnostics(0),
            **training.rates.take_diagnostics(0),
            **scores.of_copies(0),
            "cost": self.cost.to_dict(),
        }
        self.record.append(line)
        self.record.log(describe(line))
        self.show.evaluated(line)
        return line

    def _save(self, training: EnsembleTraining) -> None:
        self.record.save(
            {
                "config_hash": self.config.hash(),
                "code_version": self.code_version,
                "cost": asdict(self.cost),
                "history": self.history.to_dict(),
                "member": training.member_state(0),
            }
        )

    def _summary(self, status: str, reason: str | None) -> dict[str, Any]:
        config = self.config
        return {
            "status": status,
            "reason": reason,
            "dataset": config.dataset.name,
            "data": self.data,
            "model": config.model.name,
            "method": config.method.name,
            "seed": config.seed,
            "protocol": config.dataset.protocol,
            "overrides": self.overrides,
            "config": config.to_dict(),
            "config_hash": config.hash(),
            "code_version": self.code_version,
            "command": command_line(),
            "environment": environment(self.device_name, config.hardware.threads),
            **self.history.to_dict(),
            "cost": self.cost.to_dict(),
        }

    def _title(self) -> str:
        config = self.config
        files = "" if all(file["published"] for file in self.data) else " (not the published files)"
        return f"{config.method.name} on {config.dataset.name}{files}, model {config.model.name}, seed {config.seed}"

    def _draw(self) -> None:
        try:
            draw_curves(self.record.lines(), self._title(), self.record.curves)
        except Exception as error:  # a picture that cannot be drawn is no reason to lose the run
            self.record.log(f"curves.png was not drawn: {type(error).__name__}: {error}")


def _broken(train_loss: float, val_loss: float) -> bool:
    """Return whether a network has diverged; its last step may break one whose training loss was finite until then."""
    return not (isfinite(train_loss) and isfinite(val_loss))


def _diverged(training: EnsembleTraining, train_loss: float, val_loss: float) -> bool:
    """Return whether a network has diverged for good: no tracker has put it back or is about to."""
    if training.goes_back(0):
        return False
    # After a tracker has put a network back, the training loss still tells of the way that was not taken.
    return not isfinite(val_loss) if training.follower is not None else _broken(train_loss, val_loss)


def _next(step: int, every: int) -> int:
    """Return the first multiple of ``every`` above ``step``."""
    return (step // every + 1) * every
