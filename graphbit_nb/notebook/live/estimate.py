"""How long a run will still take, guessed from what its steps, and those of the run before, have taken."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from graphbit_nb.graph.registry import ProcessorRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
    from graphbit_nb.graph.workflow import Workflow


def seconds_left(
    workflow: Workflow, snapshot: RunSnapshot, now: float, slots: int, before: RunSnapshot | None = None
) -> float | None:
    """Return the seconds that are probably left, or None while there is nothing to guess from.

    A node is taken to need what it took in the run before; else what nodes of its kind have taken in this run; else
    nothing, if it asks no model. What is left is at least the longest chain of nodes that wait for each other, and at
    least all the work that is left, shared among the slots: the two lower bounds of list scheduling (R. L. Graham,
    1969).

    Args:
        workflow: What is run.
        snapshot: Where the run stands.
        now: Seconds since 1970.
        slots: Nodes that may work at the same time.
        before: An earlier run.
    """
    means = _by_kind(workflow, snapshot)
    alone: dict[str, float] = {}  # what the longest leaf of a node still needs by itself
    work = 0.0
    is_guess = False  # whether anything is known of what is left
    for name, node in snapshot.nodes.items():
        if node.state.is_final:
            continue
        kind = workflow.nodes[name].kind
        known = _took_before(name, before)
        known = means.get(kind) if known is None else known
        if known is not None:
            is_guess = True
        elif _may_ask_model(kind):
            return None
        alone[name], all_of_it = _needs(node, known or 0.0, now, slots)
        work += all_of_it
    if alone and not is_guess:
        return None
    longest: dict[str, float] = {}
    plan = workflow.plan
    for name in (plan.names[number] for number in plan.order):
        if name in alone:
            earlier = (longest.get(other, 0.0) for other in workflow.predecessors(name))
            longest[name] = alone[name] + max(earlier, default=0.0)
    return max(max(longest.values(), default=0.0), work / max(1, slots))


def _needs(node: NodeSnapshot, known: float, now: float, slots: int) -> tuple[float, float]:
    """Return the seconds until a node ends, and the seconds of work in it, when a whole one takes `known`."""
    if not node.parts:
        gone = max(0.0, now - node.started) if node.started is not None else 0.0
        left = max(known - gone, 0.1 * known)
        return left, left
    took = _mean(part.latency for part in node.parts.values() if part.state.is_final)
    open_ = [part for part in node.parts.values() if not part.state.is_final]
    each = known / max(1, len(node.parts)) if took is None else took
    work = sum(_needs(part, each, now, slots)[1] for part in open_)
    return max(work / max(1, slots), min(work, each)), work


def _by_kind(workflow: Workflow, snapshot: RunSnapshot) -> dict[str, float]:
    """Return the mean seconds of the nodes that have ended, by kind."""
    took: dict[str, list[float]] = {}
    for name, node in snapshot.nodes.items():
        if node.state.has_output and node.latency is not None:
            took.setdefault(workflow.nodes[name].kind, []).append(node.latency)
        elif node.expands == "items":
            took.setdefault(workflow.nodes[name].kind, []).extend(
                part.latency for part in node.parts.values() if part.latency is not None and part.state.has_output
            )
    return {kind: fmean(times) for kind, times in took.items() if times}


def _may_ask_model(kind: str) -> bool:
    processor = ProcessorRegistry.find(kind)
    return processor is None or processor.asks_model or processor.runs_as == "nodes"


def _took_before(name: str, before: RunSnapshot | None) -> float | None:
    node = None if before is None else before.nodes.get(name)
    return node.latency if node is not None and node.state.has_output else None


def _mean(times: Iterable[float | None]) -> float | None:
    known = [time for time in times if time is not None]
    return fmean(known) if known else None
