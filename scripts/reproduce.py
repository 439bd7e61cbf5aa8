"""Studies of docs/results, from search to table.

    python scripts/reproduce.py baselines [--processes 2] [--outputs outputs/reproduce]
    python scripts/reproduce.py baselines --row plain_looks_linear --seeds 2
    python scripts/reproduce.py landscape|basins [--markdown docs/results/NAME.md]
    python scripts/reproduce.py transformer [--row decoder/post] [--markdown docs/results/transformer.md]

Everything done is kept below --outputs/STUDY and not done again. A study takes an hour or more on two cores;
--settings, --seeds and overrides make a smaller one, for instance `baselines training.epochs=10 --settings 4`. --row
trains one row with the settings that docs/results/STUDY.md names, without a search: half a minute a seed. `landscape`
and `basins` search nothing: they train the runs of reproductions/endpoints.py and look at their minima. `transformer`
searches nothing either; its --row is the beginning of the names of the rows to train.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import replace
from pathlib import Path

from reproductions.row import comparison, published_rows
from reproductions.search import Budget
from reproductions.study import carry_out, recorded
from reproductions.table import render

from homotopy_bench.core.files import write_atomically

STUDIES = ("baselines", "hta")
LANDSCAPES = ("landscape", "basins")
"""Studies of minima, which have settings of their own."""

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Carry out a study and write its table.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=(*STUDIES, *LANDSCAPES, "transformer"))
    parser.add_argument(
        "--outputs", type=Path, default=Path("outputs/reproduce"), help="where trials and runs are kept"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="default: OUTPUTS/STUDY/table.md")
    parser.add_argument("--processes", type=_count, default=2, help="trainings side by side, a thread each (default 2)")
    parser.add_argument("--settings", type=_count, default=8, help="settings that every search tries (default 8)")
    parser.add_argument("--seeds", type=_count, default=5, help="reporting runs of each row (default 5)")
    parser.add_argument("--row", help="only this row, with its published settings")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="for every training of the study")
    arguments = parser.parse_intermixed_args()
    folder = arguments.outputs / arguments.study
    command = "python scripts/reproduce.py " + " ".join(sys.argv[1:])
    file = arguments.markdown or folder / "table.md"
    if arguments.study in LANDSCAPES:
        page = importlib.import_module(f"reproductions.{arguments.study}").run(folder, command, arguments.markdown)
        write_atomically(file, page.encode())
        print(page)
        return 0
    if arguments.study == "transformer":
        from reproductions import transformer

        page = transformer.run(folder, command, arguments.markdown, arguments.row, arguments.overrides)
        if arguments.row is None:
            write_atomically(file, page.encode())
        print(page)
        return 0
    if arguments.row is not None:
        table = ROOT / "docs" / "results" / f"{arguments.study}.md"
        rows = published_rows(table.read_text(encoding="utf-8"))
        if arguments.row not in rows:
            parser.error(f"--row={arguments.row}: accepted: {', '.join(rows)}")
        row, runs = rows[arguments.row], folder / "rows" / arguments.row
        overrides = (*row.overrides, *arguments.overrides)
        summaries = [recorded(overrides, seed, runs) for seed in range(arguments.seeds)]
        accuracies = [summary["final"]["test_acc_target"] for summary in summaries]
        print(comparison(arguments.row, row, accuracies, table.relative_to(ROOT)))
        return 0
    study = importlib.import_module(f"reproductions.{arguments.study}")
    own = {word.partition("=")[0] for rows in study.CONTENDERS.values() for one in rows for word in one.overrides}
    for override in arguments.overrides:
        if override.partition("=")[0] in own:
            parser.error(f"{override}: rows of this study set this key themselves; accepted: any other override")
    groups = {
        target: [replace(one, overrides=(*one.overrides, *arguments.overrides)) for one in rows]
        for target, rows in study.CONTENDERS.items()
    }
    budget = Budget(settings=arguments.settings, finalists=min(3, arguments.settings))
    outcomes = {
        outcome.contender.name: outcome
        for outcome in carry_out(
            [one for rows in groups.values() for one in rows], folder, budget, arguments.seeds, arguments.processes
        )
    }
    page = render(
        {target: [outcomes[one.name] for one in rows] for target, rows in groups.items()}, study.TITLE, command, budget
    )
    write_atomically(file, page.encode())
    print(page)
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}; accepted: an integer >= 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
