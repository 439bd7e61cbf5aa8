"""Compose what several parts of a page have alike: tables, figures with their numbers, panels to choose from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from homotopy_bench.report.html.markup import Content, Markup, element, text


def table(
    headers: Sequence[Content], rows: Iterable[Markup], *, key: str, class_: str = "", numbers_from: int = 1
) -> Markup:
    """Return a table that scrolls sideways where it is too wide, and that the page's script sorts.

    Args:
        headers: Heads of the columns.
        rows: What :func:`table_row` returns.
        key: Identifier of the table on the page.
        class_: A class of its own.
        numbers_from: The first column of numbers, as in the rows.
    """
    heads = [
        element("th", one, scope="col", class_=None if index >= numbers_from else "words")
        for index, one in enumerate(headers)
    ]
    head = element("thead", element("tr", heads))
    body = element("tbody", list(rows))
    return element(
        "div", element("table", head, body, id=key, class_=f"sortable {class_}".strip()), class_="wide", tabindex="0"
    )


def table_row(
    cells: Sequence[Content], *, row: str | None = None, method: str | None = None, numbers_from: int = 1
) -> Markup:
    """Return the row of a table: its first cell names it, those from ``numbers_from`` on are numbers."""
    first, *rest = cells
    tds = [
        element("td", one, class_=None if index >= numbers_from else "words") for index, one in enumerate(rest, start=1)
    ]
    return element("tr", element("th", first, scope="row"), tds, data_row=row, data_method=method)


def figure_block(title: str, caption: str, drawing: Content, numbers: Content = "") -> Markup:
    """Return a figure with title, caption and, folded, its numbers as a table."""
    folded = element("details", element("summary", "Numbers of this figure"), numbers) if numbers else text()
    return element("figure", element("h4", title), drawing, element("figcaption", caption), folded)


def panels(group: str, kind: str, choices: Sequence[tuple[str, str, Content]]) -> Markup:
    """Return panels of which one is shown: radio buttons that work without a script.

    Args:
        group: Name of the buttons, one for the page's every group.
        kind: What is chosen; the script chooses alike in all groups of a kind.
        choices: Value, words and panel of each choice; the first one is shown at the beginning.
    """
    buttons: list[Markup] = []
    for index, (value, words, _) in enumerate(choices):
        key = f"{group}-{index}"
        buttons.append(
            element(
                "input",
                type="radio",
                name=group,
                id=key,
                value=value,
                data_kind=kind,
                class_="choice",
                checked=index == 0,
            )
        )
        buttons.append(element("label", words, for_=key))
    shown = element("div", [element("div", panel) for _, _, panel in choices], class_="panels")
    return element("div", buttons, shown, class_="chosen", role="group", aria_label=kind)
