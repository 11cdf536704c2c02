"""When a provider is left alone for a while because it fails too often. Trying again is the retry policy's business."""

from __future__ import annotations

import logging
import time as _time
from collections import deque
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from graphbit_nb.errors import (
    CircuitOpenError,
    ProviderConnectionError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitError,
    ServerError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

MOST = 1e9  # seconds, or calls: more is a slip
CALLER_FAILED = 400
SERVER_FAILED = 500
TOLD = 200  # characters of the last failure that are worth repeating

logger = logging.getLogger("graphbit_nb")


class CircuitState(StrEnum):
    """Closed lets every call through, open none, half-open a few to see whether the provider is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitChange:
    """A breaker went from one state into another.

    Attributes:
        circuit: Name of the breaker, for example ``"openai/gpt-4o"``.
        before: The state that it left.
        after: The state that it is in now.
        reason: Why, as a sentence.
        rest: Seconds for which no call is made, when it opened.
    """

    circuit: str
    before: CircuitState
    after: CircuitState
    reason: str
    rest: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitRules:
    """When a circuit opens and how it closes again; the arguments of `CircuitBreaker`, checked."""

    failure_threshold: float
    timeout_duration: float
    half_open_max_calls: int
    minimum_calls: int
    window: float

    def __post_init__(self) -> None:
        share = self.failure_threshold
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise UsageError(
                f"failure_threshold is the share of calls that fail, above 0 and up to 1, not {share!r}; "
                "0.5 opens at half of them, and minimum_calls says of how many at least"
            )
        for name in ("timeout_duration", "window"):
            seconds = getattr(self, name)
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= MOST:
                raise UsageError(f"{name} must be a number of seconds above 0 and up to {MOST:g}, not {seconds!r}")
        for name in ("half_open_max_calls", "minimum_calls"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
                raise UsageError(f"{name} must be a whole number of at least 1, not {count!r}")


class Circuit:
    """The state of one breaker. It decides and does nothing else: every time is an argument.

    A call is admitted in an `era`, which ends with each change of state; what it turned out to be counts only while
    that era lasts, so that stragglers from before neither open nor close anything.
    """

    def __init__(self, rules: CircuitRules) -> None:
        self.state = CircuitState.CLOSED
        self.era = 0
        self.reason = ""
        self._rules = rules
        self._until = 0.0
        self._recent: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._probing = 0
        self._passed = 0

    def rest(self, now: float) -> float:
        """Return the seconds for which an open circuit stays so; 0.0 when it is over, or not open at all."""
        return max(0.0, self._until - now) if self.state is CircuitState.OPEN else 0.0

    def admits(self, now: float) -> bool:
        """Whether a call may be made now."""
        if self.state is CircuitState.HALF_OPEN:
            return self._probing + self._passed < self._rules.half_open_max_calls
        return self.rest(now) == 0.0

    def admit(self) -> int:
        """Let a call through, now that `admits` allows it, and return the era in which it begins."""
        if self.state is CircuitState.OPEN:
            self._enter(CircuitState.HALF_OPEN, f"it has rested for {self._rules.timeout_duration:.3g} s")
        if self.state is CircuitState.HALF_OPEN:
            self._probing += 1
        return self.era

    def settle(self, era: int, now: float, *, failed: bool | None, failure: str = "") -> None:
        """Count a call that ended.

        Args:
            era: What `admit` returned for it.
            now: When it ended.
            failed: Whether it failed; None when it says nothing about the provider's health.
            failure: How it failed, in words.
        """
        if era != self.era:
            return
        if self.state is CircuitState.HALF_OPEN:
            self._probing -= 1
            if failed:
                self._open(now, f"a call to see whether it is back failed ({failure})")
            elif failed is False:
                self._passed += 1
                if self._passed == self._rules.half_open_max_calls:
                    self._enter(CircuitState.CLOSED, f"{self._passed} of {self._passed} calls succeeded")
        elif failed is not None:
            self._count(now, failed=failed)
            calls = len(self._recent)
            share = self._rules.failure_threshold
            if failed and calls >= self._rules.minimum_calls and self._failures >= share * calls:
                self._open(now, f"{self._failures} of the last {calls} calls failed, the last with {failure}")

    def _count(self, now: float, *, failed: bool) -> None:
        self._recent.append((now, failed))
        self._failures += failed
        while self._recent[0][0] <= now - self._rules.window:
            self._failures -= self._recent.popleft()[1]

    def _open(self, now: float, reason: str) -> None:
        self._until = now + self._rules.timeout_duration
        self._enter(CircuitState.OPEN, reason)

    def _enter(self, state: CircuitState, reason: str) -> None:
        self.state = state
        self.reason = reason
        self.era += 1
        self._recent.clear()
        self._failures = self._probing = self._passed = 0


class CircuitBreaker:
    """Stops calling a provider that fails too often, and lets a few calls find out when it is back.

    It opens when the share `failure_threshold` of the calls in the last `window` seconds failed, if they were at least
    `minimum_calls`. After `timeout_duration` it lets `half_open_max_calls` calls through: when all of them succeed it
    closes, with the first that fails it opens again. Failed are lost connections, timeouts and the provider's own
    failures (5xx); too many calls (429), answers that cannot be read, and calls that were cancelled count neither way.

    One breaker belongs to one provider and model, and to the event loop on which it is used; runs share it. `like`
    makes others with the same rules.

    Args:
        failure_threshold: Share of failed calls that opens it, above 0 and up to 1.
        timeout_duration: Seconds that it stays open.
        half_open_max_calls: Calls that are let through, at most, to see whether the provider is back.
        minimum_calls: Fewer calls than this in the window say nothing yet.
        window: Seconds that a call is remembered for.
        name: What it protects, for its errors and changes.
        on_change: Told every change of state.
        clock: Tells the time in seconds, for what is measured.
        wall: Tells the time of day, in seconds since 1970, for what people read.
    """

    def __init__(
        self,
        failure_threshold: float = 0.5,
        timeout_duration: float = 30.0,
        half_open_max_calls: int = 3,
        *,
        minimum_calls: int = 20,
        window: float = 60.0,
        name: str = "",
        on_change: Callable[[CircuitChange], object] | None = None,
        clock: Callable[[], float] = _time.monotonic,
        wall: Callable[[], float] = _time.time,
    ) -> None:
        self.rules = CircuitRules(
            failure_threshold=failure_threshold,
            timeout_duration=timeout_duration,
            half_open_max_calls=half_open_max_calls,
            minimum_calls=minimum_calls,
            window=window,
        )
        self.name = name
        self._circuit = Circuit(self.rules)
        self.on_change = on_change
        self._clock = clock
        self._wall = wall

    @property
    def state(self) -> CircuitState:
        """The state as of the last call; an open breaker becomes half-open with the first call after its rest."""
        return self._circuit.state

    def like(self, name: str, *, clock: Callable[[], float] | None = None) -> CircuitBreaker:
        """Return a closed breaker with the same rules for something else: another model, another event loop."""
        return CircuitBreaker(
            **asdict(self.rules),
            name=name,
            on_change=self.on_change,
            clock=clock or self._clock,
            wall=self._wall,
        )

    def check(self) -> None:
        """Refuse what `call` would refuse now. Nothing is reserved: to be asked before waiting for a permit.

        Raises:
            CircuitOpenError: no call is made for now; it says until when.
        """
        now = self._clock()
        if self._circuit.admits(now):
            return
        what = self.name or "the provider"
        rest = self._circuit.rest(now)
        if not rest:
            raise CircuitOpenError(
                f"{what} is being tried again with {self.rules.half_open_max_calls} calls at most; "
                "others are refused until these have succeeded",
                circuit=self.name,
            )
        until = self._wall() + rest
        raise CircuitOpenError(
            f"{what} is not called for another {rest:.3g} s, "
            f"until {_time.strftime('%H:%M:%S', _time.localtime(until))}: {self._circuit.reason}; "
            "run again after that, or give the node a fallback model",
            circuit=self.name,
            retry_after=rest,
            until=until,
        )

    async def call(
        self, operation: Callable[[], Awaitable[T]], *, on_change: Callable[[CircuitChange], object] | None = None
    ) -> T:
        """Await `operation()` if the circuit allows it, count how it ends, and return what it gives.

        Args:
            operation: Makes one call.
            on_change: Told the changes of state that this call brings about, besides the breaker's own `on_change`.

        Raises:
            CircuitOpenError: the call was not made.
        """
        self.check()
        before = self._circuit.state
        era = self._circuit.admit()
        failed: bool | None = None
        failure = ""
        try:
            self._tell(before, on_change)
            answer = await operation()
            failed = False
        except ProviderError as error:
            failed = _failed(error)
            failure = f"{type(error).__name__}: {error}"[:TOLD]
            raise
        else:
            return answer
        finally:
            before = self._circuit.state
            self._circuit.settle(era, self._clock(), failed=failed, failure=failure)
            self._tell(before, on_change)

    def _tell(self, before: CircuitState, on_change: Callable[[CircuitChange], object] | None) -> None:
        after = self._circuit.state
        if after is before:
            return
        rest = self.rules.timeout_duration if after is CircuitState.OPEN else 0.0
        change = CircuitChange(circuit=self.name, before=before, after=after, reason=self._circuit.reason, rest=rest)
        for listener in (self.on_change, on_change):
            if listener is not None:
                try:
                    listener(change)
                except Exception:
                    logger.exception("a listener of the circuit %r failed; the call goes on without it", self.name)

    def __repr__(self) -> str:
        return f"CircuitBreaker({self.name!r}, {self.state.value})"


def _failed(error: ProviderError) -> bool | None:
    """Whether `error` is the provider's failure (True), the caller's (False), or says nothing of its health (None)."""
    if isinstance(error, ServerError | ProviderTimeoutError | ProviderConnectionError):
        return True
    if isinstance(error, RateLimitError) or error.status is None:
        return None
    if error.status >= SERVER_FAILED:
        return True
    return False if error.status >= CALLER_FAILED else None
