"""The outline of a workflow: what looking at a kept run needs, whatever its nodes are made of. It cannot be run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as PydanticError

from graphbit_nb.core.outputs import OutputType, output_type
from graphbit_nb.errors import GraphbitError, OutputTypeError, StorageError
from graphbit_nb.graph.arguments import read_branches
from graphbit_nb.graph.kinds.workflow import WorkflowSettings
from graphbit_nb.graph.node import Node, Origin
from graphbit_nb.graph.plan import make_plan
from graphbit_nb.graph.workflow import Edge, EdgeKind, InputSpec, Outline, Workflow
from graphbit_nb.templating import Expression, Loop

DEEPEST = 12
"""Workflows inside of each other."""


class NamedOnly(NamedTuple):
    """A tool of which only the name is known."""

    name: str


@dataclass(frozen=True, slots=True)
class OutlinedSettings:
    """What is shown of what a node was made of."""

    model: str | None = None
    tools: tuple[NamedOnly, ...] = ()


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Origin(_Part):
    source: str
    place: str = ""
    cell: str | None = None
    first_line: int = 1


class _Inner(_Part):
    workflow: _Outline
    inputs: dict[str, str] = {}
    repeat_until: str | None = None
    max_iterations: int = 1
    carry: dict[str, str] = {}
    returns: str | None = None


class _Node(_Part):
    name: str
    kind: str
    model: str | None = None
    tools: list[str] = []
    after: list[str] = []
    when: list[str] = []
    join: str = "all"
    for_each: str | None = None
    output: str | None = None
    origin: _Origin | None = None
    inner: _Inner | None = None


class _Input(_Part):
    name: str
    consumers: list[str]
    required: bool = True


class _Edge(_Part):
    source: str
    target: str
    kind: EdgeKind = "data"
    label: str = ""


class _Outline(_Part):
    name: str
    description: str | None = None
    nodes: list[_Node]
    edges: list[_Edge] = []
    inputs: list[_Input] = []


_Inner.model_rebuild()
_Node.model_rebuild()


def write_outline(workflow: Workflow) -> str:
    """Return the outline of any workflow as JSON of one line."""
    text = json.dumps(_outline(workflow, 0), ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def read_outline(text: str) -> Outline:
    """Return the workflow that an outline describes.

    Raises:
        StorageError: the text is no outline.
    """
    try:
        return _workflow(_Outline.model_validate_json(text), 0)
    except StorageError:
        raise
    except PydanticError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise StorageError(f"the outline of the workflow cannot be read: {place or 'text'}: {first['msg']}") from None
    except (GraphbitError, KeyError, RecursionError) as error:
        raise StorageError(f"the outline of the workflow cannot be read: {error}") from None


def _outline(workflow: Workflow, depth: int) -> dict[str, Any]:
    return _filled(
        name=workflow.name,
        description=workflow.description,
        nodes=[_node(node, depth) for node in workflow.nodes.values()],
        edges=[_filled(source=e.source, target=e.target, kind=e.kind, label=e.label) for e in workflow.edges],
        inputs=[
            {"name": spec.name, "consumers": list(spec.consumers), "required": spec.required}
            for spec in workflow.inputs.values()
        ],
    )


def _node(node: Node, depth: int) -> dict[str, Any]:
    settings, origin = node.settings, node.origin
    tools = getattr(settings, "tools", ())  # of a kind of somebody else's it may be anything
    model = getattr(settings, "model", None)
    is_outer = isinstance(settings, WorkflowSettings) and depth < DEEPEST
    return _filled(
        name=node.name,
        kind=node.kind,
        model=model if isinstance(model, str) else None,
        tools=[tool.name for tool in tools] if isinstance(tools, tuple) else [],
        after=list(node.after),
        when=[str(branch) for branch in node.when],
        join=node.join,
        for_each=None if node.for_each is None else node.for_each.source,
        output=None if node.output is None else node.output.label,
        origin=None if origin is None else asdict(origin),
        inner=_inner(settings, depth) if is_outer else None,
    )


def _inner(settings: WorkflowSettings, depth: int) -> dict[str, Any]:
    return _filled(
        workflow=_outline(settings.workflow, depth + 1),
        inputs={name: expression.source for name, expression in settings.bindings.items()},
        repeat_until=None if settings.repeat_until is None else settings.repeat_until.source,
        max_iterations=settings.max_iterations,
        carry=dict(settings.carry),
        returns=settings.returns,
    )


def _filled(**values: Any) -> dict[str, Any]:
    """Return what there is something to say of."""
    return {key: value for key, value in values.items() if value not in (None, [], {}, "")}


def _workflow(outline: _Outline, depth: int) -> Outline:
    if depth > DEEPEST:
        raise StorageError(f"workflows inside of each other, more than {DEEPEST} deep")
    nodes = {part.name: _read(part, depth) for part in outline.nodes}
    edges = tuple(Edge(part.source, part.target, part.kind, part.label) for part in outline.edges)
    before: dict[str, dict[str, None]] = {name: {} for name in nodes}
    for edge in edges:
        before[edge.target][edge.source] = None
    plan = make_plan(tuple(nodes), before)
    if isinstance(plan, list):
        raise StorageError(f"the outline of the workflow goes in a circle: {' → '.join(plan)}")
    inputs = {part.name: InputSpec(part.name, tuple(part.consumers), part.required) for part in outline.inputs}
    return Outline(
        name=outline.name,
        description=outline.description,
        nodes=MappingProxyType(nodes),
        edges=edges,
        inputs=MappingProxyType(inputs),
        plan=plan,
    )


def _read(part: _Node, depth: int) -> Node:
    settings: Any = OutlinedSettings(part.model, tuple(map(NamedOnly, part.tools)))
    if (inner := part.inner) is not None:
        settings = WorkflowSettings(
            workflow=_workflow(inner.workflow, depth + 1),
            bindings=MappingProxyType({name: Expression(source) for name, source in inner.inputs.items()}),
            repeat_until=None if inner.repeat_until is None else Expression(inner.repeat_until),
            max_iterations=inner.max_iterations,
            carry=MappingProxyType(inner.carry),
            returns=inner.returns,
        )
    return Node(
        name=part.name,
        kind=part.kind,
        settings=settings,
        after=tuple(part.after),
        when=read_branches(part.name, part.when),
        join=part.join,
        for_each=None if part.for_each is None else Loop(part.for_each),
        output=None if part.output is None else _output(part.output),
        origin=None if part.origin is None else Origin(**part.origin.model_dump()),
    )


def _output(label: str) -> OutputType:
    """Return the type of a label; of a class of the user's only the name is known."""
    try:
        return output_type(label)
    except OutputTypeError:
        return OutputType(label, Any)
