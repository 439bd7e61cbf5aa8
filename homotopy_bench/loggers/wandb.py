"""Log to Weights & Biases, offline unless told otherwise, into the folder ``wandb`` of the run's own.

The keys are those of docs/trackers.md. Besides them nothing is recorded: no console, no machine figures, no code,
no packages, no environment.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from homotopy_bench.loggers.base import SILENCE, Logger, Point, Run, Tracker, results

if TYPE_CHECKING:
    import wandb

OVER_T = "over_t"
"""Section of W&B in which every metric stands once more, with t as its x axis."""

AXES = ("epoch", "step", "u", "t")
"""Keys that are x axes themselves."""

SAID = ("status", "reason", "config_hash", "code_version")
"""Texts of the summary that W&B gets."""


class Wandb(Logger):
    """Log to Weights & Biases: on disk for ``wandb sync`` with ``mode=offline``, to a server with ``online``."""

    name: Literal["wandb"] = "wandb"
    mode: Literal["offline", "online"] = "offline"
    project: str = "homotopy-bench"
    entity: str | None = None
    group: str | None = None
    tags: Annotated[list[str], Field(default_factory=list)]

    package: ClassVar[str] = "wandb"
    short: ClassVar[tuple[str, ...]] = ("mode",)
    variables: ClassVar[Mapping[str, str]] = {"WANDB_ERROR_REPORTING": "false"}

    def open(self, run: Run) -> Tracker:
        """Return a new run, or another segment of a run that is continued."""
        import wandb

        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_code=True,
            disable_git=True,
            disable_job_creation=True,
            save_code=False,
            x_disable_machine_info=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
            init_timeout=SILENCE / 2,
            finish_timeout=SILENCE / 2,
            finish_timeout_raises=True,
        )
        # W&B would not say that it cannot write there, and would go elsewhere.
        (run.folder / "wandb").mkdir(exist_ok=True)
        opened = wandb.init(
            project=self.project,
            entity=self.entity,
            dir=run.folder,
            id=run.known or uuid.uuid4().hex[:8],
            name=run.name,
            group=self.group or run.group,
            job_type=run.job_type,
            tags=[*run.tags, *self.tags],
            config=dict(run.config),
            mode=self.mode,
            resume="allow" if self.mode == "online" and run.known else None,
            reinit="create_new",
            settings=settings,
        )
        return _Open(opened)


class _Open:
    def __init__(self, run: wandb.Run) -> None:
        self._run, self.id = run, run.id
        self._last: dict[str, float] = {}
        self._defined: set[str] = set()

    def log(self, points: Sequence[Point]) -> None:
        """Log every number over the step, and once more over t."""
        for point in points:
            over_t = {f"{OVER_T}/{key}": value for key, value in point.values.items() if key not in AXES}
            self._define(point.values, "step")
            self._define(over_t, "t")
            self._last = {key: point.values[key] for key in AXES if key in point.values}
            self._run.log({**point.values, **over_t}, step=point.step)

    def finish(self, summary: Mapping[str, Any] | None, files: Sequence[Path]) -> None:
        """Add results, picture and checkpoint."""
        import wandb

        for file in files:
            if file.suffix == ".png" and self._last:
                self._run.log({**self._last, file.stem: wandb.Image(str(file))}, step=int(self._last["step"]))
            if file.suffix == ".pt":
                artifact = wandb.Artifact(f"checkpoint-{self.id}", type="model")
                # Where it lies: a copy of every checkpoint would go into the user's cache.
                artifact.add_file(str(file), policy="immutable", skip_cache=True)
                self._run.log_artifact(artifact)
        if summary is not None:
            said = {key: summary[key] for key in SAID if summary.get(key) is not None}
            self._run.summary.update({**results(summary), **said})
        self._run.finish(exit_code=int(summary is None or summary["status"] == "failed"))

    def _define(self, values: Mapping[str, float], axis: str) -> None:
        for key in values:
            if key not in self._defined:
                self._defined.add(key)
                self._run.define_metric(key, step_metric=None if key == axis else axis)
