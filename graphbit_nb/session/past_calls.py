"""What the calls of each node have taken in the runs that are kept: how many they were, their tokens, their price."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.paths import names_of, without_numbers
from graphbit_nb.errors import GraphbitError, StorageError
from graphbit_nb.session.definitions import changed_since
from graphbit_nb.session.history import is_kept
from graphbit_nb.session.memory import shared_memory
from graphbit_nb.session.ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.graph.workflow import Workflow

MOST_RUNS = 50
_MOST_CALLS = 50_000
_FEW = 3  # runs, under which the spread says little


@dataclass(slots=True)
class PastNode:
    """What one node, by path without numbers, asked in the past.

    Attributes:
        runs: In how many runs it asked.
        is_changed: Whether it was another version of the node in all of them.
        input_tokens: Of a call.
        output_tokens: Of a call.
        dollars: Of a call, by provider and model.
        parts: How many of it there were in each run: items, iterations.
        calls: How many calls each of these made.
    """

    runs: int
    is_changed: bool
    input_tokens: list[int] = field(default_factory=list)
    output_tokens: list[int] = field(default_factory=list)
    dollars: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    parts: list[int] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)

    @property
    def said(self) -> str:
        """Where the figures are from."""
        runs = f"{self.runs:,} past run{'' if self.runs == 1 else 's'}"
        return f"{runs} of an earlier version" if self.is_changed else runs

    def spread(self, found: Iterable[float]) -> Range | None:
        """Return what may be expected after these: a little more than was seen, and much more after few runs."""
        values = list(found)
        if not values:
            return None
        wide = 2.0 if self.runs < _FEW or self.is_changed else 1.25
        return Range(min(values) / wide, fmean(values), max(values) * wide)


def past_calls(workflow: Workflow) -> Mapping[str, PastNode]:
    """Return what the nodes of a workflow have asked in its latest runs, by path without numbers.

    Runs with the node as it is now go before others. What cannot be read is as if it had not been.
    """
    if not is_kept():
        return {}
    try:
        rows = shared_memory().database.query(
            "SELECT a.run, a.path, a.provider, a.model, a.input_tokens, a.output_tokens, a.cost, r.workflow_id "
            "FROM attempts a JOIN runs r ON r.number = a.run WHERE a.run IN "
            "(SELECT number FROM runs WHERE workflow = ? ORDER BY started DESC LIMIT ?) "
            "ORDER BY a.run DESC, a.seq LIMIT ?",
            (workflow.name, MOST_RUNS, _MOST_CALLS),
        )
        changed = {version: _changed(version, workflow) for version in {str(row["workflow_id"]) for row in rows}}
    except StorageError:
        return {}
    found: dict[str, list[Any]] = {}
    for row in rows:
        if isinstance(row["path"], str):
            found.setdefault(without_numbers(row["path"]), []).append(row)
    return {path: _summed(path, asked, changed) for path, asked in found.items()}


def _changed(version: str, workflow: Workflow) -> frozenset[str]:
    rows = shared_memory().database.query("SELECT definition FROM workflows WHERE id = ?", (version,))
    try:
        return changed_since(str(rows[0]["definition"]), workflow) if rows else frozenset(workflow.nodes)
    except GraphbitError:
        return frozenset(workflow.nodes)


def _summed(path: str, rows: list[Any], changed: Mapping[str, frozenset[str]]) -> PastNode:
    name = names_of(path)[0]
    same = [row for row in rows if name not in changed[str(row["workflow_id"])]]
    taken = same or rows
    runs: dict[int, dict[str, int]] = {}
    past = PastNode(runs=0, is_changed=not same)
    for row in taken:
        asked = runs.setdefault(row["run"], {})
        asked.setdefault(row["path"], 0)
        tokens_in, tokens_out, cost = row["input_tokens"], row["output_tokens"], row["cost"]
        if tokens_in is None and tokens_out is None:
            continue  # it failed, or its answer was remembered
        asked[row["path"]] += 1
        if isinstance(tokens_in, int):
            past.input_tokens.append(tokens_in)
        if isinstance(tokens_out, int):
            past.output_tokens.append(tokens_out)
        if isinstance(cost, int | float):
            past.dollars.setdefault((str(row["provider"]), str(row["model"])), []).append(float(cost))
    past.runs = len(runs)
    past.parts = [len(asked) for asked in runs.values()]
    past.calls = [count for asked in runs.values() for count in asked.values() if count]
    return past
