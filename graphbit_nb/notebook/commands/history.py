"""Runs that are kept on disk: listed, laid beside each other, tagged, thrown away."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.states import NodeState, RunStatus
from graphbit_nb.errors import UsageError
from graphbit_nb.notebook import html, tables, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.comparison import comparison_bundle
from graphbit_nb.notebook.tables import Column
from graphbit_nb.session import history as kept

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.session.history import Runs

COLUMNS = (
    Column("run", "code"), Column("workflow"), Column("status", "state"), Column("began"), Column("took", "number"),
    Column("done", "number"), Column("tokens", "number"), Column("cost", "number"), Column("tags"),
    Column("fork of", "code"),
)  # fmt: skip


@command(
    "history",
    arg("workflow", metavar="WORKFLOW", nargs="?"),
    arg("--node", metavar="NODE", help="only runs in which this node ended"),
    arg("--state", metavar="STATE", choices=[s.value for s in NodeState if s.is_final], help="how that node ended"),
    arg("--status", metavar="STATUS", choices=[*(s.value for s in RunStatus), kept.UNFINISHED], help="of the run"),
    arg("--since", metavar="WHEN", help="an age such as 3h or 2D, or a date"),
    arg("--until", metavar="WHEN", help="likewise"),
    arg("--tag", metavar="WORD", help="only runs with this tag"),
    arg("--limit", metavar="N", type=int, default=kept.LIMIT, help=f"the most that are listed; else {kept.LIMIT}"),
    words="workflow",
    example="%graphbit history --status failed --since 2D",
)
def history(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """List the runs that are kept, the newest first: of all workflows, or of one.

    graphbit_nb.runs() gives the same as a table to go on with.
    """
    found = kept.runs(
        options.workflow, node=options.node, state=options.state, status=options.status, since=options.since,
        until=options.until, tag=options.tag, limit=options.limit,
    )  # fmt: skip
    views.show(runs_bundle(found, notes=_hints(found, options.limit)))


@command(
    "diff",
    arg("before", metavar="RUN", nargs="?"),
    arg("after", metavar="RUN", nargs="?"),
    words="run",
    example="%graphbit diff 20261123-101500 last",
)
def diff(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Lay two runs beside each other: prompts, answers, cost and time of what differs.

    Without a second one it is the latest; without any, these are the latest two of the current workflow.
    """
    before, after = options.before, options.after
    if before is None:
        name = magics.workspace.current
        latest = kept.runs(name, limit=2)
        if len(latest) < 2:
            raise UsageError(f"{name} has {len(latest) or 'no'} run{'' if len(latest) == 1 else 's'} to compare")
        after, before = (info.run_id for info in latest)
    views.show(comparison_bundle(kept.compare(before, after or "last")))


@command(
    "tag",
    arg("run", metavar="RUN"),
    arg("tags", metavar="WORD", nargs="*"),
    arg("--remove", metavar="WORD", nargs="+", action="extend", default=[], help="tags to take away"),
    words="run",
    example="%graphbit tag last good",
)
def tag(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Tag a run that is kept, so that %graphbit history --tag finds it again."""
    if not options.tags and not options.remove:
        raise UsageError("say a word: %graphbit tag RUN WORD")
    found = kept.tag_run(options.run, *options.tags, remove=options.remove)
    views.show(views.line_bundle(f"{options.run}: {', '.join(found) or 'no tags'}"))


@command(
    "forget",
    arg("runs", metavar="RUN", nargs="*"),
    arg("--keep", metavar="N", type=int, help="all but the newest N"),
    arg("--older-than", metavar="AGE", help="all of that age, such as 30D"),
    words="run",
    example="%graphbit forget --older-than 30D",
)
def forget(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Throw runs away for good: those that are named, or old ones. What is remembered of calls stays."""
    is_old = options.keep is not None or options.older_than is not None
    if bool(options.runs) is is_old:
        raise UsageError("say which runs: their ids, or --keep N, or --older-than AGE")
    for run in options.runs:
        kept.delete_run(run)
    count = len(options.runs) or kept.prune_runs(keep=options.keep, older_than=options.older_than)
    views.show(views.line_bundle(f"{count:,} run{'' if count == 1 else 's'} thrown away"))


def runs_bundle(found: Runs, notes: Sequence[str] = ()) -> dict[str, str]:
    """Return runs as an output."""
    now = dt.datetime.now().astimezone()
    rows = [_row(info, now) for info in found]
    return tables.table_bundle("runs", COLUMNS, rows, notes=notes, empty="no runs")


def _row(info: Any, now: dt.datetime) -> list[Any]:
    return [
        info.run_id, info.workflow, kept.status_of(info), _moment(info.started, now), html.seconds(info.elapsed),
        f"{info.done:,}/{info.total:,}", f"{info.tokens:,}" if info.tokens else None,
        html.dollars(info.cost) if info.cost else None, ", ".join(info.tags) or None, info.parent,
    ]  # fmt: skip


def _moment(seconds: float | None, now: dt.datetime) -> str | None:
    if seconds is None:
        return None
    then = dt.datetime.fromtimestamp(seconds).astimezone()
    return f"{then:%H:%M:%S}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M}"


def _hints(found: Runs, limit: int) -> list[str]:
    hints = [f"the newest {limit:,}; --limit says how many"] if len(found) == limit else []
    if any(info.is_dead for info in found):
        hints.append("unfinished: %graphbit resume RUN goes on with it")
    return hints


_MOST_TOLD = 3


def tell_unfinished() -> None:
    """Say which runs were cut off, and how to go on with them: when the extension is loaded."""
    found = kept.left_unfinished()
    lines = [
        f"the run {info.run_id} of {info.workflow} did not finish: {info.done:,} of {info.total:,} done; "
        f"%graphbit resume {info.run_id} goes on with it, %graphbit forget {info.run_id} throws it away"
        for info in found[:_MOST_TOLD]
    ]
    if len(found) > _MOST_TOLD:
        lines.append(f"and {len(found) - _MOST_TOLD:,} more: %graphbit history --status unfinished")
    if lines:
        views.show(views.lines_bundle(lines))
