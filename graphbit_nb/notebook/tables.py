"""Tables in outputs: what they hold as HTML, and the same as text in columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from graphbit_nb.notebook import html

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDEST = 60  # characters of a cell in the text form


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: What stands above it.
        kind: ``"text"`` on one line, ``"wide"`` may be broken, ``"number"`` is set to the right, ``"code"`` is to be
            copied, ``"state"`` has its mark before it.
    """

    title: str
    kind: str = "text"


def table_bundle(
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Any]],
    *,
    facts: Iterable[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    empty: str = "nothing",
) -> dict[str, str]:
    """Return a table as an output.

    Args:
        title: What it is.
        columns: Its columns.
        rows: A value for each column; what is None stays empty.
        facts: Figures beside the title.
        notes: Lines below it.
        empty: The line that stands in its place when there are no rows.
    """
    body = table(columns, rows) if rows else html.note(html.text(empty))
    shown = [html.head(title, facts=facts), body, *(html.note(html.text(note)) for note in notes)]
    said = text_table(columns, rows) if rows else [f"  {html.visible(empty)}"]
    lines = [html.visible(title), *said, *map(html.visible, notes)]
    return {"text/html": page(html.shell(shown)), "text/plain": "\n".join(lines)}


def page(*parts: str) -> str:
    """Put parts together as one output that has tables."""
    return html.styles("tables.css") + html.page(*parts)


def table(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as HTML."""
    head = "".join(f'<th scope="col"{_class(column)}>{html.text(column.title)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, columns, row))}</tr>" for row in rows)
    inner = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="gb-scroll"><table class="gb-tab">{inner}</table></div>'


def text_table(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return a table as lines of text in columns."""
    cells = [[column.title for column in columns]]
    cells += [["" if value is None else _cut(html.visible(html.one_line(value))) for value in row] for row in rows]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    return ["  " + "  ".join(map(_padded, columns, row, widths)).rstrip() for row in cells]


def _padded(column: Column, value: str, width: int) -> str:
    return value.rjust(width) if column.kind == "number" else value.ljust(width)


def _cut(line: str) -> str:
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"


def _class(column: Column) -> str:
    return {"number": ' class="gb-num"', "wide": ' class="gb-wide"'}.get(column.kind, "")


def _cell(column: Column, value: Any) -> str:
    if value is None:
        return "<td></td>"
    shown = html.text(value)
    if column.kind == "code":
        shown = f"<code>{shown}</code>"
    elif column.kind == "state":
        shown = f'<span class="gb-say" data-state="{shown}">{html.mark(str(value))} {shown}</span>'
    return f"<td{_class(column)}>{shown}</td>"
