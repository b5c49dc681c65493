"""Tables as HTML: on the page of a report, and alone in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from fedprune.reports.tables import Cell, Table


def on_page(table: Table, beside: str) -> str:
    """The table as the page shows it: its caption, what its columns mean, and its files in ``beside``."""
    return "\n".join(
        filter(
            None,
            [
                f"<p class='note' id='about-{table.id}'>{escape(table.caption)}</p>",
                f"<div class='scroll' tabindex='0' role='region' aria-labelledby='about-{table.id}'>",
                f"<table class='sortable' id='table-{table.id}' aria-labelledby='about-{table.id}'>",
                f"{_head(table, buttons=True)}\n{_body(table)}</table></div>",
                f"<p class='below'>{escape(table.below)}</p>" if table.below else "",
                _meanings(table),
                _files(table, beside),
            ],
        )
    )


def alone(table: Table) -> str:
    """The table as a notebook shows it, without a style sheet and without a script."""
    below = " ".join(filter(None, (table.caption, table.below)))
    return (
        f"<table>\n{_head(table, buttons=False)}\n{_body(table)}</table>\n"
        f"<p style='font-size: 85%'>{escape(below)}</p>"
    )


def _head(table: Table, buttons: bool) -> str:
    def cell(place: int, name: str) -> str:
        about = table.about[place] if table.about else ""
        title = f" title='{escape(about)}'" if about else ""
        if buttons:
            return f"<th scope='col'><button type='button'{title}>{escape(name)}</button></th>"
        return f"<th scope='col'{title}>{escape(name)}</th>"

    return f"<thead><tr>{''.join(cell(place, name) for place, name in enumerate(table.header))}</tr></thead>"


def _body(table: Table) -> str:
    rows = "\n".join(
        f"<tr{'' if method is None else f' data-method={method}'}>{_cells(cells)}</tr>"
        for method, cells in zip(table.methods, table.rows, strict=True)
    )
    return f"<tbody>\n{rows}\n</tbody>"


def _cells(cells: Sequence[Cell]) -> str:
    def cell(index: int, found: Cell) -> str:
        tag, scope = ("th", " scope='row'") if index == 0 else ("td", "")
        value = "" if found.value is None else f" data-value='{escape(str(found.value))}'"
        kind = " data-text" if isinstance(found.value, str) else ""
        note = f"<small>{escape(found.note)}</small>" if found.note else ""
        return f"<{tag}{scope}{value}{kind}>{escape(found.text)}{note}</{tag}>"

    return "".join(cell(index, found) for index, found in enumerate(cells))


def _meanings(table: Table) -> str:
    told = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(about)}</dd>"
        for name, about in zip(table.header, table.about, strict=False)
        if about
    )
    if not told:
        return ""
    return f"<details class='columns'><summary>What the columns mean</summary>\n<dl>{told}</dl></details>"


def _files(table: Table, beside: str) -> str:
    if not table.file:
        return ""
    links = ", ".join(
        f"<a href='{quote(beside)}/{quote(table.file)}.{suffix}'>{table.file}.{suffix}</a>"
        for suffix in ("csv", "parquet")
    )
    return f"<p class='below files'>As files: {links}</p>"
