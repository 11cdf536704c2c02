"""Remembered answers in the database: found by the key of their request, thrown away when they take too much room."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.redaction import has_key
from graphbit_nb.errors import StorageError
from graphbit_nb.storage.cache_table import CacheStats, condition, make_room, one, put, size_of, sound
from graphbit_nb.storage.differences import Miss, nearest_of
from graphbit_nb.storage.entries import COLUMNS, Entry, canonical, key_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from graphbit_nb.storage.database import Database

logger = logging.getLogger("graphbit_nb")

MAX_BYTES = 1 << 30
LARGEST_SHARE = 8  # an entry may take no more than this part of the room
_MOST_COMPARED = 300  # entries among which the nearest is looked for


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
        self._writes_uses = False  # soon
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
            self._database.read(lambda connection: one(connection, key)).add_done_callback(answer)
        except StorageError as error:
            self.warn(str(error))
            found.set_result(None)
        return found

    def keep(self, entry: Entry) -> None:
        """Remember an answer; it is found from now on, and soon written down.

        One with a key in it is not remembered: keys are not written, and without it, it would be another answer.
        """
        if has_key(entry.request) or has_key(entry.record):
            return
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
        with self._lock:
            self._uses[key] = self._uses.get(key, 0) + 1
            if self._writes_uses:
                return
            self._writes_uses = True
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
        where, values = condition(self.clock(), node=node, model=model, kind=kind, older_than=older_than)
        sql = f"SELECT {', '.join(COLUMNS)} FROM cache{where} ORDER BY used DESC, rowid DESC LIMIT ?"  # noqa: S608
        return sound(self._database.query(sql, (*values, -1 if limit is None else limit)))

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
        where, values = condition(
            self.clock(), node=node, model=model, kind=kind, older_than=older_than, unused_for=unused_for
        )

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
        return nearest_of(data, node, sound(same), sound(rows))

    def why(self, node: str, run: str | None = None) -> Miss | None:
        """Say why a node was asked or computed in a run: what differs from the nearest entry that was there before.

        Args:
            node: The node, without numbers of items.
            run: The run; None is the one that asked last.

        Returns:
            None when the run has kept nothing of the node: it took what was there, or nothing could be kept.

        Raises:
            StorageError: the database cannot be read.
        """
        self.flush()
        mine = "SELECT * FROM cache WHERE node = ? AND (? IS NULL OR run = ?) ORDER BY created DESC, rowid DESC LIMIT 1"
        for asked in sound(self._database.query(mine, (node, run, run))):
            rows = self._database.query(
                "SELECT * FROM cache WHERE kind = ? AND key != ? AND created <= ? "
                "ORDER BY node = ? DESC, used DESC LIMIT ?",
                (asked.kind, asked.key, asked.created, node, _MOST_COMPARED),
            )
            return nearest_of(asked.asked(), node, (), sound(rows))
        return None

    def flush(self) -> None:
        """Wait until what was kept so far is written down. Raises `StorageError` when that takes too long."""
        self._write(self._write_uses, None)
        self._database.flush()

    # ---- on the writer's thread

    def _write(
        self, job: Callable[[sqlite3.Connection], None], done: Callable[[BaseException | None], None] | None
    ) -> None:
        def told(error: BaseException | None) -> None:
            if error is not None:
                self._writes_uses = False
                self.warn(str(error))

        try:
            self._database.write(job, done or told)
        except StorageError as error:
            (done or told)(error)

    def _insert(self, connection: sqlite3.Connection, entry: Entry) -> None:
        if self._size is None:
            self._size = size_of(connection)
        old = connection.execute("SELECT size FROM cache WHERE key = ?", (entry.key,)).fetchone()
        put(connection, entry)
        self._size += entry.size - (int(old[0] or 0) if old is not None else 0)
        if self._size > self.max_bytes:
            self._write_uses(connection)
            self._size = make_room(connection, self.max_bytes)

    def _write_uses(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            uses, self._uses = self._uses, {}
            self._writes_uses = False
        now = self.clock()
        connection.executemany(
            "UPDATE cache SET used = ?, hits = hits + ? WHERE key = ?", [(now, n, key) for key, n in uses.items()]
        )
