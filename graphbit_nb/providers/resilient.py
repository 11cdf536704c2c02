"""A client whose calls are tried again, held back, or not made: `retry( breaker( limiter( call ) ) )`."""

from __future__ import annotations

import asyncio
import random as _random
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from graphbit_nb.providers.base import BaseClient
from graphbit_nb.providers.contract import answered
from graphbit_nb.reliability.hedging import hedged
from graphbit_nb.reliability.ratelimit import NotMadeError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from graphbit_nb.core.llm import (
        CallListener,
        EmbedRequest,
        EmbedResponse,
        GenerateRequest,
        GenerateResponse,
        LlmClient,
        ModelInfo,
    )
    from graphbit_nb.errors import ProviderError
    from graphbit_nb.reliability.breaker import CircuitBreaker, CircuitChange
    from graphbit_nb.reliability.hedging import Race
    from graphbit_nb.reliability.ratelimit import RateLimiter, RateWait
    from graphbit_nb.reliability.retry import RetryPolicy

R = TypeVar("R", "GenerateResponse", "EmbedResponse")

CHARACTERS_PER_TOKEN = 4  # of English text, as OpenAI's help pages say


class ResilientClient(BaseClient):
    """Wraps `client`.

    A listener decides when the next attempt starts; without one the client sleeps.

    Args:
        client: Makes the calls.
        retry: How often, and after which pauses.
        breaker: Asked before a call waits for its permit, and again when it has it.
        limiter: Gives the permits.
        hedge_after: Seconds without a piece of an answer after which a second call is made, whose answer is taken if
            it comes first; None makes none.
        sleep: Waits so many seconds.
        random: Gives numbers from 0 to 1.
        clock: Seconds from any start; None is the event loop's.
    """

    def __init__(
        self,
        client: LlmClient,
        retry: RetryPolicy,
        *,
        breaker: CircuitBreaker | None = None,
        limiter: RateLimiter | None = None,
        hedge_after: float | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = _random.random,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.provider_name = client.provider_name
        self.remembers = getattr(client, "remembers", True)
        self._client = client
        self._retry = retry
        self._breaker = breaker
        self._limiter = limiter
        self._hedge_after = hedge_after
        self._sleep = sleep
        self._random = random
        self._clock = clock

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`, in as many attempts as the policy allows.

        Raises:
            ProviderError: the last attempt failed.
            CircuitOpenError: the provider is given a rest.
        """
        tokens = _estimate(request) if self._limiter is not None else 0
        if self._hedge_after is not None:
            return await self._persist(lambda: self._hedged(request, tokens, listener), listener)

        def call() -> Awaitable[GenerateResponse]:
            return answered(self._client, request, listener)

        return await self._persist(lambda: self._guarded(call, tokens, listener), listener)

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:
        """Turn texts into vectors, in as many attempts as the policy allows.

        Raises:
            ProviderError: the last attempt failed.
            CircuitOpenError: the provider is given a rest.
        """
        tokens = sum(map(len, request.texts)) // CHARACTERS_PER_TOKEN

        def call() -> Awaitable[EmbedResponse]:
            return self._client.embed(request, listener)

        return await self._persist(lambda: self._guarded(call, tokens, listener), listener)

    async def _persist(self, attempt: Callable[[], Awaitable[R]], listener: CallListener | None) -> R:
        return await self._retry.execute(
            attempt,
            sleep=self._sleep if listener is None else _waited_already,
            random=self._random,
            clock=self._clock or asyncio.get_running_loop().time,
            on_retry=None if listener is None else listener.retry,
        )

    async def _guarded(self, call: Callable[[], Awaitable[R]], tokens: float, listener: CallListener | None) -> R:
        """Make one call, if the breaker lets it, once the limiter does."""
        breaker, limiter = self._breaker, self._limiter
        if breaker is not None:
            breaker.check()  # nobody queues for a provider that is not called
            call = partial(breaker.call, call, on_change=None if listener is None else partial(_tell_change, listener))
        if limiter is None:
            return await call()
        waits = None if listener is None else _Waits(listener)
        async with limiter.permit(tokens, on_wait=waits) as permit:
            if waits is not None:
                waits.over()
            answer = await call()
            if (used := answer.usage.total_tokens) > 0:  # others say nothing, or nonsense
                permit.used(used)
            return answer

    async def _hedged(self, request: GenerateRequest, tokens: float, listener: CallListener | None) -> GenerateResponse:
        def leg(race: Race, number: int) -> Awaitable[GenerateResponse]:
            heard = None if listener is None else _Runner(listener, race, number)

            async def call() -> GenerateResponse:
                if race.winner is not None:  # the other call answered while this one waited for its permit
                    raise NotMadeError
                race.begins(number)
                answer = await answered(self._client, request, heard)
                race.claims(number)
                return answer

            return self._guarded(call, tokens, listener)

        answer, race = await hedged(leg, self._hedge_after or 0.0, sleep=self._sleep)
        return replace(answer, usage=replace(answer.usage, calls=race.calls))

    def check_embeddings(self, model: str | None) -> None:
        """Raise `ConfigurationError` if the wrapped client knows that it has no vectors."""
        if isinstance(self._client, BaseClient):
            self._client.check_embeddings(model)

    async def list_models(self) -> tuple[str, ...]:
        """Ask the wrapped client which models there are, once: nobody's work depends on it. Empty when it cannot say.

        Raises:
            ProviderError: the list cannot be had.
        """
        return await self._client.list_models()

    def model_info(self) -> ModelInfo:
        """Say what the wrapped client knows about its model."""
        return self._client.model_info()

    async def aclose(self) -> None:
        """Close the wrapped client."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return f"ResilientClient({self._client!r}, {self._retry!r})"


class _Runner:
    """Hears one of two calls, and passes on what it says as long as it is the first to say anything."""

    def __init__(self, listener: CallListener, race: Race, number: int) -> None:
        self.wants_tokens = listener.wants_tokens
        self._listener = listener
        self._race = race
        self._number = number

    def token(self, text: str) -> None:
        if self._race.claims(self._number):
            self._listener.token(text)

    async def retry(self, attempt: int, delay: float, error: ProviderError) -> None:
        await self._listener.retry(attempt, delay, error)

    def limited(self, limit: str, seconds: float | None, ahead: int) -> None:
        self._listener.limited(limit, seconds, ahead)

    def circuit(self, name: str, state: str, reason: str) -> None:
        self._listener.circuit(name, state, reason)


class _Waits:
    """Tells a listener that its call waits for a limit, and when it does so no more."""

    def __init__(self, listener: CallListener) -> None:
        self._listener = listener
        self._limit: str | None = None

    def __call__(self, wait: RateWait) -> None:
        self._limit = f"{wait.limiter}: {wait.reason}" if wait.limiter else wait.reason
        self._listener.limited(self._limit, wait.seconds, wait.ahead)

    def over(self) -> None:
        if self._limit is not None:
            self._listener.limited(self._limit, 0.0, 0)


async def _waited_already(delay: float) -> None:
    """The listener has waited."""


def _tell_change(listener: CallListener, change: CircuitChange) -> None:
    listener.circuit(change.circuit, change.after.value, change.reason)


def _estimate(request: GenerateRequest) -> float:
    """Guess what a call will cost in tokens: what is said, and all of what may be answered."""
    return sum(len(m.content) for m in request.messages) / CHARACTERS_PER_TOKEN + (request.max_tokens or 0)
