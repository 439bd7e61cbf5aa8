"""Which base rates a rule survives: ten hidden layers of 64 units on MNIST, from 0.01 to 1.

The cap is promised to train at every base rate, and at its best to be as good as a tuned warm-up with cosine decay and
clipping. Constant rates and the published rule stand beside it; both rules bound a constant rate, and a schedule that
decays.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from homotopy_bench.core import statistics
from homotopy_bench.core.files import write_atomically
from reproductions.curvature_runs import PERCENT, Row, Run, carry_out_rows, made_by, mean_and_spread
from reproductions.search import FIRST_SEED
from reproductions.study import together

SEEDS = 5
RATES = ("0.01", "0.03", "0.1", "0.3", "1")
WARMUPS = ("0.05", "0.2")
FINALISTS, FINAL_SEEDS = 3, 2
PROMISED, NEAR = 0.92, 0.003

NETWORK = (
    "dataset=mnist", "model=mlp", "model.depth=10", "model.width=64", "model.init=kaiming", "training.batch_size=128",
    "training.epochs=5",
)  # fmt: skip
SGD = ("optimizer=sgd", "optimizer.momentum=0.9")
PLAIN = ("method=baseline", *SGD, "training.clip_norm=null")
CURVATURE = ("method=curvature_lr", *SGD, "training.clip_norm=null")
FLAT, COSINE = (f"lr_schedule@lr_schedule.base={base}" for base in ("constant", "warmup_cosine"))

RULES: dict[str, tuple[str, ...]] = {
    "constant": (*PLAIN, "lr_schedule=constant"),
    "kappa": (*CURVATURE, "lr_schedule.form=kappa", FLAT),
    "cap": (*CURVATURE, "lr_schedule.form=cap", FLAT),
    "kappa_over_cosine": (*CURVATURE, "lr_schedule.form=kappa", COSINE),
    "cap_over_cosine": (*CURVATURE, "lr_schedule.form=cap", COSINE),
}
"""Name -> the overrides of a rule; the estimator is power iteration."""

TUNED = ("method=baseline", *SGD, "training.clip_norm=1", "lr_schedule=warmup_cosine")


@dataclass(frozen=True)
class Results:
    """What was measured: runs by (rule, base rate), those of the tuned baseline, and its search."""

    runs: dict[tuple[str, str], list[Run]]
    tuned: list[Run]
    trials: list[dict[str, object]]


def carry_out(folder: Path, seeds: int, processes: int, overrides: tuple[str, ...]) -> Results:
    """Train whatever is missing, and tune the baseline on validation accuracy.

    Args:
        folder: Where everything is kept.
        seeds: Runs of each rule at each base rate.
        processes: Trainings side by side.
        overrides: For every training.

    Returns:
        The runs and the search.
    """
    rows = {
        (rule, rate): Row(f"{rule}_{rate}", (*NETWORK, *own, f"optimizer.lr={rate}", *overrides))
        for rate in RATES
        for rule, own in RULES.items()
    }
    done = carry_out_rows(list(rows.values()), folder / "runs", seeds, processes)
    trials = _tune(folder / "tuning.json", overrides)
    chosen = trials[0]["overrides"]
    assert isinstance(chosen, list)
    tuned = Row("tuned", (*NETWORK, *TUNED, *chosen, *overrides))
    best = carry_out_rows([tuned], folder / "runs", seeds, processes)["tuned"]
    return Results({key: done[row.name] for key, row in rows.items()}, best, trials)


def _tune(file: Path, overrides: tuple[str, ...]) -> list[dict[str, object]]:
    """Return every setting of the baseline with its validation accuracies by seed, the chosen one first.

    Raises:
        SystemExit: If the file holds another search.
    """
    common = (*NETWORK, *TUNED, *overrides)
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["common"] != list(common):
            raise SystemExit(f"{file}: another search; give another --outputs")
        trials: list[dict[str, object]] = kept["trials"]
        return trials
    settings: list[tuple[str, ...]] = [
        (f"optimizer.lr={lr}", f"lr_schedule.warmup_fraction={warmup}") for lr in RATES for warmup in WARMUPS
    ]
    scores: dict[tuple[str, ...], list[float]] = {setting: [] for setting in settings}

    def try_out(candidates: Sequence[tuple[str, ...]], seeds: Sequence[int]) -> None:
        members = [(setting, seed) for setting in candidates for seed in seeds]
        runs = {
            file.parent / "tuning" / f"{settings.index(setting)}_{seed}": (*common, *setting, f"seed={seed}")
            for setting, seed in members
        }
        summaries = together(runs)
        for (setting, _), run in zip(members, runs, strict=True):
            scores[setting].append(summaries[run]["final"]["val_acc_target"])

    try_out(settings, [FIRST_SEED])
    finalists = sorted(settings, key=lambda setting: -scores[setting][0])[:FINALISTS]
    try_out(finalists, [FIRST_SEED + 1 + index for index in range(FINAL_SEEDS)])
    order = sorted(settings, key=lambda setting: (-len(scores[setting]), -fmean(scores[setting])))
    trials = [{"overrides": list(setting), "accuracies": scores[setting]} for setting in order]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps({"common": common, "trials": trials}, indent=2).encode() + b"\n")
    return trials


def render(results: Results, picture: str, command: str) -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines(results, picture, command)) + "\n"


def _lines(results: Results, picture: str, command: str) -> Iterator[str]:
    seeds = len(results.tuned)
    yield "# Base rates from 0.01 to 1: constant, published rule, cap, tuned warm-up + cosine + clipping"
    yield ""
    yield (
        "784-64x10-10 on MNIST, Kaiming initialisation, SGD with momentum 0.9, batch 128, 5 epochs, a tenth of the "
        f"training images held out. Test accuracy in percent after the last step, mean +- standard deviation over "
        f"{seeds} seeds (0 to {seeds - 1}); a diverged run counts with the accuracy of its broken network, about 10 %, "
        "and is marked. *kappa*, *cap*: `lr_schedule@lr_schedule.base=constant`; *over cosine*: "
        "`lr_schedule@lr_schedule.base=warmup_cosine`, with a warm-up of a fifth of the training."
    )
    yield ""
    yield "| rule | " + " | ".join(RATES) + " | best less tuned |"
    yield "|---|" + "---:|" * (len(RATES) + 1)
    tuned = [run.accuracy for run in results.tuned]
    for rule in RULES:
        rows = [results.runs[rule, rate] for rate in RATES]
        pairs = [run.accuracy - best for run, best in zip(_best(results, rule), tuned, strict=True)]
        yield f"| {_title(rule)} | " + " | ".join(_cell(row) for row in rows) + f" | {mean_and_spread(pairs)} |"
    yield ""
    tried = sum(len(_accuracies_of(trial)) for trial in results.trials)
    yield (
        f"Tuned warm-up + cosine + clipping: **{mean_and_spread(tuned)}** (`{' '.join(results.tuned[0].overrides)}`), "
        f"the best of {len(results.trials)} settings (base rates times warm-ups of 0.05 and 0.2) by validation "
        f"accuracy, {tried} trainings with seeds from {FIRST_SEED}. The rate of a rule's best column is chosen by "
        "validation accuracy as well; the last column is its difference to the tuned row, paired over the seeds."
    )
    yield from ("", "| promise | rule | measured | held |", "|---|---|---:|---|")
    for rule in (name for name in RULES if name.startswith("cap")):
        worst = min(float(np.mean([run.accuracy for run in results.runs[rule, rate]])) for rate in RATES)
        everyone = min(run.accuracy for rate in RATES for run in results.runs[rule, rate])
        gap = float(np.mean([run.accuracy for run in _best(results, rule)])) - (statistics.mean(tuned) or 0.0)
        yield (
            f"| > 92 % at all five base rates | {_title(rule)} | worst mean {PERCENT * worst:.2f}, worst run "
            f"{PERCENT * everyone:.2f} | {'yes' if worst > PROMISED else 'no'} |"
        )
        yield (
            f"| best within 0.3 points of tuned | {_title(rule)} | {PERCENT * gap:+.2f} "
            f"| {'yes' if gap >= -NEAR else 'no'} |"
        )
    yield from ("", "## The rate that was used", "")
    yield (
        "Mean learning rate of seed 0 over the first 100 steps / over the last epoch, and the forward equivalents of a "
        "whole run in units of those of a constant rate."
    )
    yield from ("", "| rule | " + " | ".join(RATES) + " | cost |", "|---|" + "---:|" * (len(RATES) + 1))
    for rule in RULES:
        rates = [_rates_of(results.runs[rule, rate][0]) for rate in RATES]
        yield f"| {_title(rule)} | {' | '.join(rates)} | {_cost(results, rule):.3f} |"
    yield from ("", f"![test error over base rate]({picture})")
    yield from made_by(results.tuned[0], command)


def _title(rule: str) -> str:
    return rule.replace("_", " ")


def _accuracies_of(trial: dict[str, object]) -> list[float]:
    scores = trial["accuracies"]
    assert isinstance(scores, list)
    return scores


def _best(results: Results, rule: str) -> list[Run]:
    """Return the runs at the base rate that validation prefers."""

    def validation(rate: str) -> float:
        return fmean(run.summary["final"]["val_acc_target"] for run in results.runs[rule, rate])

    return results.runs[rule, max(RATES, key=validation)]


def _cell(runs: Sequence[Run]) -> str:
    diverged = sum(run.diverged for run in runs)
    return mean_and_spread([run.accuracy for run in runs]) + (f" ({diverged} diverged)" if diverged else "")


def _rates_of(run: Run) -> str:
    last = run.trace["step"].max() + 1.0
    early, late = run.mean_rate(0, 100), run.mean_rate(last * (1.0 - 1.0 / len(run.lines)), last)
    return f"{early:.3g} / {late:.3g}"


def _cost(results: Results, rule: str) -> float:
    ours, constant = (results.runs[name, RATES[0]][0].summary["cost"] for name in (rule, "constant"))
    return float(ours["forward_equivalents"] / constant["forward_equivalents"])


def draw(results: Results) -> bytes:
    """Return a picture of test error over the base rate, and of the cap's rates over steps, as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 8.0), layout="constrained")
    FigureCanvasAgg(figure)
    over_rates, over_steps = figure.subplots(2, 1)
    x = [float(rate) for rate in RATES]
    for index, rule in enumerate(RULES):
        rows = [[PERCENT * (1.0 - run.accuracy) for run in results.runs[rule, rate]] for rate in RATES]
        over_rates.plot(x, [fmean(row) for row in rows], "o-", color=f"C{index}", label=_title(rule))
        over_rates.fill_between(
            x, [min(row) for row in rows], [max(row) for row in rows], color=f"C{index}", alpha=0.15
        )
    tuned = 1.0 - fmean(run.accuracy for run in results.tuned)
    over_rates.axhline(PERCENT * tuned, color="black", linestyle=":", label="tuned warm-up + cosine + clipping")
    over_rates.set(xscale="log", yscale="log", xlabel="base rate", ylabel="test error [%], mean and range")
    for index, rule in enumerate(RULES):
        if rule != "constant":
            trace = results.runs[rule, RATES[-1]][0].trace
            over_steps.plot(
                trace["step"], trace["lr"], color=f"C{index}", label=f"{_title(rule)}, base rate {RATES[-1]}"
            )
    trace = results.tuned[0].trace
    over_steps.plot(trace["step"], trace["lr"], color="black", linestyle=":", label="tuned")
    over_steps.set(yscale="log", xlabel="step", ylabel="learning rate, seed 0", ylim=(1e-4, 2.0))
    for axes in (over_rates, over_steps):
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
