"""The way to an address: connections on aiohttp, which stays fast with hundreds of calls in flight, as httpx's.

Proxies and certificates are those that the environment names.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.request import getproxies, proxy_bypass

import httpx  # noqa: TID253 (this module is imported with the first client)

from graphbit_nb.errors import ConfigurationError
from graphbit_nb.providers.catalog import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from graphbit_nb.providers.limits import PoolLimits

logger = logging.getLogger("graphbit_nb")

LONGEST_HEADER = 64 * 1024
LONGEST_WHOLE = 64 * 1024


def transport_to(url: httpx.URL, limits: PoolLimits) -> httpx.AsyncBaseTransport:
    """Make the pool for an address: on aiohttp, which keeps its speed with hundreds of calls in flight.

    Where aiohttp is not to be had, and for a SOCKS proxy, which it does not know, it is httpx's own.

    Raises:
        ConfigurationError: the environment names a proxy or certificates that cannot be used.
    """
    try:
        proxy = _proxy_to(url)
        secure = url.scheme == "https" or (proxy is not None and proxy.url.scheme == "https")
        trust = _trust(secure)
        if proxy is None or proxy.url.scheme in {"http", "https"}:
            try:
                return _AiohttpTransport(trust, proxy, limits)
            except ImportError as error:
                logger.warning("aiohttp cannot be imported (%s): many calls at once will be slow", error)
        keep = httpx.Limits(
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive,
            keepalive_expiry=limits.keepalive_expiry,
        )
        return httpx.AsyncHTTPTransport(verify=trust, limits=keep, proxy=proxy)
    except (ImportError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"{url.host} cannot be reached as the environment says: {error}; look at HTTPS_PROXY, HTTP_PROXY, "
            "ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"
        ) from None


def _trust(secure: bool) -> ssl.SSLContext:
    """Return the certificates that are believed: those that the environment names for httpx, requests or curl."""
    named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if not secure or named or not bundle:  # reading them takes time and buys nothing where there are none to check
        return httpx.create_ssl_context(verify=secure)
    is_dir = Path(bundle).is_dir()
    return ssl.create_default_context(capath=bundle) if is_dir else ssl.create_default_context(cafile=bundle)


def _proxy_to(url: httpx.URL) -> httpx.Proxy | None:
    if url.host in LOOPBACK or proxy_bypass(url.host):  # a proxy cannot reach this machine's own loopback
        return None
    known = getproxies()
    address = known.get(url.scheme) or known.get("all")
    return httpx.Proxy(address if "://" in address else f"http://{address}") if address else None


class _AiohttpTransport(httpx.AsyncBaseTransport):
    """httpx-aiohttp's transport, whose exceptions are put right: it takes a lost connection for one never had."""

    def __init__(self, trust: ssl.SSLContext, proxy: httpx.Proxy | None, limits: PoolLimits) -> None:
        import aiohttp
        from httpx_aiohttp import AiohttpTransport

        self._translation = _Translation(
            (
                (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
                (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
                (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
                (aiohttp.ClientHttpProxyError, httpx.ProxyError),
                (aiohttp.ClientConnectorError, httpx.ConnectError),
                (aiohttp.ClientOSError, httpx.ReadError),
                (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
                (aiohttp.ClientError, httpx.RemoteProtocolError),
                (TimeoutError, httpx.WriteTimeout),
                (ValueError, httpx.LocalProtocolError),  # a header with a line break
            )
        )

        def session() -> aiohttp.ClientSession:
            return aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=trust,
                    limit=limits.max_connections,
                    keepalive_timeout=limits.keepalive_expiry,
                    resolver=aiohttp.ThreadedResolver(),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),  # httpx has its own
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
            )

        self._credentials = ""
        if proxy is not None and proxy.auth is not None:
            # told as a header: for a plain address with the request, else with the proxy's own CONNECT
            self._credentials = aiohttp.encode_basic_auth(*proxy.auth)
            proxy = httpx.Proxy(proxy.url, headers={"Proxy-Authorization": self._credentials})
        self._inner = AiohttpTransport(verify=trust, proxy=proxy, client=session)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._credentials and request.url.scheme == "http":
            request.headers["Proxy-Authorization"] = self._credentials
        with self._translation:
            if len(request.content) < LONGEST_WHOLE:
                response = await self._inner.handle_async_request(request)
            else:
                async with asyncio.timeout(None) as patience:
                    response = await self._inner.handle_async_request(_in_pieces(request, patience))
        response.stream = _Translated(cast("httpx.AsyncByteStream", response.stream), self._translation)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Translation:
    """Puts exceptions right: raises those of the one library as those of the other. Keeps nothing in between."""

    def __init__(self, kinds: tuple[tuple[type[Exception], type[httpx.TransportError]], ...]) -> None:
        self._kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, frames: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        cause = error.__cause__ if isinstance(error, httpx.TransportError) else error
        found = next((ours for theirs, ours in self._kinds if isinstance(cause, theirs)), None)
        if found is not None:
            raise found(str(cause)) from cause


def _in_pieces(request: httpx.Request, patience: asyncio.Timeout) -> httpx.Request:
    """Give a large request piece by piece: aiohttp has no timeout for a server that stops reading."""
    content, seconds = request.content, request.extensions.get("timeout", {}).get("write")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), LONGEST_WHOLE):
            if seconds is not None:
                patience.reschedule(asyncio.get_running_loop().time() + seconds)
            yield content[start : start + LONGEST_WHOLE]
        patience.reschedule(None)

    headers, extensions = request.headers, request.extensions
    return httpx.Request(request.method, request.url, headers=headers, content=pieces(), extensions=extensions)


class _Translated(httpx.AsyncByteStream):
    """The body of an answer, whose exceptions are put right as well."""

    def __init__(self, inner: httpx.AsyncByteStream, translation: _Translation) -> None:
        self._inner = inner
        self._translation = translation

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._translation:
            async for piece in self._inner:
                yield piece

    async def aclose(self) -> None:
        with self._translation:
            await self._inner.aclose()
