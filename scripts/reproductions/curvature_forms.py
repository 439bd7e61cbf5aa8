"""Every form and estimator of the curvature learning rate on one small network, beside open-loop schedules.

784-128-128-10 on MNIST, SGD with momentum 0.9, 5 epochs on all 60,000 images. Nothing is tuned and nothing selected:
the base rate is 0.01, and the constant rates 0.03, 0.1 and 0.3 show what there was to gain.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from reproductions.curvature_runs import Row, Run, carry_out_rows, made_by, mean_and_spread, mean_rate

SEEDS = 5
DENSE, PERCENTILE = 100, 0.75
"""Steps from which the published rule takes its target, and which percentile of kappa it is; its alpha is 1."""

NETWORK = (
    "dataset=mnist", "dataset.protocol=source", "model=mlp", "model.depth=2", "model.width=128", "model.init=default",
    "optimizer=sgd", "optimizer.momentum=0.9", "training.batch_size=128", "training.epochs=5",
)  # fmt: skip
UNCLIPPED = (*NETWORK, "training.clip_norm=null")
CURVATURE = ("method=curvature_lr", *NETWORK, "lr_schedule@lr_schedule.base=constant")
BASE, FAST = "optimizer.lr=0.01", "optimizer.lr=0.1"


def _open_loop(schedule: str, rate: str) -> tuple[str, ...]:
    return ("method=baseline", *UNCLIPPED, f"lr_schedule={schedule}", f"optimizer.lr={rate}")


def _curvature(form: str, estimator: str, *more: str) -> tuple[str, ...]:
    return (
        *CURVATURE,
        "training.clip_norm=null",
        f"lr_schedule.form={form}",
        f"lr_schedule.estimator={estimator}",
        *more,
    )


def rows() -> list[Row]:
    """Return the rows of the table, the reference first."""
    schedules = ("constant", "linear_warmup", "warmup_cosine")
    per_layer = "lr_schedule.scope=per_layer"
    return [
        *(Row(name, _open_loop(name, "0.01")) for name in schedules),
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
            (*CURVATURE, "training.clip_norm=1", "lr_schedule.form=kappa",
             "lr_schedule.clip_threshold=10", BASE),
        ),
        *(Row(f"constant_{rate}", _open_loop("constant", rate)) for rate in ("0.03", "0.1", "0.3")),
        Row("cap_power_0.1", _curvature("cap", "power", FAST)),
        Row("kappa_power_0.1", _curvature("kappa", "power", FAST)),
    ]  # fmt: skip


def carry_out(folder: Path, seeds: int, processes: int, overrides: tuple[str, ...]) -> dict[str, list[Run]]:
    """Train whatever is missing.

    Args:
        folder: Where the records are kept.
        seeds: Runs of each row.
        processes: Trainings side by side.
        overrides: For every training.

    Returns:
        Name -> runs by seed.
    """
    wanted = [Row(row.name, (*row.overrides, *overrides)) for row in rows()]
    return carry_out_rows(wanted, folder / "runs", seeds, processes)


def render(results: dict[str, list[Run]], picture: str, command: str) -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines(results, picture, command)) + "\n"


def _lines(results: dict[str, list[Run]], picture: str, command: str) -> Iterator[str]:
    reference = results["constant"]
    seeds = len(reference)
    yield "# Every form and estimator on MNIST, 784-128-128-10"
    yield ""
    yield (
        "SGD with momentum 0.9, batch 128, 5 epochs on all 60,000 images, PyTorch's initialisation; base rate 0.01 "
        f"unless the name says another. {seeds} seeds (0 to {seeds - 1}); nothing tuned, nothing selected: "
        "constant_0.03 to constant_0.3 are what a tuned constant rate could have. Test accuracy in percent after the "
        "last step. Gradients and Hessian products of a run; cost: forward equivalents relative to constant. Seconds "
        "were measured beside other work, two trainings at a time, and say little. Rates: mean over the known steps "
        "(for curvature those with an estimate), and over the seeds."
    )
    yield ""
    yield (
        "| row | test accuracy | diverged | gradients | products | cost | seconds | rate, steps 0-9 | steps 0-99 "
        "| steps 100-299 | last epoch | failed estimates |"
    )
    yield "|---|" + "---:|" * 11
    for name, runs in results.items():
        cost = runs[0].summary["cost"]
        relative = cost["forward_equivalents"] / reference[0].summary["cost"]["forward_equivalents"]
        spans = ((0, 10), (0, 100), (100, 300), _last_epoch(runs))
        cells = [
            name,
            f"**{mean_and_spread([run.accuracy for run in runs])}**",
            str(sum(run.diverged for run in runs)),
            f"{cost['gradient_evaluations']:,}",
            f"{cost['hvp_evaluations']:,}",
            f"{relative:.3f}",
            mean_and_spread([run.summary["cost"]["train_seconds"] for run in runs], 1.0, 1),
            *(f"{mean_rate(runs, *span):.3g}" for span in spans),
            str(sum(run.failures for run in runs)),
        ]
        yield f"| {' | '.join(cells)} |"
    yield from ("", "## Is there an automatic warm-up?", "")
    yield (
        "The published rule is said to warm up by itself, from a small rate where the curvature is high at first to "
        "the base rate. A warm-up is a rate that is smaller at first than later. Means over the seeds, in units of the "
        "base rate; the target of kappa is known from step 100 on."
    )
    yield ""
    yield (
        "| row | steps 0-9 | known target | steps 0-99 | steps 100-299 | lowest after step 100 | last epoch "
        "| kappa at step 0 | in the last epoch |"
    )
    yield "|---|" + "---:|" * 8
    kappas = {name: runs for name, runs in results.items() if name.startswith("kappa")}
    for name, runs in kappas.items():
        yield _warm_up(name, runs)
    slower = sum(mean_rate(runs, 0, 10) < mean_rate(runs, *_last_epoch(runs)) for runs in kappas.values())
    yield ""
    yield (
        f"Rows that begin slower than they end: {slower} of {len(kappas)}. While the target is being learnt the rate "
        "is the base rate. *Known target*: what steps 0-9 would have had, had the target been known at step 0."
    )
    yield from ("", f"![rates and curvature over steps]({picture})")
    yield from made_by(reference[0], command)


def _last_epoch(runs: list[Run]) -> tuple[float, float]:
    """Return the steps at which the last epoch begins and ends."""
    return max((run.lines[-2]["step"] if len(run.lines) > 1 else 0.0) for run in runs), np.inf


def _warm_up(name: str, runs: list[Run]) -> str:
    own = dict(word.split("=", 1) for word in runs[0].overrides)
    base = float(own["optimizer.lr"])
    begin, last = _last_epoch(runs)
    spans = ((0, 10), (0, 100), (100, 300))
    rates = [mean_rate(runs, *span) for span in spans]
    later = [run.trace["lr"][run.trace["step"] >= 100] for run in runs]
    rates.append(float(np.mean([rate.min() if rate.size else np.nan for rate in later])))
    rates.append(mean_rate(runs, begin, last))
    kappas = [
        float(np.mean([run.trace["kappa"][0] for run in runs])),
        float(np.mean([np.median(run.trace["kappa"][run.trace["step"] >= begin]) for run in runs])),
    ]
    known = (
        "-" if own.get("lr_schedule.scope") == "per_layer" else f"{np.mean([_with_target(run) for run in runs]):.3f}"
    )
    shares = [f"{rate / base:.3f}" for rate in rates]
    cells = [name, shares[0], known, *shares[1:], *(f"{kappa:.3g}" for kappa in kappas)]
    return f"| {' | '.join(cells)} |"


def _with_target(run: Run) -> float:
    """Return the mean share of the base rate in the first 10 steps, with the target that the run had later."""
    kappa = run.trace["kappa"][run.trace["step"] < DENSE]
    target = np.quantile(kappa, PERCENTILE)
    return float(np.mean(1.0 / (1.0 + np.fmax(0.0, kappa[:10] / target - 1.0))))


def draw(results: dict[str, list[Run]]) -> bytes:
    """Return a picture of learning rate, lambda_max and kappa over steps, seed 0 of every row at 0.01, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 11.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(3, 1, sharex=True)
    shown = {name: runs[0].trace for name, runs in results.items() if not name.endswith(("0.03", "0.1", "0.3"))}
    for index, (name, trace) in enumerate(shown.items()):
        style = {"color": f"C{index % 10}", "linestyle": "-" if index < 10 else "--", "linewidth": 1.0, "label": name}
        for axes, key in zip(panels, ("lr", "lambda_max", "kappa"), strict=True):
            if key in trace:
                positive = trace[key] > 0.0
                axes.plot(trace["step"][positive], trace[key][positive], **style)
    for axes, title in zip(panels, ("learning rate", "estimate of |H|", "kappa"), strict=True):
        axes.set_ylabel(f"{title}, seed 0")
        axes.set_yscale("log")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    highest = max(float(trace["lr"].max()) for trace in shown.values())
    panels[0].set_ylim(highest / 30.0, highest * 1.2)  # the ends of a cosine would leave no room for the rest
    panels[-1].set_xscale("symlog", linthresh=100.0)
    panels[-1].set_xlim(left=0.0)
    panels[-1].set_xlabel("step (linear up to 100, then logarithmic)")
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
