"""What an executor says about its calls: how they are tried again, held back, not made, and made twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.errors import UsageError, did_you_mean
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.reliability.breaker import CircuitBreaker
from graphbit_nb.reliability.hedging import checked_hedge
from graphbit_nb.reliability.ratelimit import RateLimiter
from graphbit_nb.reliability.retry import RetryPolicy, checked_retry

if TYPE_CHECKING:
    from graphbit_nb.core.config import LlmConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """The settings.

    Attributes:
        retry: How failed calls are tried again.
        breaker: The pattern of the circuit breakers, of which each provider and model has one; None is none.
        limiters: The patterns of the rate limiters, by ``"provider/model"`` or ``"provider"``; ``"*"`` for all others.
        hedge_after: Seconds after which a call that has said nothing is made a second time; None is never.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: CircuitBreaker | None = field(default_factory=CircuitBreaker)
    limiters: Mapping[str, RateLimiter] = field(default_factory=dict)
    hedge_after: float | None = None

    def limiter_for(self, config: LlmConfig) -> RateLimiter | None:
        """Return the pattern of the limiter for what a config asks."""
        if not self.limiters:
            return None
        places = (f"{config.provider}/{config.model}", config.provider, "*")
        return next((self.limiters[place] for place in places if place in self.limiters), None)


def read_reliability(
    retry: Any, breaker: CircuitBreaker | Literal[False] | None, rate_limit: Any, hedge_after: float | None
) -> Reliability:
    """Check an executor's arguments of these names. Raises `UsageError`."""
    policy = checked_retry(retry)
    if breaker is not None and breaker is not False and not isinstance(breaker, CircuitBreaker):
        raise UsageError(f"breaker={breaker!r}: give a CircuitBreaker, or False for none")
    return Reliability(
        retry=policy,
        breaker=CircuitBreaker() if breaker is None else breaker or None,
        limiters=_read_limiters(rate_limit),
        hedge_after=checked_hedge(hedge_after),
    )


def _read_limiters(given: Any) -> Mapping[str, RateLimiter]:
    if given is None:
        return {}
    if isinstance(given, RateLimiter):
        return {"*": given}
    if not isinstance(given, Mapping):
        raise UsageError(
            f"rate_limit={given!r}: give a RateLimiter, or a dict of them by provider, such as "
            "{'openai': RateLimiter(requests_per_minute=500)}"
        )
    for place, limiter in given.items():
        if not isinstance(limiter, RateLimiter):
            raise UsageError(f"rate_limit[{place!r}]={limiter!r}: give a RateLimiter")
        provider, slash, model = place.partition("/") if isinstance(place, str) else (place, "", "")
        known = ProviderRegistry.names()
        if provider not in known and place != "*":
            raise UsageError(
                f"rate_limit: there is no provider {provider!r}{did_you_mean(str(provider), known)}; the names are "
                "'provider' or 'provider/model', or '*' for all others; one of your own is registered first, with "
                "ProviderRegistry.register"
            )
        if slash and not model:
            raise UsageError(f"rate_limit: {place!r} names no model; write 'provider/model', or {provider!r} for all")
    return dict(given)


DEFAULT_RELIABILITY = Reliability()
