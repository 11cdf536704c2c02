"""The client of the embedded model: the ordinary chat client, with a child process to talk to and careful defaults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from graphbit_nb.core.config import LOCAL_MODEL
from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse, ModelInfo
from graphbit_nb.errors import ConfigurationError, ProviderConnectionError, did_you_mean
from graphbit_nb.providers.api import ApiClient
from graphbit_nb.providers.base import BaseClient
from graphbit_nb.providers.http import Endpoint, HttpPools
from graphbit_nb.providers.local import is_available, weights
from graphbit_nb.providers.local.process import (
    INSTALL_RUNTIME,
    Address,
    LocalServer,
    ServerOptions,
    acquire,
    default_threads,
    describe_exit,
    release,
)
from graphbit_nb.providers.presets import PRESETS
from graphbit_nb.providers.schema import tighten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import CallListener

SEED = 1
MAX_TOKENS = 256
TEMPERATURE = 0.0
RESAMPLING_TEMPERATURE = 0.7  # without some, the next seed would only repeat the same answer


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """The options of `LlmConfig.local`.

    Attributes:
        threads: CPU threads; None is one less than there are cores, at most four.
        slots: Answers at the same time.
        context: Tokens of prompt and answer, for each slot.
    """

    threads: int | None = None
    slots: int = 2
    context: int = 4096

    @classmethod
    def parse(cls, options: Mapping[str, Any]) -> Self:
        """Check what was given.

        Raises:
            ConfigurationError: an option is unknown or is no whole number above 0.
        """
        known = cls.__slots__
        for name, value in options.items():
            if name not in known:
                raise ConfigurationError(
                    f"the local model has no option {name!r}{did_you_mean(name, known)} (known: {', '.join(known)})"
                )
            if value is None and name == "threads":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigurationError(f"{name} must be a whole number of at least 1, not {value!r}")
        return cls(**options)


class LocalClient(BaseClient):
    """Asks the embedded model. Its process is started by the first call and shared with every client like this one.

    Answers are repeatable: temperature 0 and seed 1 unless the request says otherwise, and the next seed for each
    further sample. An answer has at most 256 tokens unless the request says otherwise.

    Args:
        model: Name of known weights, or the path of a GGUF file.
        options: How to run it.
        timeout: Seconds to wait for the next piece of an answer.
        pools: Connections to use; they stay open when this client is closed. None makes own ones.

    Raises:
        ConfigurationError: the runtime or the weights are missing.
    """

    provider_name = "local"

    def __init__(
        self,
        model: str = LOCAL_MODEL,
        options: LocalOptions | None = None,
        *,
        timeout: float = 600.0,
        pools: HttpPools | None = None,
    ) -> None:
        if not is_available():
            raise ConfigurationError(INSTALL_RUNTIME)
        self._model = model
        self._options = options or LocalOptions()
        self._timeout = timeout
        self._owns_pools = pools is None
        self._pools = HttpPools() if pools is None else pools
        self._models: dict[str, ServerOptions] = {}
        self._servers: dict[ServerOptions, LocalServer] = {}
        self._chats: dict[ServerOptions, tuple[Address, ApiClient]] = {}
        self._server_options(model)  # what is missing is told now, not in the midst of a run

    @classmethod
    def from_config(cls, config: LlmConfig, pools: HttpPools | None = None) -> Self:
        """Make the client that `config` describes.

        Raises:
            ConfigurationError: an option is wrong, or the runtime or the weights are missing.
        """
        options = LocalOptions.parse(config.options)
        return cls(config.model or LOCAL_MODEL, options, timeout=config.timeout, pools=pools)

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`.

        Raises:
            ProviderError: the call failed. After the process has died, the next call starts another one.
            ConfigurationError: the model cannot run on this machine.
        """
        options = self._server_options(request.model or self._model)
        server = self._servers.get(options)
        if server is None:
            server = self._servers[options] = acquire(options)
        address = server.address
        if address is None:
            address = await asyncio.to_thread(server.start)
        try:
            return await self._chat(options, address).generate(_with_defaults(request, options.name), listener)
        except ProviderConnectionError as error:
            code = await asyncio.to_thread(server.exit_code)
            if code is None:
                raise
            failure = ProviderConnectionError(
                f"the local model's process ended ({describe_exit(code)}); the next call starts it again",
                provider=self.provider_name,
                model=error.model,
            )
        raise failure

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:  # noqa: ARG002 (the protocol's)
        """Not something that this model can do.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            f"the local model {self._model!r} gives no vectors; use a model made for it, "
            "for example LlmConfig.ollama('nomic-embed-text')"
        )

    def model_info(self) -> ModelInfo:
        """Say what is known about the model, without a call."""
        return ModelInfo(
            provider=self.provider_name,
            name=self._model,
            context_window=self._options.context,
            structured_output="grammar",
            always_streams=True,
        )

    async def aclose(self) -> None:
        """Give the process back, which ends when no other client uses it."""
        servers, self._servers = list(self._servers), {}
        self._chats.clear()
        for options in servers:
            try:
                await asyncio.to_thread(release, options)
            except RuntimeError:  # the interpreter is ending and starts no more threads
                release(options)
        if self._owns_pools:
            await self._pools.aclose()

    def _server_options(self, model: str) -> ServerOptions:
        if model not in self._models:
            path = weights.resolve(model)
            self._models[model] = ServerOptions(
                path=str(path),
                name=model if model in weights.KNOWN else path.stem,
                threads=self._options.threads or default_threads(),
                slots=self._options.slots,
                context=self._options.context,
            )
        return self._models[model]

    def _chat(self, options: ServerOptions, address: Address) -> ApiClient:
        known = self._chats.get(options)
        if known is not None and known[0] == address:
            return known[1]
        preset = PRESETS[self.provider_name]
        endpoint = Endpoint(
            provider=self.provider_name,
            base_url=f"{address.url}/v1",
            key=address.key,
            headers=preset.headers,
            timeout=self._timeout,
            hints=preset.hints,
        )
        chat = ApiClient(endpoint, options.name, preset, pools=self._pools)
        self._chats[options] = (address, chat)
        return chat

    def __repr__(self) -> str:
        return f"LocalClient({self._model!r})"


def _with_defaults(request: GenerateRequest, model: str) -> GenerateRequest:
    temperature = RESAMPLING_TEMPERATURE if request.sample else TEMPERATURE
    return replace(
        request,
        model=model,
        temperature=temperature if request.temperature is None else request.temperature,
        seed=(SEED if request.seed is None else request.seed) + request.sample,
        sample=0,  # it is in the seed now
        max_tokens=MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        schema=None if request.schema is None else tighten(request.schema),
    )
