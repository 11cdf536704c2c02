"""Whether what runs need is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.notebook import html, tables, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.tables import Column
from graphbit_nb.session.health import TIMEOUT, health_check

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.session.health import HealthReport

COLUMNS = (Column("check"), Column("state"), Column("took", "number"), Column("found", "wide"))


@command(
    "health",
    arg("--timeout", metavar="S", type=float, default=TIMEOUT, help=f"seconds that it may take; else {TIMEOUT:g}"),
    example="%graphbit health",
)
def health(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Look whether providers, the embedded model and the store are there. Costs nothing."""
    views.show(health_bundle(health_check(options.timeout)))


def health_bundle(report: HealthReport) -> views.Bundle:
    """Return a report as an output."""
    rows = [[check.what, check.state, html.seconds(check.seconds), check.said] for check in report.checks]
    verdict = "all is well" if report.ok else f"{len(report.failed)} failed"
    return tables.table_bundle(f"health: {verdict}", COLUMNS, rows, notes=[report.versions_line])
