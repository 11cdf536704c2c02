"""Sends JSON to one provider's address over pooled connections and reads the answer, whole or event by event.

What the JSON means is the business of the clients; what went wrong is put into words by `failures`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import httpx  # noqa: TID253 (this module is imported with the first client)
from httpx_sse import EventSource  # noqa: TID253

from graphbit_nb.core.headers import secret_values
from graphbit_nb.core.redaction import redact, remember, watch_logs
from graphbit_nb.errors import (
    BadRequestError,
    ConfigurationError,
    GraphbitError,
    ProviderTimeoutError,
    ResponseTooLargeError,
)
from graphbit_nb.providers.failures import Failures
from graphbit_nb.providers.limits import PoolLimits
from graphbit_nb.providers.transport import transport_to

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from pydantic import SecretStr

LONGEST_ERROR_BODY = 64 * 1024
LONGEST_LIST = 4 * 1024 * 1024
_STANDING = {"User-Agent": "graphbit-nb", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
_LOGGERS = (
    *("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy", "httpcore.socks"),
    *("aiohttp.access", "aiohttp.client", "aiohttp.internal", "aiohttp.websocket", "asyncio", "hpack.hpack"),
)


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
    base_url: str = field(repr=False)
    key: SecretStr | None = None
    key_header: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 120.0
    total_timeout: float | None = None
    hints: Mapping[type[GraphbitError], str] = field(default_factory=dict, repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be repeated in any message."""
        own = [self.key.get_secret_value()] if self.key else []
        whole = [*own, *secret_values(self.headers), *_login(self.base_url)]
        # its lines as well: who complains of a line break shows it escaped
        return tuple(s for s in (*whole, *(line for one in whole for line in one.splitlines())) if s)


@dataclass(slots=True)
class Pool:
    """The connections to one address, and the cookies that it gave."""

    transport: httpx.AsyncBaseTransport
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies, repr=False)

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request as it is, and return the answer with its body still to be read. Raises as httpx does."""
        if self.cookies.jar:
            self.cookies.set_cookie_header(request)
        response = await self.transport.handle_async_request(request)
        response.request = request
        if "set-cookie" in response.headers:
            self.cookies.extract_cookies(response)
        return response


class HttpPools:
    """The connection pools of one event loop: one for each address."""

    def __init__(self, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pools: dict[str, Pool] = {}

    def pool(self, base_url: str) -> Pool:
        """Return the pool for an address, on the event loop that runs now.

        Raises:
            ConfigurationError: the pools are in use on another event loop, or the environment names a proxy or
                certificates that cannot be used.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._pools and self._loop is not None and not self._loop.is_closed():
                raise ConfigurationError(
                    "these connections belong to another event loop, which still runs; use a client of its own for "
                    "each loop, or close this one there with `await client.aclose()`"
                )
            self._loop, self._pools = loop, {}  # what a closed loop left behind cannot be closed any more
        if base_url not in self._pools:
            self._pools[base_url] = Pool(transport_to(httpx.URL(base_url), self.limits))
        return self._pools[base_url]

    async def aclose(self) -> None:
        """Close every connection."""
        pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            await pool.transport.aclose()


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
        self._secrets = endpoint.secrets
        remember(*self._secrets)
        watch_logs(*_LOGGERS)  # of their own, for what they log is not ours to word
        self._urls: dict[str, httpx.URL] = {}  # by path: to put one together costs as much as the rest of a request
        try:
            url = httpx.URL(endpoint.base_url)
        except httpx.InvalidURL:
            url = httpx.URL()
        if url.scheme not in {"http", "https"} or not url.host:
            shown = redact(endpoint.base_url)
            raise ConfigurationError(
                f"the address of {endpoint.provider} must look like 'https://host/v1', not {shown!r}"
            )
        self._base = url.copy_with(userinfo=b"", raw_path=url.raw_path.rstrip(b"/") + b"/")
        self._place = url.host if url.port is None else f"{url.host}:{url.port}"
        signed = {"Authorization": _basic(url)} if url.userinfo else {}
        told = {name.lower() for name in endpoint.headers}
        standing = {**_STANDING, **signed, "Content-Type": "application/json"}
        headers = {**{name: standing[name] for name in standing if name.lower() not in told}, **endpoint.headers}
        self._headers = httpx.Request("GET", self._base, headers=headers).headers  # with the host
        limits = pools.limits
        self._extensions = {
            "timeout": httpx.Timeout(
                endpoint.timeout, connect=min(limits.connect_timeout, endpoint.timeout), pool=None
            ).as_dict()
        }

    def failures(self, model: str | None) -> Failures:
        """Start the account of one call, from which its errors are made."""
        end = self.endpoint
        return Failures(
            provider=end.provider,
            model=model,
            place=self._place,
            secrets=self._secrets,
            hints=end.hints,
            now=self._now(),
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
        longest = self._pools.limits.max_response_bytes
        return await self._send("POST", path, content, longest, failures, on_event)

    async def get(self, path: str, failures: Failures) -> str:
        """Read what is at `path`, which is not expected to be large.

        Raises:
            ProviderError: the call failed, or the answer is too large.
        """
        longest = min(LONGEST_LIST, self._pools.limits.max_response_bytes)
        reply = await self._send("GET", path, None, longest, failures)
        return reply.text or ""

    async def _send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        longest: int,
        failures: Failures,
        on_event: Callable[[str], None] | None = None,
    ) -> Reply:
        try:
            async with asyncio.timeout(self.endpoint.total_timeout):
                pool = self._pools.pool(self.endpoint.base_url)
                response = await pool.send(self._request(method, path, content))
                try:
                    return await self._read(response, longest, failures, on_event)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            failure = failures.transport(error)
        except TimeoutError:
            failure = failures.make(
                ProviderTimeoutError, f"did not finish its answer within {self.endpoint.total_timeout:g} s in all"
            )
        raise failure  # outside of the handler: the foreign exception, whose frames hold the key, is let go

    async def _read(
        self, response: httpx.Response, longest: int, failures: Failures, on_event: Callable[[str], None] | None
    ) -> Reply:
        failures.status, failures.headers = response.status_code, dict(response.headers.items())
        failures.now = self._now()
        if not response.is_success:
            raise failures.answer(await _beginning(response))
        bounded = _Bounded(response, failures.headers, longest, failures)
        content_type = failures.headers.get("content-type", "")
        if on_event is not None and "text/event-stream" in content_type:
            async for event in EventSource(cast("httpx.Response", bounded)).aiter_sse():
                on_event(event.data)
            return Reply(None, failures.request_id)
        if on_event is not None and "application/x-ndjson" in content_type:
            async for line in _lines(bounded):
                on_event(line)
            return Reply(None, failures.request_id)
        return Reply(await bounded.text(), failures.request_id)

    def _url(self, path: str) -> httpx.URL:
        if path not in self._urls:
            self._urls[path] = self._base.copy_with(raw_path=self._base.raw_path + path.lstrip("/").encode())
        return self._urls[path]

    def _request(self, method: str, path: str, content: bytes | None) -> httpx.Request:
        """Make a signed request; put together like this it takes a third of the time that httpx takes to."""
        request = httpx.Request(
            method,
            self._url(path),
            headers=self._headers,
            stream=httpx.ByteStream(content or b""),
            extensions=self._extensions,
        )
        request.read()
        if content is not None:
            request.headers["Content-Length"] = str(len(content))
        if self.endpoint.key is not None:
            key, header = self.endpoint.key.get_secret_value(), self.endpoint.key_header
            request.headers[header or "Authorization"] = key if header else f"Bearer {key}"
        return request


