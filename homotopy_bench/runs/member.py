"""Keep the state of one run, and log it to its record.

A run does not know whether it trains alone or beside others: it is a row of an ensemble with its own cost, history and
end.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

import torch
from pydantic import TypeAdapter

from homotopy_bench.continuation.adaptive import Adaptive
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.files import DamagedFile
from homotopy_bench.core.included.copies import keep, kept_about
from homotopy_bench.core.included.modules import trees_of
from homotopy_bench.core.masking import error_line
from homotopy_bench.core.open_files import keep_spare_handle
from homotopy_bench.hardware.memory import fault_of
from homotopy_bench.runs.cost import Cost
from homotopy_bench.runs.history import History
from homotopy_bench.runs.job import Job, Result
from homotopy_bench.runs.snapshots import due_snapshots
from homotopy_bench.runs.stability import Stability, instability_entries
from homotopy_bench.runs.summary import metrics_line, run_summary
from homotopy_bench.tracking.curves import draw_curves
from homotopy_bench.tracking.display import describe
from homotopy_bench.tracking.environment import code_version, command_line, look_up
from homotopy_bench.tracking.record import Record, Request, read_metrics
from homotopy_bench.tracking.title import run_title
from homotopy_bench.training.evaluation import Evaluation
from homotopy_bench.training.reading import Reading
from homotopy_bench.training.training import Training


class Member:
    """Hold the state of one run.

    Attributes:
        job: Configuration, folder and pruning callback.
        record: The record.
        writing: Whether the record has been begun or continued here; until then it is as another process has left it.
        state: The checkpoint to continue from; None at the beginning.
        step: Steps done at it.
        evaluations: Lines of the metrics written until then.
        cost: The cost so far.
        history: The evaluations that the summary names.
        stability: Loss spikes and the largest gradient norm so far.
        best: The ``state_dict`` of the target network at the best of them; None before the first at t = 1.
        landscape: What was measured at the present evaluation, by split and metric; empty where nothing was.
        draws: Whether the record gets its picture at the end.
        why_here: Why it has this hardware, where the machine has chosen it; else empty.
        status: None while it trains, then how it ended.
        result: None while it trains.
        error: Why it failed; None where it did not.
    """

    best: dict[str, torch.Tensor] | None

    def __init__(self, job: Job, record: Record, state: Mapping[str, Any] | None) -> None:
        look_up()
        keep_spare_handle()
        self.job = replace(job, config=job.config.on_this_machine())
        self.why_here = (
            f"hardware={self.job.config.hardware.name}: {why}" if (why := job.config.hardware.reason()) else ""
        )
        self.record = record
        self.writing = False
        self.draws = True
        self.landscape: dict[str, dict[str, float | None]] = {}
        self.restore(state)
        self.data: list[dict[str, str | bool]] = []
        self.device_name = self.job.config.hardware.name
        self.threads = self.job.config.hardware.threads
        self.status: str | None = None
        self.reason: str | None = None
        self.result: Result | None = None
        self.error: Exception | None = None

    @classmethod
    def begin(cls, job: Job) -> Member:
        """Return a run before its first step, in a folder that holds none.

        Raises:
            InputError: If the folder holds a run already, or cannot be written.
        """
        config = job.config.on_this_machine()
        record = Record.create(job.folder, None if job.by_hydra else Request(config.to_dict(), job.overrides))
        try:
            keep(trees_of(config.include), job.folder)
            record.log(command_line())
            member = cls(job, record, None)
            member.writing = True
            member._keep_choice()
        except OSError as error:
            record.release()
            accepted = f"{error.filename or 'its files'} cannot be written ({error.strerror})"
            raise InputError("hydra.run.dir", job.folder, accepted) from error
        except BaseException:
            record.release()
            raise
        return member

    @classmethod
    def continued(cls, job: Job) -> Member:
        """Return a run at its last checkpoint, or at its beginning if it had none; its record is left as it is.

        Raises:
            InputError: If another process writes the folder, something in it is damaged, or the checkpoint does not
                belong to this code or this configuration.
        """
        record = Record(job.folder)
        record.own()
        try:
            state = record.load()
            expected = job.config.on_this_machine().hash()
            if state is not None and state.get("config_hash") != expected:
                accepted = f"its checkpoint.pt belongs to configuration {state.get('config_hash')}, not {expected}"
                raise InputError("resume", job.folder, f"{accepted}: .hydra/config.yaml was changed since")
            return cls(job, record, state)
        except BaseException:
            record.release()
            raise

    def go_on(self) -> None:
        """Cut the metrics back to the checkpoint, once it is known that the run can continue from there."""
        if not self.writing:
            self.record.go_back_to(self.state)
            self.record.log(f"{command_line()} (from step {self.step})")
            self.writing = True
            self._keep_choice()

    def _keep_choice(self) -> None:
        """Write the hardware that was chosen here in place of the wish for a choice: the run goes on with it."""
        if self.why_here:
            self.record.replace_section("hardware", self.job.config.hardware.model_dump(mode="json"))
            self.record.log(self.why_here)

    def restore(self, state: Mapping[str, Any] | None) -> None:
        """Take the state of a checkpoint; None is the beginning."""
        self.state = state
        if state is None:
            self.cost, self.history, self.best, self.step, self.evaluations = Cost(), History(), None, 0, 0
            self.stability = Stability()
            return
        try:
            self.cost = TypeAdapter(Cost).validate_python(state["cost"])
            self.history = TypeAdapter(History).validate_python(state["history"])
            self.stability = TypeAdapter(Stability).validate_python(state.get("stability", {}))
            self.best = state.get("best")  # a version that kept none may have written it
            self.step = int(state["member"]["step"])
        except (KeyError, TypeError, ValueError) as error:
            raise self.misfit(error) from error
        self.evaluations = self.record.evaluations(state)

    def check_data(self, data: Sequence[Mapping[str, str | bool]]) -> None:
        """Check that files of a user's own have the content that they had when the run began.

        Raises:
            InputError: If they have another.
        """
        before = None if self.state is None else self.state.get("data")  # a version that kept none may have written it
        if before is not None and before != contents(data):
            raise InputError(
                "resume", self.job.folder, "its data have changed since it began; accepted: the same files"
            )

    def misfit(self, error: Exception) -> InputError:
        """Return the error of a checkpoint whose content no run of this configuration has written."""
        accepted = f"its checkpoint.pt does not fit its configuration ({error_line(error)})"
        return InputError("resume", self.job.folder, accepted)

    def rewind(self, why: str) -> None:
        """Go back to the last checkpoint after another member's failure, which ``why`` tells the log."""
        self.status = self.reason = None
        try:
            state = self.record.load()
            self.restore(state)
            self.record.go_back_to(state)
            self.record.log(f"{why} (from step {self.step})")
        except Exception as error:
            self.fail(error)

    @property
    def title(self) -> str:
        """The run in one line."""
        config, published = self.job.config, all(file["published"] for file in self.data)
        return run_title(config.method.name, config.dataset.name, config.model.name, config.seed, published=published)

    def observe(self, training: Training, row: int, train_loss: float, scores: Evaluation) -> bool:
        """Return whether an evaluation is the best at t = 1 so far, after taking it into the history.

        ``train_loss`` is that of the reading, the other arguments are those of :meth:`write`; whoever calls sets
        :attr:`best`.
        """
        epoch, path = training.step // training.steps_per_epoch, scores.validation_path[row]
        best = self.history.observe(row, epoch, scores)
        if training.step == training.total_steps or _broken(train_loss, path.loss):
            self.history.end(row, epoch, train_loss, scores)
        return best

    def measures(self, t: float, *, last: bool) -> bool:
        """Return whether the landscape is measured at an evaluation, of a run at t, which has not diverged."""
        options = self.job.config.landscape
        if not options.splits or self.status is not None:
            return False
        lines = read_metrics(self.record.metrics) if options.levels else []
        return options.due(lines[-1]["t"] if lines else None, t, last=last)

    def write(self, training: Training, row: int, reading: Reading, scores: Evaluation) -> dict[str, Any]:
        """Return the line of a new evaluation, appended to the metrics; a diverged or pruned run gets its status.

        Args:
            training: The ensemble.
            row: Which of its members this is.
            reading: Its instruments.
            scores: The evaluation.
        """
        epoch, path = training.step // training.steps_per_epoch, scores.validation_path[row]
        train_loss = reading.train_loss
        position = {
            "epoch": epoch,
            "step": training.step,
            "u": training.step / training.total_steps,
            "lr": reading.lr,
            "grad_norm": reading.grad_norm,
        }
        self.stability.observe(reading.instability)
        added = {**instability_entries(reading.instability), **reading.diagnostics}
        line = metrics_line(position, row, train_loss, scores, added, self.cost, self.landscape)
        self.landscape = {}
        self.record.append(line)
        self.record.log(describe(line))
        if self.job.on_evaluation is not None:
            self.job.on_evaluation(line)
        if self._diverged(reading, path.loss):
            self.status, self.reason = "diverged", f"training loss {train_loss}, validation loss {path.loss}"
        elif self._is_pruned(training, line):
            self.history.end(row, epoch, train_loss, scores)
            self.status, self.reason = "pruned", f"after epoch {epoch}"
        return line

    @property
    def goes_on(self) -> bool:
        """Whether it trains and its record can be written."""
        return self.status is None and self.error is None

    def save(self, trained: Mapping[str, Any]) -> None:
        """Write the checkpoint, with the state of the member in its training."""
        self.record.save(self._state(trained))

    def due_snapshots(self, epoch: int, t: float) -> list[str]:
        """Return the names of the snapshots that are due at the end of an epoch, or before the first."""
        return due_snapshots(self.job.config.training.snapshots, epoch, t, self.record.snapshots)

    def keep_snapshots(self, names: Iterable[str], trained: Mapping[str, Any]) -> None:
        """Write snapshots with the state of the member in its training."""
        state = self._state(trained)
        for name in names:
            self.record.keep_snapshot(name, state)

    def _state(self, trained: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "config_hash": self.job.config.hash(),
            "code_version": code_version(),
            "cost": asdict(self.cost),
            "history": asdict(self.history),
            "stability": asdict(self.stability),
            "best": self.best,
            "data": contents(self.data),
            "member": trained,
        }

    def finish(self, network: torch.nn.Module | None) -> Result:
        """Return the result, with the trained target network if there is one, after writing how the run ended."""
        if self.draws:
            self._draw()
        if self.best is not None:
            self.record.save_best(self.best)
        content = self.summary()
        self.record.finish(content)
        self.record.log(f"{self.status}{f': {self.reason}' if self.reason else ''}")
        return self._end(Result(content, network, self.record.folder))

    def fail(self, error: Exception) -> None:
        """Write that the run failed and why, as far as that can be written."""
        self.status, self.error = "failed", error
        self.reason = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        self.note("".join(traceback.format_exception(error)))
        if self.writing:
            with suppress(OSError):  # a full disk must not hide what went wrong before
                self.record.finish(self.summary())
        self._end(Result(self.summary(), None, self.record.folder))

    def mark_interrupted(self) -> None:
        """Write that the run was interrupted, before its turn or in the middle of it; it can be continued."""
        self.status, self.reason = "interrupted", "the training of all jobs was ended"
        try:
            self.record.finish(self.summary())
        except OSError as error:
            self.fail(error)
        else:
            self._end(Result(self.summary(), None, self.record.folder))

    def note(self, message: str) -> None:
        """Append a line to the log; what cannot be written is no reason to lose the run."""
        with suppress(OSError):
            self.record.log(message)

    def _end(self, result: Result) -> Result:
        self.result = result
        self.state = self.best = None  # of many runs they do not fit into the memory
        self.record.release()
        return result

    def summary(self) -> dict[str, Any]:
        """Return the content of ``summary.json``."""
        return run_summary(
            self.job.config,
            self.job.overrides,
            status=self.status,
            reason=self.reason,
            fault=None if self.error is None else fault_of(self.error),
            data=self.data,
            device=self.device_name,
            threads=self.threads,
            history=self.history,
            stability=self.stability,
            cost=self.cost,
            landscape=self._last_landscape(),
            included=[
                {**kept_about(tree, self.record.folder), "used": self.job.config.choices_from(tree.key)}
                for tree in trees_of(self.job.config.include)
            ],
        )

    def _last_landscape(self) -> dict[str, Any] | None:
        """Return the last measurements in the metrics, with their epoch and t; None without any."""
        if not self.job.config.landscape.splits:
            return None
        try:
            lines = read_metrics(self.record.metrics)
        except (OSError, DamagedFile):
            return None
        measured = [line for line in lines if line.get("landscape")]
        return {key: measured[-1].get(key) for key in ("epoch", "t", "landscape")} if measured else None

    def _is_pruned(self, training: Training, line: Mapping[str, Any]) -> bool:
        prune, ended = self.job.prune, training.step == training.total_steps
        return prune is not None and not ended and prune(line, training.validation_samples)

    def _diverged(self, reading: Reading, val_loss: float) -> bool:
        """Return whether the network has diverged for good: no path controller has rolled it back or is about to."""
        if reading.goes_back:
            return False
        # After a rollback the training loss is still that of the rejected steps.
        adaptive = isinstance(self.job.config.continuation, Adaptive)
        return not isfinite(val_loss) if adaptive else _broken(reading.train_loss, val_loss)

    def _draw(self) -> None:
        try:
            lines = read_metrics(self.record.metrics)
            draw_curves(lines, self.title, self.job.config.method.name, self.record.curves)
        except Exception as error:  # a picture that cannot be drawn is no reason to lose the run
            self.record.log(f"curves.png was not drawn: {error_line(error)}")


def _broken(train_loss: float, val_loss: float) -> bool:
    """Return whether a network has diverged; its last step may break one whose training loss was finite until then."""
    return not (isfinite(train_loss) and isfinite(val_loss))


def contents(data: Sequence[Mapping[str, str | bool]]) -> list[str]:
    """Return the MD5 of every file of data."""
    return [str(file.get("md5")) for file in data]
