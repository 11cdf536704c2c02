"""Begins runs for the magics, goes on with them, and knows the latest of each workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.graph.workflow import Outline
from graphbit_nb.notebook.live.state import Subject
from graphbit_nb.notebook.seen_run import SeenRun, going_on
from graphbit_nb.session.executor import WorkflowExecutor
from graphbit_nb.session.history import kept_workflow
from graphbit_nb.storage.cassette import Cassette

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.notebook.seen_run import How, Outcome, Start
    from graphbit_nb.session.handle import RunHandle


class Runner:
    """Begins runs and goes on with them.

    Attributes:
        latest: The run that began last.
    """

    def __init__(self, magics: GraphbitMagics) -> None:
        self._magics = magics
        self._seen: dict[str, SeenRun] = {}  # the latest run of each workflow
        self.latest: SeenRun | None = None

    @property
    def handle(self) -> RunHandle | None:
        """The run that began last."""
        return None if self.latest is None else self.latest.handle

    def run(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any],
        executor: WorkflowExecutor,
        *,
        nodes: Sequence[str] | None = None,
        pinned: Mapping[str, Any] | None = None,
        cache: str | None = None,
        tags: Sequence[str] = (),
        notes: Sequence[str] = (),
        how: How,
        in_cell: bool = True,
    ) -> Outcome:
        """Begin a run; in the background it waits for persons itself, else it stops for them. See `SeenRun.wait`."""
        subject = Subject(workflow=workflow, slots=executor.max_concurrency)
        parks = how != "background"
        return self._begin(
            SeenRun(self._magics, executor, subject, notes, in_cell=in_cell),
            lambda sinks: executor.start(
                workflow, inputs, nodes=nodes, pinned=pinned, cache=cache, tags=tags, parks=parks, views=sinks
            ),
            how,
        )

    def fork(
        self,
        run: ExecutionResult,
        workflow: Workflow | None,
        edits: Mapping[str, Any],
        *,
        inputs: Mapping[str, Any],
        again: Sequence[str] = (),
        tags: Sequence[str] = (),
        how: How,
    ) -> Outcome:
        """Begin a fork of a run, with the workflow as it is now, or as it was if that is None."""
        executor = self.executor()
        if workflow is None:
            workflow = kept_workflow(run.run_id) if isinstance(run.workflow, Outline) else run.workflow
        parks = how != "background"
        return self._begin(
            SeenRun(self._magics, executor, Subject(workflow=workflow, slots=executor.max_concurrency)),
            lambda sinks: executor.start_fork(
                run, edits, workflow=workflow, inputs=inputs, again=again, tags=tags, parks=parks, views=sinks
            ),
            how,
        )

    def go_on(
        self,
        result: ExecutionResult,
        *,
        answers: Mapping[str, Any] | None = None,
        cancel: Sequence[str] | None = None,
        notes: Sequence[str] = (),
        budget: str | None = None,
        how: How,
    ) -> Outcome:
        """Go on with a run that has not succeeded, in the cell that says so; `cancel` nodes of it, or all if empty."""
        before = self._seen.get(result.workflow.name)
        is_same = before is not None and result.status == "waiting"  # under the settings that it began with
        executor = before.executor if before is not None and is_same else self.executor()
        if before is not None:
            before.leave()
        subject = Subject(workflow=result.workflow, snapshot=result.snapshot, slots=executor.max_concurrency)
        start = going_on(executor, result, answers=answers, cancel=cancel, budget=budget)
        return self._begin(SeenRun(self._magics, executor, subject, notes), start, how)

    def executor(
        self,
        *,
        max_concurrency: int | None = None,
        sequential: bool = False,
        on_error: Any = None,
        deadline: float | None = None,
        budget: str | None = None,
        record: str | None = None,
        replay: str | None = None,
        speed: float | None = None,
    ) -> WorkflowExecutor:
        """Return an executor with these settings, and the magics' for what is None.

        Raises:
            UsageError: a setting is not allowed.
            StorageError: the cassette cannot be played.
        """
        magics = self._magics
        if record is None and replay is None:
            record, replay = magics.record or None, magics.replay or None
        if record is not None and replay is not None:
            raise UsageError("a run is recorded or played, not both: say --record FILE or --replay FILE")
        for option, told in (("record", record), ("replay", replay)):
            if told is not None and told.startswith("$"):
                how = f"%config GraphbitMagics.{option} = {told[1:]}"
                raise UsageError(f"--{option} {told}: write the file's name; for one in a variable say {how}")
        speed = magics.speed if speed is None else speed
        cassette: Cassette | None = None
        if (path := replay or record) is not None:
            cassette = Cassette(path, "none" if replay else "new_episodes", speed=speed or None)
        return WorkflowExecutor(
            magics.workspace.config,
            max_concurrency=magics.max_concurrency if max_concurrency is None else max_concurrency,
            strategy="sequential" if sequential else "parallel",
            on_error=on_error or magics.on_error,
            deadline=deadline,
            budget=magics.budget if budget is None else budget,
            cache=magics.cache,
            storage=magics.storage,
            cassette=cassette,
        )

    def seen(self, workflow: str) -> SeenRun:
        """Return the latest run of a workflow. Raises `UsageError` when there is none."""
        if workflow not in self._seen:
            raise UsageError(f"no run of {workflow} goes on")
        return self._seen[workflow]

    def going(self, workflow: str) -> SeenRun | None:
        """Return the run of a workflow that goes on now, if one does."""
        seen = self._seen.get(workflow)
        return None if seen is None or seen.handle.done() else seen

    def standing(self, workflow: str) -> ExecutionResult | None:
        """Return the latest run of a workflow as it stands, also while it goes on; None when there is none."""
        going = self.going(workflow)
        return (None if going is None else going.standing) or self._magics.workspace.results.get(workflow)

    def _begin(self, seen: SeenRun, start: Start, how: How) -> Outcome:
        seen.begin(start)
        self.latest = self._seen[seen.handle.workflow.name] = seen
        return seen.wait(how)
