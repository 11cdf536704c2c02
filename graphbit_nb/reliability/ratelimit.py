"""How many calls and tokens a minute, and how many calls at once, a provider is given. Who waits is served in order.

A provider counts what came in the last minute, so that is what is counted here. aiolimiter, which was considered, is a
leaky bucket: after a burst of the whole limit it refills at once, so that a minute may see nearly twice the limit. It
also serves small amounts before large ones and newcomers before those who wait, cannot take back what an estimate was
too high by, and has no clock but the event loop's.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time as _time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from graphbit_nb.errors import CircuitOpenError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

MINUTE = 60.0
SHORTEST = 0.001  # seconds: a clock may not tell apart less than this
MOST = 10**12  # a minute, or at once: more is a slip

Reason = Literal["requests", "tokens", "concurrency"]

logger = logging.getLogger("graphbit_nb")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateWait:
    """A call has to wait for its permit.

    Attributes:
        limiter: Name of the limiter, for example ``"openai/gpt-4o"``.
        reason: The limit that is reached.
        seconds: How long at least, or None when it depends on when other calls end.
        ahead: Calls that are served before.
    """

    limiter: str
    reason: Reason
    seconds: float | None
    ahead: int


class NotMadeError(Exception):
    """Raised where a permit was granted to say that the call was not made after all."""


@dataclass(slots=True, eq=False)
class Spending:
    """One call, and what it counts for in the minute that begins with it."""

    time: float
    tokens: float
    counted: bool = True


class Room:
    """What is in use of the limits, by an exact account of the last minute. Every time is an argument.

    An estimate of more than a minute's tokens takes a whole minute's: whether the call is too large is the provider's
    to say.
    """

    def __init__(self, requests: int | None, tokens: int | None, concurrency: int | None) -> None:
        self.running = 0
        self._requests = math.inf if requests is None else requests
        self._tokens = math.inf if tokens is None else tokens
        self._concurrency = math.inf if concurrency is None else concurrency
        self._recent: deque[Spending] = deque()
        self._total: float = 0

    def obstacle(self, tokens: float, now: float) -> tuple[Reason, float] | None:
        """Return the limit that holds up a call of `tokens` and for how long, infinite if nobody knows; else None."""
        self._forget(now)
        if self.running >= self._concurrency:
            return "concurrency", math.inf
        calls = len(self._recent) + 1 - self._requests
        excess = self._total + min(tokens, self._tokens) - self._tokens
        if calls <= 0 and excess <= 0:
            return None
        reason: Reason = "requests" if calls > 0 else "tokens"
        until = now
        for spent in self._recent:
            until = spent.time + MINUTE
            calls -= 1
            excess -= spent.tokens
            if calls <= 0 and excess <= 0:
                break
        return reason, until - now

    def enter(self, tokens: float, now: float) -> Spending:
        """Count a call that begins now."""
        self.running += 1
        spent = Spending(now, min(tokens, self._tokens))
        if self._requests < math.inf or self._tokens < math.inf:
            self._recent.append(spent)
            self._total += spent.tokens
        else:
            spent.counted = False
        return spent

    def leave(self) -> None:
        """A call has ended; it counts for the rest of its minute."""
        self.running -= 1

    def correct(self, spent: Spending, tokens: float) -> None:
        """Count `tokens` for a call instead of its estimate, as long as its minute lasts."""
        if spent.counted:
            self._total += tokens - spent.tokens
            spent.tokens = tokens

    def give_back(self, spent: Spending) -> None:
        """A call was not made after all: it counts for nothing."""
        if spent.counted:
            self.correct(spent, 0)
            spent.counted = False
            self._recent.remove(spent)

    def _forget(self, now: float) -> None:
        while self._recent and self._recent[0].time + MINUTE <= now:
            spent = self._recent.popleft()
            spent.counted = False
            self._total -= spent.tokens
        if not self._recent:
            self._total = 0  # what rounding has left


class Permit:
    """One call's leave to be made.

    Attributes:
        waited: Seconds that it took to get it.
    """

    def __init__(self, waited: float, correct: Callable[[float], None]) -> None:
        self.waited = waited
        self._correct = correct

    def used(self, tokens: float) -> None:
        """Say what the call really cost, in place of the estimate.

        Raises:
            UsageError: it is no number of tokens.
        """
        self._correct(_tokens(tokens))


class _Waiting:
    def __init__(self, tokens: float) -> None:
        self.tokens = tokens
        self.look = asyncio.Event()


class RateLimiter:
    """Gives out permits for calls, first come, first served, within limits a minute and at once.

    No minute, wherever it begins, sees more calls than `requests_per_minute` nor more estimated tokens than
    `tokens_per_minute`; both may be used up in one go. Who waits and is cancelled leaves nothing behind. One limiter
    belongs to one provider and model, and to the event loop on which it is used; runs share it. `like` makes others
    with the same limits.

    Args:
        requests_per_minute: Calls that may begin within a minute; None for any number.
        tokens_per_minute: Tokens of the calls that begin within a minute; None for any number.
        concurrency: Calls at the same time; None for any number.
        name: What it protects, for those who are told of waits.
        on_wait: Told of every call that has to wait.
        clock: Tells the time in seconds.
        sleep: Waits so many seconds, by the same time.
    """

    def __init__(
        self,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        concurrency: int | None = None,
        *,
        name: str = "",
        on_wait: Callable[[RateWait], object] | None = None,
        clock: Callable[[], float] = _time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.limits = {
            "requests_per_minute": requests_per_minute,
            "tokens_per_minute": tokens_per_minute,
            "concurrency": concurrency,
        }
        for argument, limit in self.limits.items():
            _check(argument, limit)
        self.name = name
        self._room = Room(requests_per_minute, tokens_per_minute, concurrency)
        self._queue: deque[_Waiting] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.on_wait = on_wait
        self._clock = clock
        self._sleep = sleep

    def like(self, name: str, *, clock: Callable[[], float] | None = None) -> RateLimiter:
        """Return an unused limiter with the same limits for something else: another model, another event loop."""
        return RateLimiter(
            **self.limits, name=name, on_wait=self.on_wait, clock=clock or self._clock, sleep=self._sleep
        )

    @asynccontextmanager
    async def permit(
        self, tokens: float = 0, *, on_wait: Callable[[RateWait], object] | None = None
    ) -> AsyncIterator[Permit]:
        """Wait for leave to make a call, which is made inside the `async with`.

        A call that a circuit breaker refuses there (`CircuitOpenError`), or that is not made for another reason
        (`NotMadeError`), counts for nothing.

        Args:
            tokens: What the call will cost, as far as one knows; say `used` on the permit once one knows better.
            on_wait: Told if this call has to wait, besides the limiter's own `on_wait`.

        Raises:
            UsageError: `tokens` is no number of tokens, or calls of another event loop are under way.
        """
        estimate = _tokens(tokens)
        began = self._clock()
        spent = await self._enter(estimate, on_wait)
        try:
            yield Permit(spent.time - began, lambda real: self._correct(spent, real))
        except (CircuitOpenError, NotMadeError):
            self._room.give_back(spent)
            raise
        finally:
            self._room.leave()
            self._poke()

    async def _enter(self, tokens: float, on_wait: Callable[[RateWait], object] | None) -> Spending:
        """Queue and, once it is our turn and there is room, take it: nobody else hands it over, so none can be lost."""
        self._belong()
        waiting = _Waiting(tokens)
        told = False
        self._queue.append(waiting)
        try:
            while True:
                waiting.look.clear()
                first = self._queue[0]
                now = self._clock()
                obstacle = self._room.obstacle(first.tokens, now)
                if obstacle is None and first is waiting:
                    return self._room.enter(tokens, now)
                if obstacle is not None and not told:
                    told = True
                    self._tell(*obstacle, self._queue.index(waiting), on_wait)
                await self._pause(waiting, math.inf if obstacle is None or first is not waiting else obstacle[1])
        finally:
            self._queue.remove(waiting)
            self._poke()

    async def _pause(self, waiting: _Waiting, seconds: float) -> None:
        if seconds == math.inf:
            await waiting.look.wait()
            return
        over = asyncio.ensure_future(self._sleep(max(seconds, SHORTEST)))
        changed = asyncio.ensure_future(waiting.look.wait())
        try:
            await asyncio.wait({over, changed}, return_when=asyncio.FIRST_COMPLETED)
            if over.done():
                over.result()
        finally:
            over.cancel()
            changed.cancel()

    def _correct(self, spent: Spending, tokens: float) -> None:
        self._room.correct(spent, tokens)
        self._poke()

    def _poke(self) -> None:
        """Let the first in the queue look again."""
        if self._queue:
            self._queue[0].look.set()

    def _belong(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop and (self._queue or self._room.running):
            raise UsageError(
                f"{self!r} has calls under way on another event loop; make one for this loop with .like({self.name!r})"
            )
        self._loop = loop

    def _tell(self, reason: Reason, seconds: float, ahead: int, on_wait: Callable[[RateWait], object] | None) -> None:
        known = None if seconds == math.inf else seconds
        wait = RateWait(limiter=self.name, reason=reason, seconds=known, ahead=ahead)
        for listener in (self.on_wait, on_wait):
            if listener is not None:
                try:
                    listener(wait)
                except Exception:
                    logger.exception("a listener of the limiter %r failed; the call goes on without it", self.name)

    def __repr__(self) -> str:
        limits = [f"{name}={limit}" for name, limit in self.limits.items() if limit is not None]
        return f"RateLimiter({', '.join(limits)})"


def _check(name: str, limit: int | None) -> None:
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST):
        raise UsageError(
            f"{name} must be a whole number from 1 to {MOST:g}, not {limit!r}; None means that there is no such limit"
        )


def _tokens(tokens: float) -> float:
    if isinstance(tokens, bool) or not isinstance(tokens, int | float) or not 0 <= tokens <= MOST:
        raise UsageError(f"tokens must be a number from 0 to {MOST:g}, not {tokens!r}")
    return tokens
