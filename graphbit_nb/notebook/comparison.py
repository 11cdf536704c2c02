"""Two runs beside each other as an output: prompts, answers, cost and time of every node that is not alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.notebook import html, tables, textdiff
from graphbit_nb.notebook.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
    from graphbit_nb.session.comparing import Comparison, NodePair

MOST_PAIRS = 50  # nodes whose texts are laid beside each other
COLUMNS = (
    Column("node"), Column("before", "state"), Column("after", "state"), Column("differs in"),
    Column("tokens", "number"), Column("", "number"), Column("cost", "number"), Column("", "number"),
    Column("time", "number"), Column("", "number"),
)  # fmt: skip


def comparison_bundle(comparison: Comparison) -> dict[str, str]:
    """Return two runs beside each other as an output."""
    before, after, changed = comparison.before, comparison.after, comparison.changed
    facts = [(f"{label} {run.run_id}", _run_facts(run)) for label, run in (("before", before), ("after", after))]
    title = f"{len(changed)} of {len(comparison.pairs)} nodes differ" if changed else "no node differs"
    inputs = [_input(name, *values) for name, values in comparison.inputs.items()]
    shown = [html.head(title, facts=facts), *(html.note(html.text(line)) for line in inputs)]
    rows = [_row(pair) for pair in comparison.pairs]
    shown.append(tables.table(COLUMNS, rows))
    shown += [_pair(pair) for pair in changed[:MOST_PAIRS]]
    more = f"and {len(changed) - MOST_PAIRS:,} more nodes that differ" if len(changed) > MOST_PAIRS else ""
    if more:
        shown.append(html.note(more))
    plain = [title, *inputs, *(line for pair in changed[:MOST_PAIRS] for line in _lines(pair)), more]
    return {"text/html": tables.page(html.shell(shown)), "text/plain": "\n".join(line for line in plain if line)}


def _run_facts(run: RunSnapshot) -> str:
    cost = run.cost
    told = [run.status.value, html.seconds(run.elapsed), html.dollars(cost) if cost else ""]
    return " · ".join(part for part in told if part)


def _input(name: str, before: Any, after: Any) -> str:
    return f"input {name}: {html.preview(before)} → {html.preview(after)}"


def _row(pair: NodePair) -> list[Any]:
    row: list[Any] = [pair.name]
    sides = (pair.before, pair.after)
    row += [None if node is None else node.state.value for node in sides]
    row.append(", ".join(pair.differs_in))
    row += [None if node is None else _count(node.usage.total_tokens) for node in sides]
    row += [None if node is None or not node.cost else html.dollars(node.cost) for node in sides]
    row += [None if node is None else html.seconds(node.latency) for node in sides]
    return row


def _count(number: int) -> str | None:
    return f"{number:,}" if number else None


def _pair(pair: NodePair) -> str:
    head = f'<div class="gb-pair-head"><b>{html.text(pair.name)}</b><span>{html.text(_only(pair))}</span></div>'
    blocks = [_block(title, one, other) for title, one, other in _texts(pair)]
    return f'<div class="gb-pair">{head}{"".join(blocks)}</div>'


def _only(pair: NodePair) -> str:
    if pair.before is None:
        return "only in the second run"
    return "only in the first run" if pair.after is None else "differs in " + ", ".join(pair.differs_in)


def _block(title: str, one: str, other: str) -> str:
    left, right = textdiff.sides(one, other)
    texts = "".join(f'<pre class="gb-text">{side}</pre>' for side in (left, right))
    return f'<span class="gb-role">{html.text(title)}</span><div class="gb-sides">{texts}</div>'


def _texts(pair: NodePair) -> Iterator[tuple[str, str, str]]:
    """Go through the texts of a node that differ, as (what it is, before, after)."""
    for title, read in (("prompt", _prompt), ("answer", _answer)):
        one, other = (("" if node is None else read(node)) for node in (pair.before, pair.after))
        if one != other:
            yield title, one, other


def _prompt(node: NodeSnapshot) -> str:
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in node.messages)


def _answer(node: NodeSnapshot) -> str:
    if node.state.has_output:
        return html.written(node.output)[0]
    return str(node.error) if node.error is not None else node.reason or node.state.value


def _lines(pair: NodePair) -> Iterator[str]:
    yield f"{pair.name}: {_only(pair)}"
    for title, one, other in _texts(pair):
        yield f"  {title}"
        yield from (f"    {line}" for line in textdiff.lines(one, other))
