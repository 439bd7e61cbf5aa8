"""Made-up runs with curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

Curve = Sequence[float | None]


def write_curve(folder: Path, accuracies: Curve, *, t: Curve | None = None, gradients: int = 100) -> Path:
    """Write an evaluation per accuracy after each epoch; None for what a diverged network has."""
    lines = []
    for epoch, accuracy in enumerate(accuracies, start=1):
        at = 1.0 if t is None else t[epoch - 1]
        on_path = accuracy if at == 1.0 or accuracy is None else accuracy + 0.01
        cost = {"train_seconds": 0.5 * epoch, "gradient_evaluations": gradients * epoch}
        cost["forward_equivalents"] = 3.0 * gradients * epoch
        lines.append({"epoch": epoch, "t": at, "val_acc_target": accuracy, "val_acc_path": on_path, "cost": cost})
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder


def write_search(
    write: Callable[..., Path], folder: Path, trials: Sequence[tuple[float, float, float | None, str]], **options: Any
) -> Path:
    """Write a study as a sweep leaves it, a trial for each learning rate, warm-up, validation accuracy and status."""
    method, dataset = options.pop("method", "baseline"), options.pop("dataset", "mnist1d")
    group = "lr_schedule" if method == "baseline" else "continuation"
    for number, (rate, warmup, accuracy, status) in enumerate(trials):
        write(
            folder / str(number), method=method, dataset=dataset, seed=1000, acc=accuracy, status=status, gradients=400,
            reason=None if status in ("completed", "diverged") else f"it was {status}",
            settings={"optimizer": {"lr": rate}, group: {"warmup_fraction": warmup}},
        )  # fmt: skip
    sweeper = {
        "study": folder.name, "sampler": "random", "startup_trials": 10, "pruner": "none", "objectives": ["val_acc"],
        "n_trials": len(trials),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump({"hydra": {"sweeper": {**sweeper, **options}}})
    (folder / "multirun.yaml").write_text(text)
    return folder


TRIALS = [(1e-4 * 3**number, 0.1 * (number * 5 % 7), 0.3 + 0.02 * number, "completed") for number in range(6)]
"""Trials of a search: learning rate, warm-up, validation accuracy, status."""


def write_study(write: Callable[..., Path], root: Path) -> Path:
    """Write two data sets, two methods, two initialisations, five seeds; a run that diverged, one that failed, studies.

    A random search on mnist1d with a trial that diverged, another one by TPE with a trial that was pruned.
    """
    number = 0
    for dataset, start in (("mnist1d", 0.40), ("blobs", 0.60)):
        for method, gain in (("baseline", 0.0), ("identity_homotopy", 0.05)):
            for init in ("kaiming", "orthogonal"):
                for seed in range(5):
                    acc = round(start + gain + 0.003 * ((7 * seed + number) % 5), 4)
                    lost = (dataset, method, init, seed) == ("mnist1d", "baseline", "kaiming", 3)
                    folder = write(
                        root / "sweep" / str(number), dataset=dataset, method=method, init=init, seed=seed,
                        acc=0.1 if lost else acc, val=acc, on_path=acc + 0.01, overrides=(f"model.init={init}",),
                        status="diverged" if lost else "completed", gradients=400,
                    )  # fmt: skip
                    path = None if method == "baseline" else (0.25, 0.5, 0.75, 1.0)
                    curve = [round(acc * share, 4) for share in (0.7, 0.85, 0.95, 1.0)]
                    write_curve(folder, [*curve[:2], None, None] if lost else curve, t=path)
                    number += 1
    random = [*TRIALS, (0.2, 0.5, 0.1, "diverged")]
    write_search(write, root / "studies" / "by-chance", random, method="identity_homotopy")
    learned = [*TRIALS, (0.001, 0.3, None, "pruned")]
    write_search(write, root / "studies" / "by-tpe", learned, sampler="tpe", pruner="median", startup_trials=3)
    write(root / "failed", method="hta", acc=None, status="failed", reason="CUDA out of memory")
    return root


@pytest.fixture(name="study", scope="module")
def _study(write_run, tmp_path_factory):
    return write_study(write_run, tmp_path_factory.mktemp("outputs"))
