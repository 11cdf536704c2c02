"""A time limit that stands still while a person is waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Stopwatch:
    """Calls back once when the seconds are up.

    Args:
        seconds: How many; None is no limit.
        loop: Whose clock counts.
        expire: Called when they are up.
    """

    def __init__(self, seconds: float | None, loop: asyncio.AbstractEventLoop, expire: Callable[[], None]) -> None:
        self._left = seconds
        self._loop = loop
        self._expire = expire
        self._timer: asyncio.TimerHandle | None = None
        self._pauses = 0

    def start(self) -> None:
        """Begin to count."""
        if self._left is not None and not self._pauses and self._timer is None:
            self._timer = self._loop.call_later(self._left, self._is_up)

    def pause(self) -> None:
        """Stand still until `go_on` was called as often as this."""
        self._pauses += 1
        if self._timer is not None and self._left is not None:
            self._left = max(0.0, self._timer.when() - self._loop.time())
            self._stop()

    def go_on(self) -> None:
        """Take one pause back."""
        self._pauses -= 1
        self.start()

    def close(self) -> None:
        """Count no more."""
        self._left = None
        self._stop()

    def _is_up(self) -> None:
        self.close()
        self._expire()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
