"""What an executor is asked to do, checked before anything begins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.paths import names_of
from graphbit_nb.errors import OutputError, UsageError, did_you_mean
from graphbit_nb.execution.people import checked_answer
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.graph.workflow import Workflow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graphbit_nb.core.bus import Sink
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.execution.engine import Engine
    from graphbit_nb.execution.options import RunOptions
    from graphbit_nb.execution.run import Run
    from graphbit_nb.graph.node import Node


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

    def prepare(self, engine: Engine, options: RunOptions) -> Run:
        """Return the run, which has not begun. Raises as `Engine.prepare` and `Engine.resume` do."""
        if self.snapshot is not None:
            return engine.resume(self.workflow, self.snapshot, options=options, views=self.views)
        return engine.prepare(self.workflow, self.inputs, options=options, nodes=self.nodes, views=self.views)


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