def _login(base_url: str) -> tuple[str, ...]:
    """Return the password of an address, alone and in the header that it is sent in."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        return ()
    return (url.password, _basic(url).removeprefix("Basic ")) if url.password else ()


def _basic(url: httpx.URL) -> str:
    """Return name and password of an address as the header that they are sent in."""
    told = base64.b64encode(f"{url.username}:{url.password}".encode()).decode()
    return f"Basic {told}"


class _Bounded:
    """A response that stops being read when it grows too large."""

    def __init__(self, response: httpx.Response, headers: Mapping[str, str], longest: int, failures: Failures) -> None:
        self.headers = headers
        self._response = response
        self._longest = longest
        self._failures = failures

    async def aiter_text(self) -> AsyncIterator[str]:
        self._check_told()
        read = 0
        async for piece in self._response.aiter_text():
            read += len(piece)
            self._check(max(read, self._response.num_bytes_downloaded))
            yield piece

    async def text(self) -> str:
        """Read all of it."""
        self._check_told()
        pieces, read = [], 0
        is_packed = "content-encoding" in self.headers
        # what is not packed is taken as it comes: httpx's own way to it has two more generators for each piece
        source = self._response.aiter_bytes() if is_packed else cast("httpx.AsyncByteStream", self._response.stream)
        async for piece in source:
            read += len(piece)
            self._check(max(read, self._response.num_bytes_downloaded))
            pieces.append(piece)
        is_told = "charset" in self.headers.get("content-type", "").lower()
        return b"".join(pieces).decode((self._response.encoding if is_told else None) or "utf-8", "replace")

    def _check_told(self) -> None:
        length = self.headers.get("content-length", "")
        self._check(int(length) if length.isdigit() else 0)

    def _check(self, size: int) -> None:
        if size > self._longest:
            raise self._failures.make(
                ResponseTooLargeError, f"sent an answer of more than {self._longest:,} bytes, which is not read"
            )


async def _lines(bounded: _Bounded) -> AsyncIterator[str]:
    begun: list[str] = []  # a line that has not ended; joined once, for it may be as long as all that is read
    async for piece in bounded.aiter_text():
        first, *others = piece.split("\n")
        begun.append(first)
        for other in others:
            yield "".join(begun)
            begun = [other]
    if any(begun):
        yield "".join(begun)


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
