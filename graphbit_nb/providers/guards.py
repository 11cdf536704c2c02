"""The breakers and limiters of one event loop: one of each for every provider and model, which all runs share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from graphbit_nb.reliability.breaker import CircuitBreaker
    from graphbit_nb.reliability.ratelimit import RateLimiter


class Guards:
    """Makes them when they are first asked for, after the pattern that is given, and keeps them."""

    def __init__(self) -> None:
        self._breakers: dict[Hashable, CircuitBreaker] = {}
        self._limiters: dict[Hashable, RateLimiter] = {}

    def breaker(self, what: Hashable, name: str, pattern: CircuitBreaker) -> CircuitBreaker:
        """Return the breaker of `what`: the same one for the same rules.

        Args:
            what: Address, key and model.
            name: The same for people, such as ``"openai/gpt-4o"``.
            pattern: Has the rules.
        """
        key = (what, pattern.rules, id(pattern.on_change))
        if key not in self._breakers:
            self._breakers[key] = pattern.like(name, clock=asyncio.get_running_loop().time)
        return self._breakers[key]

    def limiter(self, what: Hashable, name: str, pattern: RateLimiter) -> RateLimiter:
        """Return the limiter of `what`: the same one for the same limits; arguments as for `breaker`."""
        key = (what, tuple(pattern.limits.values()), id(pattern.on_wait))
        if key not in self._limiters:
            self._limiters[key] = pattern.like(name, clock=asyncio.get_running_loop().time)
        return self._limiters[key]

    def states(self) -> Mapping[str, str]:
        """Return the state of every breaker, by name; of several with one name the one that is worst off."""
        found: dict[str, str] = {}
        order = ("closed", "half_open", "open")
        for breaker in self._breakers.values():
            known = found.get(breaker.name, "closed")
            found[breaker.name] = max(known, breaker.state.value, key=order.index)
        return found
