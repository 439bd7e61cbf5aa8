"""Which base rates a rule survives: ten hidden layers of 64 units on MNIST, from 0.01 to 1.

The cap is promised to train at every base rate, and at its best to be as good as a tuned warm-up with cosine decay and
clipping. Constant rates and the published rule stand beside it, and variants of the cap: one that never forgets the
largest curvature seen, and both over a schedule that decays.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from homotopy_bench.files import write_atomically
from homotopy_bench.report import statistics
from reproductions.curvature_runs import PERCENT, Row, Run, carry_out_rows, made_by, mean_and_spread
from reproductions.search import FIRST_SEED, accuracies

SEEDS = 3
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
COSINE = "lr_schedule@lr_schedule.base=warmup_cosine"

RULES: dict[str, tuple[str, ...]] = {
    "constant": (*PLAIN, "lr_schedule=constant"),
    "kappa": (*CURVATURE, "lr_schedule.form=kappa"),
    "cap": (*CURVATURE, "lr_schedule.form=cap"),
    "cap_unforgetting": (*CURVATURE, "lr_schedule.form=cap", "lr_schedule.decay=1"),
    "cap_over_cosine": (*CURVATURE, "lr_schedule.form=cap", COSINE),
    "cap_unforgetting_over_cosine": (*CURVATURE, "lr_schedule.form=cap", "lr_schedule.decay=1", COSINE),
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
    """Return every setting of the baseline with its validation accuracies by seed, the chosen one first."""
    common = (*NETWORK, *TUNED, *overrides)
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["common"] != list(common):
            raise SystemExit(f"{file}: another search; give another --outputs")
        trials: list[dict[str, object]] = kept["trials"]
        return trials
    settings = [(f"optimizer.lr={lr}", f"lr_schedule.warmup_fraction={warmup}") for lr in RATES for warmup in WARMUPS]
    scores: dict[tuple[str, ...], list[float]] = {setting: [] for setting in settings}

    def try_out(candidates: Sequence[tuple[str, ...]], seeds: Sequence[int]) -> None:
        members = [(setting, seed) for setting in candidates for seed in seeds]
        for (setting, _), score in zip(
            members, accuracies([(*common, *setting, f"seed={seed}") for setting, seed in members]), strict=True
        ):
            scores[setting].append(score)

    try_out(settings, [FIRST_SEED])
    finalists = sorted(settings, key=lambda setting: -scores[setting][0])[:FINALISTS]
    try_out(finalists, [FIRST_SEED + 1 + index for index in range(FINAL_SEEDS)])
    order = sorted(settings, key=lambda setting: (-len(scores[setting]), -fmean(scores[setting])))
    trials = [{"overrides": list(setting), "accuracies": scores[setting]} for setting in order]
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps({"common": common, "trials": trials}, indent=2).encode() + b"\n")
    return trials
