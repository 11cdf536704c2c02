"""How far a run is, as plain data: for programs that run notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.notebook import html

if TYPE_CHECKING:
    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot

PROGRESS = "application/vnd.graphbit.progress+json"
"""Type under which a running cell tells its progress; never part of a run's final form."""


def progress(snapshot: RunSnapshot) -> dict[str, Any]:
    """Return the run and its nodes that have ended, as plain data."""
    ended = [
        {
            "name": node.name,
            "state": str(node.state),
            "took": html.seconds(node.latency),
            "tokens": node.usage.total_tokens,
            "says": html.visible(says(node)),
        }
        for node in snapshot.nodes.values()
        if node.state.is_final
    ]
    return {"run": snapshot.run_id, "workflow": snapshot.workflow, "total": len(snapshot.nodes), "ended": ended}


def says(node: NodeSnapshot) -> str:
    """Say in one line how a node stands: its output, its error, the reason it did not run."""
    if node.state.has_output:
        return html.preview(node.output)
    if node.error is not None:
        return html.one_line(node.error)
    return node.reason or str(node.state)
