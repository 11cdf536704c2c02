"""Workflows as files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.notebook import definitions, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.inputs import inputs_for

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.notebook.magics import GraphbitMagics


@command("export", arg("file", metavar="FILE"), words="file", example="%graphbit export flow.yaml")
def export(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Write the current workflow to a file: .json, .yaml, .py, .mmd, .dot or .svg."""
    from graphbit_nb.session.files import export as write

    workflow = magics.workspace.built()
    told = [f"{workflow.name} is in {options.file}"]
    if options.file.lower().endswith(".py"):
        values, _ = inputs_for(workflow, None, None, magics.namespace)
        inputs = {name: value for name, value in values.items() if _is_plain(value)}
        config = magics.workspace.config
        write(workflow, options.file, inputs=inputs, config=config if _can_be_written(config) else None)
        if inputs:
            told.append(f"with the values of {', '.join(inputs)}")
        if left := [name for name in workflow.inputs if name not in inputs]:
            told.append(f"to be given: {', '.join(left)}")
        if not _can_be_written(config):
            told.append("the script of the models stays here; the program asks the embedded model")
    else:
        write(workflow, options.file)
    views.show(views.line_bundle("; ".join(told)))


def _can_be_written(config: LlmConfig | None) -> bool:
    return config is None or config.provider != "scripted"


def _is_plain(value: Any) -> bool:
    """Whether a value can stand in a program as it is."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError, RecursionError):
        return False


@command(
    "load",
    arg("file", metavar="FILE"),
    arg("--trust", action="store_true", help="the code in it may run"),
    words="file",
    example="%graphbit load flow.yaml",
)
def load(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Read a workflow from a .json or .yaml file and go on with it. Code in it is shown, and needs --trust."""
    from graphbit_nb.session.files import load as read

    workspace = magics.workspace
    try:
        workflow = read(options.file, trust=options.trust)
    except UsageError as error:
        error.args = (str(error).replace("trust=True", "--trust"),)  # as it is written on a line
        raise
    replaced = workspace.drafts.get(workflow.name)
    lost = (
        f"; it takes the place of the {workflow.name} that was here" if replaced is not None and len(replaced) else ""
    )
    workspace.adopt(workflow)
    views.show(views.line_bundle(f"{workflow.name}: cells define nodes here from now on{lost}"))
    views.show_workflow(workspace, workspace.sketched())
    definitions.renew(magics)
