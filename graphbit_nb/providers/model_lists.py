"""What providers say which models they have: asked once, remembered for a while. That a list cannot be had is no error.

What follows from a model that is not listed is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.errors import GraphbitError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from graphbit_nb.core.llm import LlmClient

LONGEST_WAIT = 2.0
KEPT = 600.0
FAILURE_KEPT = 60.0

logger = logging.getLogger("graphbit_nb")


@dataclass(frozen=True, slots=True)
class _Known:
    """A list, or None for one that could not be had, and when it was asked for and ends to be believed."""

    names: tuple[str, ...] | None
    asked: float
    ends: float


class ModelLists:
    """Remembers what each provider lists, and asks it no more than once at a time.

    Args:
        longest_wait: Seconds that anybody waits for a list. One that takes longer is unknown.
        kept: Seconds for which a list is believed.
        failure_kept: Seconds before a list that could not be had is asked for again.
        clock: Seconds from any start.
    """

    def __init__(
        self,
        *,
        longest_wait: float = LONGEST_WAIT,
        kept: float = KEPT,
        failure_kept: float = FAILURE_KEPT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._longest_wait = longest_wait
        self._kept = kept
        self._failure_kept = failure_kept
        self._known: dict[Hashable, _Known] = {}
        self._asking: dict[Hashable, asyncio.Task[None]] = {}

    async def of(self, place: Hashable, client: LlmClient, since: float | None = None) -> tuple[str, ...] | None:
        """Return the models listed at a place, or None when they are not known. Raises nothing.

        Args:
            place: What address and key have in common with others.
            client: Asks for the list, if it must be asked for.
            since: A list asked for before this time is asked for again.
        """
        known = self._current(place, since)
        if known is None:
            task = self._asking.get(place)
            if task is None:
                task = self._asking[place] = asyncio.create_task(self._ask(place, client))
                task.add_done_callback(lambda done: self._forget(place, done))
            await asyncio.wait({task}, timeout=self._longest_wait)  # others may wait too: not cancelled with us
            known = self._current(place, since)
        return None if known is None else known.names

    async def aclose(self) -> None:
        """Ask no longer. What is known stays."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking, timeout=self._longest_wait)

    def _current(self, place: Hashable, since: float | None) -> _Known | None:
        known = self._known.get(place)
        if known is None or known.ends <= self.clock() or (since is not None and known.asked < since):
            return None
        return known

    def _forget(self, place: Hashable, done: asyncio.Task[None]) -> None:
        if self._asking.get(place) is done:
            del self._asking[place]

    async def _ask(self, place: Hashable, client: LlmClient) -> None:
        asked = self.clock()
        names: tuple[str, ...] | None = None
        try:
            async with asyncio.timeout(self._longest_wait):
                names = tuple(await client.list_models()) or None
        except Exception as error:  # noqa: BLE001 (whatever hinders the list, it is unknown and nothing else)
            told = f": {error}" if isinstance(error, GraphbitError) else ""  # others may hold what is secret
            logger.debug("%s: the models are not known (%s%s)", type(client).__name__, type(error).__name__, told)
        self._known[place] = _Known(names, asked, self.clock() + (self._failure_kept if names is None else self._kept))
