"""When a failed call is made again, and how long to wait before. Breakers and limits are others' business."""

from __future__ import annotations

import asyncio
import inspect
import random as _random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from graphbit_nb.errors import ProviderError, UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")

MOST = 1e9  # seconds, or times: more is a slip


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a call is made at most, and how the pauses between attempts grow.

    Before attempt n+1 the pause is `base_delay * backoff_multiplier ** (n - 1)`, at most `max_delay`, of which the
    share `jitter` is random: 1.0 spreads it over the whole of 0 to the pause, 0.0 not at all. When the provider says
    how long to wait, that replaces the fixed share and the random share comes on top, so that calls which were told
    the same moment do not come back together. A wait longer than `max_retry_after` is not worth sitting out: the
    error is raised at once, with its `retry_after`.

    Attributes:
        max_attempts: Calls in total, the first one included.
        base_delay: Seconds before the second attempt.
        max_delay: Longest pause of our own choosing, in seconds.
        backoff_multiplier: Growth of the pause from one attempt to the next.
        jitter: Random share of a pause, from 0.0 to 1.0.
        max_time: Seconds from the first attempt after which none begins; None for any time.
        max_attempts_for: Calls in total by class of error, where it is another number than `max_attempts`: the class
            of the last failure counts, or the nearest one that it derives from.
    """

    max_attempts: int = 5
    base_delay: float = 0.5
    max_delay: float = 30.0
    backoff_multiplier: float = 2.0
    jitter: float = 1.0
    max_time: float | None = None
    max_attempts_for: Mapping[type[ProviderError], int] = field(default_factory=dict, hash=False)

    max_retry_after: ClassVar[float] = 300.0

    def __post_init__(self) -> None:
        _check_count("max_attempts", self.max_attempts)
        for name, least in (("base_delay", 0.0), ("max_delay", 0.0), ("backoff_multiplier", 1.0), ("jitter", 0.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= MOST:
                raise UsageError(f"{name} must be a number from {least} to {MOST:g}, not {value!r}")
        if self.jitter > 1:
            raise UsageError(f"jitter is a share from 0.0 to 1.0, not {self.jitter!r}")
        seconds = self.max_time
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if seconds is not None and (not is_number or not 0 < seconds <= MOST):
            raise UsageError(f"max_time must be a number of seconds above 0 and up to {MOST:g}, not {self.max_time!r}")
        given: Any = self.max_attempts_for
        if not isinstance(given, Mapping):
            raise UsageError(f"max_attempts_for takes a dict such as {{RateLimitError: 10}}, not {given!r}")
        for kind, count in given.items():
            if not (isinstance(kind, type) and issubclass(kind, ProviderError)):
                raise UsageError(f"max_attempts_for: {kind!r} is no class of ProviderError, such as RateLimitError")
            _check_count(f"max_attempts_for: {kind.__name__}", count)
        object.__setattr__(self, "max_attempts_for", dict(given))

    def attempts_for(self, error: ProviderError) -> int:
        """Return the calls in total that a failure like this is worth."""
        kinds = (self.max_attempts_for.get(kind) for kind in type(error).__mro__)
        return next((count for count in kinds if count is not None), self.max_attempts)

    def retries(self, error: BaseException) -> bool:
        """Say whether a call that failed with `error` is worth another attempt."""
        if not isinstance(error, ProviderError) or not error.retryable:
            return False
        return (error.retry_after or 0.0) <= self.max_retry_after

    def delay(
        self, attempt: int, error: ProviderError | None = None, random: Callable[[], float] = _random.random
    ) -> float:
        """Return the seconds to wait after failed attempt number `attempt`, counted from 1."""
        try:
            grown = self.base_delay * self.backoff_multiplier ** (attempt - 1)
        except OverflowError:
            grown = self.max_delay
        pause = min(grown, self.max_delay)
        told = (error.retry_after if error is not None else None) or 0.0
        return max(pause * (1 - self.jitter), told) + pause * self.jitter * random()

    async def execute(
        self,
        operation: Callable[[], Awaitable[T]],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = _random.random,
        clock: Callable[[], float] = time.monotonic,
        on_retry: Callable[[int, float, ProviderError], Awaitable[None] | None] | None = None,
    ) -> T:
        """Await `operation()`, again after each failure that is worth it, and return what it gives.

        Args:
            operation: Makes one attempt.
            sleep: Waits so many seconds.
            random: Gives numbers from 0 to 1.
            clock: Seconds from any start.
            on_retry: Told attempt, delay and error before each pause; awaited when it is a coroutine function.

        Raises:
            ProviderError: the last attempt's error, with the number of `attempts`.
        """
        attempt, began = 1, clock()
        while True:
            try:
                return await operation()
            except ProviderError as error:
                error.attempts = attempt
                if attempt >= self.attempts_for(error) or not self.retries(error):
                    raise
                failure = error
            delay = self.delay(attempt, failure, random)
            if self.max_time is not None and clock() - began + delay > self.max_time:
                raise failure
            if on_retry is not None:
                told = on_retry(attempt, delay, failure)
                if inspect.isawaitable(told):
                    await told
            await sleep(delay)
            if self.max_time is not None and clock() - began > self.max_time:  # whoever waited has waited longer
                raise failure
            attempt += 1


def checked_retry(given: Any) -> RetryPolicy:
    """Read `retry=`: a policy, a number of attempts, or None. Raises `UsageError`."""
    if given is None or isinstance(given, RetryPolicy):
        return given or RetryPolicy()
    if not isinstance(given, int):
        raise UsageError(f"retry={given!r}: give the number of attempts in all, or a RetryPolicy")
    try:
        return RetryPolicy(max_attempts=given)
    except UsageError as error:
        raise UsageError(f"retry={given!r}: {error}") from None


def _check_count(name: str, count: object) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise UsageError(
            f"{name} must be a whole number of at least 1, not {count!r}; 1 means that nothing is tried again"
        )
