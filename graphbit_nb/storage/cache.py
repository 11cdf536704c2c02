"""Remembered answers in the database: found by the key of their request, thrown away when they take too much room."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import StorageError
from graphbit_nb.storage.differences import Miss, nearest_of
from graphbit_nb.storage.entries import COLUMNS, Entry, canonical, entry_of, key_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbit_nb.storage.database import Database

logger = logging.getLogger("graphbit_nb")

MAX_BYTES = 1 << 30
LARGEST_SHARE = 8  # an entry may take no more than this part of the room
_KEPT_SHARE = 0.9  # of the room, after entries were thrown away
_MOST_COMPARED = 300  # entries among which the nearest is looked for
_TOUCHED_EVERY = 5.0  # seconds within which the use of entries is written down

_INSERT = f"INSERT OR REPLACE INTO cache ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What is remembered in all.

    Attributes:
        entries: Number of answers.
        size: Characters that they take.
        hits: How often one was taken.
        saved: US dollars that this saved, as far as prices are known.
        oldest: When the oldest was kept (seconds since 1970).
        newest: When the newest was kept.
    """

    entries: int = 0
    size: int = 0
    hits: int = 0
    saved: float = 0.0
    oldest: float | None = None
    newest: float | None = None


class CacheStore:
    """The remembered answers of one database. Any thread may call.

    Whatever goes wrong with the file is a miss, and told once in the log: nothing depends on what is remembered.

    Args:
        database: Where they are.
        max_bytes: Room that they may take; then those that were not used for longest go.
        clock: Seconds since 1970.
    """

    def __init__(
        self, database: Database, *, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.time
    ) -> None:
        self.max_bytes = max_bytes
        self.clock = clock
        self._database = database
        self._lock = threading.Lock()
        self._coming: dict[str, Entry] = {}  # what is not in the file yet
        self._uses: dict[str, int] = {}
        self._last_uses = 0.0
        self._size: int | None = None  # known on the writer's thread alone
        self._has_warned = False

    def __repr__(self) -> str:
        return f"CacheStore({self._database!r})"

    # ---- while runs go on

    def look_up(self, key: str) -> Future[Entry | None]:
        """Find an entry by its key, on another thread. What cannot be read is not there."""
        found: Future[Entry | None] = Future()
        with self._lock:
            coming = self._coming.get(key)
        if coming is not None:
            found.set_result(coming)
            return found

        def answer(read: Future[Entry | None]) -> None:
            error = read.exception()
            if error is None:
                found.set_result(read.result())
            else:
                self.warn(str(error))
                found.set_result(None)

        try:
            self._database.read(lambda connection: _one(connection, key)).add_done_callback(answer)
        except StorageError as error:
            self.warn(str(error))
            found.set_result(None)
        return found

    def keep(self, entry: Entry) -> None:
        """Remember an answer; it is found from now on, and soon written down."""
        now = self.clock()
        entry = replace(entry, created=now, used=now, size=len(entry.request) + len(entry.record))
        if entry.size * LARGEST_SHARE > self.max_bytes:
            return
        with self._lock:
            self._coming[entry.key] = entry

        def done(error: BaseException | None) -> None:
            with self._lock:
                if self._coming.get(entry.key) is entry:
                    del self._coming[entry.key]
            if error is not None:
                self._size = None
                self.warn(str(error))

        self._write(lambda connection: self._insert(connection, entry), done)

    def used(self, key: str) -> None:
        """Note that an answer was taken; that is written down with others."""
        now = self.clock()
        with self._lock:
            self._uses[key] = self._uses.get(key, 0) + 1
            if now < self._last_uses + _TOUCHED_EVERY and now >= self._last_uses:
                return
            self._last_uses = now
        self._write(self._write_uses, None)

    def forget(self, keys: Iterable[str]) -> None:
        """Throw answers away."""
        gone = list(keys)
        with self._lock:
            for key in gone:
                self._coming.pop(key, None)
                self._uses.pop(key, None)

        def delete(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM cache WHERE key = ?", [(key,) for key in gone])
            self._size = None

        if gone:
            self._write(delete, None)

    def warn(self, message: str) -> None:
        """Say once that something is wrong with what is remembered."""
        if not self._has_warned:
            self._has_warned = True
            logger.warning("what is remembered cannot be used: %s", message)

    # ---- to look at

    def entries(
        self,
        *,
        node: str | None = None,
        model: str | None = None,
        kind: str | None = None,
        older_than: float | None = None,
        limit: int | None = 100,
    ) -> list[Entry]:
        """Return what is remembered, what was used last first; entries that are damaged are left out.

        Args:
            node: Of this node.
            model: Of this model.
            kind: Calls (``"generate"``, ``"embed"``) or nodes that were computed (``"node"``).
            older_than: Kept so many seconds ago or before.
            limit: How many at most; None is all.

        Raises:
            StorageError: the database cannot be read.
        """
        self.flush()
        where, values = self._where(node, model, kind, older_than, None)
        sql = f"SELECT {', '.join(COLUMNS)} FROM cache{where} ORDER BY used DESC, rowid DESC LIMIT ?"  # noqa: S608
        return _sound(self._database.query(sql, (*values, -1 if limit is None else limit)))

    def stats(self) -> CacheStats:
        """Return how much is remembered. Raises `StorageError`."""
        self.flush()
        sql = (
            "SELECT count(*), coalesce(sum(size), 0), coalesce(sum(hits), 0), coalesce(sum(hits * cost), 0.0), "
            "min(created), max(created) FROM cache"
        )
        return CacheStats(*self._database.query(sql)[0])

    def prune(
        self,
        *,
        keys: Sequence[str] | None = None,
        node: str | None = None,
        model: str | None = None,
        kind: str | None = None,
        older_than: float | None = None,
        unused_for: float | None = None,
    ) -> int:
        """Throw away what fits everything that is said, or all if nothing is, and return how many entries that were.

        Args:
            keys: Only these.
            node: Of this node.
            model: Of this model.
            kind: See `entries`.
            older_than: Kept so many seconds ago or before.
            unused_for: Last taken so many seconds ago or before.

        Raises:
            StorageError: the database cannot be written.
        """
        self.flush()
        where, values = self._where(node, model, kind, older_than, unused_for)

        def delete(connection: sqlite3.Connection) -> int:
            self._size = None
            if keys is None:
                gone = connection.execute(f"DELETE FROM cache{where}", values).rowcount  # noqa: S608
            else:
                gone = 0
                narrowed = f"{where} AND key = ?" if where else " WHERE key = ?"
                for key in keys:
                    gone += connection.execute(f"DELETE FROM cache{narrowed}", (*values, key)).rowcount  # noqa: S608
            connection.execute("PRAGMA incremental_vacuum").fetchall()
            return gone

        return self._database.change(delete)

    def explain(self, data: Mapping[str, Any], node: str = "") -> Miss:
        """Say why a request is not remembered: what differs from the nearest entry.

        Args:
            data: The request as data, see `core.calls.request_data`.
            node: The node that asks; its own entries come first.

        Raises:
            StorageError: the database cannot be read.
        """
        self.flush()
        request = canonical(data)
        same = self._database.query("SELECT * FROM cache WHERE key = ?", (key_of(request),))
        kind = str(data.get("call"))
        rows = self._database.query(
            "SELECT * FROM cache WHERE kind = ? ORDER BY node = ? DESC, used DESC LIMIT ?", (kind, node, _MOST_COMPARED)
        )
        return nearest_of(data, node, _sound(same), _sound(rows))

    def flush(self) -> None:
        """Wait until what was kept so far is written down. Raises `StorageError` when that takes too long."""
        self._write(self._write_uses, None)
        self._database.flush()

    def _where(
        self, node: str | None, model: str | None, kind: str | None, older: float | None, unused: float | None
    ) -> tuple[str, tuple[Any, ...]]:
        now = self.clock()
        told = [
            ("node = ?", node), ("model = ?", model), ("kind = ?", kind),
            ("created <= ?", None if older is None else now - older),
            ("used <= ?", None if unused is None else now - unused),
        ]  # fmt: skip
        parts = [(sql, value) for sql, value in told if value is not None]
        where = " AND ".join(sql for sql, _ in parts)
        return f" WHERE {where}" if where else "", tuple(value for _, value in parts)

    # ---- on the writer's thread

    def _write(
        self, job: Callable[[sqlite3.Connection], None], done: Callable[[BaseException | None], None] | None
    ) -> None:
        def told(error: BaseException | None) -> None:
            if error is not None:
                self.warn(str(error))

        try:
            self._database.write(job, done or told)
        except StorageError as error:
            (done or told)(error)

    def _insert(self, connection: sqlite3.Connection, entry: Entry) -> None:
        if self._size is None:
            self._size = _size_of(connection)
        old = connection.execute("SELECT size FROM cache WHERE key = ?", (entry.key,)).fetchone()
        connection.execute(_INSERT, entry.row())
        self._size += entry.size - (int(old[0] or 0) if old is not None else 0)
        if self._size > self.max_bytes:
            self._make_room(connection)

    def _make_room(self, connection: sqlite3.Connection) -> None:
        """Throw away what was not used for longest."""
        self._write_uses(connection)
        size = _size_of(connection)  # other processes write as well
        gone = []
        if size > self.max_bytes:
            for key, taken in connection.execute("SELECT key, size FROM cache ORDER BY used, rowid"):
                if size <= self.max_bytes * _KEPT_SHARE:
                    break
                gone.append((key,))
                size -= taken or 0
            connection.executemany("DELETE FROM cache WHERE key = ?", gone)
            connection.execute("PRAGMA incremental_vacuum").fetchall()
        self._size = size

    def _write_uses(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            uses, self._uses = self._uses, {}
        now = self.clock()
        connection.executemany(
            "UPDATE cache SET used = ?, hits = hits + ? WHERE key = ?", [(now, n, key) for key, n in uses.items()]
        )


def _one(connection: sqlite3.Connection, key: str) -> Entry | None:
    row = connection.execute("SELECT * FROM cache WHERE key = ?", (key,)).fetchone()
    return None if row is None else entry_of(row)


def _size_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(sum(size), 0) FROM cache").fetchone()[0])


def _sound(rows: Iterable[sqlite3.Row]) -> list[Entry]:
    found = []
    for row in rows:
        try:
            found.append(entry_of(row))
        except StorageError:
            continue
    return found
