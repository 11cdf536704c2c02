"""Which workflow is written, and what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.notebook import definitions, runviews, screens, views
from graphbit_nb.notebook.arguments import listed
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.commands.runs import buttons_of
from graphbit_nb.session.history import get_run

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.notebook.magics import GraphbitMagics


@command("show", arg("run", metavar="RUN", nargs="?"), words="run", example="%graphbit show")
def show(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Show the current workflow and its latest run: a view that grows with the cells and lights up with every run.

    It has buttons to run and to step, a search (/), and a click on a node opens what is known about it. With a run that
    is kept, by its id as %graphbit history lists it, the beginning of it, or last, that run is shown as it was.
    """
    if options.run is not None:
        result = get_run(options.run)
        views.show(runviews.result_bundle(result, [f"the run {result.run_id}"]))
        return
    workflow = magics.workspace.sketched()
    if screens.what_suits(magics.live) == "widget":
        magics.shows.open(workflow, buttons_of(magics, workflow.name))
    else:
        views.show_workflow(magics.workspace, workflow)


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
    definitions.renew(magics)


@command("use", arg("name", metavar="NAME"), words="workflow", example="%graphbit use review")
def use(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Go on with another workflow."""
    magics.workspace.use(options.name)
    views.show(views.line_bundle(f"{options.name}: cells define nodes here from now on"))


@command("rm", arg("nodes", metavar="NODE", nargs="+"), words="node", example="%graphbit rm draft")
def remove(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Take nodes away."""
    workspace, names = magics.workspace, listed(options.nodes)
    workspace.draft.remove(names)
    for name in names:
        workspace.into.pop((workspace.current, name), None)
        workspace.embeddings.pop((workspace.current, name), None)
    views.show(views.line_bundle(f"removed {', '.join(names)}"))
    if len(workspace.draft):
        views.show_workflow(workspace, workspace.sketched())
    definitions.renew(magics)


@command("reset", example="%graphbit reset")
def reset(magics: GraphbitMagics, _: argparse.Namespace) -> None:
    """Take all nodes of the current workflow away."""
    name = magics.workspace.current
    magics.workspace.new(name)
    views.show(views.line_bundle(f"{name}: empty again"))
    definitions.renew(magics)
