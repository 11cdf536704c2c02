"""The runs that are kept on disk: listed, looked at again, compared, and gone on with."""

from __future__ import annotations

import datetime as dt
import re
import time
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.states import NodeState, RunStatus
from graphbit_nb.errors import ConfigurationError, StorageError, UsageError
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.session.comparing import Comparison, compared
from graphbit_nb.session.definitions import changed_since, outline_in, workflow_in
from graphbit_nb.session.home import DATABASE, expected_home
from graphbit_nb.session.memory import shared_memory
from graphbit_nb.session.settings import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.storage.cache import CacheStore
    from graphbit_nb.storage.runs import RunInfo, StoredRun

UNFINISHED = "unfinished"
"""Stands for the status of runs that were cut off, and whose process is gone."""

LIMIT = 50

_AGE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhDdWw])\s*\Z")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class Runs(tuple["RunInfo", ...]):
    """Runs in a list, the newest first."""

    __slots__ = ()

    def to_frame(self) -> Any:
        """Return a table with a row for each run, as a pandas DataFrame. Raises `ConfigurationError` without pandas."""
        try:
            import pandas as pd
        except ImportError:
            raise ConfigurationError("to_frame() needs pandas: pip install pandas") from None
        rows = [
            {
                "run": info.run_id,
                "workflow": info.workflow,
                "status": status_of(info),
                "started": None if info.started is None else dt.datetime.fromtimestamp(info.started, dt.UTC),
                "seconds": info.elapsed,
                "total": info.total,
                "done": info.done,
                "failed": info.failed,
                "tokens": info.tokens,
                "cost": info.cost,
                "tags": ", ".join(info.tags),
                "parent": info.parent,
            }
            for info in self
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        lines = (
            f"{info.run_id}  {info.workflow}  {status_of(info)}  {info.done}/{info.total}  {', '.join(info.tags)}"
            for info in self
        )
        return "\n".join(line.rstrip() for line in lines) or "no runs"


def status_of(info: RunInfo) -> str:
    """Return how a run stands, in a word: a run that was cut off is ``"unfinished"``, not ``"running"``."""
    return UNFINISHED if info.is_dead else info.status.value


def runs(
    workflow: str | Workflow | None = None,
    *,
    node: str | None = None,
    state: str | None = None,
    status: str | None = None,
    since: Any = None,
    until: Any = None,
    tag: str | None = None,
    limit: int | None = LIMIT,
) -> Runs:
    """Return runs that were kept, the newest first; those that fit all that is said.

    Args:
        workflow: A workflow, or its name.
        node: Path of a node that ended in the run.
        state: How that node ended, such as ``"failed"``; without `node`, how any node did.
        status: How the run stands, such as ``"succeeded"``; ``"unfinished"`` for those that were cut off.
        since: It began then or later: an age such as ``"3h"`` or ``"2D"``, a date such as ``"2026-11-23"``, a
            `datetime`, or seconds since 1970.
        until: It began before that.
        tag: A word that it is tagged with.
        limit: The most that are returned; None is all.

    Raises:
        UsageError: an argument is not allowed.
        StorageError: there is no database to be read.
    """
    if isinstance(workflow, Workflow):
        workflow = workflow.name
    if state is not None:
        one_of("state", state, tuple(s.value for s in NodeState if s.is_final))
    if status is not None:
        one_of("status", status, (*(s.value for s in RunStatus), UNFINISHED))
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise UsageError(f"limit={limit!r}: give a whole number above 0, or None for all")
    if tag is not None and not isinstance(tag, str):
        raise UsageError(f"tag={tag!r}: give a word")
    store = shared_memory().runs
    asked: dict[str, Any] = {
        "workflow": workflow, "node": node, "state": state, "tag": tag, "since": moment("since", since),
        "until": moment("until", until),
    }  # fmt: skip
    if status == UNFINISHED:
        return Runs([info for info in store.find(**asked) if info.is_dead][:limit])
    return Runs(store.find(**asked, status=status, limit=limit))


def is_kept() -> bool:
    """Whether there is a database of runs already; asking makes none, and settles nothing."""
    return (expected_home() / DATABASE).is_file()


def left_unfinished() -> Runs:
    """Return what `unfinished_runs` does, without settling where the home is; nothing when it cannot be read."""
    if not is_kept():
        return Runs()
    from graphbit_nb.storage.database import Database
    from graphbit_nb.storage.runs import RunStore

    database = Database(expected_home() / DATABASE)
    try:
        return Runs(RunStore(database).unfinished())
    except StorageError:
        return Runs()  # whoever runs something is told
    finally:
        database.close()


def unfinished_runs() -> Runs:
    """Return the runs that were cut off, or wait for a person, and whose process is gone. Raises as `runs` does."""
    return Runs(shared_memory().runs.unfinished())


def get_run(run: str = "last", *, workflow: Workflow | None = None) -> ExecutionResult:
    """Return a run that was kept, as the result that it had, or has so far.

    Its workflow is an outline: it can be shown, not run.

    Args:
        run: The run's id, the beginning of it, or ``"last"``.
        workflow: A workflow of now; its nodes stand in the outline wherever they are as they were.

    Raises:
        UsageError: there is no such run, or more than one.
        StorageError: it cannot be read.
    """
    stored = _stored(run)
    return ExecutionResult(outline_in(stored.definition, workflow), stored.snapshot)


def kept_workflow(run: str = "last", *, trust: bool = False) -> Workflow:
    """Return the workflow of a run that was kept, fit to run.

    Args:
        run: See `get_run`.
        trust: Whether code in it may be run.

    Raises:
        UsageError: there is no such run; or the workflow has code, or could not be kept in full.
        StorageError: it cannot be read.
    """
    return workflow_in(_stored(run).definition, trust=trust)


def compare(before: ExecutionResult | str, after: ExecutionResult | str) -> Comparison:
    """Lay two runs beside each other: results, or ids of runs that were kept. Raises as `get_run` does."""
    return compared(*(get_run(run) if isinstance(run, str) else run for run in (before, after)))


def cache() -> CacheStore:
    """Return the answers that are remembered: `entries`, `stats`, `prune`, and `why` a node was asked again.

    Raises:
        StorageError: there is no database to be read.
    """
    return shared_memory().cache


def tag_run(run: str, *tags: str, remove: Iterable[str] = ()) -> tuple[str, ...]:
    """Add words by which a run is found again, take some away, and return what it has. Raises as `get_run` does."""
    return shared_memory().runs.tag(run, *tags, remove=tuple(remove))


def delete_run(run: str) -> None:
    """Throw a run away for good.

    Raises:
        UsageError: there is no such run, or it goes on.
        StorageError: the database cannot be written.
    """
    shared_memory().runs.delete(run)


def prune_runs(*, keep: int | None = None, older_than: Any = None) -> int:
    """Throw old runs away, and return how many.

    Args:
        keep: The newest that stay, whatever their age.
        older_than: An age or a time, as for `runs`; younger ones stay.

    Raises:
        UsageError: nothing is said of which.
        StorageError: the database cannot be written.
    """
    if keep is None and older_than is None:
        raise UsageError("say which runs: keep=100 for all but the newest, older_than='30D' for those of that age")
    return shared_memory().runs.prune(keep=keep, older_than=moment("older_than", older_than))


def to_resume(run: str, workflow: Any, inputs: Mapping[str, Any]) -> tuple[Workflow, RunSnapshot]:
    """Return what goes on with a run that was kept: the workflow, and where it stands.

    Args:
        run: See `get_run`.
        workflow: The workflow as it is now; None is the one kept with the run.
        inputs: Values of inputs that could not be kept.

    Raises:
        UsageError: there is no such run, it goes on, or its workflow or inputs have to be given.
        StorageError: it cannot be read.
    """
    stored = _stored(run)
    info = stored.info
    if info.status is RunStatus.SUCCEEDED:
        raise UsageError(f"the run {info.run_id} has succeeded; there is nothing left to do")
    if info.status is RunStatus.RUNNING and not info.is_dead:
        where = "" if info.process is None else f" in process {info.process.pid}"
        raise UsageError(f"the run {info.run_id} goes on{where}; cancel it first")
    return workflow or workflow_in(stored.definition), stored.to_resume(inputs)


def lost_inputs(run: str) -> tuple[str, ...]:
    """Return the inputs of a run that could not be kept with it. Raises as `get_run` does."""
    return tuple(_stored(run).lost_inputs)


def changed_nodes(run: str, workflow: Workflow) -> frozenset[str]:
    """Return the nodes of a run that was kept that are not surely as they are in `workflow`. Raises as `get_run`."""
    return changed_since(_stored(run).definition, workflow)


def moment(name: str, told: Any, now: float | None = None) -> float | None:
    """Return a time as seconds since 1970.

    Args:
        name: What the argument is called.
        told: See `runs`.
        now: What an age is counted from; None is now.

    Raises:
        UsageError: it is no time.
    """
    if told is None or (isinstance(told, int | float) and not isinstance(told, bool)):
        return told
    if isinstance(told, dt.timedelta):
        return (time.time() if now is None else now) - told.total_seconds()
    if isinstance(told, str):
        if (age := _AGE.match(told)) is not None:
            return (time.time() if now is None else now) - float(age[1]) * _SECONDS[age[2].lower()]
        try:
            told = dt.datetime.fromisoformat(told)
        except ValueError:
            told = None
    if isinstance(told, dt.datetime):
        return told.timestamp()
    if isinstance(told, dt.date):
        return dt.datetime(told.year, told.month, told.day).astimezone().timestamp()
    raise UsageError(f"{name}: give an age such as '3h' or '2D', a date such as '2026-11-23', or a datetime")


def _stored(run: str) -> StoredRun:
    return shared_memory().runs.load(run)
