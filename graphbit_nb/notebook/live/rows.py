"""The rows of a run that goes on, as plain data: one for each node that works, tries again, waits or failed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.states import NodeState
from graphbit_nb.drawing.figures import cause
from graphbit_nb.drawing.parts import segments
from graphbit_nb.notebook import html
from graphbit_nb.notebook.words import counted, how_to_answer, label, latest, says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot

MOST_ROWS = 12
_TAIL = 400  # characters of a streamed text that a row can show at most
_LIVE = frozenset({NodeState.RUNNING, NodeState.RETRYING, NodeState.WAITING, NodeState.FAILED})
_NAMED = 3  # parts that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one row says.

    Attributes:
        path: The node's path, which `inspect` takes.
        label: What it is called beside its parent.
        depth: How many nodes it is inside of.
        state: One of the node states.
        text: What is to be said.
        tail: Whether the end of the text matters: one that is being written.
        figure: The one figure at the end.
        items: States of a fan-out's items, as `Card.items` has them.
        until: When its next attempt comes (seconds since 1970).
        wait: Seconds of the whole wait before it.
        question: What a person is asked.
        options: What the person may choose from.
    """

    path: str
    label: str
    depth: int
    state: str
    text: str = ""
    tail: bool = False
    figure: str = ""
    items: tuple[str, ...] = ()
    until: float | None = None
    wait: float | None = None
    question: str | None = None
    options: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def live_rows(snapshot: RunSnapshot, most: int = MOST_ROWS) -> tuple[list[Row], int]:
    """Return the rows of a run that goes on, those inside others below them, and how many are left out."""
    rows: list[Row] = []
    left = 0
    for node in snapshot.nodes.values():
        for one, of, depth in _opened(node, None, 0):
            if len(rows) < most:
                rows.append(_row(one, label(one, of) if of is not None else one.name, depth))
            else:
                left += 1
    return rows, left


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


def _row(node: NodeSnapshot, name: str, depth: int) -> Row:
    told: dict[str, Any]
    match node.state:
        case NodeState.FAILED:
            told = {"text": says(node), "items": _items(node)}
        case NodeState.RETRYING:
            told = _retrying(node)
        case NodeState.WAITING:
            told = {
                "text": says(node),
                "figure": how_to_answer(node),
                "question": html.cut(node.question or ""),
                "options": node.options,
            }
        case _ if node.expands is not None:
            told = {"text": _said_of_parts(node), "figure": counted(node), "items": _items(node)}
        case _:
            told = _working(node)
    return Row(path=node.name, label=name, depth=depth, state=node.state.value, **told)


def _items(node: NodeSnapshot) -> tuple[str, ...]:
    return segments(part for _, part in latest(node)) if node.parts else ()


def _retrying(node: NodeSnapshot) -> dict[str, Any]:
    last = node.attempts[-1] if node.attempts else None
    if last is None or last.delay is None or last.finished is None:
        return {"text": str((last and last.error) or "waits for its next attempt")}
    why = cause(last.error) if last.error is not None else "failed"
    return {
        "text": f"{why} · {html.one_line(last.error or '')}",
        "figure": f"again in {last.delay:.0f} s",
        "until": last.finished + last.delay,
        "wait": last.delay,
    }


def _working(node: NodeSnapshot) -> dict[str, Any]:
    last = node.attempts[-1] if node.attempts else None
    if node.streamed:
        return {"text": html.one_line(node.streamed[-_TAIL:]), "tail": True, "figure": _characters(node.streamed)}
    if last is not None and last.finished is None and last.limited is not None and last.sent is None:
        return {"text": f"waits for the limit {last.limited}"}
    if last is not None and last.tools and last.finished is not None:
        return {"text": f"called {', '.join(dict.fromkeys(used.tool for used in last.tools))}"}
    return {"text": html.one_line(node.printed[-_TAIL:]), "tail": True}


def _characters(text: str) -> str:
    return f"{len(text):,} characters"


def _said_of_parts(node: NodeSnapshot) -> str:
    """Say which parts run now and which have failed."""
    told = []
    for state in (NodeState.FAILED, NodeState.RUNNING):
        names = [label(part, node) for part in node.parts.values() if part.state is state]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            told.append(f"{state}: {', '.join(names[:_NAMED])}{more}")
    return " · ".join(told)
