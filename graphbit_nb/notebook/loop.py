"""The one place of nest_asyncio, and its one use: `executor.execute(..., loop="current")` inside a running loop.

Synchronous code whose nodes use objects that are bound to the caller's own loop (a database session, a client that
was opened in the notebook) has to run them on that loop, although it is running already. Python's asyncio cannot do
that; nest_asyncio patches it so that it can. The price, measured with ipykernel 7: under Run All, cells after the
first one may never run, and no button is served while the call blocks. ``await executor.run(..., loop="current")``
does the same without the patch and without its price; everything else needs neither.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


def run_nested(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine to its end on the loop that is running already. Patches asyncio, for good, on its first use."""
    import nest_asyncio

    loop = asyncio.get_running_loop()
    nest_asyncio.apply(loop)
    value: T = loop.run_until_complete(make())
    return value
