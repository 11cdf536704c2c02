"""`python -m benchmarks peers [NAME ...]`: this engine and others, side by side, each as a ratio to the bare loop.

Each engine runs in a process and an environment of its own and measures the bare loop there as well, by turns with
itself, so that neither the machine's mood nor another engine's packages favour one. The processes take turns, too.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import imports
from benchmarks.measure import in_fresh_process
from benchmarks.peers.environments import python_with, version_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

ROUNDS = 3
COLUMNS = (
    *("chain of 1,000", "fan-out to 1,000", "10 layers of 100", "build 1,000"),
    *("10,000 nodes", "two chains", "200 at random", "import"),
)
LEGEND = """\
  chain, fan-out, layers: a run of 1,000 nodes that do nothing (graphbit_nb keeps all its events) over the bare loop's;
  build 1,000: over graphlib's sorter (dask's is a dict, looked at in the run); 10,000 nodes: building and running 100
  layers of 100 over the bare loop's run;
  two chains, 200 at random: a run of nodes that sleep over its critical path; import: over asyncio's and graphlib's"""


@dataclass(slots=True)
class Peer:
    """An engine that is compared.

    Attributes:
        package: Its name for pip; None for this package, which is here already.
        statement: What imports as much of it as a program needs.
        label: What the table calls it; its version is added.
        ratios: What was measured, by column.
        problems: What it could not do.
    """

    package: str | None
    statement: str
    label: str
    python: str = sys.executable
    ratios: dict[str, list[float]] = field(default_factory=dict)
    problems: set[str] = field(default_factory=set)


def peers() -> dict[str, Peer]:
    """Return the engines by the names of their modules."""
    return {
        "ours": Peer(None, "from graphbit_nb import Node, WorkflowBuilder, WorkflowExecutor", "graphbit_nb"),
        "hamilton": Peer("apache-hamilton", "from hamilton import async_driver", "hamilton async"),
        "langgraph": Peer("langgraph", "from langgraph.graph import StateGraph", "langgraph"),
        "dask": Peer("dask", "import dask.threaded", "dask threads"),
    }


def main(names: list[str]) -> None:
    """Prepare the environments, measure in rounds, print the table."""
    known = peers()
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"no peer {unknown[0]!r}; there are {', '.join(known)}")
    chosen = {name: peer for name, peer in known.items() if name == "ours" or name in (names or known)}
    for peer in chosen.values():
        _prepare(peer)
    for _ in range(ROUNDS):
        for name, peer in chosen.items():
            if not peer.problems:
                _measure(name, peer)
    for line in table(chosen.values()):
        print(line, flush=True)


def _prepare(peer: Peer) -> None:
    if peer.package is not None:
        print(f"preparing the environment of {peer.package}", file=sys.stderr, flush=True)
        try:
            peer.python = python_with(peer.package)
        except RuntimeError as error:
            peer.problems.add(str(error))
            return
    peer.label += f" {version_of(peer.package or 'graphbit-nb', peer.python)}"


def _measure(name: str, peer: Peer) -> None:
    try:
        found = in_fresh_process("benchmarks.peers.contest", name, python=peer.python)
    except RuntimeError as error:
        peer.problems.add(str(error))
        return
    for figure in found:
        if "error" in figure:
            peer.problems.add(f"{figure['column']}: {figure['error']}")
        else:
            peer.ratios.setdefault(figure["column"], []).append(figure["ratio"])
    *_, (_, _, ratio) = imports.measured(peer.python, (imports.STATEMENTS[0], peer.statement), repeats=3)
    peer.ratios.setdefault("import", []).append(ratio)


def table(measured: Collection[Peer]) -> Iterator[str]:
    """Give a line for each engine, the middle of its rounds, and a line for each thing it could not do."""
    yield f"engines as ratios to the bare loop, measured in each one's own process; the middle of {ROUNDS} rounds"
    yield f"  {'':<26}" + "".join(f"{column:>18}" for column in COLUMNS)
    for peer in measured:
        cells = [f"{median(peer.ratios[column]):.2f}x" if column in peer.ratios else "-" for column in COLUMNS]
        yield f"  {peer.label:<26}" + "".join(f"{cell:>18}" for cell in cells)
    yield LEGEND
    for peer in measured:
        yield from (f"  {peer.label}: {problem}" for problem in sorted(peer.problems))
