import asyncio
import base64
import gc
import gzip
import logging
import subprocess
import sys

import pytest
from faultserver import (
    KEY,
    Listener,
    answer,
    ask,
    chat_answer,
    hang,
    in_virtual_time,
    listening,
    make_client,
    piece,
    raw,
    reset,
    serving,
    stream,
)

from graphbit_nb import errors
from graphbit_nb.providers.http import Connection, Endpoint, HttpPools, Pool
from graphbit_nb.providers.limits import PoolLimits

PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(params=["aiohttp", "plain"])
def transport(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)
    return request.param


@pytest.fixture
def environment(monkeypatch):
    """Set the proxies that the environment names; nothing that this machine has set is left."""
    for name in (*PROXY_NAMES, "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    def named(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return named


async def post(address, pools, *, patience=5.0, body=None):
    connection = Connection(Endpoint(provider="openai", base_url=address, timeout=patience), pools)
    return await connection.post("/x", {} if body is None else body, connection.failures("fake"))


async def test_calls_travel_on_aiohttp(server, client, monkeypatch):
    import aiohttp

    asked = []
    request = aiohttp.ClientSession.request
    monkeypatch.setattr(
        aiohttp.ClientSession, "request", lambda self, **more: (asked.append(more["url"]), request(self, **more))[1]
    )
    server.will(answer(chat_answer()))
    await client.generate(ask())
    assert asked == [f"{server.url}/chat/completions"]


async def test_calls_travel_plainly_where_aiohttp_is_not_to_be_had_which_is_said(server, client, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "httpx_aiohttp", None)
    server.will(answer(chat_answer("plain")))
    assert (await client.generate(ask())).text == "plain"
    assert "many calls at once will be slow" in caplog.text


async def test_a_connection_is_kept_for_the_next_call(server, client, transport):
    server.will(answer(chat_answer()))
    for _ in range(3):
        await client.generate(ask())
    assert server.connections == 1


async def test_no_more_connections_are_open_than_the_limit(server, transport):
    pools = HttpPools(PoolLimits(max_connections=2))
    client = make_client(server, pools)
    server.will(answer(chat_answer()))
    await asyncio.gather(*(client.generate(ask()) for _ in range(8)))
    await pools.aclose()
    assert (server.connections, len(server.seen)) == (2, 8)


async def test_an_idle_connection_is_closed_when_it_expires(server, transport):
    pools = HttpPools(PoolLimits(keepalive_expiry=0.0))
    client = make_client(server, pools)
    server.will(answer(chat_answer()))
    for _ in range(2):
        await client.generate(ask())
    await pools.aclose()
    assert server.connections == 2


FAULTS = {
    "before the headers, closed": (raw(b""), errors.ProviderConnectionError, "hung up"),
    "before the headers, reset": (reset, errors.ProviderConnectionError, "hung up"),
    "within the headers, closed": (raw(b"HTTP/1.1 200 OK\r\ncontent-le"), errors.ProviderConnectionError, "hung up"),
    "within the body, closed": (
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{"),
        errors.ProviderConnectionError,
        "hung up",
    ),
    "within the body, reset": (
        raw(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{", then="reset"),
        errors.ProviderConnectionError,
        "hung up",
    ),
    "within a chunk, closed": (
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"),
        errors.ProviderConnectionError,
        "hung up",
    ),
    "no HTTP at all": (raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), errors.ProviderConnectionError, "hung up"),
    "a chunk of no size": (
        raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n"),
        errors.ProviderConnectionError,
        "hung up",
    ),
    "no gzip": (
        raw(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd"),
        errors.ProtocolError,
        "cannot be decoded",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_broken_answer_is_told_as_what_it_is(server, pools, transport, fault):
    act, kind, words = FAULTS[fault]
    server.will(act)
    with pytest.raises(errors.ProviderError, match=words) as caught:
        await post(server.url, pools)
    assert type(caught.value) is kind


async def test_a_stream_that_is_reset_is_a_lost_connection(server, client, transport):
    server.will(stream(piece("Hel"), then="reset"))
    with pytest.raises(errors.ProviderError) as caught:
        await client.generate(ask(), Listener())
    assert type(caught.value) is errors.ProviderConnectionError


async def test_nobody_there_is_not_reached(pools, transport, unused_tcp_port):
    with pytest.raises(errors.ProviderConnectionError, match="could not be reached"):
        await post(f"http://127.0.0.1:{unused_tcp_port}", pools)


async def test_a_name_that_nobody_has_is_not_reached(pools, transport, environment):
    with pytest.raises(errors.ProviderConnectionError, match="could not be reached"):
        await post("http://nobody.invalid", pools)


async def test_a_server_that_speaks_no_tls_is_not_reached(pools, transport, environment):
    async def nonsense(reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        await reader.read()

    async with listening(nonsense) as address:
        with pytest.raises(errors.ProviderConnectionError, match="could not be reached"):
            await post(address.replace("http:", "https:"), pools)
        await pools.aclose()


def times_out(act):
    """Ask a server that falls silent, in virtual time, so that no connection is slower than our patience."""

    async def main():
        pools = HttpPools()
        async with serving() as server:
            server.will(act)
            with pytest.raises(errors.ProviderTimeoutError, match="did not answer in time"):
                await post(server.url, pools)
            await pools.aclose()

    in_virtual_time(main())


def test_silence_before_the_headers_is_a_timeout(transport):
    times_out(hang)


def test_silence_within_the_body_is_a_timeout(transport):
    times_out(raw(b"HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{", then="hang"))


def test_a_server_that_does_not_read_is_a_timeout(transport):
    async def deaf(reader, writer):
        writer.transport.pause_reading()
        await asyncio.Event().wait()

    async def main():
        pools = HttpPools()
        async with listening(deaf) as address:
            with pytest.raises(errors.ProviderTimeoutError, match="did not answer in time"):
                await post(address, pools, body="x" * 32_000_000)
            await pools.aclose()

    in_virtual_time(main())


async def test_a_long_request_that_is_refused_early_is_told_with_the_refusal(pools, transport):
    async def refuse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 x\r\ncontent-length: 8\r\n\r\ntoo long")
        await writer.drain()
        await reader.read()

    async with listening(refuse) as address:
        with pytest.raises(errors.BadRequestError, match="answered 413: too long"):
            await post(address, pools, body="x" * 4_000_000)
        await pools.aclose()


@pytest.mark.parametrize("act", [hang, stream(piece("Hel"), then="hang")], ids=["headers", "events"])
async def test_a_cancelled_call_hangs_up_at_once(server, client, transport, act):
    server.will(act)
    call = asyncio.create_task(client.generate(ask(), Listener()))
    await server.asked.wait()
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_after_a_cancelled_call_the_pool_goes_on(server, client, transport):
    server.will(hang, answer(chat_answer("again")))
    call = asyncio.create_task(client.generate(ask()))
    await server.asked.wait()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert (await client.generate(ask())).text == "again"


async def test_closing_ends_calls_in_flight(server, pools, transport):
    if transport == "plain":
        pytest.skip("httpx's own pool leaves them to their timeouts")
    server.will(hang)
    call = asyncio.create_task(post(server.url, pools))
    await server.asked.wait()
    await pools.aclose()
    with pytest.raises(errors.ProviderConnectionError, match="hung up"):
        await call


async def test_closing_leaves_nothing_that_complains(server, transport, caplog):
    gc.collect()  # what other tests have left is not looked at here
    caplog.clear()
    server.will(answer(chat_answer()))
    pools = HttpPools()
    await make_client(server, pools).generate(ask())
    await pools.aclose()
    del pools
    with caplog.at_level(logging.DEBUG, logger="asyncio"):
        gc.collect()
    assert not [record for record in caplog.records if record.name != "graphbit_nb"]


async def test_pools_that_were_never_used_close(transport):
    pools = HttpPools()
    pools.pool("http://127.0.0.1:1")
    await pools.aclose()


async def test_pools_that_were_closed_open_again(server, pools, transport):
    server.will(answer("{}"))
    await post(server.url, pools)
    await pools.aclose()
    assert (await post(server.url, pools)).text == "{}"


async def test_a_second_event_loop_is_refused_while_the_first_runs(server, pools, transport):
    server.will(answer("{}"))
    await post(server.url, pools)
    with pytest.raises(errors.ConfigurationError, match="belong to another event loop"):
        await asyncio.to_thread(asyncio.run, post(server.url, pools))


async def test_a_gzipped_answer_is_read(server, pools, transport):
    body = gzip.compress(b'{"a": "\xc3\xa4"}')
    server.will(raw(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body))
    assert (await post(server.url, pools)).text == '{"a": "ä"}'


async def test_a_small_answer_that_unpacks_to_a_flood_is_not_read(server, pools, transport):
    body = gzip.compress(b"x" * 1_000_000)
    assert len(body) < pools.limits.max_response_bytes
    server.will(raw(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body))
    with pytest.raises(errors.ProtocolError, match="more than 65,536 bytes"):
        await post(server.url, pools)


async def test_long_headers_are_read(server, pools, transport):
    server.will(answer("{}", headers={"content-security-policy": "x" * 20_000, "x-request-id": "r"}))
    assert (await post(server.url, pools)).request_id == "r"


async def test_a_redirect_is_not_followed(server, pools, transport):
    server.will(answer("{}", status=307, headers={"location": f"{server.url}/elsewhere"}))
    with pytest.raises(errors.NotFoundError):
        await post(server.url, pools)
    assert len(server.seen) == 1


async def test_cookies_come_back_to_the_address_that_gave_them(server, pools, transport):
    server.will(answer("{}", headers={"set-cookie": "a=1; Path=/"}))
    await post(server.url, pools)
    await post(server.url, pools)
    assert [seen.headers.get("cookie") for seen in server.seen] == [None, "a=1"]


async def test_a_name_and_password_in_the_address_become_a_header(server, pools, transport):
    server.will(answer("{}"))
    await post(server.url.replace("http://", "http://me:word@"), pools)
    told = base64.b64encode(b"me:word").decode()
    assert server.seen[0].headers["authorization"] == f"Basic {told}"


async def test_a_header_with_a_line_break_is_refused_without_being_told(server, pools, transport):
    end = Endpoint(provider="openai", base_url=server.url, headers={"x-api-key": f"{KEY}\r\nx: y"})
    connection = Connection(end, pools)
    with pytest.raises(errors.ProviderError) as caught:
        await connection.post("/x", {}, connection.failures("fake"))
    assert KEY not in str(caught.value)
    assert not server.seen


@pytest.fixture
async def proxy():
    """A proxy that answers everything itself, and what it was asked."""
    asked = []

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        asked.append((head[0], next((line for line in head if line.lower().startswith("proxy-auth")), None)))
        if head[0].startswith("CONNECT"):
            writer.write(b"HTTP/1.1 407 who are you\r\ncontent-length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await writer.drain()

    async with listening(serve) as address:
        yield address.removeprefix("http://"), asked


async def test_the_environments_proxy_is_used(proxy, pools, transport, environment):
    place, asked = proxy
    environment(HTTP_PROXY=f"http://me:word@{place}")
    assert (await post("http://provider.invalid/v1", pools)).text == "{}"
    told = base64.b64encode(b"me:word").decode()
    assert asked == [("POST http://provider.invalid/v1/x HTTP/1.1", asked[0][1])]
    assert asked[0][1].lower() == f"proxy-authorization: basic {told}".lower()


async def test_a_proxy_without_a_scheme_speaks_http(proxy, pools, transport, environment):
    environment(ALL_PROXY=proxy[0])
    assert (await post("http://provider.invalid/v1", pools)).text == "{}"


async def test_no_proxy_is_used_where_the_environment_says_so(proxy, pools, transport, environment):
    environment(HTTP_PROXY=f"http://{proxy[0]}", NO_PROXY="provider.invalid")
    with pytest.raises(errors.ProviderConnectionError, match="could not be reached at provider"):
        await post("http://provider.invalid/v1", pools)
    assert not proxy[1]


async def test_no_proxy_is_used_for_the_loopback(server, proxy, pools, transport, environment):
    environment(HTTP_PROXY=f"http://{proxy[0]}")
    server.will(answer("{}"))
    await post(server.url, pools)
    assert not proxy[1]


async def test_a_proxy_that_refuses_is_told_as_the_proxy(proxy, pools, transport, environment):
    place, asked = proxy
    environment(HTTPS_PROXY=f"http://me:word@{place}")
    with pytest.raises(errors.ProviderConnectionError, match="through the proxy") as caught:
        await post("https://provider.invalid/v1", pools)
    assert asked[0][0].startswith("CONNECT provider.invalid:443")
    assert asked[0][1] is not None
    assert "word" not in str(caught.value)


async def test_a_proxy_of_an_unknown_kind_is_refused_with_where_to_look(pools, transport, environment):
    environment(HTTP_PROXY="gopher://127.0.0.1:70")
    with pytest.raises(errors.ConfigurationError, match="HTTP_PROXY"):
        await post("http://provider.invalid/v1", pools)


async def test_certificates_that_are_not_there_are_refused_with_where_to_look(pools, transport, environment, tmp_path):
    environment(SSL_CERT_FILE=str(tmp_path / "none.pem"))
    with pytest.raises(errors.ConfigurationError, match="SSL_CERT_FILE"):
        await post("https://provider.invalid/v1", pools)


def test_aiohttp_is_loaded_with_the_first_call():
    code = (
        "import sys, graphbit_nb.providers.http as http; print('aiohttp' in sys.modules)\n"
        "import asyncio\n"
        "async def main():\n"
        "    pools = http.HttpPools(); pools.pool('http://127.0.0.1:1'); await pools.aclose()\n"
        "asyncio.run(main()); print('aiohttp' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_a_pool_may_be_used_again_on_a_new_loop_once_the_old_one_is_closed():
    pools = HttpPools()

    async def first():
        return pools.pool("http://127.0.0.1:1")

    one = asyncio.run(first())
    other = asyncio.run(first())
    assert isinstance(other, Pool)
    assert one is not other
