"""The `workflow` kind: a workflow as one node of another, once or in a bounded loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import DefinitionError, did_you_mean
from graphbit_nb.graph.registry import NodeProcessor
from graphbit_nb.graph.workflow import Workflow
from graphbit_nb.templating import Expression, Reference

if TYPE_CHECKING:
    from graphbit_nb.graph.node import Node

ITERATION = "iteration"
"""Input of a sub-workflow that is given the number of the iteration, from 1, unless it is bound to something else."""
MOST_ITERATIONS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSettings:
    """What a workflow node is made of.

    Attributes:
        workflow: What runs inside.
        bindings: What each input of it is given, as an expression over the nodes and inputs around.
        repeat_until: Read over the outputs of an iteration; when it holds, the loop ends.
        max_iterations: Iterations at most; 1 without `repeat_until`.
        carry: For each input that changes from one iteration to the next, the inner node whose output it takes.
        returns: The inner node whose output is this node's; None gives the outputs of all, by name.
    """

    workflow: Workflow
    bindings: Mapping[str, Expression]
    repeat_until: Expression | None = None
    max_iterations: int = 1
    carry: Mapping[str, str] = field(default_factory=dict)
    returns: str | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        given = (self.workflow, dict(self.bindings), self.repeat_until, self.max_iterations, dict(self.carry))
        return (_restore, (*given, self.returns))


class WorkflowProcessor(NodeProcessor):
    """A workflow as one node. Its own nodes are visible inside.

    ``{{ NAME.inner }}`` reads what its node `inner` gave. With ``repeat_until`` and ``max_iterations`` it is a loop.
    In a cell, `--of` names the workflow, and each line of the body binds an input: ``text = draft``.
    """

    node_type = "workflow"
    options = ("of", "inputs", "repeat_until", "max_iterations", "carry", "returns")
    runs_as = "nodes"

    def prepare(self, body: Any, **options: Any) -> WorkflowSettings:
        """Check the workflow and how it is tied in. Raises `DefinitionError`."""
        inner = options.get("of", body)
        if not isinstance(inner, Workflow):
            built = "; call .build() on it first" if hasattr(inner, "build") else ""
            raise DefinitionError(f"a workflow node needs a Workflow, not {type(inner).__name__}{built}")
        given = options.get("inputs", {})
        if "of" in options and body is not None:
            given = {**_read_lines(body), **given}
        carry = _read_carry(options.get("carry", {}), inner)
        repeat_until = options.get("repeat_until")
        until = None if repeat_until is None else Expression(repeat_until)
        for reference in until.references if until is not None else ():
            known = [*inner.nodes, *inner.inputs, ITERATION]
            if reference.name not in known:
                raise DefinitionError(
                    f"repeat_until reads {reference.name!r}, which is no node of {inner.name!r}"
                    + (did_you_mean(reference.name, known) or f"; there are {', '.join(list(known)[:10])}")
                )
        if carry and until is None:
            raise DefinitionError("carry needs repeat_until: what is carried goes to the next iteration")
        returns = options.get("returns")
        if returns is not None and not (isinstance(returns, str) and returns in inner.nodes):
            raise DefinitionError(f"returns: no node {returns!r} in {inner.name!r}{_there(returns, inner)}")
        return WorkflowSettings(
            workflow=inner,
            bindings=MappingProxyType(_bind(inner, given)),
            repeat_until=until,
            max_iterations=_iterations(options.get("max_iterations"), until),
            carry=MappingProxyType(carry),
            returns=returns,
        )

    def references(self, settings: WorkflowSettings) -> tuple[Reference, ...]:
        """Return what the inputs are bound to."""
        found = []
        for name, expression in settings.bindings.items():
            is_needed = settings.workflow.inputs[name].required
            for ref in expression.references:
                found.append(ref if is_needed else Reference(ref.name, ref.path, ref.line, False, ref.soft))  # noqa: PERF401
        return tuple(found)

    def render(self, node: Node, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the inner workflow's inputs."""
        settings: WorkflowSettings = node.settings
        given = {}
        for name, expression in settings.bindings.items():
            there = all(reference.name in values for reference in expression.references)
            if there or settings.workflow.inputs[name].required:
                given[name] = expression.evaluate(values)
        return given


def _bind(inner: Workflow, given: Any) -> dict[str, Expression]:
    if not isinstance(given, Mapping):
        raise DefinitionError(f"inputs={given!r}: give a dict of the inner inputs, such as {{'text': 'draft'}}")
    for name in given:
        if name not in inner.inputs:
            there = f"; there are {', '.join(inner.inputs)}" if inner.inputs else "; it has none"
            near = did_you_mean(str(name), inner.inputs) or there
            raise DefinitionError(f"{inner.name!r} has no input {name!r}{near}")
    by_name = [name for name in inner.inputs if name not in given and name != ITERATION]
    return {name: Expression(path) for name, path in given.items()} | {name: Expression(name) for name in by_name}


def _read_carry(carry: Any, inner: Workflow) -> dict[str, str]:
    if not isinstance(carry, Mapping):
        raise DefinitionError(f"carry={carry!r}: give a dict of an input and the node that feeds it the next time")
    for name, node in carry.items():
        if name not in inner.inputs:
            raise DefinitionError(f"carry: {inner.name!r} has no input {name!r}{did_you_mean(str(name), inner.inputs)}")
        if not isinstance(node, str) or node not in inner.nodes:
            raise DefinitionError(f"carry: no node {node!r} in {inner.name!r}{_there(node, inner)}")
    return dict(carry)


def _iterations(most: Any, until: Expression | None) -> int:
    if until is None:
        if most is not None and not (isinstance(most, int) and most == 1):
            raise DefinitionError("max_iterations needs repeat_until, which says when the loop is done")
        return 1
    if most is None:
        raise DefinitionError("repeat_until needs max_iterations: a loop must have an end")
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MOST_ITERATIONS:
        raise DefinitionError(f"max_iterations={most!r}: give a number from 1 to {MOST_ITERATIONS:,}")
    return most


def _read_lines(body: Any) -> dict[str, str]:
    if not isinstance(body, str):
        raise DefinitionError(f"the body binds inputs, one a line, as in 'text = draft', not {body!r}")
    found: dict[str, str] = {}
    for number, line in enumerate(body.splitlines(), start=1):
        name, sign, path = line.partition("=")
        if not line.strip():
            continue
        if not sign or not name.strip().isidentifier() or not path.strip():
            raise DefinitionError(f"line {number}: {line.strip()!r} binds no input; write it as 'text = draft'")
        found[name.strip()] = path.strip()
    return found


def _there(name: Any, inner: Workflow) -> str:
    return did_you_mean(str(name), inner.nodes) or f"; there are {', '.join(list(inner.nodes)[:10])}"


def _restore(*given: Any) -> WorkflowSettings:
    workflow, bindings, until, most, carry, returns = given
    return WorkflowSettings(
        workflow=workflow, bindings=MappingProxyType(bindings), repeat_until=until, max_iterations=most,
        carry=MappingProxyType(carry), returns=returns,
    )  # fmt: skip
