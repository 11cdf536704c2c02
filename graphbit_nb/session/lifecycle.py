"""Setting up and winding down the process-wide parts, and what there is to know about them."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version as _installed
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError
from graphbit_nb.execution.threads import end_idle_threads
from graphbit_nb.providers.limits import PoolLimits
from graphbit_nb.session.budgets import forget_budgets, set_kernel_budget
from graphbit_nb.session.engine_thread import stop_engine_thread
from graphbit_nb.session.home import forget_home, made_home, set_home
from graphbit_nb.session.limiting import set_limits
from graphbit_nb.session.shared import limit_pools
from graphbit_nb.telemetry.current import count, turn_off, turn_on_logs, turn_on_tracing

if TYPE_CHECKING:
    from graphbit_nb.core.budget import BudgetLike
    from graphbit_nb.core.limits import InputLimits
    from graphbit_nb.telemetry.logs import LogFormat


def init(
    log_level: str | None = None,
    tracing: Any = False,
    home: Any = None,
    *,
    log_format: LogFormat = "console",
    log_file: Any = None,
    log_content: bool = False,
    trace_content: bool | None = None,
    pool_limits: PoolLimits | None = None,
    budget: BudgetLike = None,
    limits: InputLimits | None = None,
    metrics: bool | None = None,
) -> None:
    """Set the process up. Optional, and may be called again.

    Args:
        log_level: ``"debug"``, ``"info"``, ``"warning"``, ``"error"`` or ``"critical"`` writes what happens as
            log lines; None stays silent.
        tracing: True, or a TracerProvider of OpenTelemetry: a trace of each run, with spans for nodes, attempts and
            tools. True takes the provider that the program has set, else sends to OTEL_EXPORTER_OTLP_ENDPOINT.
        home: Directory in which runs and answers are kept; None is GRAPHBIT_HOME, else ``.graphbit`` here.
        log_format: ``"console"`` for a person, ``"json"`` for programs, one object a line.
        log_file: A path, or a stream. None is stderr; in a kernel, whose stderr is shown in cells, it is
            ``logs/graphbit.log`` in the home.
        log_content: Whether log lines tell prompts, answers, inputs and outputs as well. Keys are never told.
        trace_content: The same of traces; None is what OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT says.
        pool_limits: How many connections there are to each address, and how large an answer may be.
        budget: What all runs of this process may spend together, see `Budget`; None changes nothing.
        limits: How large things may be in runs of executors that say nothing themselves; None changes nothing.
        metrics: Whether what runs do is counted, see `graphbit_nb.metrics`; it is, unless False was said. None changes
            nothing.

    Raises:
        UsageError: there is no such level, or connections are in use with other limits, or another home is.
        ConfigurationError: what tracing needs is not installed.
    """
    if home is not None:
        set_home(home)
    if pool_limits is not None:
        if not isinstance(pool_limits, PoolLimits):
            raise UsageError(f"pool_limits={pool_limits!r}: give PoolLimits(max_response_bytes=...)")
        limit_pools(pool_limits)
    if budget is not None:
        set_kernel_budget(budget)
    if limits is not None:
        set_limits(limits)
    if metrics is not None:
        if not isinstance(metrics, bool):
            raise UsageError(f"metrics={metrics!r}: give True or False")
        count(is_on=metrics)
    if tracing is not False and tracing is not None:
        turn_on_tracing(None if tracing is True else tracing, content=trace_content)
    if log_level is not None:
        turn_on_logs(log_level, format=log_format, file=_log_file(log_file), content=log_content)


def _log_file(given: Any) -> Any:
    """Return where log lines go: not into the cells of a notebook, unless somebody says so."""
    if given is None and type(sys.stderr).__module__.startswith("ipykernel."):
        return made_home() / "logs" / "graphbit.log"
    return given


def shutdown() -> None:
    """Cancel what runs, and give back threads, connections, child processes and the home. The next run starts anew."""
    stop_engine_thread()
    turn_off()
    end_idle_threads()
    forget_budgets()
    set_limits(None)
    forget_home()
    if "graphbit_nb.storage.masterkeys" in sys.modules:
        sys.modules["graphbit_nb.storage.masterkeys"].forget_passphrases()


def version() -> str:
    """Return the version of the package."""
    return _installed("graphbit-nb")


def get_system_info() -> dict[str, Any]:
    """Return what a report of a fault should say about the machine. Nothing in it is secret."""
    from graphbit_nb.providers.local import is_available

    return {
        "version": version(),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "local_runtime": is_available(),
    }
