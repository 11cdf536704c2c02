"""The rows of one run: its events as they come, and what they say of its nodes, its calls and itself."""

from __future__ import annotations

from hashlib import blake2b
from itertools import chain
from json import dumps as json_text
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.encoding import encode_leniently, to_text
from graphbit_nb.core.events import LlmRequested, RunResumed
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.core.redaction import redact, redact_all
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import NodeState
from graphbit_nb.errors import StorageError
from graphbit_nb.storage.bases import base_text
from graphbit_nb.storage.processes import this_process
from graphbit_nb.storage.rows import PACKED, event_in, row_of, row_of_several

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from graphbit_nb.core.events import Event
    from graphbit_nb.core.node_snapshot import NodeSnapshot
    from graphbit_nb.storage.recorder import RunHead
    from graphbit_nb.storage.rows import Gathered

ENDS = frozenset({"node.succeeded", "node.cached", "node.failed", "node.skipped", "node.cancelled"})
ENDS_CALL = ENDS | {"llm.responded", "retry.scheduled", "output.rejected", "fallback.asked"}

LARGEST = (1 << 63) - 1

_EVENTS = ("INSERT INTO events (run, seq, kind, time, node, data) VALUES", 6)
_NODES = (
    "INSERT OR REPLACE INTO nodes (run, path, kind, state, started, finished, latency, model, tokens, cost, attempts,"
    " error_type, error, source) VALUES",
    14,
)
_ATTEMPTS = (
    "INSERT OR REPLACE INTO attempts (run, seq, path, started, finished, provider, model, input_tokens, output_tokens,"
    " cost, finish_reason, status, error_type, error) VALUES",
    14,
)
_STEPS = (64, 8, 1)  # rows in one statement: each statement gives the interpreter away, and has to wait to get it back


