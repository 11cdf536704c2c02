"""What an executor is asked to do, checked before anything begins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.encoding import missing_in
from graphbit_nb.core.paths import names_of
from graphbit_nb.core.states import RunStatus
from graphbit_nb.errors import OutputError, UsageError, did_you_mean
from graphbit_nb.execution.engine import plan_for
from graphbit_nb.execution.people import checked_answer
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.graph.caching import read_cache_mode
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.graph.workflow import Outline, Workflow
from graphbit_nb.session.history import get_run, kept_workflow, to_resume
from graphbit_nb.session.reruns import forked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbit_nb.core.bus import Recorder, Sink
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.engine import Engine
    from graphbit_nb.execution.options import RunOptions
    from graphbit_nb.execution.run import Run
    from graphbit_nb.graph.node import Node
    from graphbit_nb.storage.cassette import Cassette


_NUMBERS = re.compile(r"(\[\d+\])?(#\d+)?\Z")  # what follows a name in a path: the item, the iteration


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run to be made, or to be gone on with when there is a snapshot of it.

    Attributes:
        workflow: What to run.
        inputs: Values of its inputs.
        nodes: Only these and what they need; None is all.
        answers: Answers of persons, by the path of the node that asks.
        views: Get every event.
        pinned: Outputs of nodes that are not run, by name.
        cancels: Nodes that are cancelled as soon as the run begins.
        parks: Whether the run returns when a person is all that it waits for.
        snapshot: Where the run stood, if it is gone on with.
        cache: Mode of the cache for this run; None is the executor's.
        tags: Words by which the run is found again.
        parent: Id of the run that it was forked from.
        cassette: Recorded calls to play, or to record on; None is the executor's.
    """

    workflow: Workflow
    inputs: Mapping[str, Any] = field(default_factory=dict)
    nodes: tuple[str, ...] | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    views: tuple[Sink, ...] = ()
    pinned: Mapping[str, Any] = field(default_factory=dict)
    cancels: frozenset[str] = frozenset()
    parks: bool = True
    snapshot: RunSnapshot | None = None
    cache: str | None = None
    tags: tuple[str, ...] = ()
    parent: str | None = None
    cassette: Cassette | None = None

    def prepare(
        self,
        engine: Engine,
        options: RunOptions,
        run_id: str,
        recorder: Recorder | None = None,
        sinks: Sequence[Sink] = (),
    ) -> Run:
        """Return the run, which has not begun. Raises as `Engine.prepare` and `Engine.resume` do."""
        if self.snapshot is not None:
            return engine.resume(
                self.workflow, self.snapshot, options=options, recorder=recorder, sinks=sinks, views=self.views
            )  # fmt: skip
        return engine.prepare(
            self.workflow, self.inputs, options=options, nodes=self.nodes, recorder=recorder, sinks=sinks,
            views=self.views, run_id=run_id,
        )  # fmt: skip


def job_for(
    workflow: Any,
    inputs: Any,
    *,
    nodes: Any = None,
    cache: Any = None,
    answers: Any = None,
    pinned: Any = None,
    tags: Any = (),
    views: Sequence[Sink] = (),
    parks: bool = True,
    parent: str | None = None,
    cassette: Any = None,
) -> Job:
    """Return a new run to be made; arguments as for `WorkflowExecutor.execute`. Raises `UsageError`."""
    refuse_other_than_workflow(workflow)
    if cache is not None:
        read_cache_mode(cache)
    nodes = checked_names(nodes)
    plan_for(workflow, nodes)
    return Job(
        workflow=workflow, inputs=copied("inputs", inputs), nodes=nodes, views=tuple(views), parks=parks,
        answers=checked_answers(workflow, answers), pinned=checked_pins(workflow, pinned), cache=cache,
        tags=checked_tags(tags), parent=parent, cassette=read_cassette(cassette),
    )  # fmt: skip


