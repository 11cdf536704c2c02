"""Large graphs: processor time to build and run, and the most memory held, each in a process of its own.

`python -m benchmarks.scale ours|bare DEPTH WIDTH` is what such a process does; a chain has a width of 1.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from benchmarks import bare
from benchmarks.graphs import chain, layers
from benchmarks.measure import in_fresh_process, peak_memory, processor_seconds_of, report
from benchmarks.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS = 3
MEBI = 1 << 20


def section() -> Iterator[str]:
    yield "large graphs of nodes that do nothing: build and run, and the peak of memory, each in a fresh process"
    yield f"  {'':<38}{'graphbit_nb':>12} {'bare':>12} {'ratio':>8}  {'graphbit_nb':>12} {'bare':>9}"
    for name, depth, width in (
        ("chain of 10,000", 10_000, 1),
        ("100 layers of 100", 100, 100),
        ("1,000 layers of 100", 1_000, 100),
    ):
        ours, least = measured(depth, width)
        times = f"{ours['seconds']:10.2f} s {least['seconds']:10.2f} s {ours['seconds'] / least['seconds']:7.2f}x"
        memory = f"{ours['peak'] / MEBI:8.0f} MiB {least['peak'] / MEBI:5.0f} MiB"
        yield f"  {name:<38}{times}  {memory}  (build {ours['build']:.2f} s, run {ours['run']:.2f} s)"


def measured(depth: int, width: int) -> list[dict[str, float]]:
    """Return the best of several fresh processes for the engine and for the bare loop, which take turns."""
    best: list[dict[str, float]] = [{}, {}]
    for _ in range(REPEATS):
        for place, whose in enumerate(("ours", "bare")):
            (found,) = in_fresh_process("benchmarks.scale", whose, str(depth), str(width))
            found["seconds"] = found["build"] + found["run"]
            if not best[place] or found["seconds"] < best[place]["seconds"]:
                best[place] = found
    return best


def main(whose: str, depth: int, width: int) -> None:
    """Build and run once, and report the seconds and the peak of memory."""
    graph = chain(depth) if width == 1 else layers(depth, width)
    work = Work(graph)
    functions = work.functions()
    if whose == "ours":
        from benchmarks import engine

        built = []
        build = processor_seconds_of(lambda: built.append(engine.build(graph, functions)))
        run = processor_seconds_of(lambda: asyncio.run(engine.run(built[0])))
    else:
        build = 0.0  # the sorter can be used once only, so that making it is part of each run
        run = processor_seconds_of(lambda: asyncio.run(bare.run(graph, functions)))
    peak = peak_memory()
    work.check()
    report(build=build, run=run, peak=peak)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
