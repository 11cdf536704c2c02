"""When the steps of a run did what, and what the run waited for in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.errors import UsageError
from graphbit_nb.notebook import timelines, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.session import history as kept

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.notebook.magics import GraphbitMagics


@command(
    "timeline",
    arg("run", metavar="RUN", nargs="?"),
    arg("--parts", action="store_true", help="rows of their own for items, iterations and nodes inside others"),
    words="run",
    example="%graphbit timeline last --parts",
)
def timeline(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Show when the nodes of a run waited and worked, the critical path, and what limits it.

    Without a run it is the latest of the current workflow.
    """
    views.show(timelines.timeline_bundle(_run(magics, options.run), parts=options.parts))


def _run(magics: GraphbitMagics, run: str | None) -> ExecutionResult:
    if run is not None:
        return kept.get_run(run)
    name = magics.workspace.current
    standing = magics.runner.standing(name)
    if standing is not None:
        return standing
    latest = kept.runs(name, limit=1) if kept.is_kept() else ()
    if not latest:
        raise UsageError(f"{name} has not been run yet; say %graphbit run, or name a run that %graphbit history lists")
    return kept.get_run(latest[0].run_id)
