"""The provider whose answers are written down beforehand: for tests, lessons and notebooks that need no model."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import inspect
import json
import math
import re
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import EmbedRequest, EmbedResponse, GenerateRequest, GenerateResponse, ModelInfo, Usage
from graphbit_nb.core.paths import names_of, without_numbers
from graphbit_nb.errors import ConfigurationError, ProviderError, did_you_mean
from graphbit_nb.providers.base import BaseClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from graphbit_nb.core.llm import CallListener

ANY_NODE = "*"
DIMENSION = 32

_WORD_WITH_SPACE = re.compile(r"\s*\S+|\s+$")


class ScriptedClient(BaseClient):
    """Gives scripted answers.

    Tokens are words: of all messages in, of the answer out. A function runs on the event loop, so one that takes
    long should be a coroutine function.

    Args:
        responses: By node name, or ``"*"`` for every other node. Of a node inside others the whole path is looked for
            first (``"each[3]"``, ``"review.score"``), then without numbers, then its own name. A text is given each
            time; a list gives one item a call; an exception is raised; a function gets the request and returns any of
            these or a `GenerateResponse`. Any other value is given as JSON.
        delay: Seconds before each answer.
        sleep: Waits so many seconds.
        clock: Seconds from any start, for latencies.
    """

    provider_name = "scripted"

    def __init__(
        self,
        responses: Mapping[str, Any],
        *,
        delay: float = 0.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._responses = dict(responses)
        self._delay = delay
        self._sleep = sleep
        self._clock = clock
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def generate(self, request: GenerateRequest, listener: CallListener | None = None) -> GenerateResponse:
        """Give the answer written down for the node that asks.

        Raises:
            ConfigurationError: nothing is written down for it, or no longer.
        """
        started = self._clock()
        value = self._next(request.node)
        if self._delay:
            await self._sleep(self._delay)
        if callable(value) and not _is_exception(value):
            value = value(request)
            if inspect.isawaitable(value):
                value = await value
        if _is_exception(value):
            raise _fresh(value, request.node)
        response = value if isinstance(value, GenerateResponse) else _response(value, request)
        first = None
        if listener is not None and listener.wants_tokens:
            for piece in _WORD_WITH_SPACE.findall(response.text):
                first = self._clock() - started if first is None else first
                listener.token(piece)
        return replace(response, first_token=first, latency=self._clock() - started)

    async def embed(
        self,
        request: EmbedRequest,
        listener: CallListener | None = None,  # noqa: ARG002 (one attempt: there is nothing to tell)
    ) -> EmbedResponse:
        """Turn texts into vectors by their words: the same text gives the same vector, shared words bring two near."""
        words = sum(len(text.split()) for text in request.texts)
        return EmbedResponse(
            vectors=tuple(_vector(text) for text in request.texts),
            usage=Usage(input_tokens=words, calls=1),
            model="scripted",
        )

    def model_info(self) -> ModelInfo:
        """Say what is known about the script."""
        return ModelInfo(provider=self.provider_name, name="scripted")

    def _next(self, node: str | None) -> Any:
        name = node or ""
        spellings = (name, without_numbers(name), names_of(name)[-1], ANY_NODE)
        key = next((spelling for spelling in spellings if spelling in self._responses), ANY_NODE)
        if key not in self._responses:
            known = ", ".join(repr(k) for k in self._responses) or "nothing"
            raise ConfigurationError(
                f"no answer is scripted for node {node!r}{did_you_mean(name, self._responses)} "
                f"(scripted: {known}; {ANY_NODE!r} stands for every other node)"
            )
        value = self._responses[key]
        if not isinstance(value, list | tuple):
            return value
        with self._lock:
            self._calls[key] += 1
            call = self._calls[key]
        if call > len(value):
            raise ConfigurationError(
                f"the script of {key!r} has {len(value)} answers; node {node!r} asks for call number {call}"
            )
        return value[call - 1]

    def __repr__(self) -> str:
        return f"ScriptedClient({sorted(self._responses)!r})"


def _is_exception(value: Any) -> bool:
    return isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))


def _fresh(error: BaseException | type[BaseException], node: str | None) -> BaseException:
    """An exception of its own for each call: attempts and traceback are written into it."""
    if isinstance(error, type):
        return error(f"scripted error of node {node!r}")
    return copy.copy(error) if isinstance(error, ProviderError) else error.with_traceback(None)


def _response(value: Any, request: GenerateRequest) -> GenerateResponse:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    words_in = sum(len(message.content.split()) for message in request.messages)
    return GenerateResponse(
        text=text,
        finish_reason="stop",
        usage=Usage(input_tokens=words_in, output_tokens=len(text.split()), calls=1),
        model="scripted",
        provider="scripted",
    )


def _vector(text: str) -> tuple[float, ...]:
    sums = [0.0] * DIMENSION
    for word in text.casefold().split():
        digest = hashlib.sha256(word.encode()).digest()
        sums = [old + byte - 127.5 for old, byte in zip(sums, digest, strict=True)]
    length = math.hypot(*sums)
    return tuple(value / length for value in sums) if length else tuple(sums)
