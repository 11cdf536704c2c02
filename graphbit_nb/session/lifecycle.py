"""Setting up and winding down the process-wide parts, and what there is to know about them."""

from __future__ import annotations

import logging
import os
import platform
import sys
from importlib.metadata import version as _installed
from typing import Any

from graphbit_nb.errors import ConfigurationError, UsageError, did_you_mean
from graphbit_nb.execution.threads import end_idle_threads
from graphbit_nb.providers.limits import PoolLimits
from graphbit_nb.session.engine_thread import stop_engine_thread
from graphbit_nb.session.home import forget_home, set_home
from graphbit_nb.session.shared import limit_pools

LEVELS = ("debug", "info", "warning", "error", "critical")


def init(
    log_level: str | None = None, tracing: bool = False, home: Any = None, *, pool_limits: PoolLimits | None = None
) -> None:
    """Set the process up. Optional, and may be called again.

    Args:
        log_level: ``"debug"``, ``"info"``, ``"warning"``, ``"error"`` or ``"critical"`` writes what happens to
            stderr; None stays silent.
        tracing: Not available yet.
        home: Directory in which runs and answers are kept; None is GRAPHBIT_HOME, else ``.graphbit`` here.
        pool_limits: How many connections there are to each address, and how large an answer may be.

    Raises:
        UsageError: there is no such level, or connections are in use with other limits, or another home is.
        ConfigurationError: what is asked for is not available yet.
    """
    if tracing:
        raise ConfigurationError("tracing is not available in this version")
    if home is not None:
        set_home(home)
    if pool_limits is not None:
        if not isinstance(pool_limits, PoolLimits):
            raise UsageError(f"pool_limits={pool_limits!r}: give PoolLimits(max_response_bytes=...)")
        limit_pools(pool_limits)
    if log_level is None:
        return
    if log_level not in LEVELS:
        near = did_you_mean(str(log_level), LEVELS)
        raise UsageError(f"log_level={log_level!r}{near}; one of {', '.join(LEVELS)}")
    logger = logging.getLogger("graphbit_nb")
    logger.setLevel(log_level.upper())
    if not any(isinstance(handler, logging.StreamHandler) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)


def shutdown() -> None:
    """Cancel what runs, and give back threads, connections, child processes and the home. The next run starts anew."""
    stop_engine_thread()
    end_idle_threads()
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
