"""What a group of runs prints: how many are alive, diverged and pruned, and a line per job at the end."""

from __future__ import annotations

import io
import queue
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from homotopy_bench.tracking.group_display import GroupBar, GroupLines, group_display, print_jobs, print_undrawn

STEPS = 400

LIMIT = 60.0
"""Seconds after which what does not come never comes."""


def train_three(show: GroupBar | GroupLines) -> None:
    """Three runs of 40 epochs; one diverges after the first, one is pruned after the second."""
    show.start("baseline on mnist1d", STEPS, 0)
    alive = 3
    for step in range(1, STEPS + 1):
        show.at_step(step)
        if step % 10 == 0:
            epoch = step // 10
            for member in range(alive):
                accuracy = 0.5 if (epoch, member) == (30, 0) else 0.1
                line = {"step": step, "epoch": epoch, "t": step / STEPS, "val_acc_target": accuracy}
                show.evaluated({**line, "val_acc_path": 0.6})
            if epoch <= 2:
                show.finish({"status": "diverged" if epoch == 1 else "pruned"}, Path())
                alive -= 1
    show.finish({"status": "completed"}, Path())
    show.stop()


def test_a_file_gets_about_twenty_plain_lines_and_the_last_standing() -> None:
    out = io.StringIO()
    show = group_display(Console(file=out, width=80), 3)
    assert isinstance(show, GroupLines)
    train_three(show)
    lines = out.getvalue().splitlines()
    assert lines[0] == "3 runs as one program, the first: baseline on mnist1d"
    assert 18 <= len(lines) - 1 <= 22
    assert lines[1] == "2 alive  1 diverged  0 pruned  epoch 1  t 0.03  best 10.0 %  path 60.0 %"
    assert lines[2].startswith("1 alive  1 diverged  1 pruned  epoch 3  ")
    assert lines[-1] == "1 alive  1 diverged  1 pruned  epoch 40  t 1.00  best 50.0 %"
    assert "\x1b" not in out.getvalue()


@pytest.mark.parametrize("members", [1, 3])
def test_where_nothing_is_evaluated_for_long_a_file_gets_steps_and_records(
    members: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homotopy_bench.core.heartbeat.EVERY", 0.0)
    written: queue.Queue[str] = queue.Queue()
    out = io.StringIO()
    monkeypatch.setattr(out, "write", written.put)
    show = group_display(Console(file=out, width=80), members)
    show.start("baseline on mnist1d", STEPS, 0)
    try:
        for doing in (f"step 2 of {STEPS}", "1 of 3 records saved"):
            show.at_step(2) if doing.startswith("step") else show.busy(doing)
            while doing not in written.get(timeout=LIMIT):
                pass
    finally:
        show.stop()


def test_a_terminal_gets_a_bar_of_at_most_eighty_columns() -> None:
    out = io.StringIO()
    show = group_display(Console(file=out, width=80, force_terminal=True), 3)
    assert isinstance(show, GroupBar)
    train_three(show)
    assert "1 alive  1 diverged  1 pruned  epoch 40  t 1.00  best 50.0 %" in out.getvalue()
    assert "best 50.0 %  path" not in out.getvalue()
    on_path = show.beside({"epoch": 40, "t": 0.5, "val_acc_target": 0.1, "val_acc_path": 0.6})
    assert on_path.endswith("best 50.0 %")  # one has arrived before


def test_a_bar_has_the_accuracy_on_the_path_until_a_run_arrives() -> None:
    show = GroupBar(Console(file=io.StringIO(), width=80, force_terminal=True), 3)
    line = {"epoch": 40, "t": 0.5, "val_acc_target": 0.1}
    assert show.beside({**line, "val_acc_path": None}).endswith("t 0.50  best 10.0 %")
    assert show.beside({**line, "val_acc_path": 0.6}).endswith("t 0.50  path 60.0 %")
    assert show.beside({**line, "t": 1.0, "val_acc_path": 0.1}).endswith("t 1.00  best 10.0 %")


def test_every_job_has_a_line() -> None:
    out = io.StringIO()
    final = {"val_acc_target": 0.25, "test_acc_target": 0.125}
    jobs: list[tuple[str, dict[str, Any]]] = [
        ("#0 seed=0", {"status": "completed", "final": final}),
        ("#1 seed=1", {"status": "failed"}),
    ]
    print_jobs(Console(file=out, width=40), jobs)
    assert [line.split() for line in out.getvalue().splitlines()[1:]] == [
        ["completed", "25.0", "%", "12.5", "%", "#0", "seed=0"],
        ["failed", "-", "-", "#1", "seed=1"],
    ]


def test_the_command_that_draws_the_pictures_can_be_copied() -> None:
    out = io.StringIO()
    print_undrawn(Console(file=out, width=40), Path("outputs/my sweep"))
    assert out.getvalue().endswith(": homotopy-report 'outputs/my sweep' --curves\n")
