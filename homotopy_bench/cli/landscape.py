"""``homotopy-landscape RUN_DIR...``: curvature, sharpness and connectivity of finished runs.

Nothing but argparse is imported before the arguments are known to be good.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homotopy_bench.cli.command import exit_code
from homotopy_bench.cli.output_files import check_output, write_output
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.core.errors import InputError
from homotopy_bench.core.folders import obstacle

if TYPE_CHECKING:
    from homotopy_bench.analysis.finished import FinishedRun, LeftOut
    from homotopy_bench.analysis.pairs import PairFigure, PairPlan
    from homotopy_bench.analysis.survey import Figure

FAST_SAMPLES = 1000

_DESCRIPTION = """\
Measure the loss around the target networks (t = 1) of finished runs: curvature,
sharpness and flatness of each, and with --pairs what lies between two of them.
What was measured is kept in the run's folder (landscape.json); a second call
computes what is missing.
"""

_EPILOG = """\
examples:
  homotopy-landscape outputs/DATE/TIME
  homotopy-landscape outputs/multirun --mode full --json landscape.json
  homotopy-landscape outputs/multirun --metrics spectrum,sam --pairs by-seed --figure pictures
  homotopy-landscape --fork outputs/DATE/TIME

--fork trains children of a run from each of its snapshots (training.snapshots),
with other orders of the data, and says from where on no barrier is between them.
A * marks a value whose error has not met the metric's tolerance.
Exit code: 0, 2 where an input cannot be used, or 1 for a failure.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``homotopy-landscape``.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit code: 0, or after one line on the standard error 2 for an input that cannot be used, 1 for a failure.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_intermixed_args(arguments)

    def run() -> int:
        _check(options)
        _measure(options, shlex.join(["homotopy-landscape", *arguments]))
        return 0

    return exit_code("homotopy-landscape", run, arguments, "interrupted; the same command goes on")


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="homotopy-landscape", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("runs", metavar="RUN_DIR", nargs="*", type=Path, help="a run, or a folder that holds some")
    parser.add_argument("--metrics", metavar="NAMES", help="of each network, with commas between them (default: all)")
    parser.add_argument(
        "--mode", choices=("fast", "full"), default="fast", help="how closely to measure (default fast)"
    )
    parser.add_argument("--split", choices=("train", "test", "both"), default="both", help="where (default both)")
    parser.add_argument(
        "--samples",
        metavar="N",
        type=int,
        help=f"most samples of a split, equally many of every class (default {FAST_SAMPLES}, with --mode full all)",
    )
    parser.add_argument("--pairs", choices=("all", "by-seed"), help="also measure between two runs, all or of one seed")
    parser.add_argument("--fork", metavar="RUN", type=Path, help="train from the snapshots of a run, see below")
    parser.add_argument(
        "--orders", metavar="N", type=int, default=2, help="children of each snapshot with --fork (default 2)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write all figures as JSON")
    parser.add_argument("--figure", metavar="DIR", type=Path, help="also draw pictures into a folder")
    return parser


def _check(options: argparse.Namespace) -> None:
    if not options.runs and options.fork is None:
        raise InputError("RUN_DIR", "(missing)", "accepted: folders of finished runs, or --fork with one")
    if options.samples is not None and options.samples < 1:
        raise InputError("--samples", options.samples, "accepted: an integer >= 1")
    if options.orders < 2:
        raise InputError("--orders", options.orders, "accepted: an integer >= 2")
    check_output("--json", options.json)
    if options.figure is not None and (wrong := obstacle(options.figure)) is not None:
        accepted = f"{wrong}; accepted: a folder, or the name of one that is made"
        raise InputError("--figure", options.figure, accepted)


