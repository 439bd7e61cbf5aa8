"""Benchmarks: ours and the alternatives interleaved in one process, ratios of medians.

    python scripts/benchmark.py single|data|functions|curvature|landscape|fused|curve|jobs|trackers|sweeper
        |report|processes|transformer|cuda [--rounds 5] [--json FILE]

Run nothing else beside it. Every benchmark prints a table and, with --json, writes its ratios as one object.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from homotopy_bench.core.errors import WRONG_INPUT, InputError

BENCHMARKS = (
    *("single", "data", "functions", "curvature", "landscape", "fused", "curve", "jobs", "trackers", "sweeper"),
    *("report", "processes", "transformer", "cuda"),
)


def main() -> int:
    """Run one benchmark.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds (default 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there")
    arguments = parser.parse_args()
    try:
        ratios: dict[str, float] = importlib.import_module(f"benchmarks.{arguments.benchmark}").run(arguments.rounds)
    except InputError as error:  # the machine has not what the benchmark measures
        print(f"benchmark {arguments.benchmark}: {error}", file=sys.stderr)
        return WRONG_INPUT
    table = Table("figure", "value", title=f"benchmark {arguments.benchmark}, median of {arguments.rounds}")
    for name, value in ratios.items():
        table.add_row(name, f"{value:.4f}")
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(ratios, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
