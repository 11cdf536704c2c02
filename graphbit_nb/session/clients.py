"""Which client each node of a run asks: the node's own choice, else the executor's, else the embedded model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.errors import ConfigurationError
from graphbit_nb.graph.fallback import models_of
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.providers.clients import LlmClientManager, place_of
from graphbit_nb.providers.identity import code_of_provider, identity_of
from graphbit_nb.providers.local import is_available
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.session.paying import Means, PayingClient
from graphbit_nb.session.reliability import DEFAULT_RELIABILITY
from graphbit_nb.session.resources import check_models
from graphbit_nb.session.tariffs import check_prices
from graphbit_nb.storage.playing import PlayingClient

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from graphbit_nb.graph.node import Node
    from graphbit_nb.session.budgets import Accounts
    from graphbit_nb.session.reliability import Reliability
    from graphbit_nb.storage.cassette import Tape
    from graphbit_nb.storage.run_memory import RunMemory

NOTHING_CONFIGURED = (
    "no model is configured. Ways on: install the embedded model with pip install 'graphbit-nb[local]' and "
    "'graphbit-nb local install'; or name a provider, as in WorkflowExecutor(LlmConfig.openai('gpt-4o-mini')), "
    "LlmConfig.anthropic(...), LlmConfig.ollama(...), or %graphbit config --provider openai --model gpt-4o-mini; "
    "or answer from a script with LlmConfig.scripted({...})"
)


_NEVER_LISTED = frozenset({"local", "scripted"})


def default_config() -> LlmConfig:
    """Return the config for when nothing is said: the embedded model. A key lying around chooses nothing.

    Raises:
        ConfigurationError: the embedded model's runtime is not installed.
    """
    if is_available():
        return LlmConfig.local()
    raise ConfigurationError(NOTHING_CONFIGURED)


class RunClients:
    """The clients of one run.

    Scripted clients are made anew for each run, so that a script starts from its beginning; all others are shared
    with other runs, and so are their connections.

    Args:
        manager: Where shared clients live.
        config: The executor's model; None is the default.
        reliability: The executor's retries, breaker, limits and hedging.
        memory: What the run remembers and is reminded of.
        tape: Recorded calls that are played, and recorded on.
        accounts: What calls are put on; None counts nothing.
    """

    def __init__(
        self,
        manager: LlmClientManager,
        config: LlmConfig | None,
        reliability: Reliability = DEFAULT_RELIABILITY,
        memory: RunMemory | None = None,
        tape: Tape | None = None,
        accounts: Accounts | None = None,
    ) -> None:
        self._shared = manager
        self._own = LlmClientManager()
        self._config = config
        self._reliability = reliability
        self._memory = memory
        self._tape = tape
        self._accounts = accounts
        self._means = Means()
        self._made: dict[Hashable, Any] = {}

    def client_for(self, node: Node, instead: LlmConfig | None = None) -> Any:
        """Return the client that a node asks, or the one of the model that stands in. Raises `ConfigurationError`."""
        settings = node.settings
        provider, model = getattr(settings, "provider", None), getattr(settings, "model", None)
        key = (id(instead), id(provider), model, node.retry, node.cache)  # configs live as long as the workflow
        if (made := self._made.get(key)) is None:
            made = self._made[key] = self._make(instead or self.config_for(node), node)
        return made

    def _make(self, config: LlmConfig, node: Node) -> Any:
        if self._tape is None:
            return self._asking(config, node)
        return PlayingClient(partial(self._asking, config, node), self._tape, identity_of(config))

    def _asking(self, config: LlmConfig, node: Node) -> Any:
        policy = node.retry if node.retry is not None else self._reliability.retry
        if isinstance(policy, int):
            policy = RetryPolicy(max_attempts=policy)
        client = self._resilient(config, policy)
        if self._memory is None:
            return client
        return self._memory.wrap(client, node, identity_of(config), code_of_provider(config))

    def _resilient(self, config: LlmConfig, policy: RetryPolicy) -> ResilientClient:
        """Return the client that tries again; inside it each attempt is paid for."""
        told, manager = self._reliability, self._manager_of(config)
        client, limiter = manager.client(config), told.limiter_for(config)
        if self._accounts is not None:
            client = PayingClient(client, self._accounts, config, self._means)
        what, name = (*place_of(config), config.model), f"{config.provider}/{config.model}"
        return ResilientClient(
            client,
            policy,
            breaker=None if told.breaker is None else manager.guards.breaker(what, name, told.breaker),
            limiter=None if limiter is None else manager.guards.limiter(what, name, limiter),
            hedge_after=told.hedge_after,
        )

    def provider_of(self, node: Node) -> str:
        """Return the name of the provider that a node asks. Raises `ConfigurationError`."""
        return self.config_for(node).provider

    def config_for(self, node: Node) -> LlmConfig:
        """Return the provider and the model that a node asks. Raises `ConfigurationError`."""
        provider: Any = getattr(node.settings, "provider", None)
        model: str | None = getattr(node.settings, "model", None)
        if isinstance(provider, LlmConfig):
            return provider.with_model(model)
        if provider is None:
            return (self._config or self._default()).with_model(model)
        if self._config is not None and self._config.provider == provider:
            return self._config.with_model(model)
        if provider == "local":
            return LlmConfig.local().with_model(model)
        if model is None:
            raise ConfigurationError(f"{node.name}: provider {provider!r} needs a model; say which with model=")
        return LlmConfig(provider=provider, model=model)

    def _default(self) -> LlmConfig:
        if self._tape is not None and not self._tape.cassette.records:
            return LlmConfig.local()  # which is not asked
        return default_config()

    def check(self, nodes: Iterable[Node]) -> None:
        """Make the clients of all nodes that ask a model, before anything is called.

        Those inside sub-workflows and those that stand in when another fails are looked at as well.

        Raises:
            ConfigurationError: a model is not set up.
        """
        for path, node, instead in self._asked(nodes):
            client = self.client_for(node, instead)
            if self._tape is not None:
                client.check()
            if processor_of(node.kind).embeds:
                try:
                    client.check_embeddings(None if instead is not None else node.settings.model)
                except ConfigurationError as error:
                    raise ConfigurationError(f"{path}: {error}") from None

    async def check_models(self, nodes: Iterable[Node]) -> None:
        """Ask the providers of the same nodes' models, where they can be asked, whether they have them.

        Takes at most about two seconds; what cannot be found out in that time is taken to be in order.

        Raises:
            ConfigurationError: a model is not there, or its name is a slip.
        """
        if self._tape is not None and self._tape.cassette.recordings:
            return  # most of what is asked will be played
        asked = ((path, instead or self.config_for(node)) for path, node, instead in self._asked(nodes))
        listed = [(path, config) for path, config in asked if config.provider not in _NEVER_LISTED]
        if listed:
            await check_models(listed, self._shared)

    async def check_prices(self, nodes: Iterable[Node]) -> None:
        """See to it that what the same nodes ask has a price, where there is a budget in money.

        Raises:
            ConfigurationError: nobody knows what a model costs.
        """
        accounts = self._accounts
        if accounts is None or not accounts.limits("cost"):
            return
        if self._tape is not None and not self._tape.cassette.records:
            return  # nothing is asked
        asked = [
            (path, instead or self.config_for(node), processor_of(node.kind).embeds)
            for path, node, instead in self._asked(nodes)
        ]
        await check_prices(asked, accounts.prices)

    def _asked(self, nodes: Iterable[Node], within: str = "") -> Iterator[tuple[str, Node, LlmConfig | None]]:
        """Go through the nodes that ask a model, by path; again for the model that stands in when that fails."""
        for node in nodes:
            processor = processor_of(node.kind)
            path = within + node.name
            if processor.runs_as == "nodes":
                yield from self._asked(node.settings.workflow.nodes.values(), f"{path}.")
            elif processor.asks_model:
                yield path, node, None
                for model in models_of(node.fallback):
                    yield path, node, model

    def _manager_of(self, config: LlmConfig) -> LlmClientManager:
        return self._own if config.provider == "scripted" else self._shared

    async def aclose(self) -> None:
        """Give back what belongs to this run alone."""
        await self._own.aclose()
