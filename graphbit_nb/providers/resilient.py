"""A client whose calls are made again when that is worth it; everything else is passed on as it is."""

from __future__ import annotations

import asyncio
import random as _random
from typing import TYPE_CHECKING

from graphbit_nb.providers.model_lists import ListsModels

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
    from graphbit_nb.reliability.retry import RetryPolicy


async def _waited_already(delay: float) -> None:
    """The listener has waited."""


class ResilientClient:
    """Wraps `client` with the retries of `retry`.

    A listener decides when the next attempt starts; without one the client sleeps.
    """

    def __init__(
        self,
        client: LlmClient,
        retry: RetryPolicy,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self.provider_name = client.provider_name
        self._client = client
        self._retry = retry
        self._sleep = sleep
        self._random = random

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`, in as many attempts as the policy allows.

        Raises:
            ProviderError: the last attempt failed.
        """
        return await self._retry.execute(
            lambda: self._client.generate(request, listener),
            sleep=self._sleep if listener is None else _waited_already,
            random=self._random,
            on_retry=None if listener is None else listener.retry,
        )

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:
        """Turn texts into vectors, in as many attempts as the policy allows.

        Raises:
            ProviderError: the last attempt failed.
        """
        return await self._retry.execute(
            lambda: self._client.embed(request, listener),
            sleep=self._sleep if listener is None else _waited_already,
            random=self._random,
            on_retry=None if listener is None else listener.retry,
        )

    async def list_models(self) -> tuple[str, ...]:
        """Ask the wrapped client which models there are, once: nobody's work depends on it. Empty when it cannot say.

        Raises:
            ProviderError: the list cannot be had.
        """
        return await self._client.list_models() if isinstance(self._client, ListsModels) else ()

    def model_info(self) -> ModelInfo:
        """Say what the wrapped client knows about its model."""
        return self._client.model_info()

    async def aclose(self) -> None:
        """Close the wrapped client."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return f"ResilientClient({self._client!r}, {self._retry!r})"
