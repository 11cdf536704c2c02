"""What it costs to write a run down before it is shown, and to list a thousand of them."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import graphbit_nb as gb
from benchmarks import engine
from benchmarks.graphs import Graph, chain, fan_out, layers
from benchmarks.measure import by_turns, seconds_of, seconds_on_loop
from benchmarks.work import Work
from graphbit_nb.execution.engine import Engine, new_run_id
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.storage.database import Database
from graphbit_nb.storage.recorder import RunHead, RunRecorder, node_kinds
from graphbit_nb.storage.runs import RunStore

if TYPE_CHECKING:
    from collections.abc import Iterator

REPEATS = 7
RUNS = 1_000
GRAPHS = {"100 layers of 100": layers(100, 100), "10,000 at once": fan_out(9_999), "1,000 in a row": chain(1_000)}


def section() -> Iterator[str]:
    yield "a run written down before it is shown, against one in memory"
    yield f"  {'':<38}{'on disk':>12} {'memory':>12} {'more':>12}"
    with tempfile.TemporaryDirectory() as where:
        for name, graph in GRAPHS.items():
            disk, memory = compare(graph, Path(where))
            micro = 1e6 / len(graph)
            yield (
                f"  {name:<38}{disk * micro:9.1f} µs {memory * micro:9.1f} µs {(disk - memory) * micro:9.1f} µs a node"
            )
        yield from history(Path(where) / "history.db")


def compare(graph: Graph, where: Path) -> list[float]:
    """Return the shortest times with and without a recorder."""
    work = Work(graph)
    workflow = engine.build(graph, work.functions())
    kinds = node_kinds(workflow)
    numbers = itertools.count()

    def disk() -> float:
        database = Database(where / f"{len(graph)}-{next(numbers)}.db")
        database.check()

        async def run() -> None:
            head = RunHead(run_id=new_run_id(), workflow=workflow.name, definition="x", format="x", kinds=kinds)
            recorder = RunRecorder(database, head)
            prepared = Engine(clients=None, threads=ThreadPool()).prepare(  # type: ignore[arg-type]
                workflow, options=RunOptions(max_concurrency=engine.SLOTS), recorder=recorder, run_id=head.run_id
            )
            await prepared.execute()
            assert prepared.snapshot.status == "succeeded"

        took = seconds_on_loop(run)
        work.check()
        (info,) = RunStore(database).find()
        assert info.done == len(graph), info
        database.close()
        return took

    def memory() -> float:
        took = seconds_on_loop(lambda: engine.run(workflow))
        work.check()
        return took

    return by_turns(REPEATS, disk, memory)


def history(path: Path) -> Iterator[str]:
    database = Database(path)

    async def fill() -> None:
        builder = gb.WorkflowBuilder("small")

        async def nothing() -> int:
            return 1

        for number in range(5):
            builder.add_node(gb.Node.python(f"n{number}", nothing, cache="disable"))
        workflow = builder.build()
        for number in range(RUNS):
            head = RunHead(run_id=f"{number:06d}", workflow=f"w{number % 10}", tags=("even",) * (number % 2 == 0))
            made = Engine(clients=None, threads=ThreadPool()).prepare(  # type: ignore[arg-type]
                workflow, recorder=RunRecorder(database, head), run_id=head.run_id
            )
            await made.execute()

    asyncio.run(fill())
    store = RunStore(database)
    assert len(store.find()) == RUNS
    all_, tagged, failed = by_turns(
        10,
        lambda: seconds_of(store.find),
        lambda: seconds_of(lambda: store.find(tag="even")),
        lambda: seconds_of(lambda: store.find(node="n3", state="failed")),
    )
    yield f"history of {RUNS:,} runs"
    yield f"  all {all_ * 1e3:.1f} ms, by a tag {tagged * 1e3:.1f} ms, by the state of a node {failed * 1e3:.1f} ms"
    database.close()
