"""Log to Weights & Biases, offline unless told otherwise, into the folder ``wandb`` of the run's own.

The keys are those of docs/trackers.md. Besides them nothing is recorded unless an option asks for it: no console, no
system metrics, no code, no packages, no environment.
"""

from __future__ import annotations

import os
import shlex
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from homotopy_bench.core.errors import InputError
from homotopy_bench.loggers.base import SILENCE, Logger, Point, Run, Tracker, results, said

if TYPE_CHECKING:
    import wandb

OVER_T = "over_t"
"""Section of W&B in which every metric stands once more, with t as its x axis."""

AXES = ("epoch", "step", "u", "t")
"""Keys that are x axes themselves."""

VARIABLES = {
    "mode": "WANDB_MODE",
    "project": "WANDB_PROJECT",
    "entity": "WANDB_ENTITY",
    "run_name": "WANDB_NAME",
    "notes": "WANDB_NOTES",
    "group": "WANDB_RUN_GROUP",
}
"""Option -> environment variable of W&B that stands in for it where it is null."""

MODES = ("offline", "online", "disabled")
"""What ``WANDB_MODE`` may say."""

OFFLINE = "offline-run-*"
"""Folders of W&B with a run that no server has."""

PACKAGE = Path(__file__).parent.parent
"""The code that ``code`` keeps."""


class Wandb(Logger):
    """Log to Weights & Biases: on disk for ``wandb sync`` with ``mode=offline``, to a server with ``online``.

    An option that is null follows its environment variable in :data:`VARIABLES`, where that is set.
    """

    # The option that users know as the name of a run would hide which tracker this is.
    name: Literal["wandb"] = Field("wandb", alias="tracker")
    mode: Literal["offline", "online"] | None = None
    project: str | None = None
    entity: str | None = None
    run_name: str | None = Field(None, alias="name")
    notes: str | None = None
    group: str | None = None
    tags: Annotated[list[str], Field(default_factory=list)]
    system_metrics: bool = False
    code: bool = False

    package: ClassVar[str] = "wandb"
    short: ClassVar[tuple[str, ...]] = ("mode",)
    variables: ClassVar[Mapping[str, str]] = {"WANDB_ERROR_REPORTING": "false"}

    def check_requirements(self) -> None:
        """Look for the package, without loading it, and at the mode that the environment asks for.

        Raises:
            InputError: If it is not installed, or there is no such mode.
        """
        super().check_requirements()
        mode = self.followed("mode", "offline")
        if mode not in MODES:
            raise InputError(VARIABLES["mode"], mode, f"accepted: {', '.join(MODES)}; or give logger.mode")

    def followed(self, option: str, otherwise: str | None) -> str | None:
        """Return an option, or its environment variable where it is null, or a third value where that is not set."""
        chosen: str | None = getattr(self, option)
        return os.environ.get(VARIABLES[option]) or otherwise if chosen is None else chosen

    def open(self, run: Run) -> Tracker:
        """Return a new run, or another segment of a run that is continued."""
        import wandb

        settings = wandb.Settings(
            silent=True,
            console="off",
            disable_code=not self.code,
            disable_git=True,
            disable_job_creation=True,
            save_code=False,  # the main script, which is that of the trackers' process
            x_disable_machine_info=not self.system_metrics,  # W&B measures nothing without it
            x_disable_meta=True,
            x_disable_stats=not self.system_metrics,
            x_stats_pid=os.getppid(),  # the training
            x_save_requirements=False,
            init_timeout=SILENCE / 2,
            finish_timeout=SILENCE / 2,
            finish_timeout_raises=True,
        )
        # W&B would not say that it cannot write there, and would go elsewhere.
        (run.folder / "wandb").mkdir(exist_ok=True)
        mode: Any = self.followed("mode", "offline")
        opened = wandb.init(
            project=self.followed("project", "homotopy-bench"),
            entity=self.followed("entity", None),
            dir=run.folder,
            id=run.known or uuid.uuid4().hex[:8],
            name=self.followed("run_name", run.name),
            notes=self.followed("notes", None),
            group=self.followed("group", run.group),
            job_type=run.job_type,
            tags=[*run.tags, *self.tags],
            config=dict(run.config),
            mode=mode,
            resume="allow" if mode == "online" and run.known else None,
            reinit="create_new",
            settings=settings,
        )
        if self.code and run.known is None:
            opened.log_code(str(PACKAGE), "source-homotopy-bench")
        return _Open(opened)


def sync_command(folders: Iterable[Path]) -> str | None:
    """Return the command that sends what runs in some folders keep offline; None where they keep nothing.

    Many folders are named by a pattern for the shell, one per depth below the folder that they share.

    Example:
        >>> import tempfile
        >>> sweep = Path(tempfile.mkdtemp())
        >>> for job in ("0", "1"):
        ...     (sweep / job / "wandb" / f"offline-run-20260101_00000{job}-abcdefgh").mkdir(parents=True)
        >>> sync_command([sweep / "0"]).removeprefix(f"wandb sync {sweep}")
        '/0/wandb/offline-run-20260101_000000-abcdefgh'
        >>> sync_command([sweep / "0", sweep / "1"]).removeprefix(f"wandb sync {sweep}")
        '/*/wandb/offline-run-*'
    """
    found = [Path(kept) for folder in folders for kept in sorted(folder.glob(f"wandb/{OFFLINE}")) if kept.is_dir()]
    if len(found) <= 1:
        return f"wandb sync {shlex.quote(str(found[0]))}" if found else None
    shared = Path(os.path.commonpath([path.parent for path in found]))
    below = {path.parent.relative_to(shared).parts for path in found}
    patterns = {Path(*("*" if part != "wandb" else part for part in parts), OFFLINE) for parts in below}
    return f"wandb sync {' '.join(f'{shlex.quote(str(shared))}/{pattern}' for pattern in sorted(patterns))}"


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
            self._run.summary.update({**results(summary), **said(summary)})
        self._run.finish(exit_code=int(summary is None or summary["status"] == "failed"))

    def _define(self, values: Mapping[str, float], axis: str) -> None:
        for key in values:
            if key not in self._defined:
                self._defined.add(key)
                self._run.define_metric(key, step_metric=None if key == axis else axis)
