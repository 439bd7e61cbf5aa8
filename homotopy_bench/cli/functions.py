"""``homotopy-functions table1|count|picture``: the analytic problems from the command line.

Nothing but argparse is imported before the arguments are known to be good, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from homotopy_bench.cli.command import exit_code
from homotopy_bench.cli.output_files import check_distinct, check_output, check_picture, write_output
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.core.errors import InputError
from homotopy_bench.functions.problems import NAMES, problem_named

if TYPE_CHECKING:
    from homotopy_bench.functions.counting import Count

METHOD_NAMES = ("plain", "scipy", "homotopy", "control", "homotopy_g0", "homotopy_at_start")
"""As in functions/counting.py, which takes numpy."""
DRAWN_STARTS = 36
"""A picture of more paths shows nothing."""

_DESCRIPTION = """\
Count the starts of a grid from which BFGS reaches the known global minimum:
plain from the start itself, by our BFGS or scipy's; by the homotopy of the HTA
paper, which anchors half of the variables at x0 in each of two copies (g = f;
homotopy_g0: g = 0; homotopy_at_start: copies begin at the start, not at the
anchor); and the control, plain from where the homotopy begins.
"""

_EPILOG = f"""\
problems: {", ".join(NAMES)}

examples:
  homotopy-functions table1 --json table1.json
  homotopy-functions count rastrigin --dimension 4 --range -2 2 --points 5 --anchor 0 1 start
  homotopy-functions picture levy levy.png --range -6 6 --points 3

Exit code: 0, 2 where an input cannot be used, or 1 for a failure.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``homotopy-functions``.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit code: 0, or after one line on the standard error 2 for an input that cannot be used, 1 for a failure.
    """
    options = _parser().parse_args(argv)
    commands = {"table1": _table1, "count": _count, "picture": _picture}

    def run() -> int:
        commands[options.command](options)
        return 0

    return exit_code("homotopy-functions", run, [])


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="homotopy-functions", description=_DESCRIPTION, epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    table1 = commands.add_parser(
        "table1", help="Table 1 of the HTA paper beside ours, with its open readings, controls and scipy"
    )
    _add_files(table1)

    counting = commands.add_parser("count", help="count on any problem, grid and anchors")
    _add_problem(counting, points=4)
    counting.add_argument("--dimension", metavar="N", type=int, default=2, help="variables, an even number (default 2)")
    counting.add_argument("--anchor", metavar="X0", nargs="+", default=["2"], help="numbers, start, random (default 2)")
    counting.add_argument("--method", nargs="+", choices=METHOD_NAMES, default=("plain", "homotopy", "control"))
    _add_files(counting)

    picture = commands.add_parser("picture", help="draw the paths of a few starts in two dimensions")
    _add_problem(picture, points=3)
    picture.add_argument("file", metavar="FILE", type=Path, help="the picture to write: .png, .svg or .pdf")
    picture.add_argument("--anchor", metavar="X0", default="2", help="a number, start or random (default 2)")
    return parser


def _add_problem(parser: argparse.ArgumentParser, points: int) -> None:
    parser.add_argument("problem", metavar="PROBLEM", help=", ".join(NAMES))
    parser.add_argument(
        "--range", metavar=("LOW", "HIGH"), type=float, nargs=2, help="ends of the grid (default: the problem's domain)"
    )
    parser.add_argument("--points", metavar="M", type=int, default=points, help=f"starts per axis (default {points})")


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--csv", metavar="FILE", type=Path, help="also write the rows as CSV")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the rows as JSON")


def _table1(options: argparse.Namespace) -> None:
    from homotopy_bench.functions.output import to_csv, to_json, to_text
    from homotopy_bench.functions.table1 import paper_says, rows

    check_output("--csv", options.csv)
    check_output("--json", options.json)
    check_distinct({"--csv": options.csv, "--json": options.json})
    counts = list(rows())
    write_output("--csv", options.csv, to_csv(counts).encode())
    write_output("--json", options.json, to_json(counts).encode())
    print(to_text(counts, paper_says), end="")


def _count(options: argparse.Namespace) -> None:
    problem = problem_named(options.problem)

    from homotopy_bench.functions.anchors import parse_anchor
    from homotopy_bench.functions.counting import WITHOUT_ANCHOR, count
    from homotopy_bench.functions.output import to_csv, to_json, to_text
    from homotopy_bench.functions.starts import axis, check_dimension, grid

    check_dimension(options.dimension)
    given = list(dict.fromkeys(parse_anchor(text) for text in options.anchor))
    low, high = options.range or (problem.low, problem.high)
    starts = grid(axis(low, high, options.points), options.dimension)
    check_output("--csv", options.csv)
    check_output("--json", options.json)
    check_distinct({"--csv": options.csv, "--json": options.json})
    counts: list[Count] = []
    for method in dict.fromkeys(options.method):
        anchors = given[:1] if method in WITHOUT_ANCHOR else given
        counts.extend(count(problem, method, starts, anchor) for anchor in anchors)
    write_output("--csv", options.csv, to_csv(counts).encode())
    write_output("--json", options.json, to_json(counts).encode())
    print(to_text(counts), end="")


def _picture(options: argparse.Namespace) -> None:
    problem = problem_named(options.problem)

    from homotopy_bench.core.pictures import rendered
    from homotopy_bench.functions.anchors import parse_anchor
    from homotopy_bench.functions.picture import draw
    from homotopy_bench.functions.starts import axis, grid

    anchor = parse_anchor(options.anchor)
    low, high = options.range or (problem.low, problem.high)
    starts = grid(axis(low, high, options.points), 2)
    if len(starts) > DRAWN_STARTS:
        raise InputError("--points", options.points, f"accepted: at most {DRAWN_STARTS} paths, 6 points per axis")
    margin = 0.2 * (high - low)  # paths leave the grid
    check_picture("FILE", options.file)
    window = (low - margin, high + margin)
    suffix = options.file.suffix.lower()
    write_output("FILE", options.file, rendered(draw(problem, starts, anchor, window), suffix))
    print(f"picture: {options.file}")


if __name__ == "__main__":
    sys.exit(main())
