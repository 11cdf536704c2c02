"""A client that plays recorded calls, and records those that are made."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from graphbit_nb.core.calls import CallRecord, error_data, error_of, request_data, request_key
from graphbit_nb.core.llm import EmbedResponse, GenerateResponse, ModelInfo
from graphbit_nb.errors import GraphbitError, ProviderError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from graphbit_nb.core.calls import Identity
    from graphbit_nb.core.llm import CallListener, EmbedRequest, GenerateRequest, LlmClient
    from graphbit_nb.storage.cassette import Tape
    from graphbit_nb.storage.recordings import Recording

R = TypeVar("R", GenerateResponse, EmbedResponse)

SOURCE = "cassette"


class PlayingClient:
    """Stands before a client.

    Args:
        make: Makes the client that is asked what is not recorded; not called as long as nothing is.
        tape: What is played and recorded on.
        identity: Whom the client asks.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        make: Callable[[], LlmClient],
        tape: Tape,
        identity: Identity,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.provider_name = identity.provider
        self._make = make
        self._client: LlmClient | None = None
        self._tape = tape
        self._identity = identity
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"PlayingClient({self._tape.cassette!r})"

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Play the recorded answer, or ask and record.

        Raises:
            NotRecordedError: it is not recorded, and nothing is asked.
            ProviderError: the call failed, now or when it was recorded.
        """
        return await self._answer(request, listener, lambda heard: self._inner.generate(request, heard))

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:
        """Play the recorded vectors, or ask and record. Raises as `generate` does."""
        return await self._answer(request, listener, lambda heard: self._inner.embed(request, heard))

    async def _answer(
        self, request: Any, listener: CallListener | None, call: Callable[[CallListener], Awaitable[R]]
    ) -> R:
        data = request_data(request, self._identity)
        key = request_key(data)
        if (recording := self._tape.take(key)) is not None:
            return cast("R", await self._play(recording, listener))
        if not self._tape.cassette.records:
            raise self._tape.refusal(data, request.node)
        return await self._record(data, key, request.node, listener, call)

    # ---- playing

    async def _play(self, recording: Recording, listener: CallListener | None) -> Any:
        record, speed = recording.record, self._tape.cassette.speed
        clock = asyncio.get_running_loop().time
        began = clock()

        async def until(seconds: float) -> None:
            """Wait as long as it took then; who is late stays as late as he is."""
            nonlocal began
            if speed is None:
                return
            left = began + seconds / speed - clock()
            if left > 0:
                await self._sleep(left)
            else:
                began -= left

        for what, seconds, *told in record.told:
            await until(seconds)
            if listener is None:
                continue
            if what == "token":
                if listener.wants_tokens:
                    listener.token(told[0])
            elif what == "retry":
                attempt, delay, error = told
                await listener.retry(attempt, delay / speed if speed else 0.0, cast("ProviderError", error_of(error)))
            elif what == "limited":
                listener.limited(*told)
            elif what == "circuit":
                listener.circuit(*told)
        if record.error is not None:
            raise error_of(record.error)
        assert record.response is not None  # noqa: S101 (a record has the one or the other)
        return replace(record.response, source=SOURCE)

    # ---- recording

    async def _record(
        self,
        data: dict[str, Any],
        key: str,
        node: str | None,
        listener: CallListener | None,
        call: Callable[[CallListener], Awaitable[R]],
    ) -> R:
        heard = _Ear(listener)
        try:
            response = await call(heard)
        except ProviderError as error:
            heard.note("ended")
            self._keep(key, CallRecord(request=data, node=node, told=tuple(heard.told), error=error_data(error)))
            raise
        heard.note("ended")
        made = CallRecord(request=data, node=node, told=tuple(heard.told), response=response)
        self._keep(key, made if heard.memory is None else replace(heard.memory, request=data, node=node))
        return response

    def _keep(self, key: str, record: CallRecord) -> None:
        self._tape.cassette.add(key, record, self._inner.model_info())

    # ---- the client that is asked

    @property
    def _inner(self) -> LlmClient:
        if self._client is None:
            self._client = self._make()
        return self._client

    def check(self) -> None:
        """Make the client, if it may be needed. Raises `ConfigurationError` when it is not set up."""
        if self._tape.cassette.records:
            try:
                _ = self._inner
            except GraphbitError:
                if self._tape.info(self._identity) is None:
                    raise

    def check_embeddings(self, model: str | None) -> None:
        """Raise `ConfigurationError` if the client that is asked knows that it has no vectors."""
        if self._client is not None and (check := getattr(self._client, "check_embeddings", None)) is not None:
            check(model)

    def model_info(self) -> ModelInfo:
        """Say what is known about the model: by the recording, else by the client."""
        found = self._tape.info(self._identity)
        if found is not None:
            return found
        if self._tape.cassette.records:
            return self._inner.model_info()
        return ModelInfo(provider=self._identity.provider, name=self._identity.model)

    async def list_models(self) -> tuple[str, ...]:
        """Ask the client which models there are; nobody is asked when nothing but recordings is played."""
        return await self._inner.list_models() if self._tape.cassette.records else ()

    async def aclose(self) -> None:
        """Close the client, if there is one."""
        if self._client is not None:
            await self._client.aclose()


class _Ear:
    """Hears what a client tells, notes it with its time, and passes it on."""

    wants_tokens = True

    def __init__(self, listener: CallListener | None) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.memory: CallRecord | None = None  # what a cache had, if the answer is from there
        self._listener = listener
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    def note(self, what: str, *told: Any) -> None:
        self.told.append((what, round(self._clock() - self._began, 4), *told))

    def remembered(self, record: CallRecord) -> None:
        """The answer was remembered: it is recorded as it came when it was asked."""
        self.memory = record

    def token(self, text: str) -> None:
        self.note("token", text)
        if self._listener is not None and self._listener.wants_tokens:
            self._listener.token(text)

    async def retry(self, attempt: int, delay: float, error: ProviderError) -> None:
        self.note("retry", attempt, delay, error_data(error))
        if self._listener is not None:
            await self._listener.retry(attempt, delay, error)
        else:
            await asyncio.sleep(delay)

    def limited(self, limit: str, seconds: float | None, ahead: int) -> None:
        self.note("limited", limit, seconds, ahead)
        if self._listener is not None:
            self._listener.limited(limit, seconds, ahead)

    def circuit(self, name: str, state: str, reason: str) -> None:
        self.note("circuit", name, state, reason)
        if self._listener is not None:
            self._listener.circuit(name, state, reason)
