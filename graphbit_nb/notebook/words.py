"""What views say about a node of a run, in one line."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from graphbit_nb.core.states import NodeState
from graphbit_nb.notebook import html

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from graphbit_nb.core.snapshot import NodeSnapshot, RunSnapshot
    from graphbit_nb.execution.result import ExecutionResult

MOST_PARTS = 50
_URGENT = (NodeState.FAILED, NodeState.WAITING, NodeState.RETRYING)
_NAMED = 3  # parts that are named where they have failed


def says(node: NodeSnapshot) -> str:
    """Say in one line how a node stands: its output, its error, its question, the reason it did not run."""
    if node.state is NodeState.WAITING:
        return asks(node)
    if node.expands is not None and node.parts:
        return _says_parts(node)
    if node.state.has_output:
        return html.preview(node.output)
    if node.error is not None:
        return html.one_line(node.error)
    return node.reason or str(node.state)


def asks(node: NodeSnapshot) -> str:
    """Say what a node asks a person, and what may be answered."""
    options = f" ({' | '.join(node.options)})" if node.options else ""
    return f"asks: {html.preview(node.question or '')}{options}"


def how_to_answer(node: NodeSnapshot) -> str:
    """Say what to type to answer a node's question."""
    return f"%graphbit answer {node.name} {'|'.join(node.options) or 'TEXT'}"


def _says_parts(node: NodeSnapshot) -> str:
    told = [counted(node)]
    failed = [part for part in node.parts.values() if part.state is NodeState.FAILED]
    if failed:
        more = f" and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
        told.append(f"failed: {', '.join(label(part, node) for part in failed[:_NAMED])}{more}")
    if node.error is not None and not (failed and node.expands == "nodes"):
        told.append(html.one_line(node.error))
    elif node.state.has_output and node.expands == "nodes":
        told.append(html.preview(node.output))
    elif node.reason is not None:
        told.append(node.reason)
    return " · ".join(told)


def counted(node: NodeSnapshot) -> str:
    """Say how many of a node's parts have ended: ``7/12 items``, ``iteration 2: 1/3 nodes``."""
    if node.expands == "items":
        total = len(node.parts)
        good = sum(part.state.has_output for part in node.parts.values())
        if node.state.is_final:
            return f"{total} items" if good == total else f"{good} of {total} items"
        return f"{node.done}/{total} items"
    parts = [part for _, part in latest(node)]
    done = sum(part.state.is_final for part in parts)
    if is_loop(node):
        times = f"{node.iterations} iteration{'' if node.iterations == 1 else 's'}"
        return times if node.state.is_final else f"iteration {node.iterations}: {done}/{len(parts)} nodes"
    count = f"{len(parts)} node{'' if len(parts) == 1 else 's'}"
    return count if node.state.is_final else f"{done}/{count}"


def is_loop(node: NodeSnapshot) -> bool:
    """Whether a node's parts are iterations."""
    return node.expands == "nodes" and any(path.startswith(f"{node.name}#") for path in node.parts)


def iteration(path: str, of: NodeSnapshot) -> int | None:
    """Return the iteration that a part of a loop belongs to."""
    if not path.startswith(f"{of.name}#"):
        return None
    number = path[len(of.name) + 1 :].partition(".")[0]
    return int(number) if number.isdecimal() else None


def latest(node: NodeSnapshot) -> Iterator[tuple[str, NodeSnapshot]]:
    """Go through a node's parts, of a loop through those of its latest iteration."""
    last = node.iterations if is_loop(node) else None
    return ((path, part) for path, part in node.parts.items() if last is None or iteration(path, node) == last)


def label(part: NodeSnapshot, of: NodeSnapshot) -> str:
    """Return what a part is called beside its parent: ``each[3]`` stays, ``polish#2.draft`` is ``draft``."""
    return part.name if of.expands == "items" else part.name[len(of.name) :].partition(".")[2] or part.name


def waiting(snapshot: RunSnapshot) -> list[NodeSnapshot]:
    """Return the nodes that wait for a person, wherever they are."""
    return [node for node in tuple(snapshot.index.values()) if node.state is NodeState.WAITING and not node.parts]


def leaf_counts(snapshot: RunSnapshot) -> Counter[NodeState]:
    """Return how many steps there are in each state."""
    if len(snapshot.index) <= len(snapshot.nodes):
        return snapshot.counts()
    return Counter(node.state for node in tuple(snapshot.index.values()) if not node.parts)


def steps(snapshot: RunSnapshot) -> str:
    """Return what the numbers of a run count."""
    return "nodes" if snapshot.total == len(snapshot.nodes) else "steps"


def plain_result(result: ExecutionResult) -> str:
    """Return a result as text without times, ids or costs, so that it is the same each time."""
    lines = _lines(result.snapshot.nodes.values(), 1, None)
    return "\n".join([result.summary(), *lines])


def _lines(nodes: Iterable[NodeSnapshot], depth: int, of: NodeSnapshot | None) -> list[str]:
    listed, left = (list(nodes), []) if of is None else chosen(of)
    names = [node.name if of is None else label(node, of) for node in listed]
    width = max(map(len, names), default=0)
    found, number = [], None
    for name, node in zip(names, listed, strict=True):
        if of is not None and (told := iteration(node.name, of)) != number:
            number = told
            found.append(f"{'  ' * depth}iteration {number}")
        found.append("  " * (depth + (number is not None)) + node_line(node, width, name))
        if node.expands == "nodes":
            found += _lines(node.parts.values(), depth + 1 + (number is not None), node)
    if left:
        found.append(f"{'  ' * depth}and {len(left):,} more")
    return found


def chosen(of: NodeSnapshot, most: int = MOST_PARTS) -> tuple[list[NodeSnapshot], list[NodeSnapshot]]:
    """Return the parts to show and those that are left out, both in their order.

    Those that need a look are shown before others; then the first items of a fan-out, the last iterations of a loop.
    """
    listed = list(of.parts.values())
    return urgent_first(listed, most, [*reversed(listed)] if is_loop(of) else listed)


def urgent_first(
    listed: list[NodeSnapshot], most: int, then: Iterable[NodeSnapshot]
) -> tuple[list[NodeSnapshot], list[NodeSnapshot]]:
    """Return the nodes to show, those that need a look before others as they come in `then`, and those left out."""
    if len(listed) <= most:
        return listed, []
    urgent = [node for node in listed if node.state in _URGENT][: most // 2]
    wanted = {node.name for node in urgent}
    for node in then:
        if len(wanted) >= most:
            break
        wanted.add(node.name)
    left = [node for node in listed if node.name not in wanted]
    return [node for node in listed if node.name in wanted], left


def node_line(node: NodeSnapshot, width: int = 0, name: str = "") -> str:
    """Say in one line how a node stands."""
    return html.visible(f"{name or node.name:<{width}}  {node.state!s:<9}  {says(node)}".rstrip())
