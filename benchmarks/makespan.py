"""Nodes that sleep: how near a run comes to the time that no schedule can beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import bare, engine
from benchmarks.graphs import Graph, critical_path, random_seconds, scattered, staggered
from benchmarks.measure import by_turns, seconds_on_loop
from benchmarks.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPEATS = 5
SLOTS = 50


def section() -> Iterator[str]:
    yield "time of a run over the least possible"
    yield f"  {'':<38}{'graphbit_nb':>12} {'bare':>12} {'ratio':>8}  least"
    two_chains = {"a1": 0.2, "a2": 0.02, "b1": 0.02, "b2": 0.2}
    yield _line("two chains, 200+20 and 20+200 ms", staggered(), two_chains)
    wide = scattered(200)
    yield _line("200 nodes at random, 5 to 100 ms", wide, random_seconds(wide, 0.005, 0.1))
    wider = scattered(1_000)
    yield _line(f"1,000 nodes, 5 to 100 ms, {SLOTS} slots", wider, random_seconds(wider, 0.005, 0.1), SLOTS)


def _line(name: str, graph: Graph, seconds: Mapping[str, float], slots: int | None = None) -> str:
    least = critical_path(graph, seconds)
    if slots is not None:
        least = max(least, sum(seconds.values()) / slots)
    ours, loop = compare(graph, seconds, slots)
    return f"  {name:<38}{ours / least:11.3f}x {loop / least:11.3f}x {ours / loop:7.3f}x  {least * 1e3:.0f} ms"


def compare(graph: Graph, seconds: Mapping[str, float], slots: int | None) -> list[float]:
    """Return the shortest times of the engine and of the bare loop, both with the same number of slots."""
    work = Work(graph, seconds)
    functions = work.functions()
    workflow = engine.build(graph, functions)

    def ours() -> float:
        took = seconds_on_loop(lambda: engine.run(workflow, slots or engine.SLOTS))
        assert work.most_at_once() <= (slots or len(graph))
        work.check()
        return took

    def loop() -> float:
        if slots is None:
            took = seconds_on_loop(lambda: bare.run(graph, functions))
        else:
            took = seconds_on_loop(lambda: bare.run_limited(graph, functions, slots))
        assert work.most_at_once() <= (slots or len(graph))
        work.check()
        return took

    return by_turns(REPEATS, ours, loop)
