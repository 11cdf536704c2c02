"""What a process remembers: the database of its home, opened at first use and shared by all executors."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, ClassVar, Literal

from graphbit_nb.errors import StorageError
from graphbit_nb.session.definitions import FORMAT, definition_of
from graphbit_nb.session.engine_thread import after_stopping
from graphbit_nb.session.home import DATABASE, made_home

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graphbit_nb.session.job import Job
    from graphbit_nb.storage.cache import CacheStore
    from graphbit_nb.storage.database import Database
    from graphbit_nb.storage.memory_cache import MemoryCache
    from graphbit_nb.storage.recorder import RunRecorder
    from graphbit_nb.storage.runs import RunStore

Storage = Literal["disk", "memory"]

STORAGES = ("disk", "memory")

logger = logging.getLogger("graphbit_nb")


class Memory:
    """One database: the runs in it and the answers in it.

    Args:
        path: The file.

    Raises:
        StorageError: it cannot be used.
    """

    def __init__(self, path: Path) -> None:
        from graphbit_nb.storage.cache import CacheStore
        from graphbit_nb.storage.database import Database
        from graphbit_nb.storage.runs import RunStore

        self.database: Database = Database(path)
        self.database.check()
        self.runs: RunStore = RunStore(self.database)
        self.cache: CacheStore = CacheStore(self.database)

    def recorder(self, run_id: str, job: Job, on_trouble: Callable[[str], None]) -> RunRecorder:
        """Return what writes a run down.

        Args:
            run_id: The run's id.
            job: What is run.
            on_trouble: Told once, on the run's loop, when the run can no longer be written down.
        """
        from graphbit_nb.storage.recorder import RunHead, RunRecorder, node_kinds

        workflow = job.workflow
        head = RunHead(
            run_id=run_id, workflow=workflow.name, definition=definition_of(workflow), format=FORMAT,
            kinds=node_kinds(workflow), tags=job.tags, parent=job.parent, snapshot=job.snapshot,
        )  # fmt: skip
        return RunRecorder(self.database, head, on_trouble)


class _Open:
    """The databases that are open, by path, and what has been said of those that are not."""

    answers: ClassVar[list[MemoryCache]] = []
    memories: ClassVar[dict[Path, Memory]] = {}
    troubles: ClassVar[set[str]] = set()
    lock = threading.Lock()


def shared_memory() -> Memory:
    """Return the memory of this process's home.

    Raises:
        StorageError: there is none: the directory cannot be made, or the file cannot be used.
    """
    path = made_home() / DATABASE
    with _Open.lock:
        if path not in _Open.memories:
            _Open.memories[path] = Memory(path)
        return _Open.memories[path]


def memory_or_trouble() -> tuple[Memory | None, str | None]:
    """Return the memory, or why there is none; the first time that is logged as well."""
    try:
        return shared_memory(), None
    except StorageError as error:
        told = str(error)
        if told not in _Open.troubles:
            _Open.troubles.add(told)
            logger.warning("runs are not kept on disk: %s", told)
        return None, told


def answers_in_memory() -> MemoryCache:
    """Return the answers that are remembered in this process alone."""
    from graphbit_nb.storage.memory_cache import MemoryCache

    with _Open.lock:
        if not _Open.answers:
            _Open.answers.append(MemoryCache())
        return _Open.answers[0]


def close_memories() -> None:
    """Write what waits, close the files, and forget the rest. What comes later opens them anew."""
    with _Open.lock:
        _Open.answers.clear()
        memories, _Open.memories = list(_Open.memories.values()), {}
        _Open.troubles = set()
    for memory in memories:
        memory.database.close()


after_stopping(close_memories)
