"""Lets an interrupt be heard while a call of ours blocks."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def heard() -> Iterator[None]:
    """Let an interrupt raise KeyboardInterrupt while a call blocks a running loop.

    Kernels, in cells that await, and `asyncio.run` take an interrupt as a callback on the loop, which does not turn
    meanwhile. Does nothing but in the main thread, where interrupts are taken.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
