"""What of telemetry is on in this process, and the sinks that a run is given for it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.telemetry.metrics import MetricsCollector

if TYPE_CHECKING:
    from graphbit_nb.core.bus import Sink
    from graphbit_nb.telemetry.logs import Logs
    from graphbit_nb.telemetry.run_trace import RunTrace
    from graphbit_nb.telemetry.tracing import Tracing


@dataclass(frozen=True, slots=True)
class RunTelemetry:
    """The sinks of one run; close it when the run has returned."""

    sinks: tuple[Sink, ...]
    trace: RunTrace | None = None

    def close(self) -> None:
        """End what a run has left open that returned without having finished."""
        if self.trace is not None:
            self.trace.close()


class _Current:
    """The one place where it is remembered."""

    collector = MetricsCollector()
    counts = True
    logs: Logs | None = None
    tracing: Tracing | None = None
    lock = threading.Lock()


def metrics() -> MetricsCollector:
    """Return the figures of all runs of this process since it began."""
    return _Current.collector


def run_telemetry(workflow: str) -> RunTelemetry:
    """Return the sinks for one run of `workflow`, each made for it alone."""
    sinks: list[Any] = [_Current.collector.sink(workflow)] if _Current.counts else []
    trace = None
    if _Current.logs is not None:
        sinks.append(_Current.logs.sink(workflow))
    if _Current.tracing is not None:
        trace = _Current.tracing.sink(workflow)
        sinks.append(trace)
    return RunTelemetry(tuple(sinks), trace)


def count(*, is_on: bool) -> None:
    """Count what runs do from now on, or leave it: then `metrics` stays as it is."""
    _Current.counts = is_on


def turn_on_logs(level: str, **how: Any) -> Logs:
    """Write log lines from now on, in place of those written so far; arguments and errors as for `Logs`."""
    from graphbit_nb.telemetry.logs import Logs

    made = Logs(level, **how)
    with _Current.lock:
        earlier, _Current.logs = _Current.logs, made
        if earlier is not None:
            earlier.close()
        made.install()
    return made


def turn_on_tracing(provider: Any = None, *, content: bool | None = None) -> Tracing:
    """Make traces from now on, in place of those made so far; arguments and errors as for `Tracing`."""
    from graphbit_nb.telemetry.tracing import Tracing

    made = Tracing(provider, content=content)
    with _Current.lock:
        earlier, _Current.tracing = _Current.tracing, made
    if earlier is not None:
        earlier.close()
    return made


def turn_off() -> None:
    """Write and trace nothing any more, send what waits to be sent, and begin to count anew."""
    with _Current.lock:
        logs, _Current.logs = _Current.logs, None
        tracing, _Current.tracing = _Current.tracing, None
    if logs is not None:
        logs.close()
    if tracing is not None:
        tracing.close()
    _Current.counts = True
    _Current.collector.reset()
