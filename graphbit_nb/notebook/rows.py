"""The rows of a run's picture, one a node: of those that need a look while it goes on, of all when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.core.states import NodeState
from graphbit_nb.notebook import html
from graphbit_nb.notebook.live import rows as live
from graphbit_nb.notebook.words import MOST_PARTS, chosen, how_to_answer, is_loop, iteration, label, says, urgent_first

if TYPE_CHECKING:
    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot

_MOST_NODES = 200
_MOST_INSIDE = 12  # parts of a part
_OF_A_PART = 2_000  # characters of a part's answer


# ---- while the run goes on


def live_rows(snapshot: RunSnapshot) -> list[str]:
    """Return a row for each node that runs, retries, waits or failed, with what is open inside it."""
    rows, left = live.live_rows(snapshot)
    written = [_live_row(row) for row in rows]
    return [*written, html.note(f"{left:,} more")] if left else written


def _live_row(row: live.Row) -> str:
    indent = f' style="padding-left:{14 + 16 * row.depth}px"' if row.depth else ""
    text = html.text(row.text)
    told = f'<span class="gb-tail"><bdi>{text}</bdi></span>' if row.tail else f'<span class="gb-cut">{text}</span>'
    return (
        f'<div class="gb-row" data-state="{row.state}"{indent}>{html.mark(row.state)}'
        f'<b title="{html.text(row.path)}">{html.text(row.label)}</b> {told} '
        f'<span class="gb-num gb-say">{html.text(row.figure)}</span></div>'
    )


def _named(node: NodeSnapshot, of: NodeSnapshot | None) -> str:
    """Return a node's name, of a part the one beside its parent, with the path that inspect takes."""
    if of is None:
        return f"<b>{html.text(node.name)}</b>"
    return f'<b title="{html.text(node.name)}">{html.text(label(node, of))}</b>'


# ---- when the run has ended


def done_rows(snapshot: RunSnapshot, most: int = html.MOST_SHOWN) -> list[str]:
    """Return a row for each node that opens on its answer, at most so many characters, or on what it had inside.

    Of a large run they are those that need a look and the last ones, on which others do not wait.
    """
    listed = list(snapshot.nodes.values())
    shown, left = urgent_first(listed, _MOST_NODES, reversed(listed))
    rows = [_done_row(node, None, most) for node in shown]
    if left:
        first = html.text(left[0].name)
        rows.append(html.note(f"{len(left):,} more: click them in the drawing, or %graphbit inspect {first}"))
    return rows


def _done_row(node: NodeSnapshot, of: NodeSnapshot | None, most: int) -> str:
    said = html.text(says(node))
    how = (' class="gb-whole"' if node.parts else "") + (" open" if _is_asked(node) else "")
    return (
        f"<details{how}><summary>{html.mark(node.state)}{_named(node, of)} "
        f'<span class="gb-cut">{said}</span> <span class="gb-num">{html.seconds(node.latency)}</span> '
        f'<span class="gb-num">{html.text(html.tokens(node))}</span></summary>'
        f'<div class="gb-open">{_opens(node, of, most) or said}</div></details>'
    )


def _is_asked(node: NodeSnapshot) -> bool:
    """Whether a person is to answer here, or somewhere inside."""
    return node.state is NodeState.WAITING or any(_is_asked(part) for part in node.parts.values())


def _opens(node: NodeSnapshot, of: NodeSnapshot | None, most: int) -> str:
    """Return what stands below a row when it is opened."""
    opens = []
    if node.state is NodeState.WAITING:
        opens.append(html.answer(node.question or ""))
        opens.append(f'<p class="gb-line">answer with <b>{html.text(how_to_answer(node))}</b></p>')
    if node.flags:
        opens.append(html.titled([("flagged", "\n".join(map(str, node.flags)))]))
    if node.printed:
        opens.append(html.titled([("printed", html.cut(node.printed))]))
        if node.state.has_output and not node.parts:
            opens.append('<span class="gb-role">answer</span>')
    if node.error is not None and node.state.has_output:
        opens.append(f'<p class="gb-line">its fallback stood in for: {html.text(node.error)}</p>')
    elif node.error is not None:
        opens.append(f'<pre class="gb-text">{html.text((node.error.traceback or "") + str(node.error))}</pre>')
    if node.parts:
        opens.append(_parts(node, MOST_PARTS if of is None else _MOST_INSIDE, most))
    elif node.state.has_output:
        opens.append(html.answer(node.output, most if of is None else min(most, _OF_A_PART)))
    elif node.streamed and node.error is None:
        opens.append(html.answer(node.streamed, most))
    return "".join(opens)


def _parts(node: NodeSnapshot, most_parts: int, most: int) -> str:
    """Return the rows of what a node opened into; a loop's by iterations."""
    parts, left = chosen(node, most_parts)
    rows: list[str] = []
    number = None
    for part in parts:
        if is_loop(node) and (told := iteration(part.name, node)) != number:
            number = told
            rows.append(f'<span class="gb-role">iteration {number}</span>')
        rows.append(_done_row(part, node, most))
    if left:
        rows.append(f'<p class="gb-line">and {len(left):,} more: %graphbit inspect {html.text(left[0].name)}</p>')
    return f'<div class="gb-parts">{"".join(rows)}</div>'
