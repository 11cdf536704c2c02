"""The client for every provider that is asked over HTTP: its preset says what it speaks, and how it departs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse, ModelInfo
from graphbit_nb.errors import BadRequestError, ConfigurationError, ProviderConnectionError, ProviderTimeoutError
from graphbit_nb.providers import prices
from graphbit_nb.providers.base import NO_EMBEDDINGS, BaseClient
from graphbit_nb.providers.dialects import dialect_of
from graphbit_nb.providers.http import Connection, Endpoint, HttpPools
from graphbit_nb.providers.presets import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from pydantic import SecretStr

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import CallListener
    from graphbit_nb.providers.catalog import Preset
    from graphbit_nb.providers.failures import Failures


class ApiClient(BaseClient):
    """Asks one model over HTTP.

    Args:
        endpoint: Where to ask.
        model: What to ask, unless a request says otherwise.
        preset: Ways of the provider.
        pools: Connections to use; they stay open when this client is closed. None makes own ones.
        body: Further fields of each question.
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
        self._dialect = dialect_of(preset.dialect)
        self._lacks = self._dialect.lacks | preset.lacks
        self._body = dict(preset.body if body is None else body)
        self._has_prices = prices.is_listed(preset, endpoint.base_url)
        self._clock = clock

    @classmethod
    def from_config(
        cls,
        config: LlmConfig,
        pools: HttpPools | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        keys: Callable[[str], SecretStr | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> Self:
        """Make the client that `config` describes.

        Raises:
            ConfigurationError: a key, an address or a model is missing.
        """
        found = resolve(config, environ, keys)
        preset = found.preset
        dialect = dialect_of(preset.dialect)
        said = {name.lower() for name in found.headers}
        standing = {name: value for name, value in dialect.headers.items() if name not in said}
        endpoint = Endpoint(
            provider=config.provider,
            base_url=found.base_url,
            key=found.key,
            key_header=preset.key_header or dialect.key_header,
            headers={**standing, **found.headers},
            timeout=config.timeout,
            total_timeout=config.total_timeout,
            hints=preset.hints,
        )
        return cls(endpoint, config.model, preset, pools=pools, body=found.body, clock=clock, now=now)

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`, streamed when the listener wants tokens or the provider is always streamed.

        Raises:
            ProviderError: the call failed, or the provider lacks a parameter that is asked for.
        """
        dialect = self._dialect
        if request.model is None:
            request = replace(request, model=self._model)
        failures = self._connection.failures(request.model)
        self._check(request, failures)
        on_token = listener.token if listener is not None and listener.wants_tokens else None
        streams = self._preset.always_streams or on_token is not None
        body = dialect.write(request, self._preset, self._body, failures, streams)
        stream = dialect.stream(failures, self._clock, on_token)
        if self._has_prices:
            prices.warm_soon()  # while the model thinks
        started = self._clock()
        text = None
        try:
            reply = await self._connection.post(
                self._path(dialect.path, request.model), body, failures, on_event=stream.feed if streams else None
            )
            text = reply.text
        except (ProviderConnectionError, ProviderTimeoutError):
            if not stream.is_whole:  # a connection lost after the end of the answer has cost nothing
                raise
        response = stream.response() if text is None else dialect.read(text, failures)
        if text is not None and on_token is not None and response.text:  # the server does not stream
            on_token(response.text)
        latency = self._clock() - started
        return replace(
            response,
            first_token=None if stream.first_token is None else stream.first_token - started,
            latency=latency,
            cost=await self._cost(request.model, response, self._body.get("service_tier")),
        )

    async def embed(
        self,
        request: EmbedRequest,
        listener: CallListener | None = None,  # noqa: ARG002 (one attempt: there is nothing to tell)
    ) -> EmbedResponse:
        """Turn texts into vectors.

        Raises:
            ProviderError: the call failed, or the provider has no vectors.
        """
        dialect = self._dialect
        path, write, read = dialect.embed_path, dialect.write_embed, dialect.read_vectors
        if not self._preset.embeds or path is None or write is None or read is None:
            return await super().embed(request)
        model = request.model or self._model
        if not request.texts:
            return EmbedResponse(vectors=(), model=model)
        if self._has_prices:
            prices.warm_soon()
        failures = self._connection.failures(model)
        reply = await self._connection.post(self._path(path, model), write(replace(request, model=model)), failures)
        found, usage, answered_by = read(reply.text or "", len(request.texts), failures)
        response = EmbedResponse(vectors=found, usage=usage, model=answered_by or model)
        return replace(response, cost=await self._cost(model, response))

    def check_embeddings(self, model: str | None) -> None:  # noqa: ARG002 (which model has vectors, its provider knows)
        """Raise `ConfigurationError` if the provider has no vectors."""
        if not self._preset.embeds or self._dialect.embed_path is None:
            raise ConfigurationError(f"{self.provider_name} {NO_EMBEDDINGS}")

    async def list_models(self) -> tuple[str, ...]:
        """Ask which models there are. Empty when the provider keeps no list that can be relied on.

        Raises:
            ProviderError: the list cannot be had.
        """
        if not self._preset.lists_models:
            return ()
        failures = self._connection.failures(None)
        return self._dialect.read_models(await self._connection.get(self._dialect.models_path, failures), failures)

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

    def _path(self, path: str, model: str | None) -> str:
        if self._preset.path is None:
            return path
        return self._preset.path.format(path=path, model=quote(model or "", safe=""))

    async def _cost(
        self, model: str | None, response: GenerateResponse | EmbedResponse, tier: Any = None
    ) -> float | None:
        if self._has_prices and not prices.is_warm():
            await asyncio.to_thread(prices.warm)
        return prices.cost_of(self._preset, self._connection.endpoint.base_url, model, response, tier)

    def _check(self, request: GenerateRequest, failures: Failures) -> None:
        """Refuse what the provider lacks: a parameter that is dropped is an answer to another question."""
        for name in sorted(self._lacks):
            value = any(m.images for m in request.messages) if name == "images" else getattr(request, name)
            if value not in (None, (), False):
                shown = "" if name in {"images", "tools", "schema"} else f"={value!r}"
                raise failures.make(BadRequestError, f"has no {name}: leave out {name}{shown}, or ask another provider")

    def __repr__(self) -> str:
        return f"ApiClient({self.provider_name!r}, {self._model!r})"
