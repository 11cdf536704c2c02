"""The rows of a run's picture, one a node: of those that need a look while it goes on, of all when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.core.states import NodeState
from graphbit_nb.notebook import html
from graphbit_nb.notebook.words import MOST_PARTS, chosen, counted, how_to_answer, is_loop, iteration, label, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot

_LIVE = (NodeState.RUNNING, NodeState.RETRYING, NodeState.WAITING, NodeState.FAILED)
_MOST_ROWS = 12
_MOST_INSIDE = 12  # parts of a part
_OF_A_PART = 2_000  # characters of a part's answer


# ---- while the run goes on


def live_rows(snapshot: RunSnapshot) -> list[str]:
    """Return a row for each node that runs, retries, waits or failed, with what is open inside it."""
    rows: list[str] = []
    left = 0
    for node in snapshot.nodes.values():
        for one, of, depth in _opened(node, None, 0):
            if len(rows) < _MOST_ROWS:
                rows.append(_live_row(one, of, depth))
            else:
                left += 1
    return [*rows, html.note(f"{left:,} more")] if left else rows


def _opened(
    node: NodeSnapshot, of: NodeSnapshot | None, depth: int
) -> Iterator[tuple[NodeSnapshot, NodeSnapshot | None, int]]:
    """Go through a node that is live and the live nodes inside it; of a fan-out's items, those that wait or retry."""
    if node.state not in _LIVE:
        return
    yield node, of, depth
    for part in node.parts.values():
        if node.expands == "nodes" or part.parts or part.state in (NodeState.WAITING, NodeState.RETRYING):
            yield from _opened(part, node, depth + 1)


def _live_row(node: NodeSnapshot, of: NodeSnapshot | None, depth: int) -> str:
    told, figure = _live_words(node)
    indent = f' style="padding-left:{14 + 16 * depth}px"' if depth else ""
    return (
        f'<div class="gb-row" data-state="{node.state}"{indent}>{html.mark(node.state)}'
        f"{_named(node, of)}{told}"
        f'<span class="gb-num gb-say">{html.text(figure)}</span></div>'
    )


def _named(node: NodeSnapshot, of: NodeSnapshot | None) -> str:
    """Return a node's name, of a part the one beside its parent, with the path that inspect takes."""
    if of is None:
        return f"<b>{html.text(node.name)}</b>"
    return f'<b title="{html.text(node.name)}">{html.text(label(node, of))}</b>'


def _live_words(node: NodeSnapshot) -> tuple[str, str]:
    """Return what a live row says, as HTML, and its figure."""
    figure = ""
    match node.state:
        case NodeState.FAILED:
            told = says(node)
        case NodeState.RETRYING:
            last = node.attempts[-1] if node.attempts else None
            told = str((last and last.error) or "waits for its next attempt")
            figure = f"again in {last.delay:.0f} s" if last is not None and last.delay is not None else ""
        case NodeState.WAITING:
            told, figure = says(node), how_to_answer(node)
        case _ if node.expands is not None:
            told, figure = _said_of_parts(node), counted(node)
        case _:
            text = node.streamed or node.printed
            tail = " ".join(text[-400:].split())
            figure = f"{len(node.streamed):,} characters" if node.streamed else ""
            return f'<span class="gb-tail"><bdi>{html.text(tail)}</bdi></span>', figure
    return f'<span class="gb-cut">{html.text(told)}</span>', figure


def _said_of_parts(node: NodeSnapshot) -> str:
    """Say which parts run now and which have failed."""
    parts = node.parts.values()
    told = []
    for state in (NodeState.FAILED, NodeState.RUNNING):
        names = [label(part, node) for part in parts if part.state is state]
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            told.append(f"{state}: {', '.join(names[:3])}{more}")
    return " · ".join(told)


# ---- when the run has ended


def done_rows(snapshot: RunSnapshot) -> list[str]:
    """Return a row for each node that opens on its answer, or on what it had inside."""
    return [_done_row(node, None) for node in snapshot.nodes.values()]


def _done_row(node: NodeSnapshot, of: NodeSnapshot | None) -> str:
    said = html.text(says(node))
    how = (' class="gb-whole"' if node.parts else "") + (" open" if _is_asked(node) else "")
    return (
        f"<details{how}><summary>{html.mark(node.state)}{_named(node, of)}"
        f'<span class="gb-cut">{said}</span><span class="gb-num">{html.seconds(node.latency)}</span>'
        f'<span class="gb-num">{html.text(html.tokens(node))}</span></summary>'
        f'<div class="gb-open">{_opens(node, of) or said}</div></details>'
    )


def _is_asked(node: NodeSnapshot) -> bool:
    """Whether a person is to answer here, or somewhere inside."""
    return node.state is NodeState.WAITING or any(_is_asked(part) for part in node.parts.values())


def _opens(node: NodeSnapshot, of: NodeSnapshot | None) -> str:
    """Return what stands below a row when it is opened."""
    opens = []
    if node.state is NodeState.WAITING:
        opens.append(html.answer(node.question or ""))
        opens.append(f'<p class="gb-line">answer with <b>{html.text(how_to_answer(node))}</b></p>')
    if node.printed:
        opens.append(html.titled([("printed", html.cut(node.printed))]))
        if node.state.has_output and not node.parts:
            opens.append('<span class="gb-role">answer</span>')
    if node.error is not None and node.state.has_output:
        opens.append(f'<p class="gb-line">its fallback stood in for: {html.text(node.error)}</p>')
    elif node.error is not None:
        opens.append(f'<pre class="gb-text">{html.text((node.error.traceback or "") + str(node.error))}</pre>')
    if node.parts:
        opens.append(_parts(node, MOST_PARTS if of is None else _MOST_INSIDE))
    elif node.state.has_output:
        opens.append(html.answer(node.output, html.MOST_SHOWN if of is None else _OF_A_PART))
    elif node.streamed and node.error is None:
        opens.append(html.answer(node.streamed))
    return "".join(opens)


def _parts(node: NodeSnapshot, most: int) -> str:
    """Return the rows of what a node opened into; a loop's by iterations."""
    parts, left = chosen(node, most)
    rows: list[str] = []
    number = None
    for part in parts:
        if is_loop(node) and (told := iteration(part.name, node)) != number:
            number = told
            rows.append(f'<span class="gb-role">iteration {number}</span>')
        rows.append(_done_row(part, node))
    if left:
        rows.append(f'<p class="gb-line">and {len(left):,} more: %graphbit inspect {html.text(left[0].name)}</p>')
    return f'<div class="gb-parts">{"".join(rows)}</div>'
