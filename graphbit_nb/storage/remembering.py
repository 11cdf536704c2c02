"""A client that asks what was asked before only once: remembered answers, and equal calls at the same time as one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from graphbit_nb.core.calls import CallRecord, Identity, request_data
from graphbit_nb.core.encoding import CannotKeepError
from graphbit_nb.core.llm import EmbedResponse, GenerateRequest, GenerateResponse, Usage
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.errors import BudgetExceeded, StorageError
from graphbit_nb.storage.entries import Entry, canonical, key_of, sealed
from graphbit_nb.storage.flights import shared

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from concurrent.futures import Future

    from graphbit_nb.core.calls import Response
    from graphbit_nb.core.llm import CallListener, EmbedRequest, LlmClient, ModelInfo
    from graphbit_nb.errors import ProviderError
    from graphbit_nb.graph.caching import CacheMode

R = TypeVar("R", GenerateResponse, EmbedResponse)

COMPLETE = frozenset({
    "", "completed", "end_turn", "eos", "eos_token", "function_call", "stop", "stop_sequence", "tool_calls", "tool_use",
})  # fmt: skip
"""Why an answer ended that is whole. One that was cut, or held back by a filter, is not remembered."""

_NOTHING = Usage()


class Answers(Protocol):
    """Where answers are remembered: `CacheStore` on disk, `MemoryCache` in this process."""

    def look_up(self, key: str) -> Future[Entry | None]:
        """Find an entry by its key."""
        ...

    def keep(self, entry: Entry) -> None:
        """Remember an answer."""
        ...

    def used(self, key: str) -> None:
        """Note that an answer was taken."""
        ...

    def forget(self, keys: Iterable[str]) -> None:
        """Throw answers away."""
        ...

    def warn(self, message: str) -> None:
        """Say once that something is wrong."""
        ...

    @property
    def clock(self) -> Callable[[], float]:
        """Seconds since 1970."""
        ...


class RememberingClient:
    """Wraps a client.

    Args:
        client: Makes the calls.
        store: Where answers are remembered.
        mode: What is done with them.
        identity: Whom the client asks.
        workflow: Name of the workflow that asks.
        run_id: The run that asks.
        asked: Gets the keys of what each node asked, so that they can be forgotten when the node fails.
        single_flight: Whether equal calls at the same time are made once.
        clock: Seconds from any start, for the times of pieces of an answer.
    """

    def __init__(
        self,
        client: LlmClient,
        store: Answers,
        mode: CacheMode,
        *,
        identity: Identity,
        workflow: str = "",
        run_id: str | None = None,
        asked: dict[str, list[str]] | None = None,
        single_flight: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.provider_name = client.provider_name
        self._client = client
        self._store = store
        self._mode = mode
        self._identity = identity
        self._workflow = workflow
        self._run_id = run_id
        self._asked = {} if asked is None else asked
        self._is_single = single_flight
        self._clock = clock

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Give the remembered answer, or ask and remember it. Raises as the client does."""
        return await self._answer(request, listener, self._client.generate)

    async def embed(self, request: EmbedRequest, listener: CallListener | None = None) -> EmbedResponse:
        """Give the remembered vectors, or ask and remember them. Raises as the client does."""
        return await self._answer(request, listener, self._client.embed)

    async def _answer(self, request: Any, listener: CallListener | None, call: Callable[..., Awaitable[R]]) -> R:
        if not self._mode.writes:
            return await call(request, listener)
        began = self._clock()
        try:
            data = request_data(request, self._identity)
        except CannotKeepError:
            return await call(request, listener)
        text = canonical(data)
        key = key_of(text)
        if request.node is not None:
            self._asked.setdefault(request.node, []).append(key)
        if self._mode.reads and (found := await self._remembered(key, text, data)) is not None:
            self._store.used(key)
            if (heard := getattr(listener, "remembered", None)) is not None:
                heard(found)
            return cast("R", _hit(found.response, self._clock() - began))

        has_asked = False

        async def ask(listener: CallListener | None) -> R:
            nonlocal has_asked
            has_asked = True
            told = _Notes(listener, self._clock)
            response = await call(request, listener if listener is None else told)
            self._keep(key, text, request.node, CallRecord(request=data, told=tuple(told.items), response=response))
            return response

        if not self._is_single:
            return await ask(listener)
        while True:
            try:
                response, is_own = await shared((id(self._store), key), listener, ask)
                break
            except BudgetExceeded:  # of whoever asked first; this one may have more to spend
                if has_asked:
                    raise
        return cast("R", response if is_own else _hit(response, self._clock() - began))

    async def _remembered(self, key: str, text: str, data: dict[str, Any]) -> CallRecord | None:
        entry = await found_in(self._store, key)
        if entry is None or is_too_old(entry, self._mode, self._store.clock()):
            return None
        try:
            return _record(entry, text, data)
        except StorageError as error:
            self._store.warn(f"{error} (the entry {key} is thrown away)")
            self._store.forget((key,))
            return None

    def _keep(self, key: str, text: str, node: str | None, record: CallRecord) -> None:
        response = record.response
        if isinstance(response, GenerateResponse) and (response.finish_reason or "").casefold() not in COMPLETE:
            return
        try:
            data = record.data()
        except CannotKeepError:
            return
        del data["request"]
        self._store.keep(
            Entry(
                key=key,
                kind=str(record.request["call"]),
                node=without_numbers(node or ""),
                workflow=self._workflow,
                model=record.request.get("model"),
                request=text,
                record=sealed(data),
                run=self._run_id,
                cost=None if response is None else response.cost,
            )
        )

    def check_embeddings(self, model: str | None) -> None:
        """Raise `ConfigurationError` if the wrapped client knows that it has no vectors."""
        if (check := getattr(self._client, "check_embeddings", None)) is not None:
            check(model)

    async def list_models(self) -> tuple[str, ...]:
        """Ask the wrapped client which models there are. Raises as it does."""
        return await self._client.list_models()

    def model_info(self) -> ModelInfo:
        """Say what the wrapped client knows about its model."""
        return self._client.model_info()

    async def aclose(self) -> None:
        """Close the wrapped client."""
        await self._client.aclose()

    def __repr__(self) -> str:
        return f"RememberingClient({self._client!r}, {self._mode.mode!r})"