class RunTables:
    """Writes one run. All of it happens on the writer's thread, in its transactions.

    Args:
        head: What is kept of the run besides events.
    """

    def __init__(self, head: RunHead) -> None:
        self._head = head
        self._kinds = head.kinds
        self._run = 0  # the run's number in the database
        self._connection: sqlite3.Connection | None = None
        self.snapshot = RunSnapshot() if head.snapshot is None else head.snapshot.copy()
        self._calls: dict[str, int] = {}  # calls that are open: number of the event with which each began
        self._failed = self._tokens = 0
        self._cost: float | None = 0.0
        self._count_again()

    def write(self, connection: sqlite3.Connection, batch: Sequence[Gathered]) -> None:
        """Fold events in, and write them and what follows from them.

        Raises:
            StorageError: the run is no longer in the database.
            sqlite3.Error: the database failed.
        """
        if not self._run:
            self._begin(connection, event_in(batch[0]))
        elif connection is not self._connection:
            self._check(connection)
        self._connection = connection
        run = self._run
        events: list[Any] = []  # the rows one after the other
        nodes: dict[str, tuple[Any, ...]] = {}
        calls: dict[int, tuple[Any, ...]] = {}
        apply, add = self.snapshot.apply, events.extend
        pack: list[tuple[str, float]] = []
        packed, last = "", 0  # which events are gathered there, and the number of the last one
        for item in batch:
            event, row = item if isinstance(item, tuple) else (item, None)
            apply(event)
            if type(event) in PACKED:
                if pack and event.kind != packed:
                    add((run, *row_of_several(packed, last, pack)))
                    pack = []
                packed, last = event.kind, event.seq
                pack.append((event.node, event.time))  # type: ignore[union-attr]
                continue
            if pack:
                add((run, *row_of_several(packed, last, pack)))
                pack = []
            seq, kind, time, node, data = row_of(event) if row is None else row
            add((run, seq, kind, time, node, data))
            if kind in ENDS_CALL:
                self._follow(event, nodes, calls)
            elif isinstance(event, LlmRequested):
                self._calls[event.node] = event.seq
            elif isinstance(event, RunResumed):
                self._redo(connection, event)
        if pack:
            add((run, *row_of_several(packed, last, pack)))
        events[5::6] = redact_all(events[5::6])  # once for the whole batch: there is hardly ever anything
        _insert(connection, *_EVENTS, events)
        if calls:
            _insert(connection, *_ATTEMPTS, list(chain.from_iterable(calls.values())))
        if nodes:
            _insert(connection, *_NODES, list(chain.from_iterable(nodes.values())))
        self._update(connection, event_in(batch[-1]).time)

    # ---- the run's own row

    def _begin(self, connection: sqlite3.Connection, first: Event) -> None:
        head = self._head
        definition = clean(redact(head.definition))
        workflow_id = digest(definition, head.format) if definition else ""
        if definition:
            connection.execute(
                "INSERT OR IGNORE INTO workflows (id, name, format, definition, created) VALUES (?, ?, ?, ?, ?)",
                (workflow_id, _told(head.workflow), head.format, definition, first.time),
            )
        writer = this_process()
        found = connection.execute("SELECT number FROM runs WHERE id = ?", (head.run_id,)).fetchone()
        if found is not None and head.snapshot is None:
            raise StorageError(f"there is a run {head.run_id} already")
        if found is not None:
            self._run = found[0]
            connection.execute(
                "UPDATE runs SET host = ?, pid = ?, born = ?, version = ?, finished = NULL, reason = NULL"
                " WHERE number = ?",
                (writer.host, writer.pid, writer.born, package_version(), self._run),
            )
        else:
            started = first.time if head.snapshot is None else head.snapshot.started
            cursor = connection.execute(
                "INSERT INTO runs (id, workflow, workflow_id, status, started, tags, parent, options, host, pid, born,"
                " version) VALUES (?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    head.run_id, _told(head.workflow), workflow_id, started, redact(json_text(list(head.tags))),
                    head.parent,
                    redact(to_text(encode_leniently(dict(head.options)))) if head.options else None,
                    writer.host, writer.pid, writer.born, package_version(),
                ),
            )  # fmt: skip
            self._run = cursor.lastrowid or 0
        if head.snapshot is not None:
            self._follow_on(connection)

    def _follow_on(self, connection: sqlite3.Connection) -> None:
        """Make what is kept end where the run is gone on with."""
        run, seq = self._run, self.snapshot.seq
        for table in ("events", "attempts"):
            connection.execute(f"DELETE FROM {table} WHERE run = ? AND seq > ?", (run, seq))
        last = connection.execute("SELECT max(seq) FROM events WHERE run = ?", (run,)).fetchone()[0]
        if last != seq:  # it went on in memory, or elsewhere: what is known of it is put in place of its events
            connection.execute("DELETE FROM events WHERE run = ?", (run,))
            connection.execute("UPDATE runs SET base = ? WHERE number = ?", (redact(base_text(self.snapshot)), run))
        connection.execute("DELETE FROM nodes WHERE run = ?", (run,))
        ended = [node for node in self.snapshot.index.values() if node.state.is_final]
        _insert(connection, *_NODES, [value for node in ended for value in self._node_row(node)])

    def _check(self, connection: sqlite3.Connection) -> None:
        if (
            connection.execute(
                "SELECT 1 FROM runs WHERE number = ? AND id = ?", (self._run, self._head.run_id)
            ).fetchone()
            is None
        ):
            raise StorageError("the database was moved away, or the run was deleted from it, while the run went on")

    def _update(self, connection: sqlite3.Connection, now: float) -> None:
        s = self.snapshot
        cursor = connection.execute(
            "UPDATE runs SET status = ?, finished = ?, changed = ?, total = ?, done = ?, failed = ?, tokens = ?,"
            " cost = ?, reason = ? WHERE number = ?",
            (
                s.status.value, s.finished, now, s.total, s.done, self._failed, min(self._tokens, LARGEST), self._cost,
                _told(s.reason), self._run,
            ),
        )  # fmt: skip
        if not cursor.rowcount:
            raise StorageError("the run was deleted while it went on")

    # ---- nodes and calls

    def _follow(self, event: Any, nodes: dict[str, tuple[Any, ...]], calls: dict[int, tuple[Any, ...]]) -> None:
        path = event.node
        node = self.snapshot.index[path]
        seq = self._calls.get(path)
        if seq is not None and node.attempts:
            calls[seq] = self._call_row(seq, node)
            if event.kind == "llm.responded":
                self._count(node.attempts[-1])
            else:
                del self._calls[path]
        if event.kind in ENDS:
            self._failed += node.state is NodeState.FAILED and not node.parts
            nodes[path] = self._node_row(node)

    def _count(self, attempt: Any) -> None:
        if attempt.usage.calls:
            self._tokens += attempt.usage.total_tokens
            self._cost = None if self._cost is None or attempt.cost is None else self._cost + attempt.cost

    def _redo(self, connection: sqlite3.Connection, event: Any) -> None:
        run = self._run
        connection.executemany("DELETE FROM nodes WHERE run = ? AND path = ?", [(run, path) for path in event.redo])
        self._calls.clear()
        self._count_again()

    def _count_again(self) -> None:
        leaves = [node for node in self.snapshot.index.values() if not node.parts]
        self._failed = sum(node.state is NodeState.FAILED for node in leaves)
        self._tokens, self._cost = self.snapshot.usage.total_tokens, self.snapshot.cost

    def _node_row(self, node: NodeSnapshot) -> tuple[Any, ...]:
        name = node.name
        kind = self._kinds.get(name) or self._kinds.get(without_numbers(name))
        error = node.error
        if error is None and node.reason is None and not node.attempts and not node.parts:
            return (
                self._run, name, kind, node.state.value, node.started, node.finished, node.latency, None, 0, 0.0, 0,
                None, None, node.source,
            )  # fmt: skip
        tokens, cost = 0, 0.0
        if node.attempts or node.parts:
            tokens, cost = node.usage.total_tokens, node.cost  # type: ignore[assignment]
        return (
            self._run, name, kind, node.state.value, node.started, node.finished, node.latency, _told(node.model),
            min(tokens, LARGEST), cost, len(node.attempts), None if error is None else clean(error.type),
            _told(node.reason) if error is None else _told(error.message), node.source,
        )  # fmt: skip

    def _call_row(self, seq: int, node: NodeSnapshot) -> tuple[Any, ...]:
        attempt = node.attempts[-1]
        error, usage = attempt.error, attempt.usage
        return (
            self._run, seq, node.name, attempt.started, attempt.finished, clean(attempt.provider),
            _told(attempt.model), _bounded(usage.input_tokens), _bounded(usage.output_tokens), attempt.cost,
            clean(attempt.finish_reason), None if error is None else _bounded(error.status),
            None if error is None else clean(error.type), None if error is None else _told(error.message),
        )  # fmt: skip


