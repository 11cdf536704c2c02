"""What a run of the workflow would cost, before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.notebook import html, tables, views
from graphbit_nb.notebook.commands.command import INPUTS, arg, command
from graphbit_nb.notebook.inputs import inputs_for
from graphbit_nb.notebook.tables import Column
from graphbit_nb.session.forecast import estimate_cost

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.session.forecast import CostEstimate
    from graphbit_nb.session.ranges import Range

COLUMNS = (
    Column("node"), Column("model"), Column("calls", "number"), Column("in", "number"), Column("out", "number"),
    Column("likely", "number"), Column("from to", "number"), Column("sure"), Column("why", "wide"),
)  # fmt: skip


@command(
    "cost",
    arg("nodes", metavar="NODE", nargs="*", help="only these and what they need"),
    *INPUTS,
    arg("--fresh", action="store_true", help="as if nothing were remembered"),
    words="node",
    example="%graphbit cost --set topic=graphs",
)
def cost(magics: GraphbitMagics, options: argparse.Namespace) -> None:
    """Estimate the tokens and the money of a run, by node, and say how sure that is. Asks no model.

    Prompts are rendered as far as their values are known; answers are taken to be as in past runs.
    """
    nodes = options.nodes or None
    workflow = magics.workspace.built(nodes)
    inputs, _ = inputs_for(workflow, nodes, options, magics.namespace)
    found = estimate_cost(
        workflow, inputs, executor=magics.runner.executor(), nodes=nodes, cache="recompute" if options.fresh else None
    )
    views.show(cost_bundle(found))


def cost_bundle(found: CostEstimate) -> dict[str, str]:
    """Return an estimate as an output."""
    rows: list[list[Any]] = [
        [
            row.node, row.model, _number(row.calls), _number(row.input_tokens), _number(row.output_tokens),
            _likely(row.cost), _span(row.cost), row.sure, row.why,
        ]
        for row in found.rows
    ]  # fmt: skip
    if len(rows) > 1:
        rows.append([
            "total", None, _number(found.calls), _number(found.input_tokens), _number(found.output_tokens),
            _total(found), _span(found.cost), None, None,
        ])  # fmt: skip
    notes = ["an estimate: nothing was asked"] if rows else []
    if found.unpriced:
        notes.append(f"price unknown, on top of that: {', '.join(found.unpriced)}")
    if any(row.cost is not None and row.cost.high is None for row in found.rows):
        notes.append("no upper bound where max_tokens or the number of items is not known")
    facts = [("likely", _total(found))] if rows else []
    return tables.table_bundle(
        f"what {found.workflow} would cost", COLUMNS, rows, facts=facts, notes=notes, empty="no node asks a model"
    )


def _number(of: Range) -> str:
    if of.is_exact or round(of.low) == round(of.likely) == round(of.high or -1):
        return f"{of.likely:,.0f}"
    return f"{of.likely:,.0f} ({of.low:,.0f} to {'?' if of.high is None else f'{of.high:,.0f}'})"


def _total(found: CostEstimate) -> str:
    """Say what all of it costs, without hiding what nobody knows the price of."""
    if len(found.unpriced) == len(found.rows):
        return "?"
    return f"{_likely(found.cost)} and ?" if found.unpriced else _likely(found.cost)


def _likely(of: Range | None) -> str:
    return "?" if of is None else _dollars(of.likely)


def _span(of: Range | None) -> str | None:
    if of is None or of.is_exact:
        return None
    return f"{_dollars(of.low)} to {'?' if of.high is None else _dollars(of.high)}"


def _dollars(amount: float) -> str:
    return html.dollars(amount) if amount else "$0"