def job_again(
    run: Any,
    answers: Any = None,
    views: Sequence[Sink] = (),
    *,
    workflow: Any = None,
    inputs: Any = None,
) -> Job:
    """Return a run to be gone on with; arguments as for `WorkflowExecutor.resume`. Raises `UsageError`."""
    if isinstance(run, str):
        workflow, snapshot = to_resume(run, workflow, copied("inputs", inputs))
    elif isinstance(run, ExecutionResult):
        if workflow is not None or inputs is not None:
            raise UsageError("a result has its own workflow and inputs; these are said of runs that were kept, by id")
        workflow, snapshot = run.workflow, run.snapshot
    else:
        raise UsageError(
            f"a result is resumed, as execute() returns it, or a run by its id, not {type(run).__name__}"
        )  # fmt: skip
    if snapshot.status is RunStatus.SUCCEEDED:
        raise UsageError(f"the run {snapshot.run_id} has succeeded; there is nothing left to do")
    refuse_other_than_workflow(workflow)
    return Job(
        workflow=workflow, nodes=tuple(snapshot.nodes), views=tuple(views), parks=True,
        answers=checked_answers(workflow, answers), snapshot=snapshot,
    )  # fmt: skip


def job_forked(
    run: Any,
    edits: Any,
    *,
    workflow: Any = None,
    inputs: Any = None,
    again: Any = (),
    tags: Any = (),
    views: Sequence[Sink] = (),
) -> Job:
    """Return a run that begins with what another had; arguments as for `WorkflowExecutor.fork`. Raises `UsageError`."""
    if workflow is not None:
        refuse_other_than_workflow(workflow)
    earlier = run if isinstance(run, ExecutionResult) else get_run(run, workflow=workflow)
    workflow = earlier.workflow if workflow is None else workflow
    if isinstance(workflow, Outline):
        workflow = kept_workflow(earlier.run_id)
    wanted = {**earlier.inputs, **copied("inputs", inputs)}
    for name, value in wanted.items():
        if missing := missing_in(value):
            raise UsageError(
                f"the input {name!r} was not kept ({missing[0].reason}); give it: inputs={{{name!r}: ...}}"
            )
    pinned = forked(
        workflow, earlier, copied("edits", edits), again=checked_names(again) or (), inputs=wanted
    )  # fmt: skip
    needed = {name: value for name, value in wanted.items() if name in workflow.inputs}
    ran_all = earlier.nodes.keys() >= earlier.workflow.nodes.keys()
    nodes = None if ran_all else tuple(name for name in earlier.nodes if name in workflow.nodes)
    return job_for(
        workflow, needed, nodes=nodes, pinned=pinned, tags=tags, views=views, parent=earlier.run_id
    )  # fmt: skip


def read_cassette(cassette: Any) -> Cassette | None:
    """Return a cassette, or the one at a path: played if it is there, else recorded. Raises as `Cassette` does."""
    if cassette is None:
        return None
    from graphbit_nb.storage.cassette import Cassette

    return cassette if isinstance(cassette, Cassette) else Cassette(cassette)


def refuse_other_than_workflow(workflow: Any) -> None:
    """Refuse what cannot be run. Raises `UsageError`."""
    if not isinstance(workflow, Workflow):
        built = " Call .build() on it first." if hasattr(workflow, "build") else ""
        raise UsageError(f"a Workflow is run, not {type(workflow).__name__}.{built}")
    if isinstance(workflow, Outline):
        raise UsageError(f"this is only the outline of {workflow.name!r}, kept with a run; define its nodes again")


def copied(name: str, given: Any) -> dict[str, Any]:
    """Return a dict as it is now, whatever becomes of the caller's while the run goes on. Raises `UsageError`."""
    if given is not None and not isinstance(given, Mapping):
        raise UsageError(f"{name}={given!r}: give a dict of names and values")
    for key in given or ():
        if not isinstance(key, str):
            raise UsageError(f"{name}: {key!r} is no name")
    return dict(given or {})


