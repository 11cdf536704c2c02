"""Wakes the kernel's loop up while a cell runs, so that it hears the stop button.

ipykernel takes an interrupt of a cell that awaits as a callback on its loop, and a loop that waits for nothing but what
the cell awaits does not wake up for that by itself.
"""

from __future__ import annotations

import asyncio

BEAT = 0.1  # seconds


class Heartbeat:
    """Beats from the beginning of a cell to its end."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """A cell of a kernel begins to run."""
        self.stop()
        self._task = asyncio.get_running_loop().create_task(_beat())

    def stop(self) -> None:
        """The cell has run."""
        if self._task is not None:
            self._task.cancel()
            self._task = None


async def _beat() -> None:
    while True:  # noqa: ASYNC110 (to wake up is what it is for)
        await asyncio.sleep(BEAT)
