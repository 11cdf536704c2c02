"""The client for Anthropic's own Messages API; `anthropic_messages` and `anthropic_answers` speak its language."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse, ModelInfo
from graphbit_nb.errors import BadRequestError, ProviderConnectionError, ProviderTimeoutError
from graphbit_nb.providers import anthropic_answers, anthropic_messages, chat
from graphbit_nb.providers.http import Connection, Endpoint, HttpPools
from graphbit_nb.providers.presets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import CallListener
    from graphbit_nb.providers.presets import Preset

VERSION = "2023-06-01"
MODELS_PATH = "models?limit=1000"


class AnthropicClient:
    """Asks one model over the Messages API.

    A request without `max_tokens`, which the API insists on, is sent with 4096, or with what the body says. A JSON
    schema goes out as the API's structured outputs; models before Claude 4.5 have none, and take
    ``options={"structured_output": "instruction"}``.

    Args:
        endpoint: Where to ask.
        model: What to ask, unless a request says otherwise.
        preset: Ways of the provider.
        pools: Connections to use; they stay open when this client is closed. None makes own ones.
        body: Further fields of each call.
        clock: Seconds from any start, for latencies.
        now: Seconds since the epoch, for dates in headers.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str | None,
        preset: Preset,
        *,
        pools: HttpPools | None = None,
        body: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.provider_name = endpoint.provider
        self._owns_pools = pools is None
        self._pools = HttpPools() if pools is None else pools
        self._connection = _Connection(endpoint, self._pools, now=now)
        self._model = model
        self._preset = preset
        self._body = dict(preset.body if body is None else body)
        self._clock = clock

    @classmethod
    def from_config(
        cls,
        config: LlmConfig,
        pools: HttpPools | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> Self:
        """Make the client that `config` describes.

        Raises:
            ConfigurationError: a key, an address or a model is missing.
        """
        found = resolve(config, environ)
        is_told = any(name.lower() == "anthropic-version" for name in found.headers)
        endpoint = Endpoint(
            provider=config.provider,
            base_url=found.base_url,
            key=found.key,
            headers=found.headers if is_told else {"anthropic-version": VERSION, **found.headers},
            timeout=config.timeout,
            hints=found.preset.hints,
        )
        return cls(endpoint, config.model, found.preset, pools=pools, body=found.body, clock=clock, now=now)

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`, streamed when the listener wants tokens or the provider is always streamed.

        Raises:
            ProviderError: the call failed, or the API lacks what is asked for, as a seed.
        """
        on_token = listener.token if listener is not None and listener.wants_tokens else None
        streams = self._preset.always_streams or on_token is not None
        failures = self._connection.failures(request.model or self._model)
        body = anthropic_messages.body(
            request, self._model, self._preset.structured_output, self._body, failures, stream=streams
        )
        stream = anthropic_answers.AnswerStream(failures, self._clock, on_token)
        started = self._clock()
        text = None
        try:
            reply = await self._connection.post("messages", body, failures, on_event=stream.feed if streams else None)
            text = reply.text
        except (ProviderConnectionError, ProviderTimeoutError):
            if not stream.is_whole:  # a connection lost after the end of the answer has cost nothing
                raise
        response = stream.response() if text is None else anthropic_answers.answer(text, failures)
        if text is not None and on_token is not None and response.text:  # the server does not stream
            on_token(response.text)
        first = None if stream.first_token is None else stream.first_token - started
        return replace(response, first_token=first, latency=self._clock() - started)

    async def embed(
        self,
        request: EmbedRequest,
        listener: CallListener | None = None,  # noqa: ARG002 (nothing is asked)
    ) -> EmbedResponse:
        """Refuse: Anthropic has no model that turns texts into vectors.

        Raises:
            BadRequestError: always.
        """
        failures = self._connection.failures(request.model or self._model)
        raise failures.make(
            BadRequestError,
            "has no embeddings; ask another provider, as LlmConfig.openai(...) or LlmConfig.ollama(...)",
        )

    async def list_models(self) -> tuple[str, ...]:
        """Ask which models there are. Empty when the config says that no list is to be believed.

        Raises:
            ProviderError: the list cannot be had.
        """
        if self._preset.models_path is None:
            return ()
        failures = self._connection.failures(None)
        return chat.models(await self._connection.get(MODELS_PATH, failures), failures)

    def model_info(self) -> ModelInfo:
        """Say what is known about the model, without a call."""
        return ModelInfo(
            provider=self.provider_name,
            name=self._model,
            structured_output=self._preset.structured_output,
            always_streams=self._preset.always_streams,
        )

    async def aclose(self) -> None:
        """Close the connections, unless they are shared."""
        if self._owns_pools:
            await self._pools.aclose()

    def __repr__(self) -> str:
        return f"AnthropicClient({self.provider_name!r}, {self._model!r})"


class _Connection(Connection):
    """Signs in Anthropic's way."""

    def _sign(self, request: httpx.Request) -> httpx.Request:
        if self.endpoint.key is not None:
            request.headers["x-api-key"] = self.endpoint.key.get_secret_value()
        return request
