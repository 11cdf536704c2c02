"""Commands that run the workflow, and stop it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, TypeVar

from graphbit_nb.errors import RunCancelled, UsageError
from graphbit_nb.graph.caching import CACHE_MODES
from graphbit_nb.notebook import views
from graphbit_nb.notebook.arguments import listed
from graphbit_nb.notebook.commands.command import BUDGET, INPUTS, arg, command
from graphbit_nb.notebook.inputs import inputs_for
from graphbit_nb.notebook.live.view import Calls
from graphbit_nb.session.reruns import before, next_node, standing
from graphbit_nb.session.settings import ON_ERROR

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence

    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.notebook.seen_run import How, Outcome

T = TypeVar("T")


@command(
    "run",
    arg("nodes", metavar="NODE", nargs="*"),
    *INPUTS,
    arg(
        "--from",
        metavar="NODE",
        dest="again",
        nargs="+",
        help="only these and what follows them, with the latest result",
    ),
    arg("--background", action="store_true", help="go on while other cells run; the value is a handle to await"),
    arg("--sequential", action="store_true", help="one node at a time"),
    arg("--max-concurrency", metavar="N", type=int, help="nodes at the same time"),
    arg("--on-error", metavar="MODE", choices=ON_ERROR, help="continue or fail_fast"),
    arg("--deadline", metavar="S", type=float, help="seconds that the run may take"),
    BUDGET,
    arg("--fresh", action="store_true", help="ask anew, whatever is remembered; remember the new answers"),
    arg("--cache", metavar="MODE", help=f"{', '.join(CACHE_MODES)}, or how old an answer may be: 3h, 1D"),
    arg("--tag", metavar="WORD", nargs="+", action="extend", default=[], help="to find the run by"),
    arg("--record", metavar="FILE", help="record calls on a cassette; those that are on it are played"),
    arg("--replay", metavar="FILE", help="play a cassette: needs no key and no network"),
    arg("--speed", metavar="X", type=float, help="how fast it is played: 1 as it was; else nothing is waited for"),
    runs=True,
    words="node",
    example="%graphbit run summary --set topic='the sea'",
)
def run(magics: GraphbitMagics, options: argparse.Namespace, awaited: bool) -> Outcome | Coroutine[Any, Any, Outcome]:
    """Run the current workflow, or what the named nodes need. The result is the line's value.

    When a person is all that the run waits for, it returns; %graphbit answer goes on with it. With --background it
    returns at once and waits for the person by itself. With --from, nodes keep what they gave in the latest run unless
    they were changed since, or come after one that is named.
    """
    options.again = options.again and listed(options.again)
    return run_nodes(magics, listed(options.nodes) or None, options, awaited=awaited)


@command(
    "step",
    arg("--break", metavar="NODE", dest="breaks", nargs="+", action="extend", help="run on, and halt before these"),
    arg("--break-on-error", action="store_true", help="run on, and halt where something fails"),
    *INPUTS,
    runs=True,
    words="node",
    example="%graphbit step --break draft",
)
def step(magics: GraphbitMagics, options: argparse.Namespace, awaited: bool) -> Outcome | Coroutine[Any, Any, Outcome]:
    """Run the next node that has no result yet, or an old one, with what the others gave.

    With --break it runs all that comes before a node, and the next step runs that node.
    """
    options.again = []
    if options.break_on_error:
        options.on_error = "fail_fast"
    name = magics.workspace.current
    nodes: list[str] | None
    if options.breaks:
        nodes = _before(magics, name, options.breaks)
    else:
        nodes = None if options.break_on_error else next_step(magics, name)
    return run_nodes(magics, nodes, options, awaited=awaited)


def _before(magics: GraphbitMagics, name: str, breaks: Sequence[str]) -> list[str]:
    """Return the nodes that come before those at which a run is to halt. Raises `UsageError` when they have run."""
    workflow = magics.workspace.sketched(name)
    nodes = before(workflow, breaks)
    done = standing(workflow, magics.workspace.results.get(name))
    if all(node in done for node in nodes):
        raise UsageError(f"{name} stands before {', '.join(breaks)} already; %graphbit step goes on")
    return nodes


def run_nodes(
    magics: GraphbitMagics,
    nodes: Sequence[str] | None,
    options: argparse.Namespace | None = None,
    *,
    awaited: bool,
) -> Outcome | Coroutine[Any, Any, Outcome]:
    """Begin a run, and wait for it unless it is to go on by itself."""
    beside = getattr(options, "background", False)
    how: How = "background" if beside else "awaited" if awaited else "blocked"
    outcome = _begin(magics, magics.workspace.current, nodes, options, how=how)
    return at_once(outcome) if beside and awaited else outcome


def buttons_of(magics: GraphbitMagics, name: str) -> Calls:
    """Return what the standing view of a workflow may ask for."""

    def run(asked: Mapping[str, Any]) -> None:
        again = [asked["from"]] if asked.get("from") else None
        _begin(magics, name, asked.get("nodes"), argparse.Namespace(again=again), how="background", in_cell=False)

    def step() -> None:
        options = argparse.Namespace(again=[])
        _begin(magics, name, next_step(magics, name), options, how="background", in_cell=False)

    def cancel(node: str | None) -> None:
        magics.runner.seen(name).cancel(node)

    def answer(node: str, value: str) -> None:
        magics.runner.seen(name).answer(node, value)

    return Calls(run=run, step=step, cancel=cancel, answer=answer)


def next_step(magics: GraphbitMagics, name: str) -> list[str]:
    """Return the nodes whose results stand and the next one to run. Raises `UsageError` when there is none."""
    workflow = magics.workspace.sketched(name)
    done = standing(workflow, magics.workspace.results.get(name))
    following = next_node(workflow, done)
    if following is None:
        raise UsageError(f"every node of {name} has run; say %graphbit run, or change one")
    return [*done, following]


def _begin(
    magics: GraphbitMagics,
    name: str,
    nodes: Sequence[str] | None,
    options: argparse.Namespace | None,
    *,
    how: How,
    in_cell: bool = True,
) -> Outcome:
    """Begin a run of a workflow. `options.again` keeps results of the latest run, unless it is None or missing."""
    workflow = magics.workspace.built(nodes, name)
    for node in getattr(options, "again", None) or ():
        _ = magics.workspace.drafts[name][node]  # which refuses what is no node
    inputs, notes = inputs_for(workflow, nodes, options, magics.namespace)
    pinned: dict[str, Any] = {}
    result = magics.workspace.results.get(name)
    if (again := getattr(options, "again", None)) is not None and result is not None:
        inputs = {**{name: value for name, value in result.inputs.items() if name in workflow.inputs}, **inputs}
        pinned = standing(workflow, result, again=again, inputs=inputs)
    executor = magics.runner.executor(
        max_concurrency=getattr(options, "max_concurrency", None),
        sequential=getattr(options, "sequential", False),
        on_error=getattr(options, "on_error", None),
        deadline=getattr(options, "deadline", None),
        budget=getattr(options, "budget", None),
        record=getattr(options, "record", None),
        replay=getattr(options, "replay", None),
        speed=getattr(options, "speed", None),
    )
    return magics.runner.run(
        workflow, inputs, executor, nodes=nodes, pinned=pinned, cache=_mode(options), tags=getattr(options, "tag", ()),
        notes=notes, how=how, in_cell=in_cell,
    )  # fmt: skip


def _mode(options: argparse.Namespace | None) -> str | None:
    told, is_fresh = getattr(options, "cache", None), getattr(options, "fresh", False)
    if is_fresh and told is not None:
        raise UsageError("--fresh is --cache recompute; say one of the two")
    return "recompute" if is_fresh else told


def how_to_wait(awaited: bool) -> How:
    """Return how to wait for a run: awaiting where the line is awaited."""
    return "awaited" if awaited else "blocked"


async def at_once(outcome: T) -> T:
    """Be awaited, where a line may as well have run the workflow."""
    return outcome


@command("cancel", arg("node", metavar="NODE", nargs="?"), words="node", example="%graphbit cancel")
def cancel(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Stop the run, or one node of it while it works. A run that waits for a person is given up."""
    runner, name = magics.runner, magics.workspace.current
    what = options.node or "the run"
    result = magics.workspace.results.get(name)
    going = runner.going(name)
    if going is None and (result is None or result.status != "waiting") and runner.latest is not None:
        going = None if runner.latest.handle.done() else runner.latest  # of another workflow
    if going is not None:
        going.cancel(options.node)
        views.show(views.line_bundle(f"{what} is being cancelled"))
    elif result is not None and result.status == "waiting":
        try:
            runner.go_on(result, cancel=[options.node] if options.node else [], how="blocked")
        except RunCancelled as error:
            views.show(views.line_bundle(str(error)))
    else:
        raise UsageError(f"no run of {name} goes on")
