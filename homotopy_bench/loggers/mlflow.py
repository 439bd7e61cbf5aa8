"""Log to MLflow, through its client and a named store: the process's own MLflow settings stay as they are."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from homotopy_bench.loggers.base import Logger, Point, Run, Tracker, flat, results, said

if TYPE_CHECKING:
    from mlflow import MlflowClient

METRICS, PARAMETERS = 1000, 100
"""Most entries that MLflow takes at once."""

LONGEST = 5000
"""Most characters that MLflow takes in a tag."""

STATUS = {"completed": "FINISHED", "diverged": "FINISHED", "pruned": "FINISHED", "interrupted": "KILLED"}
"""Status of the record -> that of MLflow; the record's own is a tag."""


class MLflow(Logger):
    """Log to MLflow, to a server or into a database.

    ``tracking_uri`` has no credentials: those belong in MLflow's own variables.
    """

    name: Literal["mlflow"] = "mlflow"
    tracking_uri: str | None = None
    experiment: str = "homotopy-bench"

    package: ClassVar[str] = "mlflow"
    variables: ClassVar[Mapping[str, str]] = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # A server that does not answer is said to be gone within seconds instead of minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    }

    def open(self, run: Run) -> Tracker:
        """Return the tracker of a run that begins or continues."""
        from filelock import FileLock
        from mlflow import MlflowClient

        if self.tracking_uri is not None or os.environ.get("MLFLOW_TRACKING_URI"):
            return _Open(self.experiment, run, MlflowClient(self.tracking_uri), None)
        outputs = run.outputs.absolute()
        outputs.mkdir(parents=True, exist_ok=True)
        # Two processes that make the tables at once get into each other's way.
        with FileLock(outputs / "mlflow.db.lock"):
            client = MlflowClient(f"sqlite:///{outputs / 'mlflow.db'}")
            return _Open(self.experiment, run, client, (outputs / "mlartifacts").as_uri())


class _Open:
    def __init__(self, experiment: str, run: Run, client: MlflowClient, artifacts: str | None) -> None:
        self._client, self._step = client, run.step
        if run.known is not None:
            self.id = run.known
            client.update_run(self.id, status="RUNNING")
            return
        from mlflow.entities import Param

        found = client.get_experiment_by_name(experiment)
        number = client.create_experiment(experiment, artifacts) if found is None else found.experiment_id
        tags = {"job_type": run.job_type, "tags": " ".join(run.tags), "folder": str(run.folder)}
        tags |= {} if run.group is None else {"group": run.group}
        self.id = client.create_run(number, run_name=run.name, tags=tags).info.run_id
        parameters = [Param(key, str(value)) for key, value in flat(run.config)]
        for start in range(0, len(parameters), PARAMETERS):
            client.log_batch(self.id, params=parameters[start : start + PARAMETERS])

    def log(self, points: Sequence[Point]) -> None:
        """Log every number over the step."""
        self._metrics([(key, value, point.step) for point in points for key, value in point.values.items()])
        self._step = points[-1].step

    def finish(self, summary: Mapping[str, Any] | None, files: Sequence[Path]) -> None:
        """Add results, picture and checkpoint."""
        if summary is not None:
            self._metrics([(key, value, self._step) for key, value in results(summary).items()])
            for key, text in said(summary).items():
                self._client.set_tag(self.id, key, text[:LONGEST])
        for file in files:
            self._client.log_artifact(self.id, str(file))
        self._client.set_terminated(self.id, "FAILED" if summary is None else STATUS.get(summary["status"], "FAILED"))

    def _metrics(self, entries: Sequence[tuple[str, float, int]]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(key, value, now, step) for key, value, step in entries]
        for start in range(0, len(metrics), METRICS):
            self._client.log_batch(self.id, metrics=metrics[start : start + METRICS])
