"""The runs that are kept: found, loaded as they stood, tagged, and thrown away."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.encoding import decode, from_text, missing_in
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import NodeState, RunStatus
from graphbit_nb.errors import GraphbitError, StorageError, UsageError, did_you_mean
from graphbit_nb.storage.bases import base_in
from graphbit_nb.storage.processes import Process
from graphbit_nb.storage.rows import events_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from graphbit_nb.core.events import Event
    from graphbit_nb.storage.database import Database

logger = logging.getLogger("graphbit_nb")

LAST = "last"
"""Stands for the run that began last."""

_COLUMNS = (
    "id, workflow, workflow_id, status, started, finished, changed, total, done, failed, tokens, cost, reason, tags,"
    " parent, host, pid, born, version"
)
_UNFINISHED = "status IN ('running', 'waiting')"
_MOST_NAMED = 1000  # runs among which the nearest name is looked for


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """One run in a list of runs. Times are seconds since 1970.

    Attributes:
        run_id: Its id.
        workflow: Name of the workflow.
        workflow_id: Digest of its definition; empty when it could not be written.
        status: Where it stood when it was written to last.
        changed: When that was.
        total: Number of steps that were known of.
        done: Number of steps that had ended, `failed` of them badly.
        tokens: Tokens of all calls; `cost` in US dollars, None when a price is not known.
        reason: Why it was stopped, if it was.
        tags: Words by which it is found again.
        parent: Id of the run that it was forked from.
        process: Who wrote it.
        version: Version of graphbit_nb that did.
    """

    run_id: str
    workflow: str
    workflow_id: str
    status: RunStatus
    started: float | None
    finished: float | None
    changed: float | None
    total: int
    done: int
    failed: int
    tokens: int
    cost: float | None
    reason: str | None
    tags: tuple[str, ...]
    parent: str | None
    process: Process | None
    version: str | None

    @cached_property
    def is_dead(self) -> bool:
        """Whether it was cut off: it did not end, and the process that ran it is gone."""
        return not self.status.is_final and (self.process is None or self.process.is_gone)

    @property
    def elapsed(self) -> float | None:
        """Seconds that it took, as far as they are known; None before it began."""
        end = self.finished if self.finished is not None else self.changed
        return None if self.started is None or end is None else end - self.started


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """One run as it is kept.

    Attributes:
        info: What a list says of it.
        snapshot: Where it stood at the last event that was kept.
        definition: The workflow as text, in `format`; empty when it could not be written.
        options: How it was run.
    """

    info: RunInfo
    snapshot: RunSnapshot
    definition: str
    format: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def lost(self) -> dict[str, str]:
        """Why the output of a node could not be kept, by the node's path."""
        found = {}
        for path, node in self.snapshot.index.items():
            if node.state.has_output and (missing := missing_in(node.output)):
                found[path] = missing[0].reason
        return found

    @cached_property
    def lost_inputs(self) -> dict[str, str]:
        """Why an input could not be kept, by its name."""
        found = {name: missing_in(value) for name, value in self.snapshot.inputs.items()}
        return {name: missing[0].reason for name, missing in found.items() if missing}

    def to_resume(self, inputs: Mapping[str, Any] | None = None) -> RunSnapshot:
        """Return a snapshot to go on from: nodes whose output is not there are to be done again.

        Args:
            inputs: Values of inputs that could not be kept.

        Raises:
            UsageError: an input is not there and not given, or one is given that was kept.
        """
        given = dict(inputs or {})
        for name in given:
            if name not in self.snapshot.inputs:
                raise UsageError(f"the run had no input {name!r}{did_you_mean(name, self.snapshot.inputs)}")
            if name not in self.lost_inputs:
                raise UsageError(f"inputs: {name} was kept with the run; a new value is given with a new run")
        for name, reason in self.lost_inputs.items():
            if name not in given:
                raise UsageError(
                    f"the input {name!r} could not be kept ({reason}); give it anew: inputs={{{name!r}: ...}}"
                )
        snapshot = replace(self.snapshot.copy(), inputs={**self.snapshot.inputs, **given})
        for path in self.lost:
            snapshot.index[path].state = NodeState.PENDING
            snapshot.index[path].output = None
        return snapshot


