"""What was counted of all runs of this kernel: times, failures, calls, money; as a table and as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from graphbit_nb.drawing.reading import duration
from graphbit_nb.drawing.spreads import Spread, draw_spreads
from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.notebook import html, tables, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.tables import Column
from graphbit_nb.telemetry.current import metrics
from graphbit_nb.telemetry.figures import CallFigures, Figures, merged

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.telemetry.figures import NodeFigures
    from graphbit_nb.telemetry.histograms import Histogram

K = TypeVar("K")

NODES = (
    Column("node"), Column("ended", "number"), Column("failed", "number"), Column("retries", "number"),
    Column("remembered", "number"), Column("usual", "number"), Column("rare", "number"), Column("queued", "number"),
    Column("calls", "number"), Column("tokens", "number"), Column("cost", "number"), Column("errors", "wide"),
)  # fmt: skip
MODELS = (
    Column("model"), Column("calls", "number"), Column("failed", "number"), Column("remembered", "number"),
    Column("usual", "number"), Column("rare", "number"), Column("first token", "number"), Column("in", "number"),
    Column("out", "number"), Column("cost", "number"), Column("errors", "wide"),
)  # fmt: skip
TOOLS = (
    Column("tool"), Column("node"), Column("calls", "number"), Column("failed", "number"), Column("usual", "number"),
    Column("rare", "number"), Column("errors", "wide"),
)  # fmt: skip
MOST_DRAWN = 20
NOTES = ("usual: half of them took no longer; rare: one of twenty took longer",)
EMPTY = "nothing was run yet in this kernel"


@command(
    "stats",
    arg("workflow", metavar="WORKFLOW", nargs="?"),
    arg("--by", choices=("node", "model", "tool"), default="node", help="what the rows are"),
    arg("--limit", metavar="N", type=int, default=50, help="the most that are listed, those that took longest first"),
    arg("--reset", action="store_true", help="begin to count anew"),
    words="workflow",
    example="%graphbit stats --by model",
)
def stats(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Say what all runs of this kernel have taken: time, failures, retries, calls, tokens and money.

    Items of a fan-out are one row (each[]), and so are the iterations of a loop (loop#.draft).
    """
    if options.limit < 1:
        raise UsageError(f"--limit {options.limit}: give a number from 1")
    if options.reset:
        metrics().reset()
        views.show(views.line_bundle("counting begins anew"))
        return
    figures = metrics().figures()
    if options.workflow is not None:
        figures = _of_workflow(figures, options.workflow)
    views.show(stats_bundle(figures, options.by, options.limit))


def stats_bundle(figures: Figures, by: str = "node", limit: int = 50) -> dict[str, str]:
    """Return figures as an output.

    Args:
        figures: What was counted.
        by: What the rows are: ``"node"``, ``"model"`` or ``"tool"``.
        limit: The most rows.
    """
    columns, rows, spreads = {"node": _by_node, "model": _by_model, "tool": _by_tool}[by](figures)
    told, notes = rows[:limit], list(NOTES) if rows else []
    if len(rows) > limit:
        notes.append(f"{len(rows) - limit:,} more; --limit says how many")
    title = f"figures by {by}"
    drawn = spreads[:MOST_DRAWN]
    if not drawn:
        return tables.table_bundle(title, columns, told, facts=_facts(figures), notes=notes, empty=EMPTY)
    picture = html.stage(draw_spreads(drawn, title="how long they take"), "how long they take: a bar for each row")
    parts = [html.head(title, facts=_facts(figures)), picture, tables.table(columns, told)]
    parts += [html.note(html.text(note)) for note in notes]
    lines = [title, *tables.text_table(columns, told), *notes]
    return {"text/html": tables.page(html.shell(parts)), "text/plain": "\n".join(lines)}


def _by_node(figures: Figures) -> tuple[Any, list[list[Any]], list[Spread]]:
    several = len({node.workflow for node in figures.nodes}) > 1
    asked = _grouped(figures.calls, lambda call: (call.workflow, call.node))
    calls = {of: _calls(rows) for of, rows in asked.items()}
    nodes = sorted(figures.nodes, key=lambda node: -node.seconds.total)
    names = [f"{node.workflow}.{node.node}" if several else node.node for node in nodes]
    rows = [
        _node_row(name, node, calls.get((node.workflow, node.node))) for name, node in zip(names, nodes, strict=True)
    ]
    return (
        NODES,
        rows,
        [_spread(name, node.seconds) for name, node in zip(names, nodes, strict=True) if node.seconds.count],
    )


