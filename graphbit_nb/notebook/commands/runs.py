"""Commands that run the workflow, and stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import RunCancelled, UsageError
from graphbit_nb.notebook import running, views
from graphbit_nb.notebook.commands.command import INPUTS, arg, command
from graphbit_nb.notebook.inputs import inputs_for
from graphbit_nb.notebook.runviews import RunView
from graphbit_nb.session.executor import WorkflowExecutor
from graphbit_nb.session.settings import ON_ERROR

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine, Mapping, Sequence

    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.session.handle import RunHandle

    Outcome = ExecutionResult | Coroutine[Any, Any, ExecutionResult]


@command(
    "run",
    arg("nodes", metavar="NODE", nargs="*"),
    *INPUTS,
    arg("--sequential", action="store_true", help="one node at a time"),
    arg("--max-concurrency", metavar="N", type=int, help="nodes at the same time"),
    arg("--on-error", metavar="MODE", choices=ON_ERROR, help="continue or fail_fast"),
    arg("--deadline", metavar="S", type=float, help="seconds that the run may take"),
    runs=True,
    words="node",
    example="%graphbit run summary --set topic='the sea'",
)
def run(magics: GraphbitMagics, options: argparse.Namespace, awaited: bool) -> Outcome:
    """Run the current workflow, or what the named nodes need. The result is the line's value.

    When a person is all that the run waits for, it returns; %graphbit answer goes on with it.
    """
    return run_nodes(magics, options.nodes or None, options, awaited=awaited)


def run_nodes(
    magics: GraphbitMagics,
    nodes: Sequence[str] | None,
    options: argparse.Namespace | None = None,
    *,
    awaited: bool,
) -> Outcome:
    """Start a run and wait for it, by awaiting or by blocking."""
    workflow = magics.workspace.built(nodes)
    inputs, notes = inputs_for(workflow, nodes, options, magics.namespace)
    magics.executors[workflow.name] = executor = executor_for(magics, options)
    handle = executor.start(workflow, inputs, nodes=nodes, parks=True)
    return follow(magics, handle, notes, awaited=awaited)


def go_on(
    magics: GraphbitMagics, result: ExecutionResult, *, answers: Mapping[str, Any] | None = None, awaited: bool
) -> Outcome:
    """Go on with a run that waits for a person, and wait for it again."""
    handle = _executor_of(magics, result).start_again(result, answers=answers, parks=True)
    return follow(magics, handle, before=result.snapshot, awaited=awaited)


def executor_for(magics: GraphbitMagics, options: argparse.Namespace | None) -> WorkflowExecutor:
    """Return an executor with the settings of the line, and the magics' for what it does not say."""
    wanted = getattr(options, "max_concurrency", None)
    return WorkflowExecutor(
        magics.workspace.config,
        max_concurrency=magics.max_concurrency if wanted is None else wanted,
        strategy="sequential" if getattr(options, "sequential", False) else "parallel",
        on_error=getattr(options, "on_error", None) or magics.on_error,
        deadline=getattr(options, "deadline", None),
    )


def _executor_of(magics: GraphbitMagics, result: ExecutionResult) -> WorkflowExecutor:
    """Return the executor that a run began with, so that it goes on under the same settings."""
    return magics.executors.get(result.workflow.name) or executor_for(magics, None)


def follow(
    magics: GraphbitMagics,
    handle: RunHandle,
    notes: Sequence[str] = (),
    *,
    before: RunSnapshot | None = None,
    awaited: bool,
) -> Outcome:
    """Show a run that has been started, or goes on from where it stood before, and keep what it gives."""
    workspace, namespace, workflow = magics.workspace, magics.namespace, handle.workflow
    magics.handle = handle

    def keep(result: ExecutionResult) -> None:
        workspace.results[workflow.name] = result
        workspace.shown = (result.run_id, magics.execution_count)
        running.outputs_into(result, workspace.into, namespace)

    wait = running.awaited if awaited else running.blocked
    return wait(handle, RunView(workflow, notes, before=before), keep)


@command("cancel", arg("node", metavar="NODE", nargs="?"), words="node", example="%graphbit cancel")
def cancel(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Stop the run, or one node of it while it works. A run that waits for a person is given up."""
    handle, result = magics.handle, magics.workspace.results.get(magics.workspace.current)
    what = options.node or "the run"
    if handle is not None and not handle.done():
        handle.cancel(options.node)
        views.show(views.line_bundle(f"{what} is being cancelled"))
    elif result is not None and result.status == "waiting":
        executor = _executor_of(magics, result)
        if options.node is not None:
            again = executor.start_again(result, cancel=(options.node,), parks=True)
        else:
            again = executor.start_again(result)
            again.cancel()
        try:
            follow(magics, again, before=result.snapshot, awaited=False)
        except RunCancelled as error:
            views.show(views.line_bundle(str(error)))
    else:
        raise UsageError(f"no run of {magics.workspace.current} goes on")
