"""What is remembered of calls: listed, explained, thrown away."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.graph.caching import read_age
from graphbit_nb.notebook import html, tables, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.tables import Column
from graphbit_nb.session import history as kept

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.storage.cache_table import CacheStats

COLUMNS = (
    Column("node"), Column("what"), Column("model"), Column("kept"), Column("taken", "number"),
    Column("cost", "number"), Column("size", "number"), Column("key", "code"),
)  # fmt: skip
WHATS = {"generate": "answer", "embed": "vectors", "node": "output"}


@command(
    "cache",
    arg("what", metavar="list|why|prune", nargs="?", default="list", choices=("list", "why", "prune")),
    arg("node", metavar="NODE", nargs="?"),
    arg("--model", metavar="MODEL", help="only of this model"),
    arg("--older-than", metavar="AGE", help="only what was kept that long ago, such as 30D"),
    arg("--unused-for", metavar="AGE", help="to prune: only what was not taken for that long"),
    arg("--all", action="store_true", help="to prune: everything"),
    arg("--limit", metavar="N", type=int, default=50, help="the most that are listed"),
    words="node",
    example="%graphbit cache why draft",
)
def cache(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Say what is remembered of calls and computed nodes, why a node was asked again, and throw old answers away.

    %graphbit cache [list] [NODE], %graphbit cache why NODE, %graphbit cache prune [NODE] with --older-than AGE,
    --unused-for AGE, or --all. %graphbit run --fresh asks anew and remembers the new answers.
    """
    if options.what == "why":
        views.show(views.lines_bundle(_why(magics, options.node)))
    elif options.what == "prune":
        count = _pruned(options)
        views.show(views.line_bundle(f"{count:,} answer{'' if count == 1 else 's'} forgotten"))
    else:
        _list(options)


def _list(options: argparse.Namespace) -> None:
    store = kept.cache()
    entries = store.entries(
        node=options.node, model=options.model, older_than=_age("--older-than", options.older_than),
        limit=options.limit,
    )  # fmt: skip
    rows: list[list[Any]] = [
        [
            f"{entry.workflow}.{entry.node}", WHATS.get(entry.kind, entry.kind), entry.model,
            f"{dt.datetime.fromtimestamp(entry.created).astimezone():%Y-%m-%d %H:%M}", f"{entry.hits:,}",
            html.dollars(entry.cost) if entry.cost else None, _size(entry.size), entry.key[:8],
        ]
        for entry in entries
    ]  # fmt: skip
    notes = [f"the {options.limit:,} that were taken last; --limit says how many"] if len(rows) == options.limit else []
    views.show(
        tables.table_bundle(
            "remembered", COLUMNS, rows, facts=_facts(store.stats()), notes=notes, empty="nothing is remembered"
        )
    )


def _facts(stats: CacheStats) -> list[tuple[str, str]]:
    facts = [("entries", f"{stats.entries:,}"), ("size", _size(stats.size)), ("taken", f"{stats.hits:,} times")]
    return [*facts, ("saved", html.dollars(stats.saved))] if stats.saved else facts


def _why(magics: GraphbitMagics, node: str | None) -> list[str]:
    if node is None:
        raise UsageError("say which node: %graphbit cache why NODE")
    result = magics.workspace.results.get(magics.workspace.current)
    if result is None:
        run, found = None, None
    else:
        run, found = result.run_id, result.snapshot.index.get(node)
        if found is None:
            _ = magics.workspace.draft[node]  # which refuses what is no node
    if found is not None and found.source == "cache":
        return [f"{node} took what was remembered"]
    if found is not None and found.uncached is not None:
        return [f"{node} is not remembered: {found.uncached}"]
    miss = kept.cache().why(node, run)
    if miss is None:
        return [f"{node}: nothing was kept of it{'' if run is None else ' in the latest run'}"]
    return [f"{node} was not there:", *(f"  {line}" for line in str(miss).splitlines())]


def _pruned(options: argparse.Namespace) -> int:
    told = (options.node, options.model, options.older_than, options.unused_for)
    if options.all is any(one is not None for one in told):
        raise UsageError("say what to forget: NODE, --model, --older-than AGE, --unused-for AGE; or --all")
    return kept.cache().prune(
        node=options.node, model=options.model, older_than=_age("--older-than", options.older_than),
        unused_for=_age("--unused-for", options.unused_for),
    )  # fmt: skip


def _age(option: str, told: str | None) -> float | None:
    try:
        return None if told is None else read_age(told)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"
