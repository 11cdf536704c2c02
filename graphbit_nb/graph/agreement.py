"""Whether what nodes give is what others expect of them: labels of conditions, types along edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from graphbit_nb.errors import Problem, TemplateError, did_you_mean
from graphbit_nb.graph.annotations import UNKNOWN, annotations_of_arguments, return_annotation
from graphbit_nb.graph.connections import unknown_node
from graphbit_nb.graph.kinds.python import PythonSettings
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.graph.types import accepts, check_path, describe, item_of, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.graph.arguments import Branch
    from graphbit_nb.graph.kinds.workflow import WorkflowSettings
    from graphbit_nb.graph.node import Node


def branch_problems(node: Node, branch: Branch, nodes: Mapping[str, Node]) -> list[Problem]:
    """Return what is wrong with one ``when=`` of a node."""
    place = f"when={str(branch)!r}"
    source = nodes.get(branch.node)
    if source is None:
        return [unknown_node(branch.node, nodes, node=node.name, place=place)]
    same = [other for other in node.when if other.node == branch.node]
    if len(same) > 1:
        return (
            []
            if same[0] is not branch
            else [
                Problem(
                    code="condition-twice",
                    message=f"there are two conditions on {branch.node}, and no answer fits both",
                    node=node.name,
                    place=place,
                    remedy=f"write one, such as '{branch.node}=a|b' for either of two labels",
                )
            ]
        )
    if source.for_each is not None:
        return [
            Problem(
                code="no-label",
                message=f"{branch.node} gives a list, one result for each item, and no label",
                node=node.name,
                place=place,
                remedy="put a condition between them",
            )
        ]
    known = () if source.output is None else possible_labels(source)
    return [
        Problem(
            code="unknown-label",
            message=f"{branch.node} never gives {label!r}{did_you_mean(label, known)}",
            node=node.name,
            place=place,
            remedy=f"it gives {', '.join(map(repr, known))}",
        )
        for label in branch.labels
        if known and label not in known
    ]


def possible_labels(node: Node) -> tuple[str, ...]:
    """Return the labels that a node's declared output allows; empty when it says nothing about them."""
    return () if node.output is None else node.output.choices


def type_problems(nodes: Mapping[str, Node]) -> list[Problem]:
    """Return where a node reads what another cannot give."""
    known: dict[str, Any] = {}
    problems: list[Problem] = []
    for node in nodes.values():
        for reference in node.references:
            if reference.path and reference.required and reference.name in nodes:
                given = _given(nodes, reference.name, known)
                if (wrong := check_path(given, reference.path, reference.name)) is not None:
                    problems.append(_mismatch(node, f"line {reference.line}", wrong))
        if node.for_each is not None:
            problems += _loop_problems(node, nodes, known)
        if _is_annotated(node):
            problems += _parameter_problems(node, nodes, known)
    return problems


def given_by(node: Node) -> Any:
    """Return the annotation of what a node gives; `UNKNOWN` when nothing is said about it."""
    processor = processor_of(node.kind)
    if node.output is not None:
        given = node.output.annotation
    elif processor.runs_as == "nodes":
        given = _given_by_workflow(node.settings)
    elif isinstance(node.settings, PythonSettings):
        given = UNKNOWN if node.settings.is_cell else return_annotation(node.settings.fn)
    else:
        given = UNKNOWN if processor.default_output is None else processor.default_output.annotation
    return list[given] if node.for_each is not None else given  # type: ignore[valid-type]


def _given(nodes: Mapping[str, Node], name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        known[name] = given_by(nodes[name])
    return known[name]


def _given_by_workflow(settings: WorkflowSettings) -> Any:
    """Return the type of an inner node, or of a dict of all of them; a skipped one is not in it."""
    inner = settings.workflow.nodes
    if settings.returns is not None:
        return given_by(inner[settings.returns])
    make: Any = TypedDict  # called with names that are only known now
    given = {name: given_by(node) for name, node in inner.items()}
    return make(f"the outputs of {settings.workflow.name}", given, total=False)


def _loop_problems(node: Node, nodes: Mapping[str, Node], known: dict[str, Any]) -> list[Problem]:
    """A fan-out whose list is one value, and that a text or a number, has nothing to go over."""
    assert node.for_each is not None  # noqa: S101 (for the type checker)
    place = f"for_each={node.for_each.source!r}"
    reference = node.for_each.path
    if reference is None or reference.name not in nodes:
        return []
    given = _given(nodes, reference.name, known)
    if check_path(given, reference.path) is not None:
        return []  # told already
    for key in reference.path:
        given = part_of(given, key)
    try:
        item_of(given)
    except TemplateError:
        return [_mismatch(node, place, f"{reference} is {describe(given)}, which has no items to go over")]
    return []


def _is_annotated(node: Node) -> bool:
    settings = node.settings
    if not isinstance(settings, PythonSettings) or settings.is_cell or not settings.bindings:
        return False
    return bool(getattr(settings.fn, "__annotations__", None)) or not hasattr(settings.fn, "__code__")


def _parameter_problems(node: Node, nodes: Mapping[str, Node], known: dict[str, Any]) -> list[Problem]:
    bindings = node.settings.bindings
    items = () if node.for_each is None else node.for_each.variables
    read = [
        (number, binding.reference)
        for number, binding in enumerate(bindings)
        # Reading annotations takes time: only where something is known of what is given.
        if binding.reference.name in nodes
        and binding.reference.name not in items
        and _given(nodes, binding.reference.name, known) is not UNKNOWN
    ]
    if not read or node.join == "any":
        return []
    wanted = annotations_of_arguments(node.settings.fn, [binding.parameter for binding in bindings])
    problems = []
    for number, reference in read:
        given = known[reference.name]
        if wanted[number] is UNKNOWN or check_path(given, reference.path) is not None:
            continue  # a path that leads nowhere is told already
        for key in reference.path:
            given = part_of(given, key)
        if accepts(wanted[number], given) is False:
            parameter = bindings[number].parameter or f"number {number + 1}"
            expected = describe(wanted[number])
            message = f"its parameter {parameter} takes {expected}, and {reference} gives {describe(given)}"
            problems.append(_mismatch(node, "", message))
    return problems


def _mismatch(node: Node, place: str, message: str) -> Problem:
    return Problem(code="type", message=message, node=node.name, place=place or None)
