"""The client of the embedded models: the ordinary chat client, with a child process to talk to and careful defaults.

Vectors come from another model, which runs in this process.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from graphbit_nb.core.config import LOCAL_MODEL
from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse, ModelInfo
from graphbit_nb.errors import ConfigurationError, ProviderConnectionError, did_you_mean
from graphbit_nb.providers.api import ApiClient
from graphbit_nb.providers.base import BaseClient
from graphbit_nb.providers.catalog import PRESETS
from graphbit_nb.providers.http import Endpoint, HttpPools
from graphbit_nb.providers.local import is_available, tool_choice, weights
from graphbit_nb.providers.local.catalog import EMBEDDING_MODEL, KNOWN
from graphbit_nb.providers.local.embedder import Embedder
from graphbit_nb.providers.local.minilm import MOST_TOKENS
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
    """Asks the embedded models: one that chats, and MiniLM, which gives vectors.

    The process of the chat model is started by the first call and shared with every client like this one.

    Answers are repeatable: temperature 0 and seed 1 unless the request says otherwise, and the next seed for each
    further sample. An answer has at most 256 tokens unless the request says otherwise. When tools are offered, or
    were used before, nothing is told of the answer until it is whole. It costs nothing.

    Args:
        model: ``"smollm2"``, ``"minilm"`` for vectors alone, or the path of a GGUF file.
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
        self._model = model
        self._options = options or LocalOptions()
        self._timeout = timeout
        self._owns_pools = pools is None
        self._pools = HttpPools() if pools is None else pools
        self._models: dict[str, ServerOptions] = {}
        self._servers: dict[ServerOptions, LocalServer] = {}
        self._chats: dict[ServerOptions, tuple[Address, ApiClient]] = {}
        self._embedder: Embedder | None = None
        if model == EMBEDDING_MODEL:  # what is missing is told now, not in the midst of a run
            self._embedding()
        else:
            self._server_options(model)

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
            return await self._answer(self._chat(options, address), request, options.name, listener)
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

    async def _answer(
        self, chat: ApiClient, request: GenerateRequest, name: str, listener: CallListener | None
    ) -> GenerateResponse:
        if not tool_choice.concerns(request):
            return replace(await chat.generate(_with_defaults(request, name), listener), cost=0.0)
        asked = _with_defaults(tool_choice.without_tools(request), name)
        answer = tool_choice.with_calls(await chat.generate(asked), request)
        if listener is not None and listener.wants_tokens and answer.text:
            listener.token(answer.text)
        return replace(answer, cost=0.0)

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:  # noqa: ARG002 (the protocol's)
        """Turn texts into vectors of 384 numbers with MiniLM. What is beyond the 256th token of a text is not read.

        Raises:
            ConfigurationError: numpy or the weights are missing, or another model is asked for.
        """
        self.check_embeddings(request.model)
        return replace(await self._embedding().embed(request.texts), cost=0.0)

    def check_embeddings(self, model: str | None) -> None:
        """Raise `ConfigurationError` if numpy or the weights are missing, or `model` is none that gives vectors."""
        name = model or (EMBEDDING_MODEL if self._model in KNOWN else self._model)
        if name != EMBEDDING_MODEL:
            known = did_you_mean(name, (EMBEDDING_MODEL,))
            raise ConfigurationError(
                f"the local model {name!r} gives no vectors{known}; model={EMBEDDING_MODEL!r} does, and so do models "
                "made for it elsewhere, for example LlmConfig.ollama('nomic-embed-text')"
            )
        self._embedding()

    def model_info(self) -> ModelInfo:
        """Say what is known about the model, without a call."""
        if self._model == EMBEDDING_MODEL:
            return ModelInfo(provider=self.provider_name, name=self._model, context_window=MOST_TOKENS)
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

    def _embedding(self) -> Embedder:
        if self._embedder is None:
            self._embedder = Embedder(self._options.threads)
        return self._embedder

    def _server_options(self, model: str) -> ServerOptions:
        if model not in self._models:
            if model == EMBEDDING_MODEL:
                raise ConfigurationError(
                    f"the local model {model!r} gives vectors, not answers; for these use {LOCAL_MODEL!r}, as in "
                    "LlmConfig.local(), or the path of a GGUF file"
                )
            if not is_available():
                raise ConfigurationError(INSTALL_RUNTIME)
            path = weights.resolve(model)
            self._models[model] = ServerOptions(
                path=str(path),
                name=model if model in KNOWN else path.stem,
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