async def found_in(store: Answers, key: str) -> Entry | None:
    """Return what a store has under a key."""
    found = store.look_up(key)
    return found.result() if found.done() else await asyncio.wrap_future(found)


def is_too_old(entry: Entry, mode: CacheMode, now: float) -> bool:
    """Whether an entry may not be taken any more."""
    return mode.max_age is not None and not 0 <= now - entry.created < mode.max_age


def _record(entry: Entry, text: str, data: dict[str, Any]) -> CallRecord:
    """Return what an entry holds. Raises `StorageError` when that is no answer to this request."""
    given = entry.given()
    if entry.request != text or not isinstance(given, dict):
        raise StorageError("what was remembered is damaged: it belongs to another request")
    record = CallRecord.of({**given, "request": data})
    if not isinstance(record.response, GenerateResponse if data["call"] == "generate" else EmbedResponse):
        raise StorageError("what was remembered is damaged: it is no such answer")
    return record


def _hit(response: Response | None, latency: float) -> Response:
    """Return an answer as one that was not asked for: it costs nothing, and nothing of it is counted."""
    if isinstance(response, GenerateResponse):
        return replace(response, source="cache", usage=_NOTHING, cost=0.0, first_token=None, latency=latency)
    assert isinstance(response, EmbedResponse)  # noqa: S101 (for the type checker)
    return replace(response, source="cache", usage=_NOTHING, cost=0.0)


class _Notes:
    """Passes on what a client tells, and notes when each piece of the answer came, from the last attempt's start."""

    def __init__(self, listener: CallListener | None, clock: Callable[[], float]) -> None:
        self.wants_tokens = listener is not None and listener.wants_tokens
        self.items: list[tuple[Any, ...]] = []
        self._listener = listener
        self._clock = clock
        self._began = clock()

    def token(self, text: str) -> None:
        self.items.append(("token", round(self._clock() - self._began, 4), text))
        if self._listener is not None:
            self._listener.token(text)

    async def retry(self, attempt: int, delay: float, error: ProviderError) -> None:
        self.items.clear()
        assert self._listener is not None  # noqa: S101 (for the type checker)
        await self._listener.retry(attempt, delay, error)
        self._began = self._clock()

    def limited(self, limit: str, seconds: float | None, ahead: int) -> None:
        if self._listener is not None:
            self._listener.limited(limit, seconds, ahead)

    def circuit(self, name: str, state: str, reason: str) -> None:
        if self._listener is not None:
            self._listener.circuit(name, state, reason)
