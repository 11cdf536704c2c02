"""Asks a second time when an answer is late, and takes whichever comes first.

Hedged requests, after Dean and Barroso, The Tail at Scale, CACM 56(2), 2013.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from graphbit_nb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

MOST = 1e9  # seconds: more is a slip


def checked_hedge(seconds: float | None) -> float | None:
    """Return how long an answer may take before a second one is asked for; None is never. Raises `UsageError`."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= MOST:
        raise UsageError(f"hedge_after must be a number of seconds above 0, not {seconds!r}; None asks only once")
    return float(seconds)


class Race:
    """Two calls for one answer, which is taken from the first that gives a piece of it, or all of it.

    Attributes:
        winner: The call that counts, once there is one.
        calls: How many were made.
    """

    def __init__(self) -> None:
        self.winner: int | None = None
        self.calls = 0
        self.is_on = asyncio.Event()
        self.is_decided = asyncio.Event()

    def begins(self, runner: int) -> None:
        """A call is made; before that it waited for its turn, which is no lateness."""
        self.calls += 1
        if runner == 0:
            self.is_on.set()

    def claims(self, runner: int) -> bool:
        """Whether this call is the one that counts; the first that asks is."""
        if self.winner is None:
            self.winner = runner
            self.is_decided.set()
        return self.winner == runner


async def hedged(
    operation: Callable[[Race, int], Awaitable[T]],
    after: float,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> tuple[T, Race]:
    """Await `operation`, and a second one if the first has said nothing `after` seconds from its beginning.

    Args:
        operation: Makes one call, given the race and its number in it, 0 or 1; it says `race.begins(number)` when it
            does, and asks `race.claims(number)` before it tells anybody a piece of its answer.
        after: Seconds.
        sleep: Waits so many seconds.

    Returns:
        The answer of the call that came first, and the race. The other call is cancelled.

    Raises:
        Exception: what the first call met, when no call has an answer.
    """
    race = Race()

    async def lateness() -> None:
        await race.is_on.wait()
        await sleep(after)

    runners: list[asyncio.Future[T]] = [asyncio.ensure_future(operation(race, 0))]
    late = asyncio.ensure_future(lateness())
    try:
        both: set[asyncio.Future[Any]] = {runners[0], late}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not runners[0].done() and race.winner is None:
            runners.append(asyncio.ensure_future(operation(race, 1)))
        return await _first(runners, race), race
    finally:
        everybody: list[asyncio.Future[Any]] = [late, *runners]
        left = [task for task in everybody if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        for runner in runners:
            if not runner.cancelled():
                runner.exception()  # looked at, so that asyncio does not report it as forgotten


async def _first(runners: list[asyncio.Future[T]], race: Race) -> T:
    """Wait for an answer, also while one call has failed and the other may still have one."""
    left: set[asyncio.Future[Any]] = set(runners)
    decided = asyncio.ensure_future(race.is_decided.wait())
    try:
        return await _taken(runners, race, left, decided)
    finally:
        decided.cancel()
        await asyncio.wait([decided])


async def _taken(
    runners: list[asyncio.Future[T]], race: Race, left: set[asyncio.Future[Any]], decided: asyncio.Future[Any]
) -> T:
    while left:
        done, pending = await asyncio.wait({*left, decided}, return_when=asyncio.FIRST_COMPLETED)
        left = pending - {decided}
        if race.winner is not None:  # pieces of its answer were told already: nothing else can be the answer
            for runner in runners:
                if runner is not runners[race.winner]:
                    runner.cancel()  # it is paid for, and has a permit that others wait for
            return await runners[race.winner]
        for runner in sorted(done, key=runners.index):
            if runner.cancelled() or runner.exception() is None:
                return await runner
    return await runners[0]
