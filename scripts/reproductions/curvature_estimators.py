"""How good the estimates of the largest curvature are along one run, against Lanczos.

The network of ``forms`` trains at a constant rate. As in training, an estimate is made at each of the first 100 steps
and then at every k-th, on the batch of the step; at every tenth step the true largest eigenvalue of that batch, and at
every fiftieth that of 6000 training samples, are computed beside it. Nothing of this changes the run.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from homotopy_bench.core.files import write_atomically
from reproductions.curvature_forms import NETWORK
from reproductions.curvature_runs import side_by_side

NAME = "estimators"
SEEDS = 1
RATES = ("0.01", "0.1")
EVERY = (10, 50)
STEPS, DENSE, SAMPLES = 1000, 100, 6000
DECAY = 0.999

KINDS: dict[str, tuple[str, int]] = {
    "power": ("power", 1),
    "hutchinson, 1 probe": ("hutchinson", 1),
    "hutchinson, 10 probes": ("hutchinson", 10),
    "gradient_proxy": ("gradient_proxy", 1),
    "secant": ("secant", 1),
}
"""Name in the table -> estimator and products."""

REMEMBERING = ("power", "gradient_proxy")

CEILING = "cap's ceiling (of power)"

Series = dict[str, list[float]]
Results = dict[str, Series]
"""Rate and seed -> ``step``, ``batch`` and ``samples`` (true values, NaN where not computed) and ``KIND@k`` series."""


def carry_out(folder: Path, seeds: int, processes: int, overrides: tuple[str, ...]) -> Results:
    """Measure whatever is missing.

    Args:
        folder: Where the measurements are kept, as RATE_SEED.json.
        seeds: Runs at each rate.
        processes: Runs side by side.
        overrides: For every run.

    Returns:
        Rate and seed -> its measurement.
    """
    wanted = [(rate, seed) for rate in RATES for seed in range(seeds)]
    done = side_by_side(_measured, [(rate, seed, folder, overrides) for rate, seed in wanted], processes)
    return {f"{rate}_{seed}": one for (rate, seed), one in zip(wanted, done, strict=True)}


def kept(folder: Path) -> Results:
    """Return the measurements that a folder has, by rate and seed."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8"))["series"] for file in files}


def _measured(rate: str, seed: int, folder: Path, overrides: tuple[str, ...]) -> Series:
    file = folder / f"{rate}_{seed}.json"
    asked = [
        "method=baseline", *NETWORK, "training.clip_norm=null", "lr_schedule=constant", f"optimizer.lr={rate}",
        f"seed={seed}", *overrides,
    ]  # fmt: skip
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["overrides"] != asked:
            raise SystemExit(f"{file}: the measurement of another run; give another --outputs")
        series: Series = kept["series"]
        return series
    series = _measure(asked)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps({"overrides": asked, "series": series}).encode() + b"\n")
    return series


def _measure(overrides: Sequence[str]) -> Series:
    import torch

    from homotopy_bench import compose
    from homotopy_bench.curvature.estimators import ESTIMATORS, Estimator, Local
    from homotopy_bench.curvature.lanczos import lanczos
    from homotopy_bench.curvature.point import Batch, split_batches
    from homotopy_bench.curvature.products import hessian_operator
    from homotopy_bench.ensemble.losses import cross_entropy
    from homotopy_bench.training.trainer import Trainer

    config = compose(*overrides)
    torch.set_num_threads(config.hardware.threads)
    training = Trainer([config], config.dataset.load(config.paths.data_root()))
    ensemble, split = training.ensemble, training.splits["train"]
    everything = [slice(0, ensemble.theta.shape[1])]
    estimators: dict[str, Estimator] = {
        f"{name}@{k}": ESTIMATORS[kind](everything, ensemble.theta, [config.seed], products, 15)
        for name, (kind, products) in KINDS.items()
        for k in EVERY
    }

    def largest(batches: Sequence[Batch]) -> float:
        operator = hessian_operator(ensemble, batches, cross_entropy)
        generator = torch.Generator().manual_seed(0)
        return lanczos(operator, ensemble.theta, generator, tolerance=1e-3, max_products=60).largest.value.item()

    def losses(batch: Batch) -> torch.Tensor:
        return cross_entropy(ensemble.forward(batch[0]), batch[1])

    ceiling = dict.fromkeys(EVERY, float("nan"))
    series: Series = {name: [] for name in ("step", "batch", "samples", *estimators)}
    series |= {f"{CEILING}@{k}": [] for k in EVERY}
    for step in range(min(STEPS, training.total_steps)):
        x, y = training.batches(step)
        shown = step % min(EVERY) == 0
        known = dict.fromkeys(series, float("nan"))
        due = [k for k in EVERY if step < DENSE or step % k == 0]
        # What remembers nothing need not be asked where nobody looks.
        asked = [name for name in KINDS if shown or name in REMEMBERING] if due else []
        at = Local(ensemble, partial(losses, (x, y)), step) if asked else None
        for name in asked:  # the secant last: it moves the parameters and puts them back, which ends the graph
            for k in due:
                assert at is not None
                known[f"{name}@{k}"] = float(estimators[f"{name}@{k}"].estimate(at))
        for k in EVERY:
            if k in due:
                ceiling[k] = float(np.fmax(DECAY * ceiling[k], known[f"power@{k}"]))
            known[f"{CEILING}@{k}"] = ceiling[k]
        if shown:
            known["step"], known["batch"] = step, largest([(x, y)])
            if step % max(EVERY) == 0:
                known["samples"] = largest(split_batches(split.x[:SAMPLES], split.y[:SAMPLES], 1, SAMPLES))
            for name, value in known.items():
                series[name].append(value)
        training.advance()
    return series


