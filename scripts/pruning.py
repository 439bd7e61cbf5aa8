"""What pruning saves, and what it costs: docs/results/pruning.md.

    python scripts/pruning.py [--pruners none,median,successive_halving] [--studies 3] [--markdown FILE]

For every seed of the sampler and every pruner one study ``sweep=lr_warmup`` of 64 trials. The first pruner is what the
others are compared with. Studies are kept below --outputs and a study that is complete is not run again; overrides make
a smaller one, for instance `hydra.sweeper.n_trials=16 training.epochs=20`.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from homotopy_bench.core.files import write_atomically

PRUNERS = ("none", "median", "successive_halving", "hyperband", "wilcoxon")
TRIALS = 64


@dataclass(frozen=True)
class Outcome:
    """One study: its best validation accuracy, its gradients, and its trials by status."""

    best: float
    gradients: int
    status: Mapping[str, int]


def main() -> int:
    """Run the studies and write their table.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=Path, default=Path("outputs/pruning"), help="where studies are kept")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="default: OUTPUTS/page.md")
    parser.add_argument("--pruners", type=_pruners, default=["none", "median", "successive_halving"], metavar="P,P")
    parser.add_argument(
        "--studies", type=int, choices=range(2, 101), metavar="N", default=3, help="sampler seeds 0, ..."
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="for every study")
    arguments = parser.parse_intermixed_args()
    table: dict[str, list[Outcome]] = {pruner: [] for pruner in arguments.pruners}
    for seed in range(arguments.studies):
        for pruner in arguments.pruners:
            outcome = study(arguments.outputs, pruner, seed, arguments.overrides)
            table[pruner].append(outcome)
            print(f"seed {seed} {pruner}: best {outcome.best:.4f}, {outcome.gradients} gradients", flush=True)
    command = "python scripts/pruning.py " + " ".join(sys.argv[1:])
    page = "\n".join(lines(table, command.strip())) + "\n"
    write_atomically(arguments.markdown or arguments.outputs / "page.md", page.encode())
    print(page)
    return 0


def study(outputs: Path, pruner: str, seed: int, overrides: Sequence[str]) -> Outcome:
    """Return how a study ended, after running what is missing of it.

    Args:
        outputs: Where studies are kept.
        pruner: ``hydra.sweeper.pruner``.
        seed: ``hydra.sweeper.seed``.
        overrides: For every study.

    Raises:
        CalledProcessError: If it failed.
    """
    name = f"{pruner}-{seed}"
    settings = [
        "sweep=lr_warmup",
        "hydra/launcher=fused",
        f"hydra.sweeper.n_trials={TRIALS}",
        f"hydra.sweeper.pruner={pruner}",
        f"hydra.sweeper.seed={seed}",
        f"hydra.sweeper.study={name}",
        f"hydra.sweeper.folder={outputs / name}",
    ]
    command = [sys.executable, "-m", "homotopy_bench", "-m", *settings, *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with (outputs / name / "trials.csv").open(newline="", encoding="utf-8") as file:
        trials = list(csv.DictReader(file))
    states = [trial["status"] for trial in trials]
    return Outcome(
        best=max(float(trial["val_acc"]) for trial in trials if trial["status"] == "completed"),
        gradients=sum(int(float(trial["gradient_evaluations"] or 0)) for trial in trials),
        status={state: states.count(state) for state in sorted(set(states))},
    )


def lines(table: Mapping[str, Sequence[Outcome]], command: str) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        table: Pruner -> outcomes by seed; all but the first are compared with the first.
        command: What made it.
    """
    first, *others = table
    yield "# What pruning saves"
    yield ""
    yield f"    {command}"
    yield ""
    yield "One study `sweep=lr_warmup` a row: identity homotopy on MNIST-1D, trials trained with seed 1000. *Best* is"
    yield "the validation accuracy at t = 1 of the best trial that ran to its end; gradients are those of all trials."
    yield ""
    yield "| pruner | sampler seed | best | gradients | saved | completed | pruned | diverged |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for pruner, outcomes in table.items():
        for seed, (outcome, plain) in enumerate(zip(outcomes, table[first], strict=True)):
            saved = "" if pruner == first else f"{1 - outcome.gradients / plain.gradients:.0%}"
            counts = " | ".join(str(outcome.status.get(key, 0)) for key in ("completed", "pruned", "diverged"))
            yield f"| {pruner} | {seed} | {outcome.best:.2%} | {outcome.gradients} | {saved} | {counts} |"
    for pruner in others:
        pairs = list(zip(table[pruner], table[first], strict=True))
        differences = [100 * (one.best - plain.best) for one, plain in pairs]
        error = stdev(differences) / len(differences) ** 0.5
        spread = 100 * stdev(plain.best for plain in table[first]) / len(pairs) ** 0.5
        share = 1 - sum(one.gradients for one, _ in pairs) / sum(plain.gradients for _, plain in pairs)
        yield ""
        yield (
            f"`{pruner}` saves {share:.0%} of the gradients; its best differs by {fmean(differences):+.2f} +- "
            f"{error:.2f} points (mean and standard error over {len(pairs)} sampler seeds; standard error of the best "
            f"without pruning: {spread:.2f})."
        )


def _pruners(text: str) -> list[str]:
    names = text.split(",")
    if len(names) < 2 or not set(names) <= set(PRUNERS):
        raise argparse.ArgumentTypeError(f"{text}; accepted: two or more of {', '.join(PRUNERS)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
