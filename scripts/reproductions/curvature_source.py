"""The demonstration of the curvature learning rate with its source's settings (001), and its table of rivals.

784-128-128-10 on MNIST, 5 epochs of batches of 128, a constant rate of 0.01. The source's demonstration multiplies its
rate by step/100 in the first 100 steps; ``demonstration`` does, ``kappa_proxy`` does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from reproductions.curvature_forms import CURVATURE, DENSE, NETWORK, UNCLIPPED
from reproductions.search import Contender
from reproductions.source_study import Protocol, SourceStudy, lines_of

WARMUP = f"{DENSE / 2340:.4f}"
"""Share of 100 steps in 5 epochs."""

BASE, FAST = "0.01", "0.3"
NATURAL = ("1e-3", "1e-2")
_NETWORK = tuple(word for word in NETWORK if not word.startswith("optimizer"))


def _open(schedule: str, rate: str, *more: str) -> tuple[str, ...]:
    return ("method=baseline", *UNCLIPPED, f"lr_schedule={schedule}", f"optimizer.lr={rate}", *more)


def _rule(estimator: str, base: str, rate: str, *more: str) -> tuple[str, ...]:
    own = tuple(word for word in CURVATURE if not word.startswith("lr_schedule@"))
    return (
        *own, f"lr_schedule@lr_schedule.base={base}", "training.clip_norm=null", "lr_schedule.form=kappa",
        f"lr_schedule.estimator={estimator}", f"optimizer.lr={rate}", *more,
    )  # fmt: skip


def _other(optimizer: str, schedule: str, rate: str, *more: str) -> tuple[str, ...]:
    return (
        "method=baseline", *_NETWORK, f"optimizer={optimizer}", f"lr_schedule={schedule}", f"optimizer.lr={rate}",
        "training.clip_norm=null", *more,
    )  # fmt: skip


_SHORT = f"lr_schedule.warmup_fraction={WARMUP}"
_NONE = "lr_schedule.warmup_fraction=0.0"
_UNDER = f"lr_schedule.base.warmup_fraction={WARMUP}"
_EACH = "lr_schedule.every=1"
_ONE = "optimizer.max_iter=1"

ROWS = {
    "Base rate 0.01": (
        Contender("constant", _open("constant", BASE), ()),
        Contender("linear_warmup", _open("linear_warmup", BASE, _SHORT), ()),
        Contender("cosine", _open("warmup_cosine", BASE, _NONE), ()),
        Contender("natural_gradient", _other("natural_gradient", "constant", NATURAL[0]), ()),
        Contender("lbfgs", _other("lbfgs", "constant", "1.0", _ONE), ()),
        Contender("demonstration", _rule("gradient_proxy", "linear_warmup", BASE, _UNDER, _EACH), ()),
        Contender("kappa_proxy", _rule("gradient_proxy", "constant", BASE, _EACH), ()),
        Contender("kappa_power", _rule("power", "constant", BASE), ()),
    ),
    "A high rate, without a warm-up and with one of 100 steps": (
        Contender("constant_high", _open("constant", FAST), ()),
        Contender("constant_high_warmup", _open("linear_warmup", FAST, _SHORT), ()),
        Contender("cosine_high", _open("warmup_cosine", FAST, _NONE), ()),
        Contender("cosine_high_warmup", _open("warmup_cosine", FAST, _SHORT), ()),
        Contender("natural_gradient_high", _other("natural_gradient", "constant", NATURAL[1]), ()),
        Contender("natural_gradient_high_warmup", _other("natural_gradient", "linear_warmup", NATURAL[1], _SHORT), ()),
        Contender("lbfgs_warmup", _other("lbfgs", "linear_warmup", "1.0", _SHORT, _ONE), ()),
        Contender("kappa_high", _rule("gradient_proxy", "constant", FAST, _EACH), ()),
        Contender("kappa_high_warmup", _rule("gradient_proxy", "linear_warmup", FAST, _UNDER, _EACH), ()),
    ),
}

ABOUT = f"""784-128-128-10 on MNIST, PyTorch's start, 5 epochs of batches of 128 on all 60,000 images. SGD with
momentum 0.9 at {BASE}, the high rate is {FAST}; natural gradient (diagonal Fisher, an estimate a step) at
{NATURAL[0]} and {NATURAL[1]}, L-BFGS with one iteration and a line search a batch. Nothing is tuned.
*demonstration*: kappa from differences of gradient norms at every step, below a linear warm-up of 100 steps, which
the source's script has; *kappa proxy*: the same rule without it. kappa and rates: over the steps after the first
100, but for the first rate and kappa of all. Runs train one by one."""


def figures(folder: Path, _: Mapping[str, Any]) -> Mapping[str, float]:
    """Return kappa, the rates, and their rank correlation; nothing of a run that measures no curvature."""
    traces = [line["curvature"] for line in lines_of(folder) if "curvature" in line]
    if not traces:
        return {}
    step, kappa, rate = (
        np.array([value for trace in traces for value in trace[name]], dtype=float) for name in ("step", "kappa", "lr")
    )
    late = (step >= DENSE) & np.isfinite(kappa)
    if not late.any():
        return {}
    return {
        "kappa_first": float(kappa[0]),
        "kappa_mean": float(kappa[late].mean()),
        "kappa_low": float(np.quantile(kappa[late], 0.05)),
        "kappa_high": float(np.quantile(kappa[late], 0.95)),
        "kappa_last": float(np.median(kappa[step >= 0.8 * step[-1]])),
        "rate_first": float(rate[0]),
        "rate_second": float(rate[1]),
        "rate_peak": float(rate[late].max()),
        "rate_low": float(rate[late].min()),
        "rate_last": float(rate[-1]),
        "rank": float(spearmanr(kappa[late], rate[late]).statistic) if np.ptp(rate[late]) else 0.0,
    }


_PROTOCOL = Protocol(ROWS, 5, ABOUT)

STUDY = SourceStudy(
    name="curvature_source",
    title="The demonstration of the curvature learning rate, and its table of rivals",
    full=_PROTOCOL,
    fast=_PROTOCOL,
    figures=figures,
    shown={
        "kappa_first": "kappa, first",
        "kappa_mean": "mean",
        "kappa_low": "5 %",
        "kappa_high": "95 %",
        "rate_first": "rate, first",
        "rate_low": "lowest",
        "rate_peak": "highest",
        "rate_last": "last",
    },
    part=1,
)
