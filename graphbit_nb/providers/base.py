"""What every client can do once it can answer one question: many at once, in pieces. Other providers derive here.

```python
class Acme(CustomLlmClient):
    async def generate(self, request, listener=None):
        return GenerateResponse(text=await my_model(request.messages[-1].content))

ProviderRegistry.register("acme", Acme)
config = LlmConfig(provider="acme", model="any")
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse, ModelInfo
from graphbit_nb.errors import BadRequestError, GraphbitError, ProviderConnectionError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from graphbit_nb.core.config import LlmConfig
    from graphbit_nb.core.llm import CallListener
    from graphbit_nb.errors import ProviderError

AT_ONCE = 64
NO_EMBEDDINGS = (
    "has no embeddings; ask another provider, such as LlmConfig.local(), LlmConfig.openai(...) or LlmConfig.ollama(...)"
)

T = TypeVar("T")


class BaseClient:
    """A client with everything but `generate`.

    Attributes:
        provider_name: Name of the provider.
        remembers: Whether its answers are remembered; a client whose answers do not depend on the request alone says
            False.
    """

    provider_name: str = "custom"
    remembers: bool = True

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Answer `request`; tell `listener`, if there is one, the tokens as they come.

        Raises:
            ProviderError: the call failed.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it answers")

    async def generate_many(
        self, requests: Iterable[GenerateRequest], *, max_concurrency: int = AT_ONCE
    ) -> list[GenerateResponse | GraphbitError]:
        """Answer all `requests`, some at the same time.

        Args:
            requests: The questions.
            max_concurrency: How many are under way at the same time, at most.

        Returns:
            For each request, in the order asked, its answer or the error that it met. Nothing is left out.

        Raises:
            UsageError: `max_concurrency` is less than 1.
        """
        if isinstance(max_concurrency, bool) or not isinstance(max_concurrency, int) or max_concurrency < 1:
            raise UsageError(f"max_concurrency must be a whole number of at least 1, not {max_concurrency!r}")
        given: Any = requests
        asked = list(given) if isinstance(given, Iterable) else None
        if asked is None or not all(isinstance(one, GenerateRequest) for one in asked):
            raise UsageError(f"generate_many takes a list of GenerateRequest, not {given!r}")
        found: dict[int, GenerateResponse | GraphbitError] = {}
        left = iter(enumerate(asked))

        async def work() -> None:
            for number, request in left:
                found[number] = await self._answer_or_error(request)

        workers = [asyncio.ensure_future(work()) for _ in range(min(max_concurrency, len(asked)))]
        try:
            await asyncio.gather(*workers)
        finally:
            await _end(workers)
        return [found[number] for number in range(len(asked))]

    async def _answer_or_error(self, request: GenerateRequest) -> GenerateResponse | GraphbitError:
        try:
            return await self.generate(request)
        except GraphbitError as error:
            return error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return ProviderConnectionError(  # nobody cancelled us: the client was closed while it answered
                f"{self.provider_name} was hung up on before it answered", provider=self.provider_name
            )

    def stream(self, request: GenerateRequest) -> StreamedAnswer:
        """Answer `request` in pieces, as they come: `async for piece in client.stream(request)`."""
        return StreamedAnswer(self, request)

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:  # noqa: ARG002
        """Turn texts into vectors; unless a provider says how, it cannot.

        Raises:
            ProviderError: the call failed, or there are no vectors.
        """
        raise BadRequestError(
            f"{self.provider_name} {NO_EMBEDDINGS}",
            provider=self.provider_name,
            model=request.model,
        )

    def check_embeddings(self, model: str | None) -> None:
        """Find out before a run begins that `embed` cannot work, as far as that is known without a call.

        Args:
            model: The model that is asked for; None is the client's own.

        Raises:
            ConfigurationError: there are no vectors.
        """

    async def list_models(self) -> tuple[str, ...]:
        """Ask which models there are; empty when that cannot be said.

        Raises:
            ProviderError: the list cannot be had.
        """
        return ()

    def model_info(self) -> ModelInfo:
        """Say what is known about the model, without a call."""
        return ModelInfo(provider=self.provider_name, name=None, structured_output="instruction")

    async def aclose(self) -> None:
        """Give back connections and child processes."""


class CustomLlmClient(BaseClient):
    """A provider of one's own: derive from it, write `generate`, and register the class with `ProviderRegistry`.

    What `generate` raises fails the node. To have it tried again, and counted by the circuit breaker, raise
    `ProviderConnectionError`, `ProviderTimeoutError`, `ServerError` or `RateLimitError`.

    Args:
        config: What it is asked with; its key, address, headers and options are there for the taking.
    """

    def __init__(self, config: LlmConfig) -> None:
        self.config = config
        self.provider_name = config.provider

    def model_info(self) -> ModelInfo:
        """Say what is known about the model, without a call."""
        return ModelInfo(provider=self.provider_name, name=self.config.model, structured_output="instruction")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.provider_name!r}, {self.config.model!r})"


class StreamedAnswer:
    """The pieces of one answer. To hang up at once when leaving early: `async with client.stream(...) as pieces`.

    What was given cannot be taken back: when a call fails after its first piece, it is not tried again.

    Attributes:
        response: The whole answer, once all of it has come.
    """

    wants_tokens = True

    def __init__(self, client: BaseClient, request: GenerateRequest) -> None:
        self.response: GenerateResponse | None = None
        self._client = client
        self._request = request
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self._has_begun = False
        self._is_closed = False
        self._task: asyncio.Task[GenerateResponse] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[str]:
        if self._is_closed or self._task is not None:
            raise UsageError("an answer is streamed once; ask again with client.stream(request)")
        self._task = asyncio.ensure_future(self._client.generate(self._request, self))
        self._task.add_done_callback(lambda _: self._pieces.put_nowait(None))
        return self._read(self._task)

    async def _read(self, task: asyncio.Task[GenerateResponse]) -> AsyncIterator[str]:
        """Give the pieces. A generator, which the loop closes when nobody holds it any more: so a `break` hangs up."""
        try:
            while (piece := await self._pieces.get()) is not None:
                yield piece
            self.response = await task
            if self.response.text and not self._has_begun:  # the client does not cut its answers
                yield self.response.text
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Hang up. An answer that has ended stays; what goes wrong from here on is of no interest."""
        self._is_closed = True
        if self._task is not None:
            await _end([self._task])

    # ---- for the client

    def token(self, text: str) -> None:
        """A piece has come."""
        self._has_begun = True
        self._pieces.put_nowait(text)

    async def retry(self, attempt: int, delay: float, error: ProviderError) -> None:  # noqa: ARG002 (the listener's)
        """Wait, unless a piece was given that another attempt would give again."""
        if self._has_begun:
            raise error
        await asyncio.sleep(delay)

    def limited(self, limit: str, seconds: float | None, ahead: int) -> None:
        """The call waits; there is nothing to give meanwhile."""

    def circuit(self, name: str, state: str, reason: str) -> None:
        """Nothing to give."""


async def _end(tasks: list[asyncio.Task[T]]) -> None:
    """Cancel what still goes on, wait for its end, and look at every outcome, so that none is reported as forgotten."""
    for task in tasks:
        if not task.cancelling():  # a second time would cut its good-bye short
            task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
