"""What all executors of a process share: the clients on the engine's loop, and the latest result."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from graphbit_nb.providers.clients import LlmClientManager

if TYPE_CHECKING:
    from graphbit_nb.execution.result import ExecutionResult
    from graphbit_nb.session.engine_thread import EngineThread


class _Shared:
    """The one place where they are."""

    latest: ExecutionResult | None = None
    manager: LlmClientManager | None = None
    thread: EngineThread | None = None  # on whose loop the manager lives
    lock = threading.Lock()


def latest_result() -> ExecutionResult | None:
    """Return the result of the run that ended last in this process, or None."""
    return _Shared.latest


def keep_latest(result: ExecutionResult) -> None:
    """Remember a result as the latest."""
    _Shared.latest = result


def shared_manager(thread: EngineThread) -> LlmClientManager:
    """Return the clients that live on the loop of `thread`, the engine's. Call it on that loop."""
    with _Shared.lock:
        if _Shared.manager is None or _Shared.thread is not thread:
            _Shared.manager, _Shared.thread = LlmClientManager(), thread
            thread.on_stop(_Shared.manager.aclose)
        return _Shared.manager