def _insert(connection: sqlite3.Connection, head: str, width: int, values: list[Any]) -> None:
    """Insert rows, whose values stand one after the other, many in one statement."""
    one = f"({', '.join('?' * width)})"
    at = 0
    for step in _STEPS:
        many = step * width
        statement = f"{head} {', '.join([one] * step)}" if len(values) - at >= many else ""
        while len(values) - at >= many:
            connection.execute(statement, values[at : at + many])
            at += many


def digest(definition: str, format: str) -> str:  # noqa: A002 (the column's name)
    """Return the id of a workflow as it is defined."""
    return blake2b(f"{format}\n{definition}".encode(), digest_size=16).hexdigest()


def clean(text: str | None) -> Any:
    """Return a text as a database takes it: what is no sound Unicode is replaced."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()


def _told(text: str | None) -> Any:
    """Return what somebody said as a database takes it: without keys."""
    return text if text is None else clean(redact(text))


def _bounded(number: int | None) -> int | None:
    return None if number is None else max(-LARGEST, min(number, LARGEST))


def package_version() -> str:
    """Return the version of graphbit_nb that writes."""
    global _version  # noqa: PLW0603 (asked once)
    if _version is None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            _version = version("graphbit-nb")
        except PackageNotFoundError:
            _version = "0+unknown"
    return _version


_version: str | None = None
