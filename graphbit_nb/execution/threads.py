"""A pool of daemon threads for plain functions: one that hangs never delays the end of the process."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_IDLE = 10.0  # seconds that a thread without work waits before it ends


class ThreadPool:
    """Runs functions in daemon threads, started as they are needed.

    `concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, so that one sleeping
    function would hold up the exit; that is why this is not it.

    Args:
        size: Number of functions that run at the same time; abandoned ones do not count.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._busy = 0  # queued or running
        self._abandoned = 0

    async def call(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run `fn` in a thread, in a copy of the caller's context, and return its value.

        When the caller is cancelled the function is abandoned: it may run on, its value is dropped.
        """
        context = contextvars.copy_context()
        future: Future[Any] = Future()
        self._submit(future, lambda: context.run(fn, *args, **kwargs))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._abandon(future)
            raise

    def _submit(self, future: Future[Any], work: Callable[[], Any]) -> None:
        with self._lock:
            self._busy += 1
            grow = self._threads < min(self._busy, self._size + self._abandoned)
            self._threads += grow
        self._work.put((future, work))
        if grow:
            threading.Thread(target=self._run, name="graphbit-function", daemon=True).start()

    def _abandon(self, future: Future[Any]) -> None:
        if not future.done():
            with self._lock:
                self._abandoned += 1
            future.add_done_callback(self._came_back)

    def _came_back(self, _: Future[Any]) -> None:
        with self._lock:
            self._abandoned -= 1

    def _run(self) -> None:
        while True:
            try:
                future, work = self._work.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if self._work.empty():
                        self._threads -= 1
                        return
                continue
            try:
                if future.set_running_or_notify_cancel():
                    self._carry_out(future, work)
            finally:
                with self._lock:
                    self._busy -= 1
            del future, work

    @staticmethod
    def _carry_out(future: Future[Any], work: Callable[[], Any]) -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 (it is raised where the value is awaited)
            # StopIteration cannot be raised into a coroutine, and SystemExit must not end the engine's loop.
            if isinstance(error, StopIteration | SystemExit | KeyboardInterrupt):
                wrapped = RuntimeError(f"the function raised {type(error).__name__}: {error}")
                future.set_exception(wrapped)
            else:
                future.set_exception(error)
        else:
            future.set_result(value)
