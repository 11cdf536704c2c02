"""Opens the database file: creates it, brings it up to date, and refuses what is none of ours."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import threading
import time
import weakref
from typing import TYPE_CHECKING, TypeVar

from graphbit_nb.errors import StorageError
from graphbit_nb.storage.schema import APPLICATION_ID, MIGRATIONS, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that a lock of another process is waited for."""

_MAGIC = b"SQLite format 3\0"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

FAULTS = (sqlite3.Error, UnicodeDecodeError)
"""What the library raises; the second when its own message holds bytes of a damaged file."""


def connect(path: Path, *, patience: float = PATIENCE, reads_only: bool = False) -> sqlite3.Connection:
    """Open the file, and make it or bring it up to date first if that is needed.

    Raises:
        StorageError: it cannot be opened, is damaged, made by a newer version, or some other program's.
    """
    connection: sqlite3.Connection | None = None
    try:
        opened = connection = _open(path)
        patiently(lambda: _prepare(opened, path), patience)  # any of its statements may meet another process
        if reads_only:
            connection.execute("PRAGMA query_only = 1")
            connection.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, FAULTS):
            raise explained(error, path, patience) from None
        if isinstance(error, OSError):
            raise StorageError(f"{path} cannot be opened: {error.strerror or error}; {_elsewhere()}") from None
        raise
    return connection


class _Connection(sqlite3.Connection):
    """A connection that is known to have its file open, by device and number, until it is closed."""

    file: tuple[int, int] | None = None

    def close(self) -> None:
        super().close()
        with _opening:
            _connections.discard(self)


_connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
_opening = threading.Lock()


def _open(path: Path) -> _Connection:
    """Open the file, and look first whether it is one of ours.

    A file that this process has open is not looked at again: closing it would give up the locks that SQLite holds on
    it in this process (https://sqlite.org/howtocorrupt.html, 2.2), and another one could take its log away.
    """
    with _opening:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)
        if not any(connection.file == _file_at(path) for connection in _connections):
            _check_header(path)
        connection = sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        connection.row_factory = sqlite3.Row
        connection.file = _file_at(path)
        _connections.add(connection)
    return connection


def _file_at(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def patiently(call: Callable[[], T], patience: float = PATIENCE) -> T:
    """Call something until no other process is in the way, or the patience is at an end. Raises what it raises."""
    until = time.monotonic() + patience
    pause = 0.0005
    while True:
        try:
            return call()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 (so that two do not meet again)
        pause = min(pause * 1.5, 0.02)


def is_busy(error: sqlite3.Error) -> bool:
    """Whether it says that somebody else is writing."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _BUSY


def explained(error: BaseException, path: Path, patience: float = PATIENCE) -> StorageError:
    """Return what went wrong with the file in plain words, and what to do."""
    if isinstance(error, StorageError):
        return error
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if code in _BUSY:
        return StorageError(f"{path} was locked by another program for more than {patience:g} s; end that program")
    if code in _DAMAGED or isinstance(error, UnicodeDecodeError):
        return StorageError(f"{path} is damaged ({error}); {_move_away()}")
    if code == sqlite3.SQLITE_FULL:
        return StorageError(f"{path} cannot grow: the disk is full; free some space, or {_elsewhere()}")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StorageError(f"{path} cannot be written ({error}); allow it, or {_elsewhere()}")
    if code == sqlite3.SQLITE_IOERR:
        return StorageError(f"the disk failed at {path} ({error}); check it, or {_elsewhere()}")
    return StorageError(f"{path}: {type(error).__name__}: {error}")


def _move_away() -> str:
    return "move it away, and a new one is made"


def _elsewhere() -> str:
    return "say another place with graphbit_nb.init(home=...) or GRAPHBIT_HOME"


def _make(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _check_header(path: Path) -> None:
    """Refuse what is no database of ours before SQLite touches it."""
    beside = path.with_name(path.name + "-wal")
    had_log = beside.exists()
    with path.open("rb") as file:
        head = file.read(100)
        size = os.fstat(file.fileno()).st_size
    if not head:
        return
    if head[:16] != _MAGIC[: len(head)]:
        raise StorageError(f"{path} is no database of graphbit_nb; {_move_away()}")
    owner = int.from_bytes(head[68:72], "big")
    if owner not in (0, APPLICATION_ID):
        raise StorageError(f"{path} is the database of another program; {_elsewhere()}")
    page_size = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big") if head[24:28] == head[92:96] else 0
    needed = pages * (65536 if page_size == 1 else page_size)
    if len(head) < 100 or (size < needed and not had_log and not beside.exists()):
        raise StorageError(f"{path} is cut off: {size:,} of {max(needed, 100):,} bytes are there; {_move_away()}")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check whose file it is and which version, set how it is written, and bring it up to date."""
    version = _version(connection, path)
    if not version:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heard only while the file is empty
    connection.execute("PRAGMA journal_mode = WAL").fetchall()
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if version < VERSION:
        _migrate(connection, path)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if owner != APPLICATION_ID:
        if owner or version or connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
            raise StorageError(f"{path} is the database of another program; {_elsewhere()}")
        return 0
    if version > VERSION:
        raise StorageError(
            f"{path} was made by a newer graphbit_nb (its schema is {version}, this one knows {VERSION}); "
            f"update graphbit_nb, or {_elsewhere()}"
        )
    return version


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statements in MIGRATIONS[_version(connection, path) :]:  # another process may have been first
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
