"""The workspace and the report of W&B for runs of homotopy-train, built in code.

    python scripts/wandb_dashboard.py --entity ME --project homotopy-bench [--save]

Without --save it prints what would be built, as JSON, and needs no network.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import wandb_workspaces.reports.v2 as reports
import wandb_workspaces.workspaces as workspaces

METHOD = "method.name"
"""What runs are grouped by: key of the configuration."""

AT_TARGET = ("final/test_acc_target", "best/test_acc_target")
"""Compared between methods: the target network alone."""

OVER_STEPS = ("val_acc_target", "val_acc_path", "train_loss", "lr", "t", "grad_norm")
OVER_T = ("val_acc_path", "val_acc_target", "val_loss_path", "train_loss", "grad_norm", "lr")

SWEPT = ("optimizer.lr", "optimizer.weight_decay", "lr_schedule.warmup_fraction", "continuation.warmup_fraction")
"""Keys of the configuration that studies tune."""

TUNED_ON, REPORTED = "final/val_acc_target", "final/test_acc_target"


def main() -> int:
    """Build, and print or save.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entity", required=True, help="user or team of W&B")
    parser.add_argument("--project", default="homotopy-bench")
    parser.add_argument("--save", action="store_true", help="build it on the server")
    arguments = parser.parse_args()
    built = (workspace(arguments.entity, arguments.project), report(arguments.entity, arguments.project))
    if arguments.save:
        for one in built:
            print(one.save().url)
    else:
        names = ("workspace", "report")
        print(json.dumps({name: specification(one) for name, one in zip(names, built, strict=True)}, indent=2))
    return 0


def comparison() -> list[Any]:
    """Return the panels that compare methods, at t = 1."""
    bars = [
        reports.BarPlot(title=key, metrics=[reports.Metric(key)], groupby=reports.Config(METHOD)) for key in AT_TARGET
    ]
    return [*bars, *(_curve("step", key) for key in OVER_STEPS)]


def paths() -> list[Any]:
    """Return the panels of what happens on the path, over t."""
    return [_curve("t", key) for key in OVER_T]


def sweeps() -> list[Any]:
    """Return the panels of sweeps: what was tuned, what it was tuned on, and what came out."""
    columns = [*(reports.Config(key) for key in SWEPT), *(reports.SummaryMetric(key) for key in (TUNED_ON, REPORTED))]
    plots = [reports.ParallelCoordinatesPlotColumn(metric=column) for column in columns]
    against = reports.ScatterPlot(
        title="selection against report", x=reports.SummaryMetric(TUNED_ON), y=reports.SummaryMetric(REPORTED)
    )
    return [reports.ParallelCoordinatesPlot(columns=plots, title="sweep"), against]


def workspace(entity: str, project: str) -> workspaces.Workspace:
    """Return the workspace.

    Args:
        entity: User or team.
        project: Project.
    """
    sections = {"Methods at t = 1": comparison(), "On the path, over t": paths(), "Sweeps": sweeps()}
    return workspaces.Workspace(
        entity=entity,
        project=project,
        name="homotopy-bench",
        sections=[workspaces.Section(name=name, panels=panels, is_open=True) for name, panels in sections.items()],
    )


def report(entity: str, project: str) -> reports.Report:
    """Return the report.

    Args:
        entity: User or team.
        project: Project.
    """
    # Sets of runs without a project of their own are of the report's, and can be built without a server.
    runs = reports.Runset(name="runs", groupby=[f"config.{METHOD}"])
    single = reports.Runset(name="trials")
    return reports.Report(
        entity=entity,
        project=project,
        title="homotopy-bench",
        description="Does training by homotopy beat a well-tuned baseline, on the target network, at equal cost?",
        blocks=[
            reports.H1("Methods, at t = 1"),
            reports.P("Only the target network is compared. homotopy-report has intervals and paired tests."),
            reports.PanelGrid(runsets=[runs], panels=comparison()),
            reports.H1("On the path, over t"),
            reports.P("Another network at every t: shown, never ranked."),
            reports.PanelGrid(runsets=[runs], panels=paths()),
            reports.H1("Sweeps"),
            reports.P("Selected on validation at t = 1, reported on test."),
            reports.PanelGrid(runsets=[single], panels=sweeps()),
        ],
    )


def specification(built: workspaces.Workspace | reports.Report) -> dict[str, Any]:
    """Return what the server would be sent.

    Args:
        built: The workspace or the report.
    """
    sent: dict[str, Any] = json.loads(built._to_model().model_dump_json(by_alias=True, exclude_none=True))
    return sent


def _curve(axis: str, key: str) -> Any:
    return reports.LinePlot(
        title=f"{key} over {axis}", x=reports.Metric(axis), y=[reports.Metric(key)], groupby=reports.Config(METHOD)
    )


if __name__ == "__main__":
    sys.exit(main())
