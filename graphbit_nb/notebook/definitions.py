"""What a ``%%graphbit KIND NAME`` cell does: make the node, put it in its place, say what came of it."""

from __future__ import annotations

import builtins
import keyword
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import TemplateError, UsageError, did_you_mean
from graphbit_nb.graph.arguments import check_name
from graphbit_nb.graph.node import Origin, make_node
from graphbit_nb.notebook import views
from graphbit_nb.notebook.code import CellFunction
from graphbit_nb.notebook.drafts import Embedding
from graphbit_nb.notebook.options import node_arguments, takes_code

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from graphbit_nb.graph.node import Node
    from graphbit_nb.graph.workflow import Workflow
    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.notebook.workspace import Workspace


def define(magics: GraphbitMagics, kind: str, options: argparse.Namespace, cell: str, line: str) -> None:
    """Define a node from a cell and draw the workflow.

    Raises:
        DefinitionError: the cell is refused; the workflow is as it was.
    """
    workspace, namespace = magics.workspace, magics.namespace
    place = f"In [{magics.execution_count}]"
    name = check_name(options.name)
    if options.into:
        check_variable(options.into, workspace, namespace)
    # IPython ends every body with a line break that the author did not write.
    body: Any = cell.removesuffix("\n")
    if takes_code(kind):
        body = CellFunction(name, body, namespace, f"{place} {name}")
    arguments = node_arguments(options, kind, namespace, workspace.inner)
    make = partial(
        make_node, kind, name, body,
        origin=Origin(source=f"%%graphbit {line}\n{cell}", place=place, cell=workspace.cell, first_line=2),
        namespace=namespace,
    )  # fmt: skip
    try:
        node = make(**arguments)
    except TemplateError as error:
        if error.line is not None:
            error.line += 1  # the body begins on the cell's second line
        raise
    workflow, replaced = workspace.draft.define(node)
    _remember(workspace, node, replaced, options)
    if arguments.get("of") is not None and options.of in workspace.drafts:
        workspace.embeddings[workspace.current, name] = Embedding(
            options.of, lambda inner: make(**{**arguments, "of": inner})
        )
    lines = announcement(workspace, workflow, node, replaced)
    if magics.draw and not magics.shows.of(workspace.current):
        views.show_definition(workspace, workflow, lines, node.name)
    else:
        views.show(views.line_bundle("; ".join(text for _, text in lines)))
    renew(magics, node.name)


def renew(magics: GraphbitMagics, new: str | None = None) -> None:
    """After a change of the current workflow, give the nodes that hold it the new version, say so, and show it all.

    Args:
        magics: Whose workflow has changed.
        new: Name of a node that was added.
    """
    workspace = magics.workspace
    told = workspace.renew(workspace.current)
    for workflow, node, problem in told:
        if problem is None:
            views.show(views.line_bundle(f"{node} of {workflow} has this version now"))
        else:
            views.show(views.line_bundle(f"{node} of {workflow} does not fit any more: {problem}"))
    for name in dict.fromkeys(renewed.workflow for renewed in told):
        views.redraw(workspace, name)
        magics.shows.changed(name)
    magics.shows.changed(workspace.current, new)


def check_variable(name: str, workspace: Workspace, namespace: Mapping[str, Any]) -> None:
    """Refuse a variable for an output that is something to work with. Raises `DefinitionError`."""
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(f"--into {name!r}: that is no name for a variable; use letters, digits and _")
    if name in workspace.into.values():
        return
    what = ""
    if name in namespace:
        value = namespace[name]
        if isinstance(value, ModuleType):
            what = f"the module {value.__name__}"
        elif isinstance(value, type):
            what = "a class"
        elif callable(value):
            what = "a function"
        elif name in ("In", "Out"):
            what = "IPython's own"
    elif hasattr(builtins, name):
        what = "Python's own"
    if what:
        raise UsageError(f"--into {name}: {name} is {what} and would be lost; take another name, such as {name}_output")


def _remember(workspace: Workspace, node: Node, replaced: Node | None, options: argparse.Namespace) -> None:
    for name in {node.name, node.name if replaced is None else replaced.name}:
        workspace.into.pop((workspace.current, name), None)
        workspace.embeddings.pop((workspace.current, name), None)
    if options.into:
        workspace.into[workspace.current, node.name] = options.into


def announcement(workspace: Workspace, workflow: Workflow, node: Node, replaced: Node | None) -> list[tuple[str, str]]:
    """Say what a new node reads, and what is odd about it, as pairs of (state, line)."""
    edges = [edge for edge in workflow.edges if edge.target == node.name]
    reads = [edge.source for edge in edges if edge.kind == "data"]
    after = [edge.source for edge in edges if edge.kind == "control"]
    chosen = [f"{edge.source}={edge.label}" for edge in edges if edge.kind == "conditional"]
    inputs = [spec.name for spec in workflow.inputs.values() if node.name in spec.consumers and spec.required]
    calls = [tool.name for tool in getattr(node.settings, "tools", ())] if node.kind == "agent" else []
    feeds = list(workflow.successors(node.name))
    parts = [f"{node.name} ({node.kind})"]
    for what, names in (
        ("reads", reads), ("comes after", after), ("runs when", chosen), ("takes the input", inputs), ("calls", calls),
        ("feeds", feeds),
    ):  # fmt: skip
        if names:
            plural = "s" if what.endswith("input") and len(names) > 1 else ""
            parts.append(f"{what}{plural} {', '.join(names)}")
    if node.for_each is not None:
        parts.insert(1, f"for each {node.for_each.source}")
    lines = [("", " · ".join(parts))]
    if replaced is not None and replaced.name != node.name:
        lines.append(("", f"replaces {replaced.name}, which this cell defined before"))
    elif replaced is not None and _moved(replaced, node):
        lines.append(("", f"replaces the {node.name} that another cell defined"))
    lines += [
        ("retrying", f"{name!r} is not defined yet{did_you_mean(name, workspace.draft.names)}")
        for name in workspace.draft.missing(node.name)
    ]
    lines += [
        ("retrying", f"{spec.name!r} is no node, so it is an input of the workflow; did you mean {spec.looks_like!r}?")
        for spec in workflow.inputs.values()
        if spec.looks_like is not None and (node.name in spec.consumers or node.name == spec.looks_like)
    ]
    return lines + _about_code(node, reads)


def _about_code(node: Node, reads: list[str]) -> list[tuple[str, str]]:
    body = getattr(node.settings, "fn", None)
    if not isinstance(body, CellFunction):
        return []
    hidden = [name for name in reads if body.shadows(name)]
    lines = [("", f"{name} is the node here, not what the notebook or Python calls {name}") for name in hidden]
    if not body.has_return:
        lines.append(("retrying", "gives nothing: there is no return"))
    return lines


def _moved(old: Node, new: Node) -> bool:
    cells = [node.origin.cell if node.origin is not None else None for node in (old, new)]
    return None not in cells and cells[0] != cells[1]
