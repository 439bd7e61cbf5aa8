"""Every form and estimator of the curvature learning rate on one small network, beside open-loop schedules.

784-128-128-10 on MNIST, SGD with momentum 0.9, 5 epochs on all 60,000 images. Nothing is tuned and nothing selected:
the base rate is 0.01, and the constant rates 0.03, 0.1 and 0.3 show what there was to gain.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from homotopy_bench.config import conf_dir
from reproductions.curvature_runs import Row, Run, carry_out_rows, made_by, mean_and_spread

SEEDS = 5

NETWORK = (
    "dataset=mnist", "dataset.protocol=source", "model=mlp", "model.depth=2", "model.width=128", "model.init=default",
    "optimizer=sgd", "optimizer.momentum=0.9", "training.batch_size=128", "training.epochs=5",
)  # fmt: skip
UNCLIPPED = (*NETWORK, "training.clip_norm=null")
BASE, FAST = "optimizer.lr=0.01", "optimizer.lr=0.1"


def _open_loop(schedule: str, rate: str) -> tuple[str, ...]:
    return ("method=baseline", *UNCLIPPED, f"lr_schedule={schedule}", f"optimizer.lr={rate}")


def _curvature(form: str, estimator: str, *more: str) -> tuple[str, ...]:
    return ("method=curvature_lr", *UNCLIPPED, f"lr_schedule.form={form}", f"lr_schedule.estimator={estimator}", *more)


def rows() -> list[Row]:
    """Return the rows of the table, the reference first."""
    schedules = ["constant", "linear_warmup", "warmup_cosine"]
    known = [name for name in schedules if (conf_dir() / "lr_schedule" / f"{name}.yaml").exists()]
    per_layer = "lr_schedule.scope=per_layer"
    return [
        *(Row(name, _open_loop(name, "0.01")) for name in known),
        Row("cap_power", _curvature("cap", "power", BASE)),
        Row("cap_power_per_layer", _curvature("cap", "power", BASE, per_layer)),
        Row("cap_secant", _curvature("cap", "secant", BASE)),
        Row("kappa_power", _curvature("kappa", "power", BASE)),
        Row("kappa_power_per_layer", _curvature("kappa", "power", BASE, per_layer)),
        Row("kappa_hutchinson", _curvature("kappa", "hutchinson", BASE)),
        Row("kappa_gradient_proxy", _curvature("kappa", "gradient_proxy", BASE)),
        Row("kappa_secant", _curvature("kappa", "secant", BASE)),
        Row(
            "kappa_power_clipping",
            ("method=curvature_lr", *NETWORK, "training.clip_norm=1", "lr_schedule.form=kappa",
             "lr_schedule.clip_threshold=10", BASE),
        ),
        *(Row(f"constant_{rate}", _open_loop("constant", rate)) for rate in ("0.03", "0.1", "0.3")),
        Row("cap_power_0.1", _curvature("cap", "power", FAST)),
        Row("kappa_power_0.1", _curvature("kappa", "power", FAST)),
    ]  # fmt: skip


def carry_out(folder: Path, seeds: int, processes: int, overrides: tuple[str, ...]) -> dict[str, list[Run]]:
    """Train whatever is missing; return name -> runs.

    Args:
        folder: Where the records are kept.
        seeds: Runs of each row.
        processes: Trainings side by side.
        overrides: For every training.
    """
    wanted = [Row(row.name, (*row.overrides, *overrides)) for row in rows()]
    return carry_out_rows(wanted, folder / "runs", seeds, processes)
