"""Records written by version 0.1.0 are reported, and those of interrupted runs continue as that version would have."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from homotopy_bench import compose
from homotopy_bench.config.validation import validate
from homotopy_bench.report import build_report, read_runs
from homotopy_bench.report.runs import Run
from homotopy_bench.runs.job import Job
from homotopy_bench.runs.run import resume
from homotopy_bench.sweeps.continuing import resume_sweep
from homotopy_bench.tracking.display import Silent
from homotopy_bench.tracking.record import read_metrics
from homotopy_bench.tracking.resumable import read_run
from tests.runs.records import shown

RECORDS = Path(__file__).parent / "records_0_1"
COMPLETED, STOPPED = (RECORDS / kind for kind in ("completed", "stopped"))

SINGLE = sorted(path.name for path in COMPLETED.iterdir() if path.name != "multirun")
RUNS = sorted(str(path.parent.relative_to(COMPLETED)) for path in COMPLETED.rglob("summary.json"))

OLDER_DEFAULTS = {
    "convexity_annealing": (
        "method.form=variance_preserving",
        "optimizer.lr=2.8e-3",
        "optimizer.weight_decay=0.03",
    )
}
"""What other defaults than today's were in version 0.1; CHANGELOG.md says why they changed."""

NEWER = ("max_grad_norm", "loss_spikes", "loss_spike_steps")
"""What lines have that a later version writes after those of version 0.1."""


def summary(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return content


def assert_near(value: object, expected: object, where: str = "") -> None:
    """Fail unless two parts of a record agree to a relative 1e-6: they may come from different processors."""
    if isinstance(expected, Mapping) and isinstance(value, Mapping):
        newer = {key for key in NEWER if key in value and key not in expected}
        assert value.keys() - newer == expected.keys(), where
        for key in expected:
            assert_near(value[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(value, list):
        assert len(value) == len(expected), where
        for index, pair in enumerate(zip(value, expected, strict=True)):
            assert_near(*pair, f"{where}[{index}]")
    else:
        wanted = pytest.approx(expected, rel=1e-6, abs=1e-9) if isinstance(expected, float) else expected
        assert value == wanted, where


def assert_completed_like(folder: Path, reference: Path) -> None:
    assert summary(folder)["status"] == "completed"
    lines, expected = (shown(read_metrics(one / "metrics.jsonl")) for one in (folder, reference))
    assert_near(lines, expected)
    for part in ("final", "best", "best_on_path", "cost"):
        assert_near(shown(summary(folder)[part]), shown(summary(reference)[part]), part)


def test_the_fixture_is_whole() -> None:
    assert len(SINGLE) == 5
    assert len(RUNS) == 9
    for name in RUNS:
        stopped = summary(STOPPED / name)
        assert stopped["status"] == "interrupted"
        assert stopped["reason"] in ("after 13 of 16 steps", "after 14 of 16 steps")
        assert len(read_metrics(STOPPED / name / "metrics.jsonl")) < len(
            read_metrics(COMPLETED / name / "metrics.jsonl")
        )


def test_the_report_reads_completed_runs_and_lists_interrupted_ones() -> None:
    records = read_runs([RECORDS])
    runs = [record for record in records if isinstance(record, Run)]
    assert {str(run.path.relative_to(COMPLETED)): run.test_acc for run in runs} == {
        name: summary(COMPLETED / name)["final"]["test_acc_target"] for name in RUNS
    }
    report = build_report(records)
    assert sorted(str(Path(one.path).relative_to(STOPPED)) for one in report.unusable) == RUNS
    assert {one.kind for one in report.unusable} == {"interrupted"}
    assert sorted(path for section in report.sections for row in section.rows for path in row.paths) == [
        str(COMPLETED / name) for name in RUNS
    ]


@pytest.mark.parametrize("kind", [COMPLETED, STOPPED], ids=["completed", "stopped"])
def test_a_recorded_configuration_has_its_hash_today(kind: Path) -> None:
    for name in RUNS:
        recorded = summary(kind / name)
        older = OLDER_DEFAULTS.get(name, ())
        assert compose(*recorded["overrides"], *older).hash() == recorded["config_hash"], name
        assert validate(recorded["config"]).hash() == recorded["config_hash"], name


@pytest.mark.parametrize("name", SINGLE)
def test_an_interrupted_run_completes_as_it_would_have(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    shutil.copytree(STOPPED / name, folder)
    config, overrides, ended = read_run(folder)
    assert ended is None
    assert resume(Job(config, folder, overrides), Silent()).summary["status"] == "completed"
    assert_completed_like(folder, COMPLETED / name)


def test_an_interrupted_multirun_completes_as_it_would_have(tmp_path: Path) -> None:
    folder = tmp_path / "multirun"
    shutil.copytree(STOPPED / "multirun", folder)
    errors: list[Exception] = []
    resume_sweep(folder, errors.append)
    assert errors == []
    for number in range(4):
        assert_completed_like(folder / str(number), COMPLETED / "multirun" / str(number))
