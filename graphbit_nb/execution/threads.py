"""A pool of daemon threads for plain functions: one that hangs never delays the end of the process."""

from __future__ import annotations

import contextvars
import os
import queue
import threading
import time
import weakref
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from graphbit_nb.execution.failures import contained

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE = 10.0  # seconds that a thread without work waits before it ends
LAST_STEPS = 1.0  # seconds that threads which were told to end are waited for

_pools: weakref.WeakSet[ThreadPool] = weakref.WeakSet()


def end_idle_threads() -> None:
    """End the threads of all pools that have no work; the pools go on and start others when they need them."""
    ending = [thread for pool in tuple(_pools) for thread in pool.end_idle()]
    until = time.monotonic() + LAST_STEPS
    for thread in ending:
        thread.join(max(0.0, until - time.monotonic()))


class ThreadPool:
    """Runs functions in daemon threads, started as they are needed and used again.

    `concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, so that one sleeping
    function would hold up the exit; that is why this is not it. It sets no limit of its own: a run's slots bound how
    many functions run at the same time, and one that was abandoned must not keep others waiting.
    """

    def __init__(self) -> None:
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._alive: set[threading.Thread] = set()
        self._busy = 0  # functions queued or running

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Run `work` in a thread, in a copy of the caller's context, and return the future of its value."""
        if self._pid != os.getpid():
            self._begin()  # a fork copies this object, but not its threads
        context = contextvars.copy_context()
        future: Future[Any] = Future()
        with self._lock:
            if self._threads == self._busy:
                thread = threading.Thread(target=self._run, name="graphbit-function", daemon=True)
                self._alive.add(thread)
                thread.start()
                self._threads += 1
            self._busy += 1
            self._work.put((future, lambda: context.run(work)))
        return future

    def end_idle(self) -> list[threading.Thread]:
        """Tell as many threads as have no work to end; return the threads if all of them are ending, else none."""
        if self._pid != os.getpid():
            return []
        with self._lock:
            idle = self._threads - self._busy
            self._threads -= idle
            for _ in range(idle):
                self._work.put(None)
            return [] if self._busy else list(self._alive)

    def _run(self) -> None:
        try:
            self._work_off()
        finally:
            self._alive.discard(threading.current_thread())

    def _work_off(self) -> None:
        while True:
            try:
                given = self._work.get(timeout=IDLE)
            except queue.Empty:
                with self._lock:
                    if self._work.empty():
                        self._threads -= 1
                        return
                continue
            if given is None:
                return
            future, work = given
            if future.set_running_or_notify_cancel():
                self._carry_out(future, work)
            else:
                self._free()
            del future, work, given

    def _carry_out(self, future: Future[Any], work: Callable[[], Any]) -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 (it is raised where the value is awaited)
            self._free()
            future.set_exception(contained(error))
        else:
            self._free()  # before the value is seen, so that whoever waits for it finds this thread free
            future.set_result(value)

    def _free(self) -> None:
        with self._lock:
            self._busy -= 1
