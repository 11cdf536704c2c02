"""The one place of nest_asyncio, and its one use: `executor.execute(..., loop="current")` inside a running loop.

Synchronous code whose nodes use objects that are bound to the caller's own loop (a database session, a client that
was opened in the notebook) has to run them on that loop, although it is running already. Python's asyncio cannot do
that; nest_asyncio patches it so that it can. Here the patch is lent: it reaches no loop but the caller's, so never the
engine's, and is taken back when the call ends. What stays of its price: no button is served while the call blocks, and
whatever else is due on the loop runs inside the call. ``await executor.run(..., loop="current")`` does the same
without the patch and without its price; everything else needs neither.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from graphbit_nb.session.interrupts import heard

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

T = TypeVar("T")
_MISSING = object()


def run_nested(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end on the loop that is running already; who interrupts it cancels it."""
    import nest_asyncio

    loop = asyncio.get_running_loop()
    if hasattr(loop, "_nest_patched"):  # by the user, for good
        return _run(loop, make)
    with _lent(loop):
        nest_asyncio.apply(loop)
        return _run(loop, make)


def _run(loop: asyncio.AbstractEventLoop, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    task = loop.create_task(make())
    try:
        with heard():
            return loop.run_until_complete(task)
    except BaseException:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        raise


@contextmanager
def _lent(loop: Any) -> Iterator[None]:
    """Take back what nest_asyncio changes in asyncio, and let only this loop have what it changes in loops."""
    before = [(owner, name, vars(owner).get(name, _MISSING)) for owner, names in _patched() for name in names]
    kind = type(loop)
    loop.__class__ = type(kind.__name__, (kind,), {})
    due = len(loop._ready)  # noqa: SLF001 (see below)
    try:
        yield
    finally:
        loop.__class__ = kind
        for owner, name, value in before:
            if value is not _MISSING:
                setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)
        # The loop is in the middle of a round, and counts on as many calls as were due when it began.
        for _ in range(due - len(loop._ready)):  # noqa: SLF001
            loop.call_soon(int)


def _patched() -> list[tuple[Any, tuple[str, ...]]]:
    """Return what nest_asyncio sets, by where it is."""
    policy = type(asyncio.get_event_loop_policy())
    found: list[tuple[Any, tuple[str, ...]]] = [
        (asyncio, ("run", "Task", "Future", "get_event_loop", "_nest_patched")),
        (asyncio.tasks, ("Task", "_CTask")),
        (asyncio.futures, ("Future", "_CFuture")),
        (asyncio.events, ("get_event_loop", "_get_event_loop")),
        (policy, ("get_event_loop",)),
    ]
    if "tornado.concurrent" in sys.modules:
        found.append((sys.modules["tornado.concurrent"], ("Future",)))
    return found
