"""The client for every server that speaks OpenAI's chat completions; `presets` says how they differ."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse, ModelInfo
from graphbit_nb.errors import ProviderConnectionError, ProviderTimeoutError
from graphbit_nb.providers import chat
from graphbit_nb.providers.http import Connection, Endpoint, HttpPools
from graphbit_nb.providers.presets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import CallListener
    from graphbit_nb.providers.presets import Preset


class OpenAIChatClient:
    """Asks one model over chat completions.

    Args:
        endpoint: Where to ask.
        model: What to ask, unless a request says otherwise.
        preset: Ways of the provider.
        pools: Connections to use; they stay open when this client is closed. None makes own ones.
        body: Further fields of each chat call.
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
        self._connection = Connection(endpoint, self._pools, now=now)
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
        endpoint = Endpoint(
            provider=config.provider,
            base_url=found.base_url,
            key=found.key,
            headers=found.headers,
            timeout=config.timeout,
            hints=found.preset.hints,
        )
        return cls(endpoint, config.model, found.preset, pools=pools, body=found.body, clock=clock, now=now)

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`, streamed when the listener wants tokens or the provider is always streamed.

        Raises:
            ProviderError: the call failed.
        """
        on_token = listener.token if listener is not None and listener.wants_tokens else None
        streams = self._preset.always_streams or on_token is not None
        body = chat.body(request, self._model, self._preset, self._body, stream=streams)
        failures = self._connection.failures(request.model or self._model)
        stream = chat.AnswerStream(failures, self._clock, on_token)
        started = self._clock()
        text = None
        try:
            reply = await self._connection.post(
                "chat/completions", body, failures, on_event=stream.feed if streams else None
            )
            text = reply.text
        except (ProviderConnectionError, ProviderTimeoutError):
            if not stream.is_whole:  # a connection lost after the end of the answer has cost nothing
                raise
        response = stream.response() if text is None else chat.answer(text, failures)
        if text is not None and on_token is not None:  # the server does not stream
            on_token(response.text)
        first = None if stream.first_token is None else stream.first_token - started
        return replace(response, first_token=first, latency=self._clock() - started)

    async def embed(
        self,
        request: EmbedRequest,
        listener: CallListener | None = None,  # noqa: ARG002 (one attempt: there is nothing to tell)
    ) -> EmbedResponse:
        """Turn texts into vectors.

        Raises:
            ProviderError: the call failed.
        """
        if not request.texts:
            return EmbedResponse(vectors=(), model=request.model or self._model)
        model = request.model or self._model
        failures = self._connection.failures(model)
        body = {"model": model, "input": list(request.texts), "encoding_format": "float"}
        reply = await self._connection.post("embeddings", body, failures)
        found, usage, answered_by = chat.vectors(reply.text or "", len(request.texts), failures)
        return EmbedResponse(vectors=found, usage=usage, model=answered_by or model)

    async def list_models(self) -> tuple[str, ...]:
        """Ask which models there are. Empty when the provider keeps no list that can be relied on.

        Raises:
            ProviderError: the list cannot be had.
        """
        preset = self._preset
        if preset.models_path is None:
            return ()
        failures = self._connection.failures(None)
        text = await self._connection.get(
            preset.models_path, failures, headers=preset.models_headers, key_header=preset.models_key_header
        )
        return chat.models(text, failures)

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
        return f"OpenAIChatClient({self.provider_name!r}, {self._model!r})"
