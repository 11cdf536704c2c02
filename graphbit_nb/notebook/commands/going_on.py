"""Commands that go on with earlier runs, or begin others from what those had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.core.encoding import missing_in
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.notebook.arguments import assignments, literal, pairs, variable
from graphbit_nb.notebook.commands.command import BUDGET, INPUTS, arg, command
from graphbit_nb.notebook.commands.runs import at_once, how_to_wait
from graphbit_nb.session import history as kept

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine, Iterable, Mapping

    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.notebook.seen_run import How, Outcome

BESIDE = arg("--background", action="store_true", help="go on while other cells run; the value is a handle to await")


@command(
    "resume",
    arg("run", metavar="RUN", nargs="?"),
    *INPUTS,
    BUDGET,
    BESIDE,
    runs=True,
    words="run",
    example="%graphbit resume",
)
def resume(
    magics: GraphbitMagics, options: argparse.Namespace, awaited: bool
) -> Outcome | Coroutine[Any, Any, Outcome]:
    """Go on with a run that was cut off, failed or was cancelled: only what is left is done.

    Without RUN it is the latest of the current workflow that did not succeed, in this kernel or in one that is gone.
    Nodes are what the notebook's cells define now; a run of another notebook brings its workflow along, unless there is
    code in it. --set and --inputs give inputs that could not be kept. --budget is for all of the run, with what it has
    spent before.
    """
    result, notes = _unfinished(magics, options.run, options)
    how = _how(options, awaited)
    outcome = magics.runner.go_on(result, notes=notes, how=how, budget=options.budget)
    return at_once(outcome) if how == "background" and awaited else outcome


@command(
    "fork",
    arg("run", metavar="RUN", nargs="?"),
    arg("--edit", metavar="NODE=VALUE", nargs="+", action="extend", help="outputs in the place of those that it had"),
    arg("--pin", metavar="NODE", nargs="+", action="extend", default=[], help="outputs to keep, whatever has changed"),
    arg("--again", metavar="NODE", nargs="+", action="extend", default=[], help="run these again, and what follows"),
    arg("--tag", metavar="WORD", nargs="+", action="extend", default=[], help="to find the new run by"),
    *INPUTS,
    BESIDE,
    runs=True,
    words="run",
    example="%graphbit fork last --edit outline='one, two'",
)
def fork(magics: GraphbitMagics, options: argparse.Namespace, awaited: bool) -> Outcome | Coroutine[Any, Any, Outcome]:
    """Begin a run from what another had: only what depends on an edit, another input or a changed cell is run.

    The run that it is a fork of stays as it is. Without RUN it is the latest of the current workflow.
    """
    result, workflow = _earlier(magics, options.run)
    edits = {name: literal(value) for name, value in pairs(options.edit, "--edit").items()}
    for name in options.pin:
        if name not in result.outputs:
            raise UsageError(f"--pin {name}: the run has no output of it{did_you_mean(name, result.outputs)}")
        edits.setdefault(name, result.outputs[name])
    how = _how(options, awaited)
    lost = [name for name, value in result.inputs.items() if missing_in(value)]
    inputs = _inputs(magics, options, lost)
    outcome = magics.runner.fork(result, workflow, edits, inputs=inputs, again=options.again, tags=options.tag, how=how)
    return at_once(outcome) if how == "background" and awaited else outcome


def _how(options: argparse.Namespace, awaited: bool) -> How:
    return "background" if options.background else how_to_wait(awaited)


def _inputs(magics: GraphbitMagics, options: argparse.Namespace, lost: Iterable[str]) -> dict[str, Any]:
    """Return the inputs that are said, and those that were lost as far as the notebook has them."""
    found = {name: magics.namespace[name] for name in lost if name in magics.namespace}
    given: Mapping[str, Any] = {}
    if options.inputs is not None:
        given = variable(options.inputs, magics.namespace, "--inputs")
        if not hasattr(given, "keys"):
            raise UsageError(f"--inputs {options.inputs}: that is a {type(given).__name__}, not a dict")
    return {**found, **given, **assignments(options.set)}


def _unfinished(
    magics: GraphbitMagics, run: str | None, options: argparse.Namespace
) -> tuple[ExecutionResult, list[str]]:
    """Return where a run stands, and what there is to say of it. Raises `UsageError` when there is none."""
    workspace = magics.workspace
    if run is None:
        result = workspace.results.get(workspace.current)
        if result is not None and not result.is_success():
            now = _workflow_now(magics, result.workflow.name)
            is_same = now is not None and now.nodes.keys() >= result.nodes.keys()
            return ExecutionResult(now if is_same and now is not None else result.workflow, result.snapshot), []
        run = _latest_unfinished(workspace.current)
    name = kept.get_run(run).workflow.name
    now = _workflow_now(magics, name)
    workflow, snapshot = kept.to_resume(run, now, _inputs(magics, options, kept.lost_inputs(run)))
    if now is None:
        workspace.adopt(workflow)
    changed = kept.changed_nodes(run, workflow)
    stays = [name for name, node in snapshot.nodes.items() if name in changed and node.state.has_output]
    notes = [f"{', '.join(stays)}: not as it was when the run began; its output stands"] if stays else []
    return ExecutionResult(workflow, snapshot), notes


def _latest_unfinished(name: str) -> str:
    found = kept.unfinished_runs()
    for info in found:
        if info.workflow == name:
            return info.run_id
    if not found:
        raise UsageError("no run is unfinished; %graphbit history lists those that are kept")
    others = ", ".join(f"{info.run_id} ({info.workflow})" for info in found[:3])
    raise UsageError(f"no run of {name} is unfinished; of other workflows: {others}")


def _earlier(magics: GraphbitMagics, run: str | None) -> tuple[ExecutionResult, Workflow | None]:
    """Return a run to be forked, and the workflow as it is now, if the notebook has it."""
    workspace = magics.workspace
    if run is None:
        result = workspace.results.get(workspace.current)
        if result is not None:
            return result, _workflow_now(magics, workspace.current)
        latest = kept.runs(workspace.current, limit=1)
        if not latest:
            raise UsageError(f"{workspace.current} has no run yet; say which: %graphbit fork RUN")
        run = latest[0].run_id
    now = _workflow_now(magics, kept.get_run(run).workflow.name)
    return kept.get_run(run, workflow=now), now


def _workflow_now(magics: GraphbitMagics, name: str) -> Workflow | None:
    """Return a workflow as the cells define it now; None when they do not."""
    drafts = magics.workspace.drafts
    return magics.workspace.built(None, name) if name in drafts and len(drafts[name]) else None
