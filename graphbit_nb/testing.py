"""For testing workflows: time that passes at once, and runs without threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer as soon as nothing else is left to do.

    What sleeps for an hour takes no time, and the order of things is the same on every machine. Work in other
    threads is not waited for by the clock: use it with coroutines.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._real_select = self._selector.select  # type: ignore[attr-defined]
        self._selector.select = self._select  # type: ignore[attr-defined]

    def time(self) -> float:
        """Return the virtual time in seconds; it begins at 0."""
        return self._now

    def _select(self, timeout: float | None) -> Any:
        ready = self._real_select(0)
        if not ready and timeout:
            self._now += timeout
        elif not ready and timeout is None:
            ready = self._real_select(None)
        return ready


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a `VirtualTimeLoop` and return its value."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