class RunStore:
    """The runs in a database. Every method may be called from any thread, and blocks.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self,
        *,
        workflow: str | None = None,
        node: str | None = None,
        state: str | None = None,
        status: str | None = None,
        since: float | None = None,
        until: float | None = None,
        tag: str | None = None,
        limit: int | None = None,
    ) -> list[RunInfo]:
        """Return runs, the newest first; those that fit all that is said.

        Args:
            workflow: Name of the workflow.
            node: Path of a node that ended in it.
            state: How that node ended; without `node`, how any node did.
            status: How the run stands.
            since: It began at this time or later (seconds since 1970).
            until: It began before this time.
            tag: A word that it is tagged with.
            limit: The most that are returned.

        Raises:
            StorageError: the database cannot be read.
        """
        conditions: list[str] = []
        values: list[Any] = []
        for condition, value in (
            ("workflow = ?", workflow),
            ("status = ?", status),
            ("started >= ?", since),
            ("started < ?", until),
            ("CASE WHEN json_valid(tags) THEN ? IN (SELECT value FROM json_each(tags)) END", tag),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if node is not None or state is not None:
            inner = " AND ".join(part for part, told in (("path = ?", node), ("state = ?", state)) if told is not None)
            conditions.append(f"EXISTS (SELECT 1 FROM nodes WHERE run = runs.number AND {inner})")
            values.extend(told for told in (node, state) if told is not None)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        return self._infos(where, values, limit)

    def unfinished(self) -> list[RunInfo]:
        """Return the runs that were cut off, or wait for a person, in processes that are gone; the newest first."""
        return [info for info in self._infos(f"WHERE {_UNFINISHED}", (), None) if info.is_dead]

    def load(self, run: str = LAST) -> StoredRun:
        """Return a run as it is kept.

        Args:
            run: Its id, the beginning of its id, or ``"last"``.

        Raises:
            UsageError: there is no such run, or more than one.
            StorageError: it cannot be read.
        """
        number, run_id = self._number_of(run)
        row = self._one(f"SELECT {_COLUMNS}, base, options FROM runs WHERE number = ?", (number,))
        info = _info(row)
        snapshot = self._folded(number, run_id, row["base"])
        if snapshot.run_id == "":
            raise StorageError(f"nothing was kept of the run {run_id} but that it began")
        found = self._database.query("SELECT definition, format FROM workflows WHERE id = ?", (info.workflow_id,))
        definition, format_ = (found[0]["definition"], found[0]["format"]) if found else ("", "")
        if not isinstance(definition, str) or not isinstance(format_, str):
            raise StorageError(f"the workflow of the run {run_id} is damaged")
        return StoredRun(
            info=info, snapshot=snapshot, definition=definition, format=format_, options=_options(row, run_id)
        )

    def events(self, run: str = LAST) -> list[Event]:
        """Return the events of a run, in their order; arguments and errors as for `load`."""
        number, run_id = self._number_of(run)
        return list(self._events(number, run_id))

    def tag(self, run: str, *tags: str, remove: Sequence[str] = ()) -> tuple[str, ...]:
        """Add words to those that a run is found by, and take some away; return what it has then. Raises as `load`."""
        number, _ = self._number_of(run)

        def change(connection: sqlite3.Connection) -> tuple[str, ...]:
            row = connection.execute("SELECT tags FROM runs WHERE number = ?", (number,)).fetchone()
            if row is None:
                raise UsageError("the run was deleted meanwhile")
            kept = tuple(tag for tag in dict.fromkeys((*_tags(row["tags"]), *tags)) if tag not in set(remove))
            connection.execute("UPDATE runs SET tags = ? WHERE number = ?", (json.dumps(kept), number))
            return kept

        return self._database.change(change)

    def delete(self, run: str) -> None:
        """Throw a run away for good.

        Raises:
            UsageError: there is no such run, or it goes on.
        """
        number, run_id = self._number_of(run)
        info = _info(self._one(f"SELECT {_COLUMNS} FROM runs WHERE number = ?", (number,)))
        if info.status is RunStatus.RUNNING and not info.is_dead:
            raise UsageError(f"the run {run_id} goes on; cancel it first")
        self._database.change(lambda connection: _throw_away(connection, [number]))

    def prune(self, *, keep: int | None = None, older_than: float | None = None) -> int:
        """Throw away old runs, and return how many. Those that go on stay.

        Args:
            keep: The newest that stay, whatever their age.
            older_than: Time (seconds since 1970) before which the others began; None is all of them.
        """
        rows = self._database.query(f"SELECT {_COLUMNS}, number FROM runs ORDER BY started DESC, number DESC")
        numbers = []
        for row in rows[keep or 0 :]:
            started = row["started"]
            if older_than is not None and isinstance(started, int | float) and started >= older_than:
                continue
            try:
                info = _info(row)
            except StorageError:
                pass  # nobody can read it
            else:
                if not info.status.is_final and not info.is_dead:
                    continue
            numbers.append(row["number"])
        if numbers:
            self._database.change(lambda connection: _throw_away(connection, numbers))
        return len(numbers)

    # ---- inside

    def _infos(self, where: str, values: Sequence[Any], limit: int | None) -> list[RunInfo]:
        most = -1 if limit is None else limit
        rows = self._database.query(
            f"SELECT {_COLUMNS} FROM runs {where} ORDER BY started DESC, number DESC LIMIT ?", (*values, most)
        )
        found = []
        for row in rows:
            try:
                found.append(_info(row))
            except StorageError as error:
                logger.warning("not listed: %s", error)
        return found

    def _one(self, sql: str, values: Sequence[Any]) -> sqlite3.Row:
        rows = self._database.query(sql, values)
        if not rows:
            raise UsageError("the run was deleted meanwhile")
        return rows[0]

    def _number_of(self, run: str) -> tuple[int, str]:
        if not isinstance(run, str) or not run:
            raise UsageError(f"{run!r} is no run: give its id, as history lists it, or {LAST!r}")
        if run == LAST:
            rows = self._database.query("SELECT number, id FROM runs ORDER BY started DESC, number DESC LIMIT 1")
            if not rows:
                raise UsageError(f"no run has been kept yet in {self._database.path}")
        else:
            rows = self._database.query("SELECT number, id FROM runs WHERE id = ?", (run,))
            rows = rows or self._database.query(
                "SELECT number, id FROM runs WHERE substr(id, 1, ?) = ? ORDER BY started DESC LIMIT 4", (len(run), run)
            )
        if not rows:
            known = self._database.query("SELECT id FROM runs ORDER BY started DESC LIMIT ?", (_MOST_NAMED,))
            raise UsageError(f"no run {run!r}{did_you_mean(run, [str(row['id']) for row in known])}")
        if len(rows) > 1:
            ids = ", ".join(str(row["id"]) for row in rows[:3])
            raise UsageError(f"more than one run begins with {run!r}: {ids}{', ...' if len(rows) > 3 else ''}")
        number, run_id = rows[0]["number"], rows[0]["id"]
        if not isinstance(run_id, str):
            raise StorageError("the id of the run is damaged")
        return number, run_id

    def _events(self, number: int, run_id: str) -> Iterator[Event]:
        rows = self._database.query(
            "SELECT seq, kind, time, node, data FROM events WHERE run = ? ORDER BY seq", (number,)
        )
        return chain.from_iterable(events_of(row, run_id) for row in rows)

    def _folded(self, number: int, run_id: str, base: Any) -> RunSnapshot:
        if base is not None and not isinstance(base, str):
            raise StorageError(f"the run {run_id} is damaged: it does not say where it stood")
        snapshot = RunSnapshot() if base is None else base_in(base)
        for event in self._events(number, run_id):
            try:
                snapshot.apply(event)
            except GraphbitError:
                raise
            except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
                raise StorageError(f"event {event.seq} of the run {run_id} does not fit: {error}") from None
        return snapshot


def _throw_away(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    of = [(number,) for number in numbers]
    for table in ("events", "nodes", "attempts"):
        connection.executemany(f"DELETE FROM {table} WHERE run = ?", of)
    connection.executemany("DELETE FROM runs WHERE number = ?", of)
    connection.execute("DELETE FROM workflows WHERE id NOT IN (SELECT workflow_id FROM runs)")
    connection.execute("PRAGMA incremental_vacuum").fetchall()


_TEXT, _NUMBER, _COUNT = (str,), (float, int), (int,)
_NOTHING = (type(None),)
_SORTS: tuple[tuple[type, ...], ...] = (
    _TEXT, _TEXT, _TEXT, _TEXT, _NUMBER + _NOTHING, _NUMBER + _NOTHING, _NUMBER + _NOTHING, _COUNT, _COUNT, _COUNT,
    _COUNT, _NUMBER + _NOTHING, _TEXT + _NOTHING, _TEXT, _TEXT + _NOTHING, _TEXT + _NOTHING, _COUNT + _NOTHING,
    _TEXT + _NOTHING, _TEXT + _NOTHING,
)  # fmt: skip
"""Of which types the columns are."""


def _info(row: sqlite3.Row) -> RunInfo:
    columns = tuple(row)[: len(_SORTS)]
    for value, sorts in zip(columns, _SORTS, strict=True):
        if type(value) not in sorts:
            place = _COLUMNS.split(",")[columns.index(value)].strip()
            raise StorageError(f"the run {row['id']!r} is damaged: its {place} is a {type(value).__name__}")
    (
        run_id, workflow, workflow_id, status, started, finished, changed, total, done, failed, tokens, cost, reason,
        tags, parent, host, pid, born, version,
    ) = columns  # fmt: skip
    if status not in _STATUSES:
        raise StorageError(f"the run {run_id!r} is damaged: {status!r} is no status")
    return RunInfo(
        run_id=run_id, workflow=workflow, workflow_id=workflow_id, status=_STATUSES[status], started=started,
        finished=finished, changed=changed, total=total, done=done, failed=failed, tokens=tokens, cost=cost,
        reason=reason, tags=_tags(tags) if tags != "[]" else (), parent=parent,
        process=None if host is None or pid is None else Process(host, pid, born or ""), version=version,
    )  # fmt: skip


_STATUSES = {status.value: status for status in RunStatus}


def _tags(text: Any) -> tuple[str, ...]:
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        found = ()
    return tuple(tag for tag in found if isinstance(tag, str)) if isinstance(found, list) else ()


def _options(row: sqlite3.Row, run_id: str) -> Mapping[str, Any]:
    text = row["options"]
    if text is None:
        return {}
    found = decode(from_text(text))
    if not isinstance(found, dict):
        raise StorageError(f"how the run {run_id} was made is damaged")
    return found
