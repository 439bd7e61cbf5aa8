"""Do homotopies end in other basins than their baselines?

A barrier alone says nothing: two baselines have one too. Here the barrier between a homotopy and a baseline is held
against that between two baselines, seed by seed:

- same start: B(homotopy_s, baseline_s) - B(baseline_s with another order of the data, baseline_s)
- other start: B(homotopy_s, baseline_{s+1}) - B(baseline_s, baseline_{s+1})

Homotopies begin orthogonal: the looks-linear baseline has no start in common with them, whatever the seed.

The differences are given with the 95 % interval of their mean by Student's t. Whether a difference is one of basins or
of names of units, only a matching can tell, and in a deep network only after REPAIR, without which the middle of every
chord is at chance; where that was not done, or the matching has not converged or is no better than random permutations,
the answer is *unknown*. Of 5 seeds no p can be below 0.062.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

from homotopy_bench.analysis.finished import FinishedRun, finished_runs
from homotopy_bench.analysis.pairs import PairFigure, PairPlan, survey_pairs
from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.pictures import rendered
from homotopy_bench.core.statistics import student_interval, wilcoxon_p
from homotopy_bench.landscape.connectivity.compare import (
    PairMetric,
    chord_barriers,
    end_similarity,
    matched_barriers,
    repaired_barriers,
)
from homotopy_bench.landscape.networks import Networks
from homotopy_bench.landscape.pictures import along_path, path_curves
from homotopy_bench.landscape.samples import draw_samples
from homotopy_bench.landscape.spectrum import FAST, spectrum
from homotopy_bench.runs.snapshots import kept_snapshots
from homotopy_bench.runs.target_network import trainer_of
from homotopy_bench.tracking.checkpoint_file import read_checkpoint
from homotopy_bench.tracking.kept_measurements import KeptMeasurements, identity
from reproductions.between import barrier_tensors
from reproductions.endpoints import DEEP, SHALLOW
from reproductions.plan import Plan
from reproductions.trained import Row, trained

NAME = "basins"
COMMAND = "python scripts/reproduce.py basins --markdown docs/results/basins.md"

SPLITS = ("train", "test")
SAMPLES = 3000
PATH_SEEDS = 5
"""Runs of each method whose largest eigenvalue is followed along the path."""
BASELINES = ("plain_orthogonal", "plain_looks_linear")
HOMOTOPIES = ("identity_linear", "identity_adaptive", "convexity_literal", "hta")
BETWEEN = {"chord": chord_barriers, "similarity": end_similarity, "matched": matched_barriers}
"""What is measured of deep networks, of which repairing 7000 points takes a quarter of an hour."""

REPAIRED = {**BETWEEN, "repaired": repaired_barriers}
WAYS = {"barrier_loss": "straight", "matched_barrier_loss": "matched", "repaired_barrier_loss": "matched and repaired"}

Pair = tuple[FinishedRun, FinishedRun]


def measure(plan: Plan, page: Path) -> str:
    """Train and measure what is missing of the study, and write its page.

    Args:
        plan: Where runs and figures are kept.
        page: File of the page; the pictures lie beside it.

    Returns:
        The page.
    """
    folder = plan.outputs / NAME
    lines = ["# Do homotopies end in other basins?", ""]
    lines += [line.strip() for line in (__doc__ or "").split("\n\n", 1)[1].splitlines()]
    for name, title, rows in (
        ("mnist1d", "32 layers of 64 units on MNIST-1D", DEEP),
        ("mnist", "784-128-128-10 on MNIST", SHALLOW),
    ):
        metrics = BETWEEN if name == "mnist1d" else REPAIRED
        lines += ["", f"## {title}", "", *_study(rows, metrics, folder / name, page.parent / f"basins_{name}.png")]
    lines += ["", "## The largest eigenvalue along the path", ""]
    lines += _along_paths(folder / "mnist1d", page.parent / "basins_lambda_max.png")
    text = "\n".join([*lines, "", "## Made by", "", f"    {COMMAND}", ""])
    write_atomically(page, text.encode())
    return text


def _study(rows: Mapping[str, Row], metrics: Mapping[str, PairMetric], folder: Path, picture: Path) -> list[str]:
    say = partial(print, file=sys.stderr, flush=True)
    runs: dict[str, list[FinishedRun]] = {}
    for name, folders in trained(rows, folder).items():
        found, left_out = finished_runs(folders)
        runs[name] = found
        for one in left_out:
            say(f"left out: {one.folder}: {one.reason}")
    kinds = {(h, b): _pairs(runs[h], runs[b]) for h in HOMOTOPIES for b in BASELINES}
    same = {b: _pairs(runs[b], runs[b]) for b in (*BASELINES, "scaled_residual")}
    order = {b: _pairs(runs[f"{b}_order"], runs[b]) for b in (*BASELINES, "scaled_residual")}
    wanted = [pair for start, other in kinds.values() for pair in (*start, *other)]
    wanted += [pair for _, other in same.values() for pair in other]
    wanted += [pair for start, _ in order.values() for pair in start]
    figures = survey_pairs(wanted, PairPlan(metrics, "full", SPLITS, SAMPLES), say)
    table = {(one.first.folder, one.second.folder, one.split, one.name): one.entry for one in figures}
    lines = _levels(runs, kinds, same, order, table)
    for split in SPLITS:
        lines += _verdicts(kinds, same, order, table, split)
    between = {f"{h} to {BASELINES[0]}": _of(figures, kinds[h, BASELINES[0]][0]) for h in HOMOTOPIES} | {
        "two orders of the baseline": _of(figures, order[BASELINES[0]][0])
    }
    curves = {
        name: path
        for name, own in between.items()
        if (path := barrier_tensors(own, "barrier_loss", "train")) is not None
    }
    write_atomically(picture, rendered(path_curves(curves, f"same start, {folder.name}, training data, as they are")))
    return [*lines, "", f"![losses between networks of the same start]({picture.name})"]


def _pairs(first: Sequence[FinishedRun], second: Sequence[FinishedRun]) -> tuple[list[Pair], list[Pair]]:
    """Return the pairs of equal seeds, if these are equal starts, and those in which the second has the seed after."""
    by_seed = {run.config.seed: run for run in second}
    seeds = sorted(by_seed)
    after = dict(zip(seeds, seeds[1:] + seeds[:1], strict=True))
    pairs = [(run, by_seed[run.config.seed]) for run in first if run.config.seed in by_seed]
    start = [pair for pair in pairs if len({getattr(one.config.model, "init", None) for one in pair}) == 1]
    other = [(run, by_seed[after[run.config.seed]]) for run in first if run.config.seed in after]
    return start, other


def _of(figures: Sequence[PairFigure], pairs: Sequence[Pair]) -> list[PairFigure]:
    chosen = {(one.folder, other.folder) for one, other in pairs}
    return [figure for figure in figures if (figure.first.folder, figure.second.folder) in chosen]


Table = Mapping[tuple[Path, Path, str, str], Mapping[str, object]]


def _values(pairs: Sequence[Pair], table: Table, split: str, name: str) -> list[float]:
    entries = [table.get((one.folder, other.folder, split, name), {}) for one, other in pairs]
    return [value if isinstance(value := entry.get("value"), float) else float("nan") for entry in entries]


def _unknown(pairs: Sequence[Pair], table: Table) -> int:
    entries = [table.get((one.folder, other.folder, "train", "matching_gain"), {}) for one, other in pairs]
    return sum(not entry.get("converged") for entry in entries)


def _levels(
    runs: Mapping[str, Sequence[FinishedRun]],
    kinds: Mapping[tuple[str, str], tuple[list[Pair], list[Pair]]],
    same: Mapping[str, tuple[list[Pair], list[Pair]]],
    order: Mapping[str, tuple[list[Pair], list[Pair]]],
    table: Table,
) -> list[str]:
    groups: dict[str, list[Pair]] = {}
    for base in same:
        groups[f"{base}, same start, other order"] = order[base][0]
        groups[f"{base}, other start"] = same[base][1]
    for (homotopy, base), (start, other) in kinds.items():
        groups[f"{homotopy} to {base}, same start"] = start
        groups[f"{homotopy} to {base}, other start"] = other
    count = {name: len(own) for name, own in runs.items()}
    lines = [f"Runs: {', '.join(f'{name} {number}' for name, number in count.items())}.", ""]
    header = [f"{words}, {split}" for words in WAYS.values() for split in SPLITS]
    lines.append(f"| between | pairs | {' | '.join(header)} | disagreement, test | unknown matchings |")
    lines.append(f"|---|---:|{'---:|' * (len(header) + 2)}")
    for name, pairs in groups.items():
        if not pairs:
            continue
        cells = [_interval(_values(pairs, table, split, way)) for way in WAYS for split in SPLITS]
        cells.append(_interval(_values(pairs, table, "test", "disagreement")))
        lines.append(f"| {name} | {len(pairs)} | {' | '.join(cells)} | {_unknown(pairs, table)} |")
    return lines


def _verdicts(
    kinds: Mapping[tuple[str, str], tuple[list[Pair], list[Pair]]],
    same: Mapping[str, tuple[list[Pair], list[Pair]]],
    order: Mapping[str, tuple[list[Pair], list[Pair]]],
    table: Table,
    split: str,
) -> list[str]:
    lines = ["", f"Barrier of a homotopy to a baseline minus that of two baselines, {split} data:", ""]
    lines += [
        "| homotopy | baseline | start | path | mean difference | p | verdict |",
        "|---|---|---|---|---:|---:|---|",
    ]
    for (homotopy, base), (start, other) in kinds.items():
        for words, own, reference in (("same", start, order[base][0]), ("other", other, same[base][1])):
            for way, path in WAYS.items() if own else ():
                differences = [
                    a - b
                    for a, b in zip(_values(own, table, split, way), _values(reference, table, split, way), strict=True)
                    if a == a and b == b
                ]
                if not differences:
                    continue
                unknown = 0 if way == "barrier_loss" else _unknown([*own, *reference], table)
                p = wilcoxon_p(differences) if len(differences) > 1 else None
                verdict = _verdict(differences, unknown, way)
                lines.append(
                    f"| {homotopy} | {base} | {words} | {path} | {_interval(differences)} | "
                    f"{'' if p is None else f'{p:.2g}'} | {verdict} |"
                )
    return lines


def _verdict(differences: Sequence[float], unknown: int, way: str) -> str:
    """Return what the differences say; one of basins is left only after matching and REPAIR."""
    interval = student_interval(differences)
    if interval is None:
        return "too few pairs"
    if unknown:
        return f"unknown: {unknown} matchings are no better than random, or have not converged"
    low, high = interval.low, interval.high
    if low <= 0.0 <= high:
        return "as far apart as two baselines"
    if high < 0.0:
        return "nearer than two baselines"
    kinds = {
        "matched_barrier_loss": "farther; whether another basin is unknown without REPAIR",
        "repaired_barrier_loss": "another basin than two baselines have",
    }
    return kinds.get(way, "farther than two baselines")


def _interval(values: Sequence[float]) -> str:
    finite = [value for value in values if value == value]
    if not finite:
        return ""
    interval = student_interval(finite)
    return f"{fmean(finite):.3g}" + ("" if interval is None else f" [{interval.low:.3g}, {interval.high:.3g}]")


def _along_paths(folder: Path, picture: Path) -> list[str]:
    """Return a table of lambda_max of the deformed loss at the values of t that were kept, after drawing it."""
    columns: dict[str, tuple[list[float], list[list[float]]]] = {}
    for name in ("identity_linear", "identity_adaptive", "convexity_literal"):
        runs, _ = finished_runs([folder / name / str(seed) for seed in range(PATH_SEEDS)])
        levels = [file for file in kept_snapshots(runs[0].folder / "snapshots") if file.stem.startswith("t-")]
        t = [float(file.stem.removeprefix("t-")) for file in levels]
        print(f"lambda_max along the path of {name}", file=sys.stderr, flush=True)
        columns[name] = t, [[_lambda_max(run, file.name) for file in levels] for run in runs]
    title = "largest eigenvalue of the training loss at t, 32 layers of 64 on MNIST-1D"
    write_atomically(picture, rendered(along_path(columns, title, "lambda_max")))
    t = next(iter(columns.values()))[0]
    lines = [f"| method | {' | '.join(f't = {value:g}' for value in t)} |", f"|---|{'---:|' * len(t)}"]
    for name, (_, runs_values) in columns.items():
        medians = [sorted(values)[len(values) // 2] for values in zip(*runs_values, strict=True)]
        lines.append(f"| {name} | {' | '.join(f'{value:.3g}' for value in medians)} |")
    return [
        *lines,
        "",
        f"Median over {PATH_SEEDS} seeds, of the network and its loss at t.",
        "",
        f"![lambda_max over t]({picture.name})",
    ]


def _lambda_max(run: FinishedRun, snapshot: str) -> float:
    file = run.folder / "snapshots" / snapshot
    kept = KeptMeasurements(run.folder)
    state = read_checkpoint(file)
    training = trainer_of(run.config, run.folder, state, run.splits)
    name = identity("path/lambda_max", "train", 1000, "fast", f"snapshot {file.stem}", training.last_t()[0])
    found = kept.get(name)
    if found is None:
        networks = Networks(training.ensemble)
        samples = draw_samples(run.splits, "train", 1000, networks.theta.dtype)
        found = {"lambda_max": spectrum(networks, samples, FAST)["lambda_max"].entry(0)}
        kept.put(name, found)
        kept.write()
    value = found["lambda_max"]["value"]
    return float("nan") if value is None else float(value)
