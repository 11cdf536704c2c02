"""Counts what happens in runs: how long, how often, how much; a sink of events that costs a few microseconds a node."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from graphbit_nb.core import events as e
from graphbit_nb.errors import UsageError
from graphbit_nb.telemetry.figures import (
    CallFigures,
    Figures,
    NodeFigures,
    RunFigures,
    Table,
    ToolFigures,
    pattern_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.telemetry.exposition import MetricsServer

MOST_SERIES = 2_000  # rows of each table: nodes, calls, tools
MOST_RUNS = 1_000  # runs told to the collector itself that may be going on at the same time

NodeEnd = e.NodeSucceeded | e.NodeCached | e.NodeFailed | e.NodeSkipped | e.NodeCancelled


class MetricsCollector:
    """Counts the runs that it is told of: give it to a run as one of its `views`, or take `sink` for each run.

    Args:
        most_series: Nodes, calls and tools that are told apart; the rest are counted together as ``"(other)"``.

    Raises:
        UsageError: that is no number of series.
    """

    wants_tokens = False

    def __init__(self, *, most_series: int = MOST_SERIES) -> None:
        if isinstance(most_series, bool) or not isinstance(most_series, int) or most_series < 1:
            raise UsageError(f"most_series={most_series!r}: give a number from 1")
        self.lock = threading.Lock()
        self._most_series = most_series
        self._going: dict[str, RunMetrics] = {}
        self.reset()

    def reset(self) -> None:
        """Begin to count anew."""
        with self.lock:
            room = self._most_series
            self.runs = Table(RunFigures, 1, room)
            self.nodes = Table(NodeFigures, 2, room)
            self.calls = Table(CallFigures, 4, room)
            self.tools = Table(ToolFigures, 3, room)
            self.circuits: Counter[tuple[str, str]] = Counter()

    def __call__(self, event: e.Event) -> None:
        """Count one event of any run."""
        sink = self._going.get(event.run_id)
        if sink is None:
            sink = self._begin(event)
        sink(event)
        if type(event) is e.RunFinished:
            self._going.pop(event.run_id, None)

    def sink(self, workflow: str = "") -> RunMetrics:
        """Return a sink for one run of `workflow`, which cannot be told from the events of a run that is resumed."""
        return RunMetrics(self, workflow)

    def figures(self) -> Figures:
        """Return everything that was counted, as it is now; it does not change any more."""
        with self.lock:
            return Figures(
                self.runs.copies(), self.nodes.copies(), self.calls.copies(), self.tools.copies(),
                Counter(self.circuits),
            )  # fmt: skip

    def exposition(self) -> str:
        """Return all figures as Prometheus reads them.

        Raises:
            ConfigurationError: prometheus-client is not installed.
        """
        from graphbit_nb.telemetry.exposition import exposition

        return exposition(self)

    def serve(self, port: int = 9464, host: str = "127.0.0.1") -> MetricsServer:
        """Answer Prometheus at ``http://127.0.0.1:port/metrics`` from a thread, until the server is closed.

        Args:
            port: Where; 0 is any that is free, see `MetricsServer.port`.
            host: Who can ask; this machine alone if it is not said otherwise.

        Raises:
            ConfigurationError: prometheus-client is not installed.
            UsageError: the port is taken, or there is no such.
        """
        from graphbit_nb.telemetry.exposition import MetricsServer

        return MetricsServer(self, port, host)

    def _begin(self, event: e.Event) -> RunMetrics:
        sink = RunMetrics(self, "")
        with self.lock:
            if len(self._going) >= MOST_RUNS:
                del self._going[next(iter(self._going))]  # of a run that never ended
            self._going[event.run_id] = sink
        return sink


class RunMetrics:
    """The sink of one run: knows what is open, and counts what ends."""

    wants_tokens = False

    def __init__(self, collector: MetricsCollector, workflow: str) -> None:
        self._all = collector
        self._lock = collector.lock
        self._workflow = workflow
        self._began: float | None = None
        self._ready: dict[str, float] = {}
        self._started: dict[str, float] = {}
        self._limited: dict[str, float] = {}
        self._calls: dict[str, tuple[tuple[str, str, str, str], float]] = {}

    def __call__(self, event: e.Event) -> None:
        """Count one event."""
        count = self.HANDLERS.get(type(event))
        if count is not None:
            with self._lock:
                count(self, event)

    def _node(self, path: str) -> NodeFigures:
        return self._all.nodes.row(self._workflow, pattern_of(path))

    # ---- runs

    def _run_started(self, event: e.RunStarted) -> None:
        self._workflow = event.workflow
        self._began = event.time

    def _run_resumed(self, event: e.RunResumed) -> None:
        self._began = event.time
        self._all.runs.row(self._workflow).resumed += 1

    def _run_finished(self, event: e.RunFinished) -> None:
        row = self._all.runs.row(self._workflow)
        row.ended[event.status.value] += 1
        if self._began is not None:
            row.seconds.add(event.time - self._began)

    # ---- nodes

    def _node_ready(self, event: e.NodeReady) -> None:
        self._ready[event.node] = event.time

    def _node_started(self, event: e.NodeStarted) -> None:
        self._started[event.node] = event.time
        self._node(event.node).queued.add(event.time - self._ready.pop(event.node, event.time))

    def _node_ended(self, event: NodeEnd) -> None:
        path = event.node
        row = self._node(path)
        row.ended[event.kind.removeprefix("node.")] += 1
        began = self._started.pop(path, None)
        if began is not None:
            row.seconds.add(event.time - began)
        self._ready.pop(path, None)
        self._limited.pop(path, None)
        error = None
        if isinstance(event, e.NodeFailed):
            error = event.error
            row.errors[error.type] += 1
        elif isinstance(event, e.NodeSucceeded):
            error = event.fallback
        if path in self._calls:
            self._close(path, error)

    def _retry(self, event: e.RetryScheduled) -> None:
        self._node(event.node).retries[event.error.type] += 1
        self._close(event.node, event.error)

    def _rejected(self, event: e.OutputRejected) -> None:
        self._node(event.node).rejected += 1

    def _fallback(self, event: e.FallbackAsked) -> None:
        self._node(event.node).fallbacks += 1
        self._close(event.node, event.error)

    def _rate_limited(self, event: e.RateLimited) -> None:
        if event.seconds == 0.0:
            self._node(event.node).limited.add(event.time - self._limited.pop(event.node, event.time))
        else:
            self._limited.setdefault(event.node, event.time)

    # ---- calls

    def _requested(self, event: e.LlmRequested) -> None:
        names = (self._workflow, pattern_of(event.node), event.provider, event.model or "")
        self._calls[event.node] = names, event.time

    def _responded(self, event: e.LlmResponded) -> None:
        unasked = (self._workflow, pattern_of(event.node), "", event.model or "")
        names, began = self._calls.pop(event.node, (unasked, event.time))
        row = self._all.calls.row(*names)
        if event.source is not None:
            row.taken[event.source] += 1
            return
        row.answered += 1
        row.seconds.add(event.time - began if event.latency is None else event.latency)
        if event.first_token is not None:
            row.first_token.add(event.first_token)
        if event.cost is None:
            row.unpriced += 1
        else:
            row.cost += event.cost
        usage, tokens = event.usage, row.tokens
        tokens["input"] += usage.input_tokens or 0
        tokens["output"] += usage.output_tokens or 0
        tokens["cached"] += usage.cached_tokens or 0
        tokens["reasoning"] += usage.reasoning_tokens or 0

    def _close(self, path: str, error: e.ErrorInfo | None) -> None:
        """The call that is open, if there is one, ended without an answer."""
        names, _ = self._calls.pop(path, (None, 0.0))
        if names is None:
            return
        row = self._all.calls.row(*names)
        if error is None:
            row.cancelled += 1
        else:
            row.failed[error.type] += 1

    # ---- others

    def _tool(self, event: e.ToolCalled) -> None:
        row = self._all.tools.row(self._workflow, pattern_of(event.node), event.tool)
        row.seconds.add(event.time - event.started)
        if event.error is None:
            row.succeeded += 1
        else:
            row.failed[event.error.type] += 1

    def _circuit(self, event: e.CircuitChanged) -> None:
        self._all.circuits[event.circuit, event.state] += 1

    HANDLERS: ClassVar[dict[type[Any], Callable[[RunMetrics, Any], None]]] = {
        e.RunStarted: _run_started,
        e.RunResumed: _run_resumed,
        e.RunFinished: _run_finished,
        e.NodeReady: _node_ready,
        e.NodeStarted: _node_started,
        e.NodeSucceeded: _node_ended,
        e.NodeCached: _node_ended,
        e.NodeFailed: _node_ended,
        e.NodeSkipped: _node_ended,
        e.NodeCancelled: _node_ended,
        e.RetryScheduled: _retry,
        e.OutputRejected: _rejected,
        e.FallbackAsked: _fallback,
        e.RateLimited: _rate_limited,
        e.LlmRequested: _requested,
        e.LlmResponded: _responded,
        e.ToolCalled: _tool,
        e.CircuitChanged: _circuit,
    }