def quality(series: Series, name: str, every: int, truth: str) -> tuple[NDArray[np.float64], float]:
    """Return quartiles (3,) of estimate over truth, and Spearman's rank correlation of the two.

    Args:
        series: The measurement of a run.
        name: Name of the estimate.
        every: Steps k between two estimates.
        truth: ``batch`` or ``samples``.
    """
    estimate, true = np.array(series[f"{name}@{every}"], dtype=float), np.array(series[truth], dtype=float)
    step = np.array(series["step"])
    # Before DENSE every step has an estimate, whatever k is.
    known = np.isfinite(estimate) & np.isfinite(true) & (step >= DENSE) & (step % every == 0)
    quartiles = np.quantile(estimate[known] / true[known], [0.25, 0.5, 0.75])
    return quartiles, float(spearmanr(estimate[known], true[known]).statistic)


def _names() -> Iterator[str]:
    yield from KINDS
    yield CEILING


def render(results: Results, picture: str, command: str) -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines(results, picture, command)) + "\n"


def _lines(results: Results, picture: str, command: str) -> Iterator[str]:
    yield "# Estimates of the largest curvature against Lanczos, along one run"
    yield ""
    yield (
        f"784-128-128-10 on MNIST, SGD with momentum 0.9, batch 128, the first {STEPS} steps at a constant rate. "
        f"Estimates at each of the first {DENSE} steps and at every k-th later, on the batch of the step; compared at "
        f"multiples of k from step {DENSE} on ({(STEPS - DENSE) // EVERY[0]} points for k = {EVERY[0]}, "
        f"{(STEPS - DENSE) // EVERY[1]} for k = {EVERY[1]}) with lambda_max by Lanczos (residual 1e-3), of the same "
        f"batch, and of {SAMPLES} training samples (every {EVERY[1]} steps). Ratio: estimate over lambda_max, median "
        "[quartiles]; rank: Spearman's correlation of the two along the run. hutchinson estimates the trace and "
        "gradient_proxy is no curvature: their ratios need not be near 1, but their ranks should be high."
    )
    for key, series in results.items():
        rate, _, seed = key.partition("_")
        yield from ("", f"## Rate {rate}, seed {seed}", "")
        first = {name: series[f"{name}@{EVERY[0]}"][0] for name in KINDS}
        true = np.array(series["batch"])
        yield (
            f"lambda_max of the batch: {true[0]:.3g} at step 0 ({series['samples'][0]:.3g} on 6000 samples), median "
            f"{np.median(true):.3g}, from {true.min():.3g} to {true.max():.3g}; at step 0 "
            + ", ".join(f"{name} {value:.3g}" for name, value in first.items())
            + "."
        )
        yield ""
        yield "| estimate | k | ratio to the batch's | rank | ratio to that of 6000 samples | rank |"
        yield "|---|---:|---:|---:|---:|---:|"
        for name in _names():
            for k in EVERY:
                cells = [name, str(k)]
                for truth in ("batch", "samples"):
                    (low, middle, high), rank = quality(series, name, k, truth)
                    cells += [f"{middle:.2f} [{low:.2f}, {high:.2f}]", f"{rank:+.2f}"]
                yield f"| {' | '.join(cells)} |"
    yield from ("", f"![estimates over steps]({picture})", "", "## Made by", "", f"    {command}")


def draw(results: Results) -> bytes:
    """Return a picture of the estimates over steps, a panel per run, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.8 * len(results)), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (key, series) in zip(figure.subplots(len(results), 1, squeeze=False)[:, 0], results.items(), strict=True):
        step = np.array(series["step"])
        axes.plot(step, series["batch"], color="black", linewidth=2.0, label="lambda_max of the batch")
        samples = np.array(series["samples"], dtype=float)
        known = np.isfinite(samples)
        axes.plot(step[known], samples[known], color="black", linestyle=":", label=f"of {SAMPLES} samples")
        for index, name in enumerate(_names()):
            values = np.array(series[f"{name}@{EVERY[0]}"], dtype=float)
            axes.plot(step, np.where(values > 0.0, values, np.nan), color=f"C{index}", linewidth=0.9, label=name)
        lagging: Any = np.array(series[f"power@{EVERY[1]}"], dtype=float)
        known = np.isfinite(lagging)
        axes.plot(step[known], lagging[known], "s", color="C0", markersize=4, label=f"power, k = {EVERY[1]}")
        axes.set_yscale("log")
        rate, _, seed = key.partition("_")
        axes.set_title(f"rate {rate}, seed {seed}; estimates every {EVERY[0]} steps")
        axes.set_xlabel("step")
        axes.set_ylabel("curvature")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
