"""Writes a run down while it goes on: gathers its events, and says up to which one they are safe."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import StorageError
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.storage.rows import event_in, is_settled, row_of
from graphbit_nb.storage.tables import RunTables

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from graphbit_nb.core.bus import Confirm
    from graphbit_nb.core.events import Event
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.storage.database import Database
    from graphbit_nb.storage.rows import Gathered

logger = logging.getLogger("graphbit_nb")

SOON = 0.02  # seconds in which what nobody waits for is gathered


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """What is kept of a run besides its events.

    Attributes:
        run_id: Its id.
        workflow: Name of the workflow.
        definition: The workflow as text; empty when it cannot be written.
        format: What that text is.
        kinds: Kinds of the nodes, by paths without numbers, see `node_kinds`.
        tags: Words by which the run is found again.
        parent: Id of the run that it was forked from.
        options: How it is run, for those who resume it; values of any kind.
        snapshot: Where it stood, if it is gone on with.
    """

    run_id: str
    workflow: str
    definition: str = ""
    format: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    parent: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    snapshot: RunSnapshot | None = None


def node_kinds(workflow: Workflow) -> dict[str, str]:
    """Return the kind of each node of a workflow, those of its sub-workflows as well, by path without numbers."""
    found = {}
    stack = [("", workflow)]
    while stack:
        before, inner = stack.pop()
        for name, node in inner.nodes.items():
            found[before + name] = node.kind
            if processor_of(node.kind).runs_as == "nodes":
                stack.append((f"{before}{name}.", node.settings.workflow))
    return found


class RunRecorder:
    """The `Recorder` of one run. It belongs to the event loop on which the first event is recorded.

    When the database fails it says so once and is done with: the run goes on in memory, and what was committed stays.

    Args:
        database: Where the run is kept.
        head: What is kept besides events.
        on_trouble: Told once, on the loop, why the run can no longer be written down.
    """

    def __init__(self, database: Database, head: RunHead, on_trouble: Callable[[str], None] | None = None) -> None:
        self._database = database
        self._on_trouble = on_trouble
        self._tables = RunTables(head)
        self._gathered: deque[Gathered] = deque()
        self._is_queued = False  # whether the writer will come for what is gathered
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._confirm: Confirm | None = None
        self._taken = 0  # number of the last event that the writer has taken
        self._safe = 0  # number of the last one that is committed
        self._is_telling = False
        self._trouble: StorageError | None = None
        self._has_told = False

    def record(self, event: Event, confirm: Confirm) -> None:
        """Keep `event`; see `Recorder`. Raises `StorageError` once the database has failed."""
        if self._trouble is not None:
            self._tell()
            raise self._trouble
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        self._confirm = confirm
        self._gathered.append(event if is_settled(event) else (event, row_of(event)))
        if not self._is_queued and self._timer is None:
            self._timer = self._loop.call_later(SOON, self.hurry)

    def hurry(self) -> None:
        """Write what is gathered now: somebody waits for it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._is_queued and self._gathered:
            self._is_queued = True
            self._database.write(self._write, self._written)

    # ---- on the writer's thread

    def _write(self, connection: sqlite3.Connection) -> None:
        self._is_queued = False  # before anything is taken: what comes from now on is come for again
        if self._trouble is not None:
            return
        batch = []
        gathered = self._gathered
        while gathered:
            batch.append(gathered.popleft())
        if batch:
            self._tables.write(connection, batch)
            self._taken = event_in(batch[-1]).seq

    def _written(self, error: BaseException | None) -> None:
        if error is None:
            self._safe = self._taken
        elif self._trouble is None:
            self._trouble = error if isinstance(error, StorageError) else _fault(error)
        if not self._is_telling and self._loop is not None:
            self._is_telling = True
            try:
                self._loop.call_soon_threadsafe(self._tell)
            except RuntimeError:  # the loop was closed in the middle of the run
                self._is_telling = False

    # ---- on the run's loop again

    def _tell(self) -> None:
        self._is_telling = False
        trouble = self._trouble
        if trouble is not None and not self._has_told:
            self._has_told = True
            self._gathered.clear()
            if self._timer is not None:
                self._timer.cancel()
            if self._on_trouble is not None:
                try:
                    self._on_trouble(str(trouble))
                except Exception:
                    logger.exception("%r raised", self._on_trouble)
        if self._confirm is not None:
            self._confirm(self._safe, trouble)


def _fault(error: BaseException) -> StorageError:
    found = StorageError(f"the run could not be written down: {type(error).__name__}: {error}")
    found.__cause__ = error
    return found
