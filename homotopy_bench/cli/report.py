"""``homotopy-report PATH...``: the command line of the report.

Nothing but argparse is imported before the arguments are known to be good, so that ``--help`` answers at
once.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from homotopy_bench.cli.command import exit_code
from homotopy_bench.cli.output_files import check_distinct, check_output, check_picture, write_output
from homotopy_bench.cli.parser import OneLineParser
from homotopy_bench.cli.watch import check_seconds, watch
from homotopy_bench.core.errors import FAILURE, InputError
from homotopy_bench.core.inert import inert
from homotopy_bench.core.masking import error_line, one_line

if TYPE_CHECKING:
    from homotopy_bench.report.html.renewal import Renewal
    from homotopy_bench.report.runs import Run, Unusable
    from homotopy_bench.report.structure import Report

_DESCRIPTION = """\
Read the runs in the given folders and print, for every data set and model,
test accuracy at t = 1 with its spread over seeds, cost, and the paired
difference of every method to the strong baseline. Whatever is running, torn,
failed, pruned or double is listed below the tables and never stops the report.
"""

_TEXTS = ("markdown", "json", "latex", "csv")
"""Options that write the report as a text."""

_EPILOG = """\
examples:
  homotopy-report outputs
  homotopy-report outputs multirun --markdown report.md --figure report.png
  homotopy-report outputs --html report.html
  homotopy-report outputs --html report.html --watch 30
  homotopy-report outputs --baseline model.init=kaiming

Runs with seeds from 1000 on belong to searches, whose settings were chosen with
them; they are left out. Runs that agree in everything but the seed share a row.
Without --baseline, the baseline variant with the best mean validation accuracy
is the one to beat.
Exit code: 0, 2 where an input cannot be used, 1 where a picture, which are made
last, cannot be drawn, or 130 where Ctrl-C ended it, as it ends --watch.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``homotopy-report``.

    Args:
        argv: The arguments; by default those of the process.

    Returns:
        The exit code: 0, or after one line on the standard error 2 for an input that cannot be used, 1 for a failure,
        also where the picture alone cannot be drawn.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(arguments)

    def report() -> int:
        return _report(options, arguments)

    return exit_code("homotopy-report", report, arguments)


