"""Put the page of a report together: one file that asks for nothing from outside, and says so to the browser."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.resources import files

from homotopy_bench.core.seeds import FIRST_TUNING_SEED
from homotopy_bench.report import layout
from homotopy_bench.report.cells import count
from homotopy_bench.report.html.anonymity import anonymous as made_anonymous
from homotopy_bench.report.html.csv_files import csv_files, trials_csv
from homotopy_bench.report.html.curve_figure import curve_figure
from homotopy_bench.report.html.differences import Settings, differences
from homotopy_bench.report.html.headline import headline
from homotopy_bench.report.html.history import History, read_histories
from homotopy_bench.report.html.landscape_figure import landscape_figures
from homotopy_bench.report.html.markup import Markup, element, embedded, json_data, text
from homotopy_bench.report.html.origin import origin
from homotopy_bench.report.html.parts import table, table_row
from homotopy_bench.report.html.profile_figure import profile_figure
from homotopy_bench.report.html.provenance import provenance
from homotopy_bench.report.html.renewal import Renewal, refresh, sentence
from homotopy_bench.report.html.section_tables import section_tables
from homotopy_bench.report.html.seed_plot import seed_plot
from homotopy_bench.report.html.settings import settings_of
from homotopy_bench.report.html.study_part import study_part
from homotopy_bench.report.html.styled_rows import styled_rows
from homotopy_bench.report.html.survival_figure import survival_figure
from homotopy_bench.report.machine import to_dict
from homotopy_bench.report.runs import Run, Unusable
from homotopy_bench.report.structure import Report, Section
from homotopy_bench.report.studies import Study
from homotopy_bench.report.verdict import verdicts

_DIFFERENCES = "What differs between the configurations of two rows"


def to_html(
    report: Report,
    records: Sequence[Run | Unusable],
    command: str = "",
    *,
    studies: Sequence[Study | Unusable] = (),
    anonymous: bool = False,
    renewal: Renewal | None = None,
) -> str:
    """Return a report as one page of HTML.

    Args:
        report: What the page shows.
        records: What it was built from: curves, configurations and provenance are read from these runs.
        command: The command line that made it; empty to leave it out.
        studies: What :func:`~homotopy_bench.report.studies.read_studies` returns.
        anonymous: Whether to leave out paths, hosts, users, commands and times.
        renewal: Every how many seconds it is made anew; None for a page that stays as it is.
    """
    report = replace(report, unusable=(*report.unusable, *(one for one in studies if isinstance(one, Unusable))))
    searches = [study for study in studies if isinstance(study, Study)]
    known = {str(run.path): run for run in records if isinstance(run, Run)}
    used = [[known[path] for row in section.rows for path in row.paths] for section in report.sections]
    histories: Mapping[str, History] = read_histories([run for runs in used for run in runs])
    settings: Settings = settings_of([run for runs in used for run in runs])
    origins = [origin(runs, anonymous=anonymous) for runs in (*used, *(study.runs for study in searches))]
    if anonymous:
        searches = [replace(study, runs=()) for study in searches]  # full of what is not to be told
        report, clean, folder = made_anonymous(report, searches)
        histories = {folder(path): history for path, history in histories.items()}
        settings = {folder(path): clean(own) for path, own in settings.items()}
        origins, searches, command = clean(origins), clean(searches), ""
        renewal = renewal and replace(renewal, made=None)
    downloads = {"report.json": json.dumps(to_dict(report, command), allow_nan=False), **csv_files(report, histories)}
    if searches:
        downloads["trials.csv"] = trials_csv(searches)
    headings = [layout.heading(section) for section in report.sections]
    headings += [f"study {study.name}" for study in searches]
    main = element(
        "main",
        element("h1", "Report"),
        element("p", f"{layout.overview(report)}.", id="overview"),
        sentence(renewal) if renewal else "",
        _conclusions(report),
        _controls(report, searches, list(downloads)),
        [_section(one, str(number), histories, settings) for number, one in enumerate(report.sections)],
        study_part(searches),
        element("section", element("h2", "Over all sections"), profile_figure(report, histories), id="profiles"),
        _excluded(report),
        element(
            "section", element("h2", "Provenance"), provenance(headings, origins, command, version("homotopy-bench"))
        ),
        _legend(report),
    )
    return _document(main, downloads, refresh(renewal) if renewal else text())


def _document(main: Markup, downloads: Mapping[str, str], more: Markup) -> str:
    style, script = (files(__package__).joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        more,
        element("title", "homotopy-bench report"),
        element("style", embedded(style)),
    )
    data = element("script", json_data(json.dumps(downloads)), type="application/json", id="downloads")
    body = element("body", main, data, element("script", embedded(script)))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _conclusions(report: Report) -> Markup:
    """Return a sentence for every section, then its verdicts, of many those beyond the first ones folded."""
    parts = []
    for number, section in enumerate(report.sections):
        link = element("a", layout.heading(section), href=f"#section-{number}")
        said = [element("h3", link), element("p", headline(section), class_="headline")]
        sentences = [element("li", sentence) for sentence in verdicts(section) if sentence != headline(section)]
        first, rest = sentences[: layout.MOST_VERDICTS], sentences[layout.MOST_VERDICTS :]
        if first:
            said.append(element("ul", first))
        if rest:
            said.append(element("details", element("summary", f"{len(rest)} more"), element("ul", rest)))
        parts.append(element("div", said, data_dataset=section.dataset, data_model=section.model))
    return element("section", element("h2", "Verdicts"), parts, class_="verdicts")


def _controls(report: Report, studies: Sequence[Study], names: Sequence[str]) -> Markup:
    """Return what filters the page and downloads its data; without a script it is not shown."""
    choices = {
        "dataset": [section.dataset for section in report.sections] + [study.dataset for study in studies],
        "model": [section.model for section in report.sections] + [study.model for study in studies],
        "method": [row.method for section in report.sections for row in section.rows]
        + [study.method for study in studies],
    }
    words = {"dataset": "data set", "model": "model", "method": "method"}
    pickers = []
    for kind, values in choices.items():
        options = [element("option", value, value=value) for value in dict.fromkeys(sorted(values))]
        pickers.append(
            element(
                "label",
                f"{words[kind]} ",
                element("select", element("option", "all", value=""), options, data_state=kind),
            )
        )
    buttons = [element("button", f"download {name}", type="button", data_download=name) for name in names]
    return element("div", pickers, element("span", buttons, class_="downloads"), class_="needs-script controls")


def _section(section: Section, key: str, histories: Mapping[str, History], settings: Settings) -> Markup:
    rows = styled_rows(section, int(key))
    return element(
        "section",
        element("h2", layout.heading(section)),
        list(section_tables(section, rows, key)),
        element(
            "div",
            seed_plot(section, rows, key),
            curve_figure(rows, histories, key),
            survival_figure(section, rows, histories, key),
            list(landscape_figures(section, rows, key)),
            class_="figures",
        ),
        element("details", element("summary", _DIFFERENCES), differences(rows, settings, key)),
        id=f"section-{key}", data_dataset=section.dataset, data_model=section.model,
    )  # fmt: skip


def _excluded(report: Report) -> Markup:
    """Return the folders that are not in the tables, and why."""
    heading = element("h2", "Not in the tables")
    searches = ""
    if report.tuning_runs:
        searches = element(
            "p",
            f"{count(report.tuning_runs, 'run')} of searches, with seeds from {FIRST_TUNING_SEED} on, by whose "
            "accuracy settings were chosen; --tuning takes them into the tables.",
        )
    if not report.unusable:
        return element("section", heading, searches or element("p", "Every run found is in the tables."))
    lines = [table_row(cells, numbers_from=3) for cells in layout.unusable(report)]
    return element(
        "section",
        heading,
        searches,
        table(["kind", "folder", "reason"], lines, key="excluded", numbers_from=3),
    )


def _legend(report: Report) -> Markup:
    lines = list(_lines(report))
    return element("section", element("h2", "How to read this"), element("ul", lines)) if lines else text()


def _lines(report: Report) -> Iterator[Markup]:
    if report.sections:
        yield from (element("li", line) for line in layout.legend(report))
