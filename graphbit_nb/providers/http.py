"""Sends JSON to one provider's address over pooled connections and reads the answer, whole or event by event.

What the JSON means is the business of the clients; what went wrong is put into words by `failures`.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx  # noqa: TID253 (this module is imported with the first client)
from httpx_sse import EventSource  # noqa: TID253

from graphbit_nb.errors import BadRequestError, ConfigurationError, GraphbitError, ProviderTimeoutError
from graphbit_nb.providers.failures import Failures
from graphbit_nb.providers.limits import PoolLimits
from graphbit_nb.providers.transport import transport_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from pydantic import SecretStr

LONGEST_ERROR_BODY = 64 * 1024
LONGEST_LIST = 4 * 1024 * 1024
_TELLTALE_HEADERS = ("authorization", "key", "token", "secret", "cookie")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An address and what it needs to let us in.

    Attributes:
        provider: Name of the provider, for messages.
        base_url: The address that paths are added to.
        key: The key; None sends none.
        key_header: Header that carries it; None sends it as a bearer token.
        headers: Further headers.
        timeout: Seconds to wait for the next piece of an answer.
        total_timeout: Seconds that a call may take in all; None is any time.
        hints: What to do, by class of error.
    """

    provider: str
    base_url: str
    key: SecretStr | None = None
    key_header: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 120.0
    total_timeout: float | None = None
    hints: Mapping[type[GraphbitError], str] = field(default_factory=dict, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be repeated in any message."""
        from_headers = [
            value for name, value in self.headers.items() if any(word in name.lower() for word in _TELLTALE_HEADERS)
        ]
        bare = [value.removeprefix("Bearer ") for value in from_headers]
        whole = [*([self.key.get_secret_value()] if self.key else []), *from_headers, *bare]
        # its lines as well: who complains of a line break shows it escaped
        return tuple(s for s in (*whole, *(line for one in whole for line in one.splitlines())) if s)


class HttpPools:
    """The connection pools of one event loop: one for each address."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: dict[str, httpx.AsyncClient] = {}

    def client(self, base_url: str) -> httpx.AsyncClient:
        """Return the pool for an address, on the event loop that runs now.

        Raises:
            ConfigurationError: the pools are in use on another event loop, or the environment names a proxy or
                certificates that cannot be used.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._clients and self._loop is not None and not self._loop.is_closed():
                raise ConfigurationError(
                    "these connections belong to another event loop, which still runs; use a client of its own for "
                    "each loop, or close this one there with `await client.aclose()`"
                )
            self._loop, self._clients = loop, {}  # what a closed loop left behind cannot be closed any more
        if base_url not in self._clients:
            self._clients[base_url] = httpx.AsyncClient(
                base_url=base_url,
                transport=transport_to(httpx.URL(base_url), self.limits),
                headers={"User-Agent": "graphbit-nb"},
            )
        return self._clients[base_url]

    async def aclose(self) -> None:
        """Close every connection."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the body as text, or None when it was read event by event."""

    text: str | None
    request_id: str | None


class Connection:
    """The way to one endpoint. Everything that goes wrong on it comes out as one of our own errors."""

    def __init__(self, endpoint: Endpoint, pools: HttpPools, *, now: Callable[[], float] = time.time) -> None:
        self.endpoint = endpoint
        self._pools = pools
        self._now = now
        try:
            url = httpx.URL(endpoint.base_url)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in {"http", "https"} or not url.host:
            raise ConfigurationError(
                f"the address of {endpoint.provider} must look like 'https://host/v1', not {endpoint.base_url!r}"
            )
        self._place = url.host if url.port is None else f"{url.host}:{url.port}"

    def failures(self, model: str | None) -> Failures:
        """Start the account of one call, from which its errors are made."""
        end = self.endpoint
        return Failures(
            provider=end.provider, model=model, place=self._place, secrets=end.secrets, hints=end.hints, now=self._now()
        )

    async def post(
        self, path: str, body: Any, failures: Failures, on_event: Callable[[str], None] | None = None
    ) -> Reply:
        """Post `body` and read the answer.

        Args:
            path: Below the base URL.
            body: Sent as JSON.
            failures: Account of this call.
            on_event: Given the data of each server-sent event, or each line of newline-delimited JSON. An answer
                that is neither is read whole.

        Raises:
            ProviderError: the call failed, the answer is too large, or the request cannot be written as JSON.
        """
        try:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise failures.make(BadRequestError, f"cannot be sent this request: {error}") from None
        headers = {"Content-Type": "application/json", **self.endpoint.headers}
        longest = self._pools.limits.max_response_bytes
        return await self._send("POST", path, content, headers, longest, failures, on_event)

    async def get(self, path: str, failures: Failures) -> str:
        """Read what is at `path`, which is not expected to be large.

        Raises:
            ProviderError: the call failed, or the answer is too large.
        """
        longest = min(LONGEST_LIST, self._pools.limits.max_response_bytes)
        reply = await self._send("GET", path, None, self.endpoint.headers, longest, failures)
        return reply.text or ""

    async def _send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        longest: int,
        failures: Failures,
        on_event: Callable[[str], None] | None = None,
    ) -> Reply:
        limits = self._pools.limits
        try:
            client = self._pools.client(self.endpoint.base_url)
            async with (
                asyncio.timeout(self.endpoint.total_timeout),
                client.stream(
                    method,
                    path,
                    content=content,
                    headers=headers,
                    auth=self._sign if self.endpoint.key is not None else None,
                    timeout=httpx.Timeout(
                        self.endpoint.timeout, connect=min(limits.connect_timeout, self.endpoint.timeout), pool=None
                    ),
                ) as response,
            ):
                failures.status, failures.headers = response.status_code, response.headers
                failures.now = self._now()
                if not response.is_success:
                    raise failures.answer(await _beginning(response))
                bounded = _Bounded(response, longest, failures)
                content_type = response.headers.get("content-type", "")
                if on_event is not None and "text/event-stream" in content_type:
                    async for event in EventSource(cast("httpx.Response", bounded)).aiter_sse():
                        on_event(event.data)
                    return Reply(None, failures.request_id)
                if on_event is not None and "application/x-ndjson" in content_type:
                    async for line in _lines(bounded):
                        on_event(line)
                    return Reply(None, failures.request_id)
                return Reply("".join([piece async for piece in bounded.aiter_text()]), failures.request_id)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = failures.transport(error)
        except TimeoutError:
            failure = failures.make(
                ProviderTimeoutError, f"did not finish its answer within {self.endpoint.total_timeout:g} s in all"
            )
        raise failure  # outside of the handler: the foreign exception, whose frames hold the key, is let go

    def _sign(self, request: httpx.Request) -> httpx.Request:
        if self.endpoint.key is not None:
            key, header = self.endpoint.key.get_secret_value(), self.endpoint.key_header
            request.headers[header or "Authorization"] = key if header else f"Bearer {key}"
        return request


class _Bounded:
    """A response that stops being read when it grows too large."""

    def __init__(self, response: httpx.Response, longest: int, failures: Failures) -> None:
        self.headers = response.headers
        self._response = response
        self._longest = longest
        self._failures = failures

    async def aiter_text(self) -> AsyncIterator[str]:
        self._check(int(self.headers["content-length"]) if self.headers.get("content-length", "").isdigit() else 0)
        read = 0
        async for piece in self._response.aiter_text():
            read += len(piece)
            self._check(max(read, self._response.num_bytes_downloaded))
            yield piece

    def _check(self, size: int) -> None:
        if size > self._longest:
            raise self._failures.protocol(f"sent an answer of more than {self._longest:,} bytes, which is not read")


async def _lines(bounded: _Bounded) -> AsyncIterator[str]:
    rest = ""
    async for piece in bounded.aiter_text():
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            yield line
    if rest:
        yield rest


async def _beginning(response: httpx.Response) -> str:
    """Read the start of an error's body; an error whose body is lost is still that error."""
    text = ""
    try:
        async for piece in response.aiter_text():
            text += piece
            if len(text) >= LONGEST_ERROR_BODY:
                break
    except httpx.HTTPError:
        pass
    return text[:LONGEST_ERROR_BODY]
