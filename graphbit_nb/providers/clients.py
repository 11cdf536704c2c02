"""The table from provider names to clients, and the clients that one event loop shares."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import LlmClient
from graphbit_nb.errors import ConfigurationError, GraphbitError, UsageError, did_you_mean
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.guards import Guards
from graphbit_nb.providers.limits import PoolLimits
from graphbit_nb.providers.model_lists import ModelLists
from graphbit_nb.providers.presets import kept_key
from graphbit_nb.providers.registry import ProviderRegistry
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.reliability.breaker import CircuitBreaker
from graphbit_nb.reliability.hedging import checked_hedge
from graphbit_nb.reliability.ratelimit import RateLimiter
from graphbit_nb.reliability.retry import RetryPolicy, checked_retry

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from pydantic import SecretStr

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.providers.http import HttpPools

    Factory = Callable[[LlmConfig, "LlmClientManager"], LlmClient]


logger = logging.getLogger("graphbit_nb")


def _api(config: LlmConfig, manager: LlmClientManager) -> LlmClient:
    from graphbit_nb.providers.api import ApiClient

    return ApiClient.from_config(config, manager.pools, keys=manager.keys)


def _local(config: LlmConfig, manager: LlmClientManager) -> LlmClient:
    from graphbit_nb.providers.local.client import LocalClient

    return LocalClient.from_config(config, manager.pools)


def _scripted(config: LlmConfig, manager: LlmClientManager) -> LlmClient:  # noqa: ARG001 (a script needs no connection)
    from graphbit_nb.providers.scripted import ScriptedClient

    return ScriptedClient(config.responses or {})


FACTORIES: Mapping[str, Factory] = {"local": _local, "scripted": _scripted}


class LlmClientManager:
    """Makes the client of each config once, and closes them all.

    Clients hold connections, which belong to one event loop: a manager lives and dies with the loop it is used on.

    Args:
        limits: Of the connections to each address.
        lists: What is remembered of the providers' lists of models.
        keys: Gives the key that is kept under a provider's name, or under "provider:label", or None; it is asked for
            configs that have no key of their own. None keeps no keys.
    """

    def __init__(
        self,
        limits: PoolLimits | None = None,
        *,
        lists: ModelLists | None = None,
        keys: Callable[[str], SecretStr | None] | None = None,
    ) -> None:
        self.limits = limits or PoolLimits()
        self.lists = lists or ModelLists()
        self.keys = keys
        self.guards = Guards()
        self._clients: dict[Hashable, tuple[LlmConfig, LlmClient, object]] = {}
        self._pools: HttpPools | None = None

    def client(self, config: LlmConfig) -> LlmClient:
        """Return the client for `config`: the same one for the same config.

        Raises:
            ConfigurationError: there is no such provider, or it lacks a key, an address, a package or its weights.
        """
        factory = ProviderRegistry.registered(config.provider)
        key = (_identity(config), id(factory), self._kept(config))  # a class may be defined anew, a key exchanged
        if key not in self._clients:
            self._clients[key] = (config, self._make(config), factory)  # kept, so that its id stays its own
        return self._clients[key][1]

    def _kept(self, config: LlmConfig) -> SecretStr | None:
        return None if self.keys is None or config.provider in FACTORIES else kept_key(config, self.keys)

    def _make(self, config: LlmConfig) -> LlmClient:
        name = config.provider
        if (made := ProviderRegistry.registered(name)) is None:
            if (ours := FACTORIES.get(name)) is not None:
                return ours(config, self)
            if name in PRESETS:
                return _api(config, self)
            made = ProviderRegistry.announced(name)
        if made is None:
            known = ProviderRegistry.names()
            raise ConfigurationError(
                f"there is no provider {name!r}{did_you_mean(name, known)} (known: {', '.join(known)}; "
                "one of your own is registered first, with ProviderRegistry.register)"
            )
        try:
            kept = self._kept(config)
            client: Any = made(config if kept is None else config.model_copy(update={"api_key": kept}))
        except GraphbitError:
            raise
        except Exception as error:
            raise ConfigurationError(
                f"the provider {name!r} could not make a client of its config: {type(error).__name__}: {error}"
            ) from error
        if isinstance(client, type) or not isinstance(client, LlmClient):
            if inspect.iscoroutine(client):
                client.close()  # so that nobody complains that it was never awaited
            raise ConfigurationError(
                f"the provider {name!r} gives {type(client).__name__}, which is no client; derive it from "
                "CustomLlmClient"
            )
        return client

    def believes_list(self, config: LlmConfig) -> bool:
        """Whether what the provider of `config` lists says anything about its model. Raises as `client` does."""
        self.client(config)
        return config.options.get("check_model") is not False

    async def models_of(self, config: LlmConfig, *, since: float | None = None) -> tuple[str, ...] | None:
        """Return the models that the provider of `config` lists, or None when that is not known.

        Args:
            config: Whose address and key are used; its model does not matter.
            since: A list asked for before this time, by the clock of `lists`, is asked for again.

        Raises:
            ConfigurationError: as `client` does. A list that cannot be had is no error.
        """
        return await self.lists.of(place_of(config), self.client(config), since)

    def resilient(
        self,
        config: LlmConfig,
        retry: RetryPolicy | int | None = None,
        *,
        breaker: CircuitBreaker | None = None,
        limiter: RateLimiter | None = None,
        hedge_after: float | None = None,
    ) -> ResilientClient:
        """Return the client for `config` with retries, breaker and limiter around it. Call it on the loop of its use.

        Args:
            config: As for `client`.
            retry: How often and after which pauses; None is `RetryPolicy()`.
            breaker: The pattern of the breaker of this provider and model, which all who ask with the same rules
                share; None is none.
            limiter: The same for the limiter.
            hedge_after: See `ResilientClient`.

        Raises:
            ConfigurationError: as `client` does.
        """
        policy = checked_retry(retry)
        for argument, given, kind in (("breaker", breaker, CircuitBreaker), ("limiter", limiter, RateLimiter)):
            if given is not None and not isinstance(given, kind):
                raise UsageError(f"{argument}={given!r}: give a {kind.__name__}, or None for none")
        client, what, name = self.client(config), (*place_of(config), config.model), f"{config.provider}/{config.model}"
        return ResilientClient(
            client,
            policy,
            breaker=None if breaker is None else self.guards.breaker(what, name, breaker),
            limiter=None if limiter is None else self.guards.limiter(what, name, limiter),
            hedge_after=checked_hedge(hedge_after),
        )

    @property
    def pools(self) -> HttpPools:
        """The connections that the clients share."""
        if self._pools is None:
            from graphbit_nb.providers.http import HttpPools

            self._pools = HttpPools(self.limits)
        return self._pools

    async def aclose(self) -> None:
        """Close every client and every connection."""
        clients, self._clients = [client for _, client, _ in self._clients.values()], {}
        pools, self._pools = self._pools, None
        await self.lists.aclose()
        closing = [client.aclose() for client in clients]
        results = await asyncio.gather(*closing, *([pools.aclose()] if pools else []), return_exceptions=True)
        for error in results:  # nobody's result is worth less for it
            if isinstance(error, Exception):
                logger.warning("a client could not be closed: %s: %s", type(error).__name__, error)
            elif isinstance(error, BaseException):
                raise error

    def __repr__(self) -> str:
        return f"LlmClientManager({len(self._clients)} clients)"


def _identity(config: LlmConfig) -> Hashable:
    """What makes two configs the same; a script is itself only, for it counts its calls."""
    if config.responses is not None:
        return (config.provider, id(config.responses))  # the table keeps the config, so the id stays its own
    options = json.dumps(dict(config.options), sort_keys=True, default=repr)
    return (*place_of(config), config.model, config.timeout, config.total_timeout, options)


def place_of(config: LlmConfig) -> tuple[Hashable, ...]:
    """What two configs have in common that ask the same address with the same key."""
    headers = json.dumps(dict(config.headers), sort_keys=True, default=repr)
    return (config.provider, config.base_url, config.api_key, headers)
