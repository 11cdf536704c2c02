"""What a ``%%graphbit KIND NAME`` cell does: make the node, put it in its place, say what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import TemplateError
from graphbit_nb.graph.node import Origin, check_name, make_node
from graphbit_nb.graph.registry import ProcessorRegistry
from graphbit_nb.notebook import views
from graphbit_nb.notebook.arguments import node_arguments
from graphbit_nb.notebook.code import CellFunction

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.magics import GraphbitMagics


def define(magics: GraphbitMagics, kind: str, options: argparse.Namespace, cell: str, line: str) -> None:
    """Define a node from a cell and draw the workflow.

    Raises:
        DefinitionError: the cell is refused; the workflow is as it was.
    """
    workspace, namespace = magics.workspace, magics.namespace
    place = f"In [{magics.execution_count}]"
    check_name(options.name)
    # IPython ends every body with a line break that the author did not write.
    body: Any = cell.removesuffix("\n")
    if _takes_code(kind):
        body = CellFunction(options.name, body, namespace, f"{place} {options.name}")
    try:
        node = make_node(
            kind,
            options.name,
            body,
            origin=Origin(source=f"%%graphbit {line}\n{cell}", place=place, cell=workspace.cell),
            namespace=namespace,
            **node_arguments(options, kind, namespace),
        )
    except TemplateError as error:
        if error.line is not None:
            error.line += 1  # the body begins on the cell's second line
        raise
    workflow, replaced = workspace.draft.define(node)
    if options.into:
        check_name(options.into)
        workspace.into[workspace.current, node.name] = options.into
    else:
        workspace.into.pop((workspace.current, node.name), None)
    lines = announcement(workflow, node, replaced)
    if magics.draw:
        views.show_definition(workspace, workflow, lines, node.name)
    else:
        views.show(views.line_bundle("; ".join(text for _, text in lines)))


def announcement(workflow: Workflow, node: Node, replaced: Node | None) -> list[tuple[str, str]]:
    """Say what a new node reads, and what is odd about it, as pairs of (state, line)."""
    edges = [edge for edge in workflow.edges if edge.target == node.name]
    reads = [edge.source for edge in edges if edge.kind == "data"]
    after = [edge.source for edge in edges if edge.kind == "control"]
    inputs = [spec.name for spec in workflow.inputs.values() if node.name in spec.consumers and spec.required]
    feeds = list(workflow.successors(node.name))
    parts = [f"{node.name} ({node.kind})"]
    for what, names in (("reads", reads), ("comes after", after), ("takes the input", inputs), ("feeds", feeds)):
        if names:
            plural = "s" if what.endswith("input") and len(names) > 1 else ""
            parts.append(f"{what}{plural} {', '.join(names)}")
    lines = [("", " · ".join(parts))]
    if replaced is not None and replaced.name != node.name:
        lines.append(("", f"replaces {replaced.name}, which this cell defined before"))
    elif replaced is not None and _moved(replaced, node):
        lines.append(("", f"replaces the {node.name} that another cell defined"))
    lines += [
        ("retrying", f"{spec.name!r} is no node, so it is an input of the workflow; did you mean {spec.looks_like!r}?")
        for spec in workflow.inputs.values()
        if spec.looks_like is not None and (node.name in spec.consumers or node.name == spec.looks_like)
    ]
    settings = node.settings
    body = getattr(settings, "fn", None)
    if isinstance(body, CellFunction):
        hidden = [name for name in reads if body.shadows(name)]
        lines += [("", f"{name} is the node here, not what the notebook or Python calls {name}") for name in hidden]
        if not body.has_return:
            lines.append(("retrying", "gives nothing: there is no return"))
    return lines


def _moved(old: Node, new: Node) -> bool:
    cells = [node.origin.cell if node.origin is not None else None for node in (old, new)]
    return None not in cells and cells[0] != cells[1]


def _takes_code(kind: str) -> bool:
    return "inputs" in getattr(ProcessorRegistry.find(kind), "options", ())
