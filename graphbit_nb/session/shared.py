"""What all executors of a process share: the clients on the engine's loop, and the latest result."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from graphbit_nb.errors import UsageError
from graphbit_nb.providers.clients import LlmClientManager
from graphbit_nb.storage.secrets import stored_key

if TYPE_CHECKING:
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.providers.limits import PoolLimits
    from graphbit_nb.session.engine_thread import EngineThread


class _Shared:
    """The one place where they are."""

    latest: ExecutionResult | None = None
    manager: LlmClientManager | None = None
    limits: PoolLimits | None = None
    thread: EngineThread | None = None  # on whose loop the manager lives
    lock = threading.Lock()


def manager_in_use() -> LlmClientManager | None:
    """Return what holds the clients that runs share; None when nobody has asked anything yet."""
    return _Shared.manager


def latest_result() -> ExecutionResult | None:
    """Return the result of the run that ended last in this process, or None."""
    return _Shared.latest


def keep_latest(result: ExecutionResult) -> None:
    """Remember a result as the latest."""
    _Shared.latest = result


def limit_pools(limits: PoolLimits) -> None:
    """Say how wide the connection pools of the process are, before they are first used.

    Raises:
        UsageError: they are in use already, with other limits.
    """
    with _Shared.lock:
        is_used = _Shared.manager is not None and _Shared.thread is not None and _Shared.thread.is_usable
        if is_used and _Shared.manager is not None and _Shared.manager.limits != limits:
            raise UsageError("connections are in use with other limits; call graphbit_nb.shutdown() first")
        _Shared.limits = limits


def shared_manager(thread: EngineThread) -> LlmClientManager:
    """Return the clients that live on the loop of `thread`, the engine's. Call it on that loop."""
    with _Shared.lock:
        if _Shared.manager is None or _Shared.thread is not thread:
            _Shared.manager, _Shared.thread = LlmClientManager(_Shared.limits, keys=stored_key), thread
            thread.on_stop(_Shared.manager.aclose)
        return _Shared.manager
