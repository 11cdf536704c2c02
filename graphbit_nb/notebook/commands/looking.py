"""A closer look: a prompt before it is sent, a node after it has run, what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.errors import UsageError
from graphbit_nb.notebook import helptext, inspection, views
from graphbit_nb.notebook.commands.command import INPUTS, arg, command
from graphbit_nb.notebook.inputs import inputs_for, missing_said

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.notebook.magics import GraphbitMagics


@command("preview", arg("node", metavar="NODE"), *INPUTS, words="node", example="%graphbit preview draft")
def preview(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Show a prompt as it would go to the model now. Calls nothing."""
    workflow = magics.workspace.built([options.node])
    node = magics.workspace.draft[options.node]
    inputs, _ = inputs_for(workflow, [node.name], options, magics.namespace)
    result = magics.workspace.results.get(workflow.name)
    with missing_said():
        shown = inspection.preview_bundle(workflow, node, inputs, {} if result is None else result.outputs)
    views.show(shown)


@command("inspect", arg("node", metavar="NODE"), words="path", example="%graphbit inspect draft")
def inspect(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Show everything about a node in the latest run: prompt, answer, attempts, tokens, time, the cell.

    Items of a fan-out and nodes inside others have paths: each[3], review.score, polish#2.draft.
    """
    workspace = magics.workspace
    result = magics.runner.standing(workspace.current)
    if result is None:
        raise UsageError(f"{workspace.current} has not been run yet; say %graphbit run, or %graphbit preview NODE")
    views.show(inspection.inspection_bundle(result, options.node))


@command("help", arg("topic", metavar="TOPIC", nargs="?"), words="topic", example="%graphbit help prompt")
def help_on(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Say what the magics do, or a kind of node, or a command, with its options and an example."""
    views.show(views.lines_bundle(helptext.about(options.topic or "")))
