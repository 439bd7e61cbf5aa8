"""Time and weigh reports of many runs, each made by the command in a process of its own.

1000 long runs make a page; 10,000 short ones are read and make a text.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.many_records import copy_many, train_one

RUNS, EVALUATIONS, SEEDS, VARIANTS = 1000, 100, 10, 10
MANY = 10_000
METHODS = ("baseline", "identity_homotopy", "convexity_annealing", "curvature_lr", "l2_schedule")
MODELS = ("mlp", "cnn")


def run(rounds: int) -> dict[str, float]:
    """Return seconds, peak memory in MB and megabytes of the page of 1000 runs with 100 evaluations each.

    Then seconds and peak memory of reading 10,000 records of a real short run from Python, and of their report as text.
    """
    report = [sys.executable, "-m", "homotopy_bench.cli.report"]
    with tempfile.TemporaryDirectory() as folder:
        runs, page = Path(folder, "runs"), Path(folder, "report.html")
        for number in range(RUNS):
            _write(runs / str(number), number)
        seconds, peak = _measured([*report, str(runs), "--html", str(page)], rounds)
        found = {"seconds": seconds, "peak_mb": peak, "page_mb": page.stat().st_size / 1e6}
        many = Path(folder, "many")
        train_one(Path(folder, "one"))
        copy_many(Path(folder, "one"), many, MANY)
        read = [
            sys.executable,
            "-c",
            f"from homotopy_bench import read_runs; assert len(read_runs({str(many)!r})) == {MANY}",
        ]
        for name, command in (("read", read), ("text", [*report, str(many)])):
            found[f"{name}_{MANY}_seconds"], found[f"{name}_{MANY}_peak_mb"] = _measured(command, rounds)
    return found


def _measured(command: list[str], rounds: int) -> tuple[float, float]:
    """Return the median of the seconds of a command, and its largest memory in MB.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    elapsed, peaks = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed.append(time.perf_counter() - start)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        peaks.append(usage.ru_maxrss * 1024 / 1e6)  # on Linux in units of 1024 bytes
    return statistics.median(elapsed), max(peaks)


def _write(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    chance = random.Random(number)
    seed, rest = number % SEEDS, number // SEEDS
    variant, rest = rest % VARIANTS, rest // VARIANTS
    method, model = METHODS[rest % len(METHODS)], MODELS[rest // len(METHODS) % len(MODELS)]
    lines: list[dict[str, Any]] = []
    for epoch in range(1, EVALUATIONS + 1):
        accuracy = round(0.7 - 0.6 / (1 + 0.1 * epoch) + 0.02 * chance.random(), 4)
        cost = {"train_seconds": 0.31 * epoch + chance.random() / 9, "gradient_evaluations": 88 * epoch}
        cost["forward_equivalents"] = 264.0 * epoch
        t = 1.0 if method == "baseline" else min(1.0, epoch / 60)
        on_path = accuracy if t == 1.0 else round(accuracy + 0.05 * chance.random(), 4)
        lines.append({"epoch": epoch, "t": t, "val_acc_target": accuracy, "val_acc_path": on_path, "cost": cost})
    last = lines[-1]
    lr = 0.001 * (1 + variant)
    config = {
        "dataset": {"name": "mnist1d", "samples": 4000},
        "model": {"name": model, "init": "kaiming"},
        "method": {"name": method},
        "optimizer": {"name": "adamw", "lr": lr},
        "training": {"epochs": EVALUATIONS, "batch_size": 128},
    }
    document = {
        "schema": 1,
        "status": "completed",
        "dataset": "mnist1d",
        "model": model,
        "method": method,
        "seed": seed,
        "overrides": [f"optimizer.lr={lr}"],
        "config": config,
        "final": {"test_acc_target": last["val_acc_target"], "val_acc_target": last["val_acc_target"]},
        "cost": last["cost"],
    }
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (folder / "summary.json").write_text(json.dumps(document))
