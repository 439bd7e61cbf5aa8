"""The process of the trackers: whatever it does, the training goes on and its end is not waited for too long."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from homotopy_bench import train
from homotopy_bench.tracking import trackers
from homotopy_bench.tracking.trackers import Followed, Trackers
from tests.cli.runner import TINY
from tests.composing import compose


@pytest.mark.parametrize(
    ("boot", "problem"),
    [
        ("import time; time.sleep(600)", "no sign of life of the trackers for 0.5 s, they are left behind"),
        ("raise SystemExit(3)", "the process of the trackers ended with code 3"),
        ('print(\'{"run": 0, "tracker": "x", "problem": "gone"}\')', "logger x: gone"),
    ],
    ids=["hangs", "dies", "answers"],
)
def test_a_process_that_hangs_or_dies_is_left_behind(
    boot: str, problem: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trackers, "BOOT", boot)
    notes: list[str] = []
    warned: list[str] = []
    run = Followed(compose("logger=tensorboard"), tmp_path, 0, notes.append)
    opened = Trackers([run], warned.append, silence=0.5 if "sleep" in boot else 60.0)
    opened.end(tmp_path)
    opened.close()
    opened.close()
    assert notes == warned == [f"{problem}; training and record are not affected"]


def test_signs_of_life_are_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trackers, "BOOT", "import time\nwhile True: print('{}', flush=True); time.sleep(0.01)")
    warned: list[str] = []
    opened = Trackers([Followed(compose("logger=tensorboard"), tmp_path, 0, print)], warned.append, limit=0.1)
    opened.close()
    assert warned == ["the trackers need more than 0.1 s, they are left behind; training and record are not affected"]


def test_a_run_trains_though_the_process_of_its_trackers_dies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trackers, "BOOT", "raise SystemExit(3)")
    result = train(compose(*TINY, "training.epochs=1", "logger=tensorboard"), tmp_path / "run")
    assert result.summary["status"] == "completed"
    assert "ended with code 3; training and record" in (tmp_path / "run" / "train.log").read_text()


def test_without_loggers_no_process_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    opened = Trackers([Followed(compose(), tmp_path, 0, print)], print)
    opened.look()
    opened.end(tmp_path)
    opened.close()
