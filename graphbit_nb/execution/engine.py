"""Starts runs. It is given everything that it needs; it builds nothing itself."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.bus import EventBus
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.pipeline import checked_inputs
from graphbit_nb.execution.run import ClientSource, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from graphbit_nb.core.bus import Recorder, Sink
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.threads import ThreadPool
    from graphbit_nb.graph.plan import ExecutionPlan
    from graphbit_nb.graph.workflow import Workflow


def new_run_id() -> str:
    """Return an id that sorts by time: UTC to the second, and eight random digits."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(4)


class Engine:
    """Runs workflows on the event loop from which it is called.

    Args:
        clients: Gives nodes their models.
        threads: Runs plain functions.
        clock: Seconds since 1970.
    """

    def __init__(self, *, clients: ClientSource, threads: ThreadPool, clock: Callable[[], float] = time.time) -> None:
        self._clients = clients
        self._threads = threads
        self._clock = clock

    def prepare(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Any] | None = None,
        *,
        options: RunOptions | None = None,
        nodes: Sequence[str] | None = None,
        recorder: Recorder | None = None,
        sinks: Sequence[Sink] = (),
        views: Sequence[Sink] = (),
        run_id: str | None = None,
    ) -> Run:
        """Check the inputs and return a run that has not begun. Call it on the loop that will execute it.

        Args:
            workflow: What to run.
            inputs: Values of the workflow's inputs.
            options: How to run it.
            nodes: Run only these and what they need.
            recorder: Keeps the events for good.
            sinks: Get every event at once.
            views: Get every event once it is kept.
            run_id: Id of the run; None makes a new one.

        Raises:
            UsageError: a name is none of the workflow's.
            MissingInputError: an input has no value.
        """
        plan = plan_for(workflow, nodes)
        return Run(
            run_id or new_run_id(),
            workflow,
            checked_inputs(workflow.inputs, needed_inputs(workflow, plan), inputs or {}),
            plan=plan,
            options=options or RunOptions(),
            clients=self._clients,
            threads=self._threads,
            bus=EventBus(recorder, tuple(sinks), tuple(views)),
            clock=self._clock,
        )

    def resume(
        self,
        workflow: Workflow,
        snapshot: RunSnapshot,
        *,
        options: RunOptions | None = None,
        recorder: Recorder | None = None,
        sinks: Sequence[Sink] = (),
        views: Sequence[Sink] = (),
    ) -> Run:
        """Return a run that goes on where an earlier one stopped: what has its output keeps it, the rest is done.

        Args:
            workflow: What is run.
            snapshot: Where the earlier run stood; it is not changed.
            options: See `prepare`; so are the others.
            recorder: Gets the events from here on, beginning with `run.resumed`.
            sinks: Likewise.
            views: Likewise.

        Raises:
            UsageError: the snapshot is of another workflow.
        """
        for name in snapshot.nodes:
            if name not in workflow.nodes:
                raise UsageError(f"the run had a node {name!r}, which {workflow.name} does not have")
        plan = plan_for(workflow, tuple(snapshot.nodes))
        if set(plan.names) != set(snapshot.nodes):
            added = sorted(set(plan.names) - set(snapshot.nodes))
            raise UsageError(f"the workflow has changed since the run: {', '.join(added)} was not in it")
        return Run(
            snapshot.run_id,
            workflow,
            snapshot.inputs,
            plan=plan,
            options=options or RunOptions(),
            clients=self._clients,
            threads=self._threads,
            bus=EventBus(recorder, tuple(sinks), tuple(views)),
            clock=self._clock,
            kept=snapshot.copy(),
        )


def plan_for(workflow: Workflow, nodes: Sequence[str] | None) -> ExecutionPlan:
    """Return the plan of the named nodes and what they need, or of all. Raises `UsageError` for a name that is none."""
    if nodes is None:
        return workflow.plan
    for name in nodes:
        if name not in workflow.nodes:
            raise UsageError(f"no node {name!r}{did_you_mean(name, workflow.nodes)}")
    return workflow.plan.needed_for(nodes)


def needed_inputs(workflow: Workflow, plan: ExecutionPlan) -> dict[str, bool]:
    """Return the inputs that the plan's nodes read, and whether each must be there."""
    needed = {}
    for name, spec in workflow.inputs.items():
        readers = [workflow.nodes[reader] for reader in spec.consumers if reader in plan.index]
        if readers:
            needed[name] = any(
                ref.required and ref.name == name and not ref.soft for n in readers for ref in n.references
            )
    return needed
