"""The thread on which runs live, with an event loop of its own: the same one for all runs of a process."""

from __future__ import annotations

import asyncio
import atexit
import contextvars
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

WIND_DOWN = 3.0  # seconds that runs have to end when the thread is stopped
LEFT_OVER = 0.5  # seconds that whatever they leave behind has to end

_lock = threading.Lock()
_thread: EngineThread | None = None
_after: list[Callable[[], None]] = []


class EngineThread:
    """A daemon thread that runs an event loop until `stop`."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._closers: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="graphbit-engine", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    @property
    def is_usable(self) -> bool:
        """Whether the thread runs, and runs in this process: a fork copies the object but not the thread."""
        return self._thread.is_alive() and self._pid == os.getpid()

    @property
    def is_current(self) -> bool:
        """Whether the caller is on this thread, where waiting for a run would wait for ever."""
        return threading.current_thread() is self._thread

    def submit(self, make: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run a coroutine on the loop, in a copy of the caller's context, and return its future.

        The context is what routes printed text to the cell that started the run.
        """
        future: Future[T] = Future()

        def begin() -> None:
            task = self.loop.create_task(make())
            self._tasks.add(task)
            task.add_done_callback(finish)

        def finish(task: asyncio.Task[T]) -> None:
            self._tasks.discard(task)
            if task.cancelled():
                future.cancel()
                future.set_running_or_notify_cancel()
            elif (error := task.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(task.result())

        self.loop.call_soon_threadsafe(begin, context=contextvars.copy_context())
        return future

    def on_stop(self, closer: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Await `closer()` on the loop before it stops."""
        self._closers.append(closer)

    def stop(self, timeout: float = 5.0) -> None:
        """Cancel what runs, give back what is held, and end the thread. Waits at most `timeout` seconds."""
        if not self.is_usable:
            return
        done = self.submit(self._wind_down)
        try:
            done.result(timeout)
        except (TimeoutError, asyncio.CancelledError):
            pass
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(timeout)
            if not self._thread.is_alive():
                self.loop.close()

    async def _wind_down(self) -> None:
        # First the runs, which end their nodes themselves; then what they could not end.
        await _cancel(self._tasks, WIND_DOWN)
        await _cancel(asyncio.all_tasks(), LEFT_OVER)
        for closer in self._closers:
            await closer()


async def _cancel(tasks: set[asyncio.Task[Any]], seconds: float) -> None:
    """Cancel all of these but the caller's own, and wait at most so many seconds for their end."""
    others = [task for task in tasks if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=seconds)


def engine_thread() -> EngineThread:
    """Return the process's engine thread; start it if there is none."""
    global _thread  # noqa: PLW0603 (one thread a process)
    with _lock:
        if _thread is None or not _thread.is_usable:
            _thread = EngineThread()
        return _thread


def stop_engine_thread() -> None:
    """Stop the engine thread if there is one. The next run starts another."""
    global _thread
    with _lock:
        thread, _thread = _thread, None
    if thread is not None:
        thread.stop()
    for call in _after:
        call()


def after_stopping(call: Callable[[], None]) -> None:
    """Have something called each time the thread was stopped, also at the end of the process: nothing runs then."""
    _after.append(call)


atexit.register(stop_engine_thread)
