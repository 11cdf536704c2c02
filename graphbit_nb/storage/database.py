"""The database of a process: one thread writes, gathering what waits into one transaction; another one reads."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from graphbit_nb.errors import StorageError
from graphbit_nb.storage.connections import FAULTS, PATIENCE, connect, explained, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")

logger = logging.getLogger("graphbit_nb")

MOST_AT_ONCE = 1000  # jobs in one transaction
FLUSH_SECONDS = 30.0

_inherited: list[Any] = []  # connections of the process that this one was forked from: never touched, never closed


class Database:
    """One file. It is opened, and made if need be, at first use; any thread may call.

    Args:
        path: The file.
        clock: Seconds since 1970.
        patience: Seconds that another process may keep the file locked.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time, patience: float = PATIENCE) -> None:
        self.path = path
        self.clock = clock
        self._patience = patience
        self._begin()

    def __repr__(self) -> str:
        return f"Database({str(self.path)!r})"

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._is_closed = False
        self._lock = threading.RLock()
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._reads: SimpleQueue[Any] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._writing: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # which file the writing connection has open
        self._asking: sqlite3.Connection | None = None

    # ---- what anybody calls

    def check(self) -> None:
        """Open the file now, and see that it can be written. Raises `StorageError` when it cannot."""
        self.change(lambda _: None)

    def write(
        self, job: Callable[[sqlite3.Connection], None], done: Callable[[BaseException | None], None] | None = None
    ) -> None:
        """Have a job done on the writer's thread; jobs that wait are one transaction, each in a savepoint.

        Args:
            job: Gets the connection, inside a transaction; it must not end it.
            done: Called on the writer's thread once the job is committed, or with the `StorageError` or whatever the
                job raised when it is not.
        """
        self._start()
        self._jobs.put((job, done))

    def change(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Have a job done like `write`, wait until it is committed, and return what it gave. Raises what it raises."""
        found: Future[T] = Future()
        values: list[T] = []

        def ended(error: BaseException | None) -> None:
            if error is None:
                found.set_result(values[0])
            else:
                found.set_exception(error)

        self.write(lambda connection: values.append(job(connection)), ended)
        return found.result()

    def read(self, job: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have a question answered on the reader's thread."""
        found: Future[T] = Future()
        self._start()
        self._reads.put((job, found))
        return found

    def query(self, sql: str, args: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Ask at once, on the caller's own thread.

        Raises:
            StorageError: the file cannot be opened or read.
        """
        self._check_process()
        with self._lock:
            self._refuse_if_closed()
            if self._asking is None:
                self._asking = connect(self.path, patience=self._patience, reads_only=True)
            try:
                return self._asking.execute(sql, args).fetchall()
            except FAULTS as error:
                self._asking.close()
                self._asking = None
                raise explained(error, self.path, self._patience) from None

    def flush(self, timeout: float = FLUSH_SECONDS) -> None:
        """Wait until everything that was given to `write` so far is committed or has failed.

        Raises:
            StorageError: it takes longer than `timeout` seconds.
        """
        self._check_process()
        if not self._threads:
            return
        is_done = threading.Event()
        self._jobs.put((None, lambda _: is_done.set()))
        if not is_done.wait(timeout):
            raise StorageError(f"{self.path} has not taken everything within {timeout:g} s")

    def close(self) -> None:
        """Write what waits, and close the file. Calling it again does no harm."""
        self._check_process()
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            threads, self._threads = self._threads, []
        if threads:
            self._jobs.put(None)
            self._reads.put(None)
            for thread in threads:
                if thread is not threading.current_thread():
                    thread.join(FLUSH_SECONDS)
        with self._lock:
            if self._asking is not None:
                self._asking.close()
                self._asking = None

    # ---- threads

    def _start(self) -> None:
        self._check_process()
        if self._threads and not self._is_closed:
            return
        with self._lock:
            self._refuse_if_closed()
            if not self._threads:
                for name, main in (("graphbit-writer", self._write_all), ("graphbit-reader", self._read_all)):
                    thread = threading.Thread(target=main, name=name, daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise StorageError(f"{self.path} was closed")

    def _check_process(self) -> None:
        """Begin anew in a process that was forked from the one which opened the file."""
        if self._pid != os.getpid():
            _inherited.extend((self._writing, self._asking, self._jobs, self._reads))
            self._begin()

    def _write_all(self) -> None:
        jobs = self._jobs
        is_last = False
        while not is_last:
            batch = [jobs.get()]
            while len(batch) < MOST_AT_ONCE:
                try:
                    batch.append(jobs.get_nowait())
                except Empty:
                    break
            if None in batch:
                is_last = True
                batch = [item for item in batch if item is not None]
            if batch:
                self._commit(batch)
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _commit(self, batch: list[tuple[Any, Any]]) -> None:
        """Do the jobs in one transaction, and tell each what became of it."""
        outcomes: list[BaseException | None] = [None] * len(batch)
        try:
            if any(job is not None for job, _ in batch):
                self._transact(batch, outcomes)
        except BaseException as error:  # noqa: BLE001 (whoever waits must hear of it)
            outcomes = [self._explained(error)] * len(batch)
            self._forget_writing()
        for (_, done), outcome in zip(batch, outcomes, strict=True):
            if done is None:
                if outcome is not None:
                    logger.warning("not kept: %s", outcome)
                continue
            try:
                done(outcome)
            except BaseException:
                logger.exception("%r raised after a write", done)

    def _transact(self, batch: list[tuple[Any, Any]], outcomes: list[BaseException | None]) -> None:
        connection = self._connection()
        patiently(lambda: connection.execute("BEGIN IMMEDIATE"), self._patience)
        is_alone = len(batch) == 1
        for number, (job, _) in enumerate(batch):
            if job is None:
                continue
            if is_alone:
                job(connection)
                break
            connection.execute("SAVEPOINT job")
            try:
                job(connection)
            except Exception as error:
                if not connection.in_transaction:  # SQLite has taken back everything
                    raise
                connection.execute("ROLLBACK TO job")
                outcomes[number] = self._explained(error)
            connection.execute("RELEASE job")
        patiently(lambda: connection.execute("COMMIT"), self._patience)

    def _connection(self) -> sqlite3.Connection:
        """Return the connection that writes, a new one when the file was moved away meanwhile."""
        if self._writing is not None:
            try:
                now = self.path.stat()
            except OSError:
                now = None
            if now is not None and (now.st_dev, now.st_ino) == self._file:
                return self._writing
            self._forget_writing()
        self._writing = connect(self.path, patience=self._patience)
        opened = self.path.stat()
        self._file = (opened.st_dev, opened.st_ino)
        return self._writing

    def _forget_writing(self) -> None:
        if self._writing is not None:
            try:
                if self._writing.in_transaction:
                    self._writing.execute("ROLLBACK")
            except sqlite3.Error:
                pass  # closing takes it back as well
            self._writing.close()
            self._writing = None

    def _explained(self, error: BaseException) -> BaseException:
        return explained(error, self.path, self._patience) if isinstance(error, FAULTS) else error

    def _read_all(self) -> None:
        connection: sqlite3.Connection | None = None
        while (item := self._reads.get()) is not None:
            job, found = item
            if not found.set_running_or_notify_cancel():
                continue
            try:
                if connection is None:
                    connection = connect(self.path, patience=self._patience, reads_only=True)
                value = job(connection)
            except BaseException as error:  # noqa: BLE001 (whoever asked must hear of it)
                if isinstance(error, FAULTS) and connection is not None:
                    connection.close()
                    connection = None
                found.set_exception(self._explained(error))
            else:
                found.set_result(value)
        if connection is not None:
            connection.close()
