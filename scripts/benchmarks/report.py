"""Time and weigh the page of a report of many long runs, made by the command in a process of its own."""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RUNS, EVALUATIONS, SEEDS, VARIANTS = 1000, 100, 10, 10
METHODS = ("baseline", "identity_homotopy", "convexity_annealing", "curvature_lr", "l2_schedule")
MODELS = ("mlp", "cnn")


def run(rounds: int) -> dict[str, float]:
    """Return seconds, peak memory in MB and megabytes of the page of 1000 runs with 100 evaluations each."""
    with tempfile.TemporaryDirectory() as folder:
        runs, page = Path(folder, "runs"), Path(folder, "report.html")
        for number in range(RUNS):
            _write(runs / str(number), number)
        command = [sys.executable, "-m", "homotopy_bench.cli.report", str(runs), "--html", str(page)]
        elapsed = []
        for _ in range(rounds):
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            elapsed.append(time.perf_counter() - start)
        # Of the largest child; on Linux in units of 1024 bytes.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
        return {"seconds": statistics.median(elapsed), "peak_mb": peak, "page_mb": page.stat().st_size / 1e6}


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