def _measure(options: argparse.Namespace, command: str) -> None:
    from homotopy_bench.analysis.correlated import OUTCOME, correlated
    from homotopy_bench.analysis.finished import finished_runs
    from homotopy_bench.analysis.output import (
        correlations_text,
        figures_text,
        left_out_lines,
        pairs_document,
        pairs_text,
        runs_document,
        to_json,
    )
    from homotopy_bench.analysis.pairs import PairPlan, chosen_pairs, survey_pairs
    from homotopy_bench.analysis.survey import Plan, survey
    from homotopy_bench.cli.progress import AnalysisProgress
    from homotopy_bench.landscape.connectivity.compare import FAST_PAIR_METRICS, FULL_PAIR_METRICS
    from homotopy_bench.landscape.measure import metrics_of, named_metrics

    names = None if options.metrics is None else options.metrics.split(",")
    metrics = metrics_of(options.mode) if names is None else named_metrics(names, options.mode)
    splits = ("train", "test") if options.split == "both" else (options.split,)
    samples = options.samples or (FAST_SAMPLES if options.mode == "fast" else None)
    plan = Plan(metrics, options.mode, splits, samples)
    of_pairs = FAST_PAIR_METRICS if options.mode == "fast" else FULL_PAIR_METRICS
    pair_plan = PairPlan(of_pairs, options.mode, splits, samples)
    content: dict[str, Any] = {"command": command}
    parts: list[str] = []
    left_out: list[LeftOut] = []
    most = len(splits) * (len(metrics) + len(of_pairs) * (options.pairs is not None))
    with AnalysisProgress("homotopy-landscape", most + len(options.runs)) as progress:
        runs, others = finished_runs(options.runs, progress.step)
        left_out += others
        for line in left_out_lines(left_out):
            _say(line)
        figures = survey(runs, plan, progress.step)
        content["runs"] = runs_document(figures)
        parts.append(figures_text(figures))
        if len(runs) > 1:
            found = {split: correlated(figures, split) for split in splits}
            content["correlations"] = {split: [asdict(one) for one in own] for split, own in found.items()}
            parts += [correlations_text(own, OUTCOME, split) for split, own in found.items()]
        between: list[PairFigure] = []
        if options.pairs is not None:
            between = survey_pairs(chosen_pairs(runs, options.pairs), pair_plan, progress.step)
            content["pairs"] = pairs_document(between)
            parts.append(pairs_text(between) or "no two runs are of one kind: there are no pairs\n")
    if options.fork is not None:  # its trainings have a display of their own
        parts.append(_forks(options, pair_plan, splits, content, left_out))
    content["left_out"] = [{"folder": str(one.folder), "reason": one.reason} for one in left_out]
    write_output("--json", options.json, to_json(content).encode())
    print("\n".join(part for part in parts if part), end="")
    if options.figure is not None:
        with AnalysisProgress("homotopy-landscape", 1) as progress:
            _draw(options, runs, figures, between, progress.step)


def _forks(
    options: argparse.Namespace,
    plan: PairPlan,
    splits: Sequence[str],
    content: dict[str, Any],
    left_out: list[LeftOut],
) -> str:
    """Return the forks of a run as text, after adding them to the document."""
    from rich.console import Console

    from homotopy_bench.analysis.forks import study_forks
    from homotopy_bench.analysis.output import forks_document, forks_text, left_out_lines
    from homotopy_bench.tracking.group_display import group_display

    console = Console(stderr=True)
    forks, others = study_forks(
        options.fork, options.orders, plan, show=lambda members: group_display(console, members)
    )
    left_out += others
    for line in left_out_lines(others):
        _say(line)
    content["forks"] = forks_document(forks, splits)
    return forks_text(forks, splits)


def _draw(
    options: argparse.Namespace,
    runs: Sequence[FinishedRun],
    figures: Sequence[Figure],
    between: Sequence[PairFigure],
    say: Callable[[str], None],
) -> None:
    from homotopy_bench.analysis.drawing import draw

    try:
        written, problems = draw(runs, figures, between, options.figure, say)
    except OSError as error:
        raise InputError("--figure", options.figure, f"cannot be written ({error.strerror})") from error
    for line in problems:
        _say(line)
    _say(f"{len(written)} pictures in {options.figure}")


def _say(line: str) -> None:
    print(f"homotopy-landscape: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
