"""Runs as traces of OpenTelemetry: a span for the run, for each node, each attempt and each tool, with events' times.

Nothing of OpenTelemetry is imported before tracing is turned on. An attempt is a call that a node made, or, of a node
that asks no model and was tried again, one of its tries.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import ConfigurationError, UsageError
from graphbit_nb.telemetry.run_trace import RunTrace

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext, Tracer, TracerProvider

CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
SPAN_WORDS = ("true", "1", "span_only", "span_and_event")


@dataclass(frozen=True, slots=True)
class _Provided:
    provider: TracerProvider
    is_own: bool


class Tracing:
    """Makes traces of the runs of one process.

    Args:
        provider: The tracer provider to use; None is the one that the program has set, else one of our own that sends
            spans where the usual variables (``OTEL_EXPORTER_OTLP_ENDPOINT``) say.
        content: Whether prompts, answers, arguments and results of tools are told as well. None is what the variable
            ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` says.

    Raises:
        UsageError: that is no tracer provider.
        ConfigurationError: OpenTelemetry, or its exporter, is not installed.
    """

    def __init__(self, provider: Any = None, *, content: bool | None = None) -> None:
        found = _provided(provider)
        self.content = os.environ.get(CONTENT, "").strip().lower() in SPAN_WORDS if content is None else content
        self._found = found
        self._tracer: Tracer = found.provider.get_tracer("graphbit_nb")
        self._roots: dict[str, SpanContext] = {}

    def sink(self, workflow: str = "") -> RunTrace:
        """Return a sink for one run, whose span is inside the one that is current now. Close it after the run."""
        return RunTrace(self._tracer, workflow, self._roots, content=self.content)

    def flush(self, seconds: float = 5.0) -> bool:
        """Send what waits to be sent, and say whether that was done in time."""
        flush = getattr(self._found.provider, "force_flush", None)
        return True if flush is None else bool(flush(int(seconds * 1000)))

    def close(self) -> None:
        """Send what waits to be sent. A provider of the user's own goes on."""
        self._roots.clear()
        if self._found.is_own:
            self._found.provider.shutdown()  # type: ignore[attr-defined]  # (the one that we made has it)


def _provided(provider: Any) -> _Provided:
    try:
        from opentelemetry import trace
    except ImportError:
        raise _missing("opentelemetry-api") from None
    if provider is not None:
        if not callable(getattr(provider, "get_tracer", None)):
            raise UsageError(f"tracing={provider!r}: give True, or a TracerProvider of OpenTelemetry")
        return _Provided(provider, is_own=False)
    current = trace.get_tracer_provider()
    if not isinstance(current, trace.ProxyTracerProvider | trace.NoOpTracerProvider):
        return _Provided(current, is_own=False)
    return _Provided(_own(), is_own=True)


def _own() -> TracerProvider:
    """Return a provider that sends spans over OTLP; it does not become that of the program."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise _missing("opentelemetry-sdk") from None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise _missing("opentelemetry-exporter-otlp-proto-http") from None
    said = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    named = bool(os.environ.get("OTEL_SERVICE_NAME")) or "service.name=" in said
    provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "graphbit-nb"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _missing(package: str) -> ConfigurationError:
    return ConfigurationError(
        f"tracing needs the package {package}: pip install 'graphbit-nb[otel]', or give your own tracer provider"
    )
