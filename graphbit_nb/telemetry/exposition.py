"""The figures as Prometheus reads them: made when it asks, from what was counted; nothing is counted twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from graphbit_nb.core.redaction import redact_label
from graphbit_nb.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbit_nb.telemetry.histograms import Histogram
    from graphbit_nb.telemetry.metrics import MetricsCollector

EDGES = tuple(2.0**power for power in range(-10, 13))  # 1 ms to 68 min: edges of buckets, so counts are exact


class MetricsServer:
    """Answers Prometheus from a thread.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, collector: MetricsCollector, port: int, host: str) -> None:
        client = _client()
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
            raise UsageError(f"port={port!r}: give a number from 0 to 65535")
        try:
            self._server, self._thread = client.start_http_server(port, host, registry=_registry(collector))
        except OSError as error:
            raise UsageError(f"metrics cannot be served at {host}:{port}: {error.strerror or error}") from None
        self.host = host
        self.port: int = self._server.server_address[1]

    @property
    def url(self) -> str:
        """Where the figures are."""
        return f"http://{self.host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"MetricsServer({self.url!r})"


def exposition(collector: MetricsCollector) -> str:
    """Return all figures as text."""
    text: str = _client().generate_latest(_registry(collector)).decode()
    return text


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError:
        raise ConfigurationError(
            "Prometheus needs the package prometheus-client: pip install 'graphbit-nb[prometheus]'"
        ) from None
    return prometheus_client


def _registry(collector: MetricsCollector) -> Any:
    registry = _client().CollectorRegistry()
    registry.register(_Families(collector))
    return registry


class _Families:
    """What prometheus-client asks for its families of figures."""

    def __init__(self, collector: MetricsCollector) -> None:
        self._collector = collector

    def describe(self) -> list[Any]:
        """Name nothing beforehand; what there is depends on the runs."""
        return []

    def collect(self) -> Iterator[Any]:
        """Give every family, made of one copy of the figures."""
        figures = self._collector.figures()
        family = _Makes()
        for run in figures.runs:
            for status, number in run.ended.items():
                family.count("runs", "Runs that ended.", number, workflow=run.workflow, status=status)
            family.spread("run_duration_seconds", "From start to end of a run.", run.seconds, workflow=run.workflow)
        for node in figures.nodes:
            of = {"workflow": node.workflow, "node": node.node}
            for state, number in node.ended.items():
                family.count("nodes", "Nodes that ended, by state.", number, **of, state=state)
            for error, number in node.errors.items():
                family.count("node_errors", "Nodes that failed, by class of error.", number, **of, error_type=error)
            for error, number in node.retries.items():
                family.count("retries", "Attempts that another followed.", number, **of, error_type=error)
            if node.rejected:
                family.count("outputs_rejected", "Answers that did not fit the output.", node.rejected, **of)
            if node.fallbacks:
                family.count("fallbacks", "Times that a fallback's model was asked.", node.fallbacks, **of)
            family.spread("node_duration_seconds", "From start to end of a node.", node.seconds, **of)
            family.spread("node_queue_seconds", "How long a node waited for a slot.", node.queued, **of)
            family.spread("rate_limit_wait_seconds", "How long calls waited for a limit.", node.limited, **of)
        for call in figures.calls:
            of = {"workflow": call.workflow, "node": call.node, "provider": call.provider, "model": call.model}
            outcomes = {"answered": call.answered, "cancelled": call.cancelled, "failed": call.failed.total()}
            for outcome, number in {**outcomes, **call.taken}.items():
                if number:
                    family.count("llm_calls", "Calls, by what came of them.", number, **of, outcome=outcome)
            for kind, number in call.tokens.items():
                family.count("llm_tokens", "Tokens that were paid for.", number, **of, type=kind)
            family.count("llm_cost_dollars", "US dollars, where prices are known.", call.cost, **of)
            if call.unpriced:
                family.count("llm_unpriced_calls", "Answers whose price is not known.", call.unpriced, **of)
            family.spread("llm_call_duration_seconds", "How long answered calls took.", call.seconds, **of)
            family.spread("llm_first_token_seconds", "When the first piece of an answer came.", call.first_token, **of)
        for tool in figures.tools:
            of = {"workflow": tool.workflow, "node": tool.node, "tool": tool.tool}
            if tool.succeeded:
                family.count("tool_calls", "Tools that were called.", tool.succeeded, **of, error_type="")
            for error, number in tool.failed.items():
                family.count("tool_calls", "Tools that were called.", number, **of, error_type=error)
            family.spread("tool_duration_seconds", "How long tools took.", tool.seconds, **of)
        for (circuit, state), number in figures.circuits.items():
            family.count("circuit_changes", "Breakers that changed.", number, circuit=circuit, state=state)
        yield from family.made.values()


class _Makes:
    """Gathers samples under the families they belong to."""

    def __init__(self) -> None:
        from prometheus_client import core

        self._core = core
        self.made: dict[str, Any] = {}

    def count(self, name: str, what: str, number: float, **labels: str) -> None:
        """Add a sample of a counter."""
        family = self.made.get(name)
        if family is None:
            made = self._core.CounterMetricFamily(f"graphbit_{name}", what, labels=list(labels))
            family = self.made[name] = made
        family.add_metric([redact_label(label) for label in labels.values()], number)

    def spread(self, name: str, what: str, values: Histogram, **labels: str) -> None:
        """Add a histogram, unless it is empty."""
        if not values.count:
            return
        family = self.made.get(name)
        if family is None:
            made = self._core.HistogramMetricFamily(f"graphbit_{name}", what, labels=list(labels))
            family = self.made[name] = made
        counts = values.up_to(EDGES)
        buckets = [(str(edge), float(n)) for edge, n in zip(EDGES, counts, strict=True)]
        told = [redact_label(label) for label in labels.values()]
        family.add_metric(told, [*buckets, ("+Inf", float(values.count))], values.total)
