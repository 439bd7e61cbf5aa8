"""Studies of docs/results, from search to table.

    python scripts/reproduce.py all [--fast] [--processes 2]
    python scripts/reproduce.py results
    python scripts/reproduce.py identity_homotopy_script|identity_homotopy_source [--fast]
    python scripts/reproduce.py curvature_source|hta_vgg|convexity_source [--fast]
    python scripts/reproduce.py hta_functions|precision_bounds|curvature_overhead
    python scripts/reproduce.py baselines|depth|depth_convolutions|ablation|hta [--only ROW ...] [--markdown FILE]
    python scripts/reproduce.py baselines --row plain_looks_linear --seeds 2
    python scripts/reproduce.py landscape|basins [--markdown docs/results/NAME.md]
    python scripts/reproduce.py transformer [--only decoder/post ...] [--markdown docs/results/transformer.md]

`all` carries out what the sources did, with their settings, and writes docs/RESULTS.md; with --fast as far as goes in
three quarters of an hour on two cores, without it for days and with the study of wide networks. `results` writes that
page, and those of the studies, from what is kept. The studies of sources keep their trainings below docs/results,
where their pages are; with overrides below --outputs, or where --markdown says.

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
import sys
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

from reproductions import (
    ablation,
    baselines,
    basins,
    curvature_overhead,
    depth,
    depth_convolutions,
    hta,
    hta_functions,
    landscape,
    precision_bounds,
    source_study,
    transformer,
    tuned_study,
)
from reproductions.claims.kept import STUDIES as SOURCES
from reproductions.claims.page import render as render_claims
from reproductions.ledger import Ledger
from reproductions.plan import Plan, Refused
from reproductions.row import trained_again

from homotopy_bench.core.files import write_atomically

TUNED = {
    "baselines": baselines.STUDY,
    "depth": depth.STUDY,
    "depth_convolutions": depth_convolutions.STUDY,
    "ablation": ablation.STUDY,
    "hta": hta.STUDY,
}
"""Studies whose rows are tuned at equal budgets."""

OTHERS: Mapping[str, Callable[[Plan, Path], str]] = {
    landscape.NAME: landscape.measure,
    transformer.NAME: transformer.measure,
    basins.NAME: basins.measure,
}
"""Studies with pages of their own."""

COUNTS = {one.NAME: one.measure for one in (hta_functions, precision_bounds, curvature_overhead)}
"""Studies without records, which take a minute or less."""

ROOT = Path(__file__).parent.parent

RESULTS, OUTPUTS = ROOT / "docs" / "results", Path("outputs/reproduce")
"""Where results, and trials and runs, are kept unless asked otherwise."""

PROCESSES = 2
"""Trainings side by side, unless asked otherwise."""

CLAIMS = "RESULTS.md"
"""Page of the claims, beside the folder of results."""


def main() -> int:
    """Carry out a study and write its table.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", choices=("all", "results", *SOURCES, *COUNTS, *TUNED, *OTHERS), metavar="STUDY")
    parser.add_argument("--fast", action="store_true", help="of the sources' studies what two cores do in minutes")
    parser.add_argument("--results", type=Path, help="where results are kept (default: docs/results)")
    parser.add_argument("--outputs", type=Path, help="where trials and runs are kept (default: outputs/reproduce)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="default: OUTPUTS/STUDY/table.md")
    parser.add_argument("--processes", type=_count, help=f"trainings side by side, a thread each (default {PROCESSES})")
    parser.add_argument("--settings", type=_count, help="settings that every search tries (default: the study's)")
    parser.add_argument("--seeds", type=_count, help="reporting runs of each row (default: the study's)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="only these rows; without it all")
    parser.add_argument("--row", help="only this row, with its published settings")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="for every training of the study")
    arguments = parser.parse_intermixed_args()
    name: str = arguments.study
    _refuse_options_without_meaning(arguments, parser)
    outputs: Path = arguments.outputs or OUTPUTS
    results: Path = arguments.results or RESULTS
    plan = Plan(
        outputs,
        arguments.processes or PROCESSES,
        arguments.fast,
        arguments.settings,
        arguments.seeds,
        arguments.only,
        tuple(arguments.overrides),
    )
    page: Path = arguments.markdown or outputs / name / "table.md"
    try:
        if arguments.row is not None:
            print(trained_again(arguments.row, results / f"{name}.md", plan))
        elif name in TUNED:
            print(tuned_study.measure(name, TUNED[name], plan, page))
        elif name in OTHERS:
            print(OTHERS[name](plan, page))
        else:
            _of_sources(name, plan, results, arguments.markdown)
    except Refused as refused:
        parser.error(str(refused))
    return 0


def _refuse_options_without_meaning(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """End with exit code 2 where an option is given that the study would ignore."""
    name = arguments.study
    meaning = {
        "fast": (*SOURCES, "all"),
        "processes": () if arguments.row else (*SOURCES, "all", *TUNED, transformer.NAME),
        "settings": () if arguments.row else TUNED,
        "seeds": (*SOURCES, *TUNED, transformer.NAME),
        "only": () if arguments.row else (*SOURCES, *TUNED, transformer.NAME, landscape.NAME),
        "row": TUNED,
        "results": TUNED if arguments.row else (*SOURCES, *COUNTS, "all", "results"),
        "outputs": (*SOURCES, "all", *TUNED, *OTHERS),
        "markdown": () if arguments.row else (*SOURCES, *TUNED, *OTHERS),
        "overrides": (*SOURCES, *TUNED, transformer.NAME),
    }
    for option, studies in meaning.items():
        if getattr(arguments, option) and name not in studies:
            shown = arguments.overrides[0] if option == "overrides" else f"--{option}"
            accepted = f"; accepted: {', '.join(studies)}" if studies else " with --row"
            parser.error(f"{shown}: has no meaning for {name}{accepted}")


def _of_sources(name: str, plan: Plan, results: Path, markdown: Path | None) -> None:
    """Carry out one or all studies of sources, or none with ``results``, and write the page of their claims."""
    own = {key: study for key, study in SOURCES.items() if name in ("all", key)}
    for key, count in COUNTS.items():
        if name in ("all", key):
            count(results)
    for key, study in own.items():
        page = study.file(results, plan.fast)
        if plan.overrides:
            page = plan.outputs / key / "page.md"
        page = markdown or page
        source_study.measure(study, plan, page)
        print(f"{key}: {page}", flush=True)
    if name == "all" and not plan.fast:
        # No fast protocol: training and Hessians of wide networks take half an hour.
        landscape.measure(plan, results / f"{landscape.NAME}.md")
    if name == "results":
        _write_pages(results)
    claims = results.parent / CLAIMS
    write_atomically(claims, render_claims(results).encode())
    print(f"claims: {claims}")


def _write_pages(results: Path) -> None:
    """Write the pages of studies from what their CSVs and JSONs have."""
    for study, fast in product(SOURCES.values(), (False, True)):
        page = study.file(results, fast)
        if page.with_suffix(".csv").exists():
            source_study.write_page(study, fast, Ledger(page.with_suffix(".csv")), page)
    for name, tuned in TUNED.items():
        page = results / f"{name}.md"
        if page.with_suffix(".csv").exists():
            tuned_study.write_page(name, tuned, page)
    page = results / f"{transformer.NAME}.md"
    if page.with_suffix(".csv").exists():
        transformer.write_page(Ledger(page.with_suffix(".csv")), page)
    if (results / f"{landscape.NAME}.json").exists():
        landscape.write_page(results / f"{landscape.NAME}.md")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}; accepted: an integer >= 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
