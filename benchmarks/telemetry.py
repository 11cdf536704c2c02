"""What it costs to count, to log and to trace: microseconds a node, of nodes that do nothing and of prompts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import graphbit_nb as gb
from benchmarks.graphs import chain
from benchmarks.measure import by_turns, seconds_on_loop
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.options import RunOptions
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.telemetry.logs import Logs
from graphbit_nb.telemetry.metrics import MetricsCollector
from graphbit_nb.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEATS = 7
NODES = 1_000
MOST = 150.0  # microseconds a node that everything together may cost


def section() -> Iterator[str]:
    yield f"telemetry, {NODES:,} nodes; against the same run without any"
    with tempfile.TemporaryDirectory() as directory:
        ways = _ways(Path(directory))
        for what, workflow, clients in _runs():
            took = by_turns(REPEATS, *(_timer(workflow, clients, make) for make in ways.values()))
            bare = took[0]
            yield f"  {what}: {bare * 1e6 / NODES:.1f} µs a node without"
            for name, seconds in zip(list(ways)[1:], took[1:], strict=True):
                more = (seconds - bare) * 1e6 / NODES
                yield f"    {name:<34}{more:+8.1f} µs a node {seconds / bare:7.2f}x"
            yield f"    everything may cost {MOST:.0f} µs of a node that does nothing"


def _ways(directory: Path) -> dict[str, Callable[[], tuple[Any, ...]]]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=20_000))
    collector, tracing = MetricsCollector(), Tracing(provider)
    logs = Logs("info", format="json", file=directory / "runs.log")

    def traced() -> tuple[Any, ...]:
        exporter.clear()
        return (tracing.sink(),)

    return {
        "off": tuple,
        "off, once more (the noise)": tuple,
        "figures (unless turned off)": lambda: (collector.sink(),),
        "log lines (JSON, info, a file)": lambda: (logs.sink(),),
        "traces (kept in memory)": traced,
        "all of it": lambda: (collector.sink(), logs.sink(), *traced()),
    }


def _runs() -> Iterator[tuple[str, gb.Workflow, Any]]:
    async def nothing() -> None:
        return None

    builder = gb.WorkflowBuilder("benchmark")
    for name, before in chain(NODES).items():
        builder.add_node(gb.Node.python(name, nothing, after=before, cache="disable"))
    yield "nodes that do nothing", builder.build(), None
    builder = gb.WorkflowBuilder("benchmark")
    for name, before in chain(NODES).items():
        builder.add_node(gb.Node.prompt(name, "say yes", after=before))
    yield "prompts that are answered at once", builder.build(), _AtOnce()


def _timer(workflow: gb.Workflow, clients: Any, make: Callable[[], tuple[Any, ...]]) -> Callable[[], float]:
    async def run(sinks: tuple[Any, ...]) -> None:
        engine = Engine(clients=clients, threads=ThreadPool())
        prepared = engine.prepare(workflow, options=RunOptions(max_concurrency=NODES), sinks=sinks)
        await prepared.execute()
        assert prepared.snapshot.status == "succeeded", prepared.snapshot.status

    def timed() -> float:
        sinks = make()
        return seconds_on_loop(lambda: run(sinks))

    return timed


class _AtOnce:
    """A source of clients, and the client: answers at once."""

    provider_name = "fake"

    def client_for(self, *_: Any) -> _AtOnce:
        return self

    def provider_of(self, _: Any) -> str:
        return "fake"

    def model_info(self) -> gb.ModelInfo:
        return gb.ModelInfo(provider="fake", name="model")

    async def generate(self, *_: Any) -> gb.GenerateResponse:
        return gb.GenerateResponse(text="yes", usage=gb.Usage(input_tokens=3, output_tokens=1, calls=1), cost=0.0)
