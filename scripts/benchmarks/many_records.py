"""Make very many records of one real short run, which differ in seed, method and learning rate."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

SEEDS = 10
METHODS = ("baseline", "identity_homotopy", "hta", "curvature_lr", "convexity_annealing")
SHORT = ("model.depth=2", "training.epochs=5", "dataset.samples=500")


def train_one(folder: Path) -> None:
    """Train the run, in a process of its own, so that this one stays small."""
    command = [sys.executable, "-m", "homotopy_bench", *SHORT, f"hydra.run.dir={folder}"]
    subprocess.run(command, check=True, capture_output=True)


def copy_many(run: Path, folder: Path, count: int) -> None:
    """Write the records of a run so many times, without its networks and its picture."""
    summary = json.loads((run / "summary.json").read_text())
    metrics = (run / "metrics.jsonl").read_bytes()
    hydra = {file.name: file.read_text() for file in (run / ".hydra").iterdir()}
    for number in range(count):
        seed, rest = number % SEEDS, number // SEEDS
        method, lr = METHODS[rest % len(METHODS)], 0.001 * (1 + rest // len(METHODS))
        config = summary["config"] | {"seed": seed, "method": summary["config"]["method"] | {"name": method}}
        config["optimizer"] = config["optimizer"] | {"lr": lr}
        final = summary["final"] | {"test_acc_target": 0.3 + 7919 * number % 1000 / 10000}
        own = {"seed": seed, "method": method, "config": config, "final": final}
        own["overrides"] = [f"optimizer.lr={lr}", f"seed={seed}", f"method={method}"]
        place = folder / str(number)
        (place / ".hydra").mkdir(parents=True)
        (place / "summary.json").write_text(json.dumps(summary | own))
        (place / "metrics.jsonl").write_bytes(metrics)
        for name, content in hydra.items():
            text = re.sub(r"^seed: .*$", f"seed: {seed}", content, flags=re.MULTILINE)
            (place / ".hydra" / name).write_text(text)