def _report(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Return the exit code, after printing the report and then writing its files.

    Raises:
        InputError: If an option cannot be used.
    """
    baseline = _settings(options.baseline)
    files = {f"--{name}": getattr(options, name) for name in (*_TEXTS, "html", "figure")}
    for option, path in files.items():
        check_output(option, path)
    check_picture("--figure", options.figure)
    check_distinct(files)
    if options.anonymous and options.html is None:
        raise InputError("--anonymous", "", "accepted: together with --html FILE, whose page it concerns")
    command = shlex.join(["homotopy-report", *arguments])
    if options.watch is not None:
        _check_watch(options)
        watch(lambda: _renew_page(options, baseline, command), options.watch, _say, arguments)

    from homotopy_bench.report.runs import read_runs
    from homotopy_bench.report.table import build_report
    from homotopy_bench.report.text import print_report

    runs = read_runs(options.paths, tuning=options.tuning)
    report = build_report(runs, baseline=baseline)
    try:
        print_report(report)
    finally:  # a reader of the text that has seen enough takes nothing from the files
        code = _write(report, runs, options, command)
        if options.curves:
            code = _draw_curves([run.path for run in runs]) or code
    return code


def _check_watch(options: argparse.Namespace) -> None:
    check_seconds("--watch", options.watch)
    if options.html is None:
        raise InputError(
            "--watch", f"{options.watch:g}", "accepted: together with --html FILE, the page that it renews"
        )
    for name in (*_TEXTS, "figure", "curves"):
        if getattr(options, name):
            raise InputError("--watch", f"{options.watch:g}", f"accepted: without --{name}; it renews the page alone")


def _renew_page(options: argparse.Namespace, baseline: Mapping[str, object], command: str) -> str:
    """Return a line on the page, after reading all runs and writing it anew."""
    from homotopy_bench.report.html.renewal import Renewal
    from homotopy_bench.report.layout import overview
    from homotopy_bench.report.runs import read_runs
    from homotopy_bench.report.table import build_report

    runs = read_runs(options.paths, tuning=options.tuning)
    report = build_report(runs, baseline=baseline)
    _write_page(report, runs, options, command, Renewal(options.watch, datetime.now(UTC)))
    running = sum(one.kind == "running" for one in report.unusable)
    return f"{options.html}: {overview(report)}; {running} running"


def _write_page(
    report: Report,
    runs: Sequence[Run | Unusable],
    options: argparse.Namespace,
    command: str,
    renewal: Renewal | None = None,
) -> None:
    """Write the page, with the studies that lie where the runs do."""
    from homotopy_bench.report.html.page import to_html
    from homotopy_bench.report.studies import read_studies

    studies = read_studies(options.paths)
    page = to_html(report, runs, command, studies=studies, anonymous=options.anonymous, renewal=renewal)
    write_output("--html", options.html, page.encode())


def _say(line: str) -> None:
    print(f"homotopy-report: {line}", file=sys.stderr, flush=True)


def _draw_curves(folders: Sequence[Path]) -> int:
    """Return the exit code, after drawing the pictures that runs lack; what cannot be drawn stops no other."""
    from homotopy_bench.core.heartbeat import announced
    from homotopy_bench.report.pictures import draw_picture, lacks_picture

    lacking = [folder for folder in folders if lacks_picture(folder)]
    drawn = 0
    for folder in announced(lacking, "curves.png drawn", _say):
        try:
            draw_picture(folder)
            drawn += 1
        except Exception as error:  # of a foreign record, or matplotlib's
            why = one_line(error, 300) if isinstance(error, InputError) else error_line(error)
            _say(inert(f"--curves: {folder}/curves.png cannot be drawn ({why})"))
    _say(f"{drawn} curves.png drawn")
    return 0 if drawn == len(lacking) else FAILURE


def _write(report: Report, runs: Sequence[Run | Unusable], options: argparse.Namespace, command: str) -> int:
    """Return the exit code, after writing the files that are asked for."""
    from homotopy_bench.report.latex import to_latex
    from homotopy_bench.report.machine import to_json
    from homotopy_bench.report.markdown import to_markdown
    from homotopy_bench.report.spreadsheet import to_csv

    if options.markdown is not None:
        write_output("--markdown", options.markdown, to_markdown(report, command).encode())
    if options.json is not None:
        write_output("--json", options.json, to_json(report, command).encode())
    if options.latex is not None:
        write_output("--latex", options.latex, to_latex(report, command).encode())
    if options.csv is not None:
        write_output("--csv", options.csv, to_csv(report).encode())
    if options.html is not None:
        _write_page(report, runs, options, command)
    if options.figure is not None:
        from homotopy_bench.report.figure import draw_report

        try:
            picture = draw_report(report, options.figure.suffix.lower())
        except Exception as error:  # the report has been given; matplotlib raises whatever it likes
            said = f"--figure={options.figure}: cannot be drawn ({error_line(error)})"
            print(f"homotopy-report: {inert(said)}", file=sys.stderr)
            return FAILURE
        write_output("--figure", options.figure, picture)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="homotopy-report", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a run folder, or a folder that holds some")
    parser.add_argument(
        "--baseline",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="compare with a baseline of this setting, for instance model.init=kaiming; repeatable",
    )
    parser.add_argument("--tuning", action="store_true", help="count runs with seeds from 1000 on like any other")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="also write the report as GitHub Markdown")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write every number as JSON")
    parser.add_argument("--latex", metavar="FILE", type=Path, help="also write a table a section, for \\input in LaTeX")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="also write a line a row, for spreadsheets")
    parser.add_argument("--html", metavar="FILE", type=Path, help="also write one page with figures, for a browser")
    parser.add_argument("--watch", metavar="SECONDS", type=float, help="renew that page every SECONDS until Ctrl-C")
    parser.add_argument("--anonymous", action="store_true", help="leave paths, host, user and times out of the page")
    parser.add_argument("--figure", metavar="FILE", type=Path, help="also draw the curves, as .png, .svg or .pdf")
    parser.add_argument("--curves", action="store_true", help="also draw the curves.png that finished runs lack")
    return parser


def _settings(words: Sequence[str]) -> dict[str, object]:
    settings: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise InputError("--baseline", word, "accepted: KEY=VALUE, for instance model.init=kaiming")
        if settings.setdefault(key, value) != value:
            raise InputError("--baseline", word, f"contradicts {key}={settings[key]}")
    return settings


if __name__ == "__main__":
    sys.exit(main())
