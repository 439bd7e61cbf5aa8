r"""Write a report as LaTeX: a table for every section, for ``\input`` into a document that loads ``booktabs``.

The file is ASCII and needs no other package; what is beyond ASCII in a name is an escape, as in ``\u4e2d``. Accuracies
are per cent and their differences percentage points, as in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from homotopy_bench.core.inert import inert
from homotopy_bench.report import layout
from homotopy_bench.report.cells import NOTHING, count, interval, name, percent, probability
from homotopy_bench.report.comparison import rows_with_comparisons
from homotopy_bench.report.structure import Comparison, Report, Row, Section

_ESCAPES = {
    **{one: rf"\{one}" for one in "{}$&#%_"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",  # a shorthand in many languages
    "`": r"{\char96}",
    # Behind the end of a row these would be options of the next one.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
}
"""Character -> what shows it, in text and in the argument of a caption."""

_LIGATURE = re.compile(r"([-',])(?=\1)")
"""Two of these would be one other sign."""

_NONE = r"\textendash{}"


def to_latex(report: Report, command: str = "") -> str:
    r"""Return a report as LaTeX, with the command line that made it as a comment unless that is empty.

    Every section is an environment ``table`` with the label ``tab:report-1``, ``tab:report-2`` and so on.
    """
    return "\n".join(_lines(report, command)) + "\n"


def escaped(text: str) -> str:
    r"""Return a text that LaTeX shows as it is: no command, no mathematics, no comment, no ligature.

    Example:
        >>> print(escaped(r"a_1 & \input{x} 50 %"))
        a\_1 \& \textbackslash{}input\{x\} 50 \%
    """
    plain = _ascii(" ".join(text.split()).replace("\u2026", "..."))
    return _LIGATURE.sub(r"\1{}", "".join(_ESCAPES.get(one, one) for one in plain))


def _lines(report: Report, command: str) -> Iterator[str]:
    yield r"% Tables of a report of homotopy-bench; the document needs \usepackage{booktabs}."
    yield f"% {layout.overview(report)}."
    if command:
        # A comment ends with its line, and TeX looks for nothing in it.
        yield f"% Made by: {_ascii(command)}"
    for number, section in enumerate(report.sections, start=1):
        yield ""
        yield from _table(section, number, report.tests)


def _ascii(text: str) -> str:
    return inert(text).encode("ascii", "backslashreplace").decode()


def _table(section: Section, number: int, tests: int) -> Iterator[str]:
    compared = section.baseline is not None and bool(section.comparisons)
    heads = ["Method", "$n$", "Mean", "Interval", *(["Difference", "Interval", "$p$", "Cost"] if compared else [])]
    yield r"\begin{table}"
    yield rf"  \caption[{escaped(layout.heading(section))}]{{{' '.join(_caption(section, tests, compared))}}}"
    yield rf"  \label{{tab:report-{number}}}"
    yield r"  \centering"
    yield rf"  \begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}"
    yield r"    \toprule"
    yield _row(heads)
    yield r"    \midrule"
    for row, comparison in rows_with_comparisons(section):
        yield _row([*_accuracy(row), *(_difference(comparison) if compared else [])])
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    yield r"\end{table}"


def _caption(section: Section, tests: int, compared: bool) -> Iterator[str]:
    """Yield the sentences of a caption, as LaTeX."""
    yield f"Test accuracy at $t = 1$ on {escaped(section.dataset)}, model {escaped(section.model)}, in per cent."
    yield (
        r"Mean over $n$ seeds with its 95\,\% interval by Student's $t$; diverged runs count."
        if any(row.interval for row in section.rows)
        else "One seed a row."
    )
    if compared and section.baseline is not None:
        other = escaped(f"baseline {section.baseline.label}".rstrip())
        yield (
            f"Differences to {other} in percentage points, paired by seed over as many pairs as stand in parentheses; "
            f"$p$ of Wilcoxon's signed-rank test, corrected for {count(tests, 'test')} by Holm; cost in forward "
            "passes, relative to it."
        )
    elif section.no_baseline:
        yield f"Not compared: {escaped(section.no_baseline)}."
    collapsed = [
        f"{name(row)} {', '.join(map(str, row.collapsed_seeds))}" for row in section.rows if row.collapsed_seeds
    ]
    if collapsed:
        yield f"Collapsed seeds, which no interval covers: {escaped('; '.join(collapsed))}."
    protocol = ", ".join(f"{key}={value}" for key, value in section.protocol.items())
    if protocol:
        yield f"Protocol: {escaped(protocol)}."


def _accuracy(row: Row) -> list[str]:
    return [escaped(name(row)), str(row.runs), _number(percent(row.mean)), _number(interval(row.interval))]


def _difference(one: Comparison | None) -> list[str]:
    if one is None:
        return [_NONE] * 4
    difference = _number(percent(one.mean_difference, sign=True))
    ratio = _NONE if one.cost_ratio is None else f"{one.cost_ratio:.2f}"
    bounds = _number(interval(one.interval, sign=True))
    return [f"{difference} ({one.pairs})", bounds, _number(probability(one.p_holm)), ratio]


def _number(cell: str) -> str:
    r"""Return a cell of numbers with signs as mathematics sets them.

    Example:
        >>> _number("[-0.90, +0.30]"), _number("-")
        ('{[}$-$0.90, $+$0.30{]}', '\\textendash{}')
    """
    if cell == NOTHING:
        return _NONE
    signed = cell.replace("-", "$-$").replace("+", "$+$")
    return signed.replace("[", "{[}").replace("]", "{]}")


def _row(cells: Iterable[str]) -> str:
    return rf"    {' & '.join(cells)} \\"