def _node_row(name: str, node: NodeFigures, calls: CallFigures | None) -> list[Any]:
    errors = node.errors + node.retries
    queued = node.queued.percentile(0.95)
    asked = None if calls is None else calls.answered + calls.failed.total()
    return [
        name, f"{node.ended.total():,}", _count(node.ended["failed"]), _count(node.retries.total()),
        _count(node.ended["cached"]), *_times(node.seconds), duration(queued) if queued else None, _count(asked),
        None if calls is None else _count(calls.tokens["input"] + calls.tokens["output"]),
        None if calls is None else _money(calls), _errors(errors),
    ]  # fmt: skip


def _by_model(figures: Figures) -> tuple[Any, list[list[Any]], list[Spread]]:
    models = _grouped(figures.calls, lambda call: f"{call.provider}/{call.model}" if call.model else call.provider)
    found = {name: _calls(rows) for name, rows in models.items()}
    ordered = sorted(found.items(), key=lambda item: -item[1].seconds.total)
    rows = [
        [
            name, f"{of.answered + of.failed.total():,}", _count(of.failed.total()), _count(of.taken.total()),
            *_times(of.seconds), _time(of.first_token), _count(of.tokens["input"]), _count(of.tokens["output"]),
            _money(of), _errors(of.failed),
        ]
        for name, of in ordered
    ]  # fmt: skip
    return MODELS, rows, [_spread(name, of.seconds) for name, of in ordered if of.seconds.count]


def _by_tool(figures: Figures) -> tuple[Any, list[list[Any]], list[Spread]]:
    tools = sorted(figures.tools, key=lambda tool: -tool.seconds.total)
    rows = [
        [
            of.tool, of.node, f"{of.succeeded + of.failed.total():,}", _count(of.failed.total()), *_times(of.seconds),
            _errors(of.failed),
        ]
        for of in tools
    ]  # fmt: skip
    return TOOLS, rows, [_spread(f"{of.node}: {of.tool}", of.seconds) for of in tools]


def _of_workflow(figures: Figures, name: str) -> Figures:
    names = {run.workflow for run in figures.runs} | {node.workflow for node in figures.nodes}
    if name not in names:
        raise UsageError(f"no run of {name!r} in this kernel yet{did_you_mean(name, names)}")
    return Figures(
        tuple(run for run in figures.runs if run.workflow == name),
        tuple(node for node in figures.nodes if node.workflow == name),
        tuple(call for call in figures.calls if call.workflow == name),
        tuple(tool for tool in figures.tools if tool.workflow == name),
        figures.circuits,
    )


def _facts(figures: Figures) -> list[tuple[str, str]]:
    runs = sum(run.ended.total() for run in figures.runs)
    whole = _calls(figures.calls)
    facts = [("runs", f"{runs:,}")]
    if whole.answered:
        facts += [("calls", f"{whole.answered:,}"), ("tokens", f"{whole.tokens['input'] + whole.tokens['output']:,}")]
    cost = _money(whole)
    return facts if cost is None else [*facts, ("cost", cost)]


def _calls(rows: Iterable[CallFigures]) -> CallFigures:
    return merged(rows, lambda: CallFigures("", "", "", ""))


def _grouped(rows: Iterable[CallFigures], key: Callable[[CallFigures], K]) -> dict[K, list[CallFigures]]:
    found: dict[K, list[CallFigures]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def _times(seconds: Histogram) -> tuple[str | None, str | None]:
    return _time(seconds), _time(seconds, 0.95)


def _time(seconds: Histogram, share: float = 0.5) -> str | None:
    found = seconds.percentile(share)
    return None if found is None else duration(found)


def _spread(name: str, seconds: Histogram) -> Spread:
    usual, rare = seconds.percentile(0.5) or 0.0, seconds.percentile(0.95) or 0.0
    return Spread(name, usual, rare, f"{duration(usual)} to {duration(rare)}")


def _count(number: int | None) -> str | None:
    return f"{number:,}" if number else None


def _money(calls: CallFigures) -> str | None:
    known = html.dollars(calls.cost) if calls.cost else None
    return f"{known or '$0'} and ?" if calls.unpriced else known


def _errors(errors: Any) -> str | None:
    return ", ".join(f"{name} ({number:,})" for name, number in errors.most_common(3)) or None
