"""Studies of docs/results, from search to table.

    python scripts/reproduce.py all [--fast] [--processes 2]
    python scripts/reproduce.py results
    python scripts/reproduce.py identity_homotopy_script|identity_homotopy_source [--fast]
    python scripts/reproduce.py curvature_source|hta_vgg|convexity_source [--fast]
    python scripts/reproduce.py hta_functions|precision_bounds|curvature_overhead
    python scripts/reproduce.py baselines [--processes 2] [--outputs outputs/reproduce] [--only ROW ...]
    python scripts/reproduce.py baselines --row plain_looks_linear --seeds 2
    python scripts/reproduce.py landscape|basins [--markdown docs/results/NAME.md]
    python scripts/reproduce.py transformer [--only decoder/post ...] [--markdown docs/results/transformer.md]

`all` carries out what the sources did, with their settings, and writes docs/RESULTS.md; with --fast as far as goes in
about half an hour on two cores, without it for days and with the study of wide networks. `results` writes that page,
and those of the studies, from what is kept. The studies of sources keep their trainings below docs/results, where
their pages are; with overrides below --outputs, or where --markdown says.

A study takes hours on two cores, in parts. Every training that is done stands in the CSV beside the page and is not
done again; the records of reporting runs are kept below --outputs/STUDY. --only does some rows, and the page has the
rows that are done. --settings, --seeds and overrides make a smaller study, for instance
`baselines training.epochs=10 --settings 4`. --row trains one row with the settings that docs/results/STUDY.md names,
without a search: half a minute a seed. `landscape` and `basins` search nothing: they train the runs of
reproductions/endpoints.py and look at their minima. `transformer` searches nothing either; its --only are
beginnings of the names of the rows to train.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

from reproductions import curvature_overhead, hta_functions, landscape, precision_bounds, transformer
from reproductions.claims.kept import STUDIES as SOURCES
from reproductions.claims.page import render as render_claims
from reproductions.ledger import Ledger
from reproductions.recorded import recorded
from reproductions.row import comparison, published_rows
from reproductions.source_study import Plan, measure, write_page
from reproductions.study import Trainings, carry_out, processes
from reproductions.table import render

from homotopy_bench.core.files import write_atomically
from homotopy_bench.core.pictures import rendered

STUDIES = ("baselines", "depth", "hta")
LANDSCAPES = ("landscape", "basins")
"""Studies of minima, which have settings of their own."""

COUNTS = {one.NAME: one.measure for one in (hta_functions, precision_bounds, curvature_overhead)}
"""Studies without records, which take a minute or less."""

ROOT = Path(__file__).parent.parent

CLAIMS = "RESULTS.md"
"""Page of the claims, beside the folder of results."""


def main() -> int:
    """Carry out a study and write its table.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "study", choices=("all", "results", *SOURCES, *COUNTS, *STUDIES, *LANDSCAPES, transformer.NAME), metavar="STUDY"
    )
    parser.add_argument("--fast", action="store_true", help="of the sources' studies what two cores do in minutes")
    parser.add_argument(
        "--results", type=Path, default=ROOT / "docs" / "results", help="where the sources' studies are kept"
    )
    parser.add_argument(
        "--outputs", type=Path, default=Path("outputs/reproduce"), help="where trials and runs are kept"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="default: OUTPUTS/STUDY/table.md")
    parser.add_argument("--processes", type=_count, default=2, help="trainings side by side, a thread each (default 2)")
    parser.add_argument("--settings", type=_count, help="settings that every search tries (default: the study's)")
    parser.add_argument("--seeds", type=_count, help="reporting runs of each row (default: the study's)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="only these rows; without it all")
    parser.add_argument("--row", help="only this row, with its published settings")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="for every training of the study")
    arguments = parser.parse_intermixed_args()
    folder = arguments.outputs / arguments.study
    command = "python scripts/reproduce.py " + " ".join(sys.argv[1:])
    file = arguments.markdown or folder / "table.md"
    if arguments.study in ("all", "results", *COUNTS, *SOURCES):
        return _sources(arguments, parser)
    if arguments.study in LANDSCAPES:
        page = importlib.import_module(f"reproductions.{arguments.study}").run(folder, command, arguments.markdown)
        write_atomically(file, page.encode())
        print(page)
        return 0
    if arguments.study == transformer.NAME:
        print(transformer.measure(_plan(arguments), file))
        return 0
    if arguments.row is not None:
        table = ROOT / "docs" / "results" / f"{arguments.study}.md"
        rows = published_rows(table.read_text(encoding="utf-8"))
        if arguments.row not in rows:
            parser.error(f"--row={arguments.row}: accepted: {', '.join(rows)}")
        row, runs = rows[arguments.row], folder / "rows" / arguments.row
        overrides = (*row.overrides, *arguments.overrides)
        summaries = [recorded(overrides, seed, runs) for seed in range(arguments.seeds or 5)]
        accuracies = [summary["final"]["test_acc_target"] for summary in summaries]
        print(comparison(arguments.row, row, accuracies, table.relative_to(ROOT)))
        return 0
    study = importlib.import_module(f"reproductions.{arguments.study}").STUDY
    own = {word.partition("=")[0] for rows in study.contenders.values() for one in rows for word in one.overrides}
    for override in arguments.overrides:
        if override.partition("=")[0] in own:
            parser.error(f"{override}: rows of this study set this key themselves; accepted: any other override")
    groups = {
        target: [replace(one, overrides=(*one.overrides, *arguments.overrides)) for one in rows]
        for target, rows in study.contenders.items()
    }
    names = [one.name for rows in groups.values() for one in rows]
    for name in arguments.only or ():
        if name not in names:
            parser.error(f"--only {name}: accepted: {', '.join(names)}")
    settings = arguments.settings or study.budget.settings
    budget = replace(study.budget, settings=settings, finalists=min(study.budget.finalists, settings))
    ledger = Ledger(file.with_suffix(".csv"))
    done = ledger.rows()
    chosen = [
        one for rows in groups.values() for one in rows if one.name in (arguments.only or names) or one.name in done
    ]
    with processes(arguments.processes) as train:
        trainings = Trainings(ledger, folder, train)
        outcomes = {
            outcome.contender.name: outcome
            for outcome in carry_out(chosen, trainings, budget, arguments.seeds or study.seeds, arguments.processes)
        }
    page = render(
        {target: [outcomes[one.name] for one in rows if one.name in outcomes] for target, rows in groups.items()},
        study.title,
        command,
        budget,
        waiting=[name for name in names if name not in outcomes],
    )
    if study.draw is not None:
        picture = file.with_suffix(".png")
        write_atomically(picture, rendered(study.draw(list(outcomes.values()))))
        page += f"\n![{study.title}]({picture.name})\n"
    write_atomically(file, page.encode())
    print(page)
    return 0


