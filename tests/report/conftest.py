"""Made-up records that look like real ones."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest


def write_run(
    folder: Path,
    *,
    method: str = "baseline",
    seed: int = 0,
    acc: float | None = 0.6,
    val: float | None = None,
    on_path: float | None = None,
    status: str = "completed",
    reason: str | None = None,
    init: str = "kaiming",
    model: str = "mlp",
    dataset: str = "mnist1d",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    overrides: tuple[str, ...] = (),
    macro: tuple[float, float, float] | None = None,
    code_version: str = "0.1.0",
    processor: str = "a processor",
    gradients: int = 12000,
    products: int = 0,
    age: int = 0,
) -> Path:
    """Write a run folder whose last file, summary.json, was written `age` seconds before all others.

    `macro` is precision, recall and F1 on the test split; without it the record is one from before they were kept.
    """
    (folder / ".hydra").mkdir(parents=True)
    config: dict[str, Any] = {
        "seed": seed,
        "dataset": {"name": dataset, "protocol": "standard", "validation_fraction": 0.1},
        "model": {"name": model, "init": init, "depth": 32, "width": 64},
        "method": {"name": method},
        "continuation": {"name": "constant"} if method == "baseline" else {"name": "linear", "warmup_fraction": 0.6},
        "optimizer": {"name": "adamw", "lr": 0.006, "betas": [0.9, 0.999], "weight_decay": 0.1},
        "lr_schedule": {"name": "warmup_cosine", "warmup_fraction": 0.05},
        "training": {
            "epochs": 40,
            "batch_size": 128,
            "clip_norm": 1.0,
            "eval_every": 1,
            "checkpoint_every": 5,
        },
        "hardware": {"name": "cpu", "threads": 1, "dtype": "float32"},
        "logger": {"name": "none"},
        "paths": {"data": None, "outputs": str(folder)},
    }
    for group, values in (settings or {}).items():
        replaced = values.get("name", config[group].get("name")) != config[group].get("name")
        config[group] = dict(values) if replaced else {**config[group], **values}
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {word}\n" for word in overrides))
    (folder / ".hydra" / "config.yaml").write_text("seed: ${oc.env:SEED,0}\n")
    (folder / "metrics.jsonl").write_text('{"epoch": 39, "t": 1.0}\n{"epoch": 40, "t": 1.0}\n')
    final = None
    if acc is not None:
        final = {"epoch": 40, "t": 1.0, "train_loss": None if status == "diverged" else 0.31, "val_loss": 1.1}
        final |= {"val_acc_target": acc if val is None else val, "val_acc_path": acc, "test_loss_target": 1.2}
        final |= {"test_acc_target": acc}
    if final is not None and macro is not None:
        final |= dict(zip(("test_precision_target", "test_recall_target", "test_f1_target"), macro, strict=True))
    path = {"epoch": 17, "t": 0.5, "val_loss_path": 1.0, "val_acc_path": on_path, "test_acc_path": on_path}
    summary = {
        "schema": 1,
        "status": status,
        "reason": reason,
        "dataset": dataset,
        "model": model,
        "method": method,
        "seed": seed,
        "overrides": list(overrides),
        "config": config,
        "config_hash": "0123456789ab",
        "code_version": code_version,
        "environment": {"python": "3.11.7", "torch": "2.11.0", "processor": processor},
        "final": final,
        "best": None,
        "best_on_path": None if on_path is None else path,
        "cost": {
            "train_seconds": gradients / 250,
            "eval_seconds": 1.5,
            "gradient_evaluations": gradients,
            "hvp_evaluations": products,
            "forward_equivalents": 3.0 * gradients + 6.0 * products,
            "peak_memory_mb": 410.5,
        },
    }
    file = folder / "summary.json"
    file.write_text(json.dumps(summary))
    written = 1_700_000_000 - age
    os.utime(file, (written, written))
    return folder


@pytest.fixture(name="write_run", scope="session")
def _write_run() -> Callable[..., Path]:
    return write_run
