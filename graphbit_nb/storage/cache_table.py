"""The table of remembered answers: what is asked of it, and how room is made in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import StorageError
from graphbit_nb.storage.entries import COLUMNS, Entry, entry_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

KEPT_SHARE = 0.9  # of the room, after entries were thrown away

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


def one(connection: sqlite3.Connection, key: str) -> Entry | None:
    """Return the entry of a key. Raises `StorageError` when it is damaged."""
    row = connection.execute("SELECT * FROM cache WHERE key = ?", (key,)).fetchone()
    return None if row is None else entry_of(row)


def put(connection: sqlite3.Connection, entry: Entry) -> None:
    """Write an entry down, in the place of one of the same key."""
    connection.execute(_INSERT, entry.row())


def size_of(connection: sqlite3.Connection) -> int:
    """Return the characters that all entries take."""
    return int(connection.execute("SELECT coalesce(sum(size), 0) FROM cache").fetchone()[0])


def make_room(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Throw away what was not used for longest, if there is too much, and return how much is left."""
    size = size_of(connection)  # other processes write as well
    if size <= max_bytes:
        return size
    gone = []
    for key, taken in connection.execute("SELECT key, size FROM cache ORDER BY used, rowid"):
        if size <= max_bytes * KEPT_SHARE:
            break
        gone.append((key,))
        size -= taken or 0
    connection.executemany("DELETE FROM cache WHERE key = ?", gone)
    connection.execute("PRAGMA incremental_vacuum").fetchall()
    return size


def sound(rows: Iterable[sqlite3.Row]) -> list[Entry]:
    """Return the entries in rows, without those that are damaged."""
    found = []
    for row in rows:
        try:
            found.append(entry_of(row))
        except StorageError:
            continue
    return found


def condition(
    now: float,
    *,
    node: str | None = None,
    model: str | None = None,
    kind: str | None = None,
    older_than: float | None = None,
    unused_for: float | None = None,
) -> tuple[str, tuple[Any, ...]]:
    """Return ``" WHERE ..."`` for what is said, and its values."""
    told = [
        ("node = ?", node), ("model = ?", model), ("kind = ?", kind),
        ("created <= ?", None if older_than is None else now - older_than),
        ("used <= ?", None if unused_for is None else now - unused_for),
    ]  # fmt: skip
    parts = [(sql, value) for sql, value in told if value is not None]
    where = " AND ".join(sql for sql, _ in parts)
    return f" WHERE {where}" if where else "", tuple(value for _, value in parts)
