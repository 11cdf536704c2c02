"""What of an earlier result still stands: after a node was changed, or is to be run again with all that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.session.comparing import is_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.graph.workflow import Workflow


def standing(
    workflow: Workflow,
    result: ExecutionResult | None,
    *,
    again: Iterable[str] = (),
    inputs: Mapping[str, Any] | None = None,
    fixed: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the outputs that need not be worked out again, by node.

    Args:
        workflow: The workflow as it is now.
        result: The latest result, also of an earlier version of the workflow.
        again: Nodes to be run again, and what follows them.
        inputs: What it is run with; None is what the result was.
        fixed: Nodes whose outputs stand even if they were changed.

    Raises:
        UsageError: there is no such node.
    """
    for name in again:
        if name not in workflow.nodes:
            raise UsageError(f"no node {name!r} in {workflow.name}{did_you_mean(name, workflow.nodes)}")
    if result is None:
        return {}
    changed = set(_changed(workflow, result, result.inputs if inputs is None else inputs)) - set(fixed)
    redone = after(workflow, [*again, *changed])
    return {
        name: node.output
        for name, node in result.nodes.items()
        if name in workflow.nodes and name not in redone and node.state.has_output
    }


def stale(workflow: Workflow, result: ExecutionResult | None) -> frozenset[str]:
    """Return the nodes whose results are older than their definitions, or than those of what they read."""
    if result is None:
        return frozenset()
    redone = after(workflow, _changed(workflow, result, result.inputs))
    return frozenset(name for name in redone if name in result.nodes and result.nodes[name].state.is_final)


def next_node(workflow: Workflow, done: Mapping[str, Any]) -> str | None:
    """Return the first node, in the order in which one slot runs them, that has no output yet."""
    plan = workflow.plan
    return next((plan.names[number] for number in plan.order if plan.names[number] not in done), None)


def after(workflow: Workflow, names: Iterable[str]) -> frozenset[str]:
    """Return these nodes and everything that follows them."""
    found: set[str] = set()
    open_ = list(names)
    while open_:
        if (name := open_.pop()) not in found:
            found.add(name)
            open_ += workflow.successors(name)
    return frozenset(found)


def forked(
    workflow: Workflow,
    result: ExecutionResult,
    edits: Mapping[str, Any],
    *,
    again: Iterable[str] = (),
    inputs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the outputs that a fork of a run begins with: what it was given, and what does not depend on that.

    Args:
        workflow: The workflow as it is now.
        result: The run.
        edits: Outputs put in the place of those that the run had, by node.
        again: Nodes to be run again, and what follows them.
        inputs: What it is run with; None is what the run was.

    Raises:
        UsageError: there is no such node.
    """
    for name in edits:
        if name not in workflow.nodes:
            raise UsageError(f"no node {name!r} in {workflow.name}{did_you_mean(name, workflow.nodes)}")
    own = result.outputs
    edited = [name for name, value in edits.items() if name not in own or not is_same(own[name], value)]
    following = [other for name in edited for other in workflow.successors(name)]
    return {**standing(workflow, result, again=[*again, *following], inputs=inputs, fixed=edits), **edits}


def before(workflow: Workflow, breaks: Iterable[str], nodes: Iterable[str] | None = None) -> list[str]:
    """Return the nodes that can run without those at which a run is to halt.

    Args:
        workflow: The workflow.
        breaks: Nodes before which it halts.
        nodes: Only these and what they need; None is all.

    Raises:
        UsageError: there is no such node, or nothing comes before it.
    """
    breaks = list(breaks)
    for name in breaks:
        if name not in workflow.nodes:
            raise UsageError(f"no node {name!r} in {workflow.name}{did_you_mean(name, workflow.nodes)}")
    plan = workflow.plan if nodes is None else workflow.plan.needed_for(nodes)
    halted = after(workflow, breaks)
    left = [name for name in plan.names if name not in halted]
    if not left:
        raise UsageError(f"nothing runs before {', '.join(breaks)}")
    return left


def _changed(workflow: Workflow, result: ExecutionResult, inputs: Mapping[str, Any]) -> list[str]:
    """Return the nodes that are not as they were when they ran, or read an input that is not."""
    earlier = result.workflow
    changed = [
        name
        for name, node in workflow.nodes.items()
        if name not in earlier.nodes
        or earlier.nodes[name] != node
        or set(workflow.predecessors(name)) != set(earlier.predecessors(name))
    ]
    for name, spec in workflow.inputs.items():
        if not is_same(inputs.get(name), result.inputs.get(name)):
            changed += spec.consumers
    return changed
