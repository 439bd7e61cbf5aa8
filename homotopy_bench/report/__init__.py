"""Make an honest table of run folders: the public functions behind ``homotopy-report``.

``read_runs`` turns folders into values, ``build_report`` turns those into rows and paired comparisons, and
one renderer each makes the text of a terminal, GitHub Markdown, JSON and a page of HTML of them::

    from homotopy_bench.report import build_report, read_runs, to_dict

    report = build_report(read_runs(["outputs"]), baseline={"model.init": "kaiming"})
    for section in report.sections:
        for row in section.rows:
            print(row.method, row.label, row.mean, row.interval)
"""

from __future__ import annotations

from homotopy_bench.core.statistics import Interval
from homotopy_bench.report.html.page import to_html
from homotopy_bench.report.machine import to_dict
from homotopy_bench.report.markdown import to_markdown
from homotopy_bench.report.runs import Run, Unusable, read_runs
from homotopy_bench.report.structure import BaselineChoice, Comparison, Report, Row, Section
from homotopy_bench.report.studies import Study, Trial, read_studies
from homotopy_bench.report.table import build_report
from homotopy_bench.report.text import print_report

__all__ = [
    "BaselineChoice",
    "Comparison",
    "Interval",
    "Report",
    "Row",
    "Run",
    "Section",
    "Study",
    "Trial",
    "Unusable",
    "build_report",
    "print_report",
    "read_runs",
    "read_studies",
    "to_dict",
    "to_html",
    "to_markdown",
]