def _sources(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Carry out one or all studies of sources, and write the page of their claims.

    Returns:
        The exit code.
    """
    own = {name: study for name, study in SOURCES.items() if arguments.study in ("all", name)}
    known = [row for study in own.values() for row in study.protocol(arguments.fast).names()]
    for name in arguments.only or ():
        if name not in known:
            parser.error(f"--only {name}: accepted: {', '.join(known) or 'nothing'}")
    for name, count in COUNTS.items():
        if arguments.study in ("all", name) and not arguments.only:
            count(arguments.results)
    plan = _plan(arguments)
    for name, study in own.items():
        file = study.file(arguments.results, arguments.fast)
        if arguments.overrides:
            file = arguments.outputs / name / "page.md"
        if arguments.markdown and arguments.study == name:
            file = arguments.markdown
        measure(study, plan, file)
        print(f"{name}: {file}", flush=True)
    if arguments.study == "all" and not arguments.fast:
        # No fast protocol: the Hessians of wide networks take half an hour.
        landscape.run(arguments.outputs / landscape.NAME, landscape.COMMAND, arguments.results / f"{landscape.NAME}.md")
        landscape.write_page(arguments.results)
    if arguments.study == "results":
        _write_pages(arguments.results)
    page = render_claims(arguments.results)
    write_atomically(arguments.results.parent / CLAIMS, page.encode())
    print(f"claims: {arguments.results.parent / CLAIMS}")
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    return Plan(
        arguments.fast,
        arguments.outputs,
        arguments.processes,
        arguments.seeds,
        arguments.only,
        tuple(arguments.overrides),
    )


def _write_pages(results: Path) -> None:
    """Write the pages of the sources' studies from what their CSVs have."""
    for study, fast in product(SOURCES.values(), (False, True)):
        page = study.file(results, fast)
        if page.with_suffix(".csv").exists():
            write_page(study, fast, Ledger(page.with_suffix(".csv")), page)
    if (results / f"{landscape.NAME}.json").exists():
        landscape.write_page(results)
    page = results / f"{transformer.NAME}.md"
    if page.with_suffix(".csv").exists():
        transformer.write_page(Ledger(page.with_suffix(".csv")), page)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}; accepted: an integer >= 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