def checked_names(nodes: Any) -> tuple[str, ...] | None:
    """Return names of nodes, or None for all. Raises `UsageError`."""
    if nodes is None:
        return None
    if isinstance(nodes, str):
        raise UsageError(f"nodes={nodes!r}: give a list of names, such as [{nodes!r}]")
    try:
        listed = tuple(nodes)
    except TypeError:
        raise UsageError(f"nodes={nodes!r}: give a list of names") from None
    for name in listed:
        if not isinstance(name, str):
            raise UsageError(f"nodes: {name!r} is no name")
    return listed


def checked_answers(workflow: Workflow, answers: Any) -> dict[str, Any]:
    """Return what persons answer, each as its node declares it.

    Raises:
        UsageError: a node does not ask anybody, or is not there.
        OutputError: an answer is not what its node declares as its output.
    """
    found = {}
    for path, value in copied("answers", answers).items():
        node = node_at(workflow, path)
        if processor_of(node.kind).runs_as != "person":
            asking = [name for name, other in workflow.nodes.items() if processor_of(other.kind).runs_as == "person"]
            there = f"; {', '.join(asking)} does" if asking else ""
            raise UsageError(f"answers: {path} is a {node.kind} node and asks nobody{there}")
        try:
            found[path] = checked_answer(node, value)
        except OutputError as error:
            raise OutputError(f"the answer to {path}: {error}", text=str(value)) from None
    return found


def checked_tags(tags: Any) -> tuple[str, ...]:
    """Return words by which a run is found again. Raises `UsageError`."""
    listed = (tags,) if isinstance(tags, str) else tuple(tags) if isinstance(tags, Iterable) else (None,)
    if not all(isinstance(tag, str) and tag.strip() for tag in listed):
        raise UsageError(f"tags={tags!r}: give a word, or a list of words")
    return tuple(dict.fromkeys(tag.strip() for tag in listed))


def checked_pins(workflow: Workflow, pinned: Any) -> dict[str, Any]:
    """Return outputs of nodes that are not run, by name. Raises `UsageError`."""
    found = copied("pinned", pinned)
    for name in found:
        if name not in workflow.nodes:
            raise UsageError(f"pinned: no node {name!r} in {workflow.name}{did_you_mean(name, workflow.nodes)}")
    return found


def node_at(workflow: Workflow, path: str) -> Node:
    """Return the node that a path such as ``"review.approve"`` or ``"each[2]"`` leads to. Raises `UsageError`."""
    inner = workflow
    node: Node | None = None
    for part in path.split("."):
        if node is not None:
            inner = getattr(node.settings, "workflow", None)  # type: ignore[assignment]
        name = names_of(part)[0]
        if not isinstance(inner, Workflow) or name not in inner.nodes:
            known = inner.nodes if isinstance(inner, Workflow) else ()
            raise UsageError(f"no node {path!r} in {workflow.name}{did_you_mean(name, known)}")
        node = inner.nodes[name]
        numbers = _NUMBERS.match(part, len(name))
        if numbers is None or (numbers[1] and node.for_each is None):
            raise UsageError(f"no node {path!r} in {workflow.name}; {name} has no items")
        if numbers[2] and getattr(node.settings, "repeat_until", None) is None:
            raise UsageError(f"no node {path!r} in {workflow.name}; {name} has no iterations")
    assert node is not None  # noqa: S101 (a path has at least one part)
    return node


def model_nodes(workflow: Workflow) -> Iterator[Node]:
    """Go through the nodes that ask a model, those inside sub-workflows as well."""
    stack: list[Sequence[Node]] = [tuple(workflow.nodes.values())]
    while stack:
        for node in stack.pop():
            processor = processor_of(node.kind)
            if processor.runs_as == "nodes":
                stack.append(tuple(node.settings.workflow.nodes.values()))
            elif processor.asks_model:
                yield node
