"""How far a run is, as plain data: for programs that run notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.notebook import html
from graphbit_nb.notebook.words import says

if TYPE_CHECKING:
    from graphbit_nb.core.snapshot import RunSnapshot

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
    return {
        "run": snapshot.run_id, "workflow": snapshot.workflow, "total": len(snapshot.nodes), "ended": ended,
        "status": str(snapshot.status),
    }  # fmt: skip
