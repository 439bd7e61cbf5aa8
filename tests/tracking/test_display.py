"""What a run prints: plain lines in a file, and a table that keeps target and path apart."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from homotopy_bench.tracking.display import Lines, display, print_line, print_result


def line(step: int, steps: int) -> dict[str, float]:
    return {
        "epoch": step,
        "step": step,
        "u": step / steps,
        "t": step / steps,
        "lr": 1e-3,
        "train_loss": 1.0 / step,
        "val_loss_target": 2.0,
        "val_acc_target": 0.1,
        "val_loss_path": 1.0,
        "val_acc_path": 0.5,
    }


SUMMARY = {
    "method": "identity_homotopy",
    "dataset": "mnist1d",
    "status": "completed",
    "reason": None,
    "final": {"epoch": 9, "t": 1.0, "val_acc_target": 0.25, "test_acc_target": 0.5},
    "best": {"epoch": 8, "t": 1.0, "val_acc_target": 0.75, "test_acc_target": 0.125},
    "best_on_path": {"epoch": 3, "t": 0.3, "val_acc_path": 0.875, "test_acc_path": 0.625},
    "cost": {"gradient_evaluations": 90, "train_seconds": 1.5, "eval_seconds": 0.5},
}


def test_a_line_is_printed_as_it_is() -> None:
    file = io.StringIO()
    print_line(Console(file=file, width=40), "record: exp:a:1 [bold]x[/bold]")
    assert file.getvalue() == "record: exp:a:1 [bold]x[/bold]\n"


def test_a_file_gets_about_twenty_plain_lines_and_the_last_evaluation() -> None:
    out = io.StringIO()
    show = display(Console(file=out, width=80))
    assert isinstance(show, Lines)
    show.start("title", 1000, 0)
    for step in range(1, 1001):
        show.at_step(step)
        show.evaluated(line(step, 1000))
    lines = out.getvalue().splitlines()
    assert lines[0] == "title"
    assert 18 <= len(lines) - 1 <= 22
    assert lines[-1].startswith("epoch 1000  t 1.000")
    assert "\x1b" not in out.getvalue()


def test_the_table_keeps_target_and_path_apart() -> None:
    out = io.StringIO()
    print_result(Console(file=out, width=80), SUMMARY, Path("outputs/x"))
    rows = {text.split("  ")[0]: text.split() for text in out.getvalue().splitlines() if text}
    assert rows["target network, at the end"][-6:] == ["9", "1", "25.0", "%", "50.0", "%"]
    assert rows["target network, best on validation"][-6:] == ["8", "1", "75.0", "%", "12.5", "%"]
    assert rows["somewhere on the path (not ranked)"][-6:] == ["3", "0.3", "87.5", "%", "62.5", "%"]
    assert out.getvalue().rstrip().endswith("record: outputs/x")
