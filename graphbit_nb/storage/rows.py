"""Events as rows of the database and back."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any, TypeAlias

from graphbit_nb.core.checking import check_fields
from graphbit_nb.core.encoding import decode, encode_leniently, from_text, to_text
from graphbit_nb.core.events import EVENT_TYPES, NodeCached, NodeReady, NodeStarted, NodeSucceeded, RunStarted
from graphbit_nb.core.instances import NAMES
from graphbit_nb.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphbit_nb.core.events import Event

EventRow = tuple[int, str, float, str | None, str | None]
"""Number, kind, time, node, and the other fields as JSON.

Events that say nothing but their node and come one after the other are one row: the number is that of the last of them,
there is no node, and the JSON is a list of nodes and times. A wide run begins with thousands of these.
"""

Gathered: TypeAlias = "Event | tuple[Event, EventRow]"
"""An event that cannot change any more, or one with the row that it was made into before it could."""

PACKED: frozenset[Any] = frozenset({NodeReady, NodeStarted})

_HEAD = ("run_id", "seq", "time", "node")
_TUPLES = frozenset({"nodes", "redo", "parts", "options", "origins", "messages"})  # written as plain lists
_PLAIN_INT = 1 << 53
_VALUES = frozenset({str, int, float, bool, type(None)})


def event_in(gathered: Gathered) -> Event:
    """Return the event."""
    return gathered[0] if isinstance(gathered, tuple) else gathered


def is_settled(event: Event) -> bool:
    """Whether nothing that the event holds can change any more: only what nodes give and runs are given can."""
    cls = type(event)
    if cls is NodeSucceeded or cls is NodeCached:
        return type(event.output) in _VALUES  # type: ignore[union-attr]
    return cls is not RunStarted


def row_of(event: Event) -> EventRow:
    """Return an event as a row. What cannot be kept of it is named in its place."""
    kind = event.kind
    if isinstance(event, NodeSucceeded) and event.fallback is None and event.uncached is None:
        return event.seq, kind, event.time, event.node, f'{{"output":{_told(event.output)}}}'
    cls: Any = type(event)
    names = _rest(cls)
    node = getattr(event, "node", None)
    if not names:
        return event.seq, kind, event.time, node, None
    data = {name: _field(name, getattr(event, name)) for name in names}
    return event.seq, kind, event.time, node, to_text(data)


def row_of_several(kind: str, last: int, said: list[tuple[str, float]]) -> EventRow:
    """Return events of one kind that follow each other as one row.

    Args:
        kind: One of those that are `PACKED`.
        last: Number of the last of them.
        said: Node and time of each.
    """
    node, time = said[0]
    return (last, kind, time, node, None) if len(said) == 1 else (last, kind, time, None, to_text(said))


def events_of(row: Sequence[Any], run_id: str) -> list[Event]:
    """Return the events that a row was made of.

    Raises:
        StorageError: the row was changed into something that is none.
    """
    seq, kind, _, node, text = row
    cls = EVENT_TYPES.get(kind) if isinstance(kind, str) else None
    if cls not in PACKED or node is not None:
        return [event_of(row, run_id)]
    try:
        listed = from_text(text)
        first = seq - len(listed) + 1
        rows = [(first + number, kind, time, name, None) for number, (name, time) in enumerate(listed)]
    except (StorageError, TypeError, ValueError, RecursionError, MemoryError) as error:
        raise StorageError(f"event {seq!r} of the run {run_id} is damaged: {error}") from None
    return [event_of(row, run_id) for row in rows]


def event_of(row: Sequence[Any], run_id: str) -> Event:
    """Return the event that a row was made of.

    Raises:
        StorageError: the row was changed into something that is no event.
    """
    seq, kind, time, node, text = row
    cls = EVENT_TYPES.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise StorageError(f"event {seq!r} of the run {run_id} is of no known kind ({kind!r})")
    try:
        data = {} if text is None else from_text(text)
        if node is not None:
            data["node"] = node
        given = {name: _read(name, value) for name, value in data.items()}
        event = cls(run_id=run_id, seq=seq, time=time, **given)
        check_fields(event, NAMES)
    except StorageError as error:
        raise StorageError(f"event {seq!r} of the run {run_id} is damaged: {error}") from None
    except (TypeError, ValueError, KeyError, AttributeError, RecursionError, MemoryError) as error:
        raise StorageError(f"event {seq!r} of the run {run_id} is damaged: {error}") from None
    return event


@cache
def _rest(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls) if field.name not in _HEAD)


def _told(output: Any) -> str:
    """Return what a node gave as JSON."""
    kind = type(output)
    if kind is str:
        return encode_basestring_ascii(output) if output.isascii() else to_text(output)
    if kind is int and -_PLAIN_INT < output < _PLAIN_INT:
        return str(output)
    if output is None or kind is bool:
        return "null" if output is None else str(output).lower()
    return to_text(encode_leniently(output))


def _field(name: str, value: Any) -> Any:
    if name in _TUPLES:
        return _listed(value)
    return value if value is None or type(value) is str else encode_leniently(value)


def _listed(value: Any) -> Any:
    return [_listed(item) for item in value] if type(value) is tuple else encode_leniently(value)


def _read(name: str, value: Any) -> Any:
    if name in _TUPLES:
        return _tupled(value, 4)
    return value if type(value) is str else decode(value)


def _tupled(value: Any, depth: int) -> Any:
    if type(value) is list and depth:
        return tuple(_tupled(item, depth - 1) for item in value)
    return decode(value)
