"""Made-up runs with curves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

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


def write_study(write: Callable[..., Path], root: Path) -> Path:
    """Write two data sets, two methods, two initialisations, five seeds; one run that diverged and one that failed."""
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
    write(root / "failed", method="hta", acc=None, status="failed", reason="CUDA out of memory")
    return root


@pytest.fixture(name="study", scope="module")
def _study(write_run, tmp_path_factory):
    return write_study(write_run, tmp_path_factory.mktemp("outputs"))
