"""List the settings in which the rows of a section differ, so that any two can be compared."""

from __future__ import annotations

from collections.abc import Mapping

from homotopy_bench.report.html.markup import Content, Markup, element
from homotopy_bench.report.html.parts import table, table_row
from homotopy_bench.report.html.styled_rows import StyledRow
from homotopy_bench.report.variants import shown

Settings = Mapping[str, Mapping[str, str]]
"""Run folder -> dotted key -> JSON text, without what makes no variant of its own."""


def differences(rows: list[StyledRow], settings: Settings, key: str) -> Markup:
    """Return a table of every key in which any two rows differ, a column for each row; the script shows two of them."""
    of_rows = [settings[one.row.paths[0]] for one in rows]
    keys = sorted({name for one in of_rows for name in one})
    differing = [name for name in keys if len({one.get(name) for one in of_rows}) > 1]
    if not differing:
        return element("p", "The configurations of these rows do not differ.")
    lines = [
        table_row([name, *(shown(one.get(name)) for one in of_rows)], numbers_from=len(rows) + 1) for name in differing
    ]
    headers: list[Content] = ["setting", *(one.name for one in rows)]
    pickers = [_picker(rows, key, index) for index in (0, 1)] if len(rows) > 2 else []
    form = element("p", pickers, class_="needs-script compare", data_table=f"differences-{key}") if pickers else ""
    return element(
        "div", form, table(headers, lines, key=f"differences-{key}", class_="settings", numbers_from=len(headers))
    )


def _picker(rows: list[StyledRow], key: str, index: int) -> Markup:
    options = [element("option", "all rows", value=""), *(element("option", one.name, value=one.key) for one in rows)]
    return element(
        "label", ("compare ", "with ")[index], element("select", options, data_state=f"compare-{key}-{index}")
    )
