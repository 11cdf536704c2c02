"""Which workflow is written, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.notebook import definitions, views
from graphbit_nb.notebook.commands.command import arg, command

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.notebook.magics import GraphbitMagics


@command("show", example="%graphbit show")
def show(magics: GraphbitMagics, _: argparse.Namespace) -> None:
    """Draw the current workflow, with the states of its latest run."""
    views.show_workflow(magics.workspace, magics.workspace.sketched())


@command("list", example="%graphbit list")
def list_workflows(magics: GraphbitMagics, _: argparse.Namespace) -> None:
    """List the workflows and their nodes; the current one is marked."""
    workspace = magics.workspace
    for name, draft in workspace.drafts.items():
        sign = "*" if name == workspace.current else " "
        nodes = ", ".join(f"{node.name} ({node.kind})" for node in draft.nodes) or "no nodes"
        views.show(views.line_bundle(f"{sign} {name}: {nodes}"))


@command("new", arg("name", metavar="NAME"), example="%graphbit new review")
def new(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Begin an empty workflow; cells define nodes in it from now on."""
    magics.workspace.new(options.name)
    views.show(views.line_bundle(f"{options.name}: an empty workflow; cells define its nodes from now on"))
    definitions.renew(magics.workspace)


@command("use", arg("name", metavar="NAME"), words="workflow", example="%graphbit use review")
def use(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Go on with another workflow."""
    magics.workspace.use(options.name)
    views.show(views.line_bundle(f"{options.name}: cells define nodes here from now on"))


@command("rm", arg("nodes", metavar="NODE", nargs="+"), words="node", example="%graphbit rm draft")
def remove(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Take nodes away."""
    workspace = magics.workspace
    workspace.draft.remove(options.nodes)
    for name in options.nodes:
        workspace.into.pop((workspace.current, name), None)
        workspace.embeddings.pop((workspace.current, name), None)
    views.show(views.line_bundle(f"removed {', '.join(options.nodes)}"))
    if len(workspace.draft):
        views.show_workflow(workspace, workspace.sketched())
    definitions.renew(workspace)


@command("reset", example="%graphbit reset")
def reset(magics: GraphbitMagics, _: argparse.Namespace) -> None:
    """Take all nodes of the current workflow away."""
    name = magics.workspace.current
    magics.workspace.new(name)
    views.show(views.line_bundle(f"{name}: empty again"))
    definitions.renew(magics.workspace)
