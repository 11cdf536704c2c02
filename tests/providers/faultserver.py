"""A server on the loopback that answers, well or badly, as each test tells it.

What the providers' interfaces look like is in `faultserver_shapes`.
"""

import asyncio
import json
import select
import socket
import struct
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from graphbit_nb.core.config import LlmConfig
from graphbit_nb.core.llm import GenerateRequest, Message
from graphbit_nb.providers.api import ApiClient
from graphbit_nb.testing import VirtualTimeLoop

KEY = "very-secret-key-0123456789"


def ask(text="hello", **more):
    return GenerateRequest(messages=(Message("user", text),), **more)


def chat_answer(text="hi", finish="stop", **message):
    return {
        "model": "fake-1",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}
        ],
        "usage": {
            "prompt_tokens": 7,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
    }


def piece(text=None, finish=None, **delta):
    return {
        "model": "fake-1",
        "choices": [{"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish}],
    }


USAGE = {"model": "fake-1", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


def answer(body, status=200, headers=()):
    """A whole answer; `body` is JSON, or a text as it is."""
    data = (body if isinstance(body, str) else json.dumps(body)).encode()
    head = [f"HTTP/1.1 {status} x", f"content-length: {len(data)}", *(f"{k}: {v}" for k, v in dict(headers).items())]
    if not any(line.startswith("content-type") for line in head):
        head.append("content-type: application/json")

    async def act(server, reader, writer):
        writer.write("\r\n".join([*head, "", ""]).encode() + data)
        await writer.drain()

    return act


def stream(*events, then="end", headers=()):
    """Events, JSON or a text as it is; `then` the stream ends, is cut, reset, or hangs."""
    head = ["HTTP/1.1 200 OK", "content-type: text/event-stream", "transfer-encoding: chunked"]
    head += [f"{k}: {v}" for k, v in dict(headers).items()]

    async def act(server, reader, writer):
        writer.write("\r\n".join([*head, "", ""]).encode())
        for event in events:
            data = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        if then == "end":
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        if then == "cut":
            writer.close()
        elif then == "reset":
            reset_connection(writer)
        elif then == "hang":
            await hang(server, reader, writer)

    return act


def flood(size, content_type="application/json"):
    """An answer of `size` bytes that does not say beforehand how large it is."""

    async def act(server, reader, writer):
        writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n\r\n".encode())
        for _ in range(size // 1024):
            writer.write(b"x" * 1024)
            await writer.drain()
        writer.close()

    return act


def raw(*pieces, then="close"):
    """These very bytes; then the connection is closed, reset, or left open."""

    async def act(server, reader, writer):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then == "reset":
            reset_connection(writer)
        elif then in {"close", "cut"}:
            writer.close()
        elif then == "hang":
            await hang(server, reader, writer)

    return act


def drip(data, seconds):
    """These bytes one by one, each after so many seconds, as long as anybody listens."""

    async def act(server, reader, writer):
        for byte in data:
            await asyncio.sleep(seconds)
            if hung_up(writer):
                raise ConnectionResetError
            writer.write(bytes([byte]))
            await writer.drain()

    return act


async def reset(server, reader, writer):
    reset_connection(writer)


async def hang(server, reader, writer):
    """Say nothing until the client hangs up."""
    await reader.read()
    server.hung_up.set()


def reset_connection(writer):
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


def hung_up(writer):
    """Whether the client has closed the connection, which the kernel knows before the event loop does."""
    if writer.is_closing():
        return True
    looking = select.poll()
    looking.register(writer.get_extra_info("socket").fileno(), select.POLLRDHUP)
    return bool(looking.poll(0))


@dataclass
class Seen:
    path: str
    headers: dict
    body: dict


@dataclass
class FaultServer:
    """Does the next act of its script for each request; the last act is repeated.

    Attributes:
        choose: Chooses the act for each request (a `Seen`) in place of the script.
        seen: The requests.
        connections: How many were made.
        open: Those that are open now.
        sent: Bytes of floods that were sent.
        wall: Tells the time of day, for dates in headers.
    """

    url: str = ""
    acts: list = field(default_factory=list)
    choose: object = None
    seen: list = field(default_factory=list)
    connections: int = 0
    open: set = field(default_factory=set)
    sent: int = 0
    wall: object = time.time
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set = field(default_factory=set)

    def will(self, *acts):
        self.acts = list(acts)

    async def serve(self, reader, writer):
        self.connections += 1
        self.open.add(writer)
        self._tasks.add(asyncio.current_task())
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                seen = Seen(head[0].split()[1], headers, json.loads(body or b"{}"))
                self.seen.append(seen)
                self.asked.set()
                self._tell()
                if self.choose is not None:
                    act = self.choose(seen)
                else:
                    act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                await act(self, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            self.open.discard(writer)
            self._tasks.discard(asyncio.current_task())
            self._tell()

    async def until(self, holds):
        """Wait until `holds()` is true, which is looked at with each request and each end of a connection."""
        while not holds():
            self._changed.clear()
            await asyncio.wait_for(self._changed.wait(), 20)

    def _tell(self):
        self._changed.set()

    async def stop(self):
        tasks = list(self._tasks)
        for writer in self.open:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def listening(handle, sock=None):
    """Have `handle(reader, writer)` take each connection as long as the block lasts; gives the address.

    Args:
        handle: Serves one connection, which is closed when it returns.
        sock: Where to listen, bound already; None is wherever there is room.
    """
    tasks, writers = set(), set()

    def accept(reader, writer):
        writers.add(writer)
        tasks.add(asyncio.get_running_loop().create_task(carry_out(reader, writer)))

    async def carry_out(reader, writer):
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await handle(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            writers.discard(writer)

    place = {"host": "127.0.0.1", "port": 0} if sock is None else {"sock": sock}
    listener = await asyncio.start_server(accept, **place, backlog=1000)
    try:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        for _ in range(3):
            await asyncio.sleep(0)  # so that none is left that was about to be accepted
        for writer in writers:
            writer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


@asynccontextmanager
async def serving(sock=None):
    """A fault server that listens as long as the block lasts; see `listening`."""
    server = FaultServer()
    async with listening(server.serve, sock) as address:
        server.url = f"{address}/v1"
        yield server


class PatientLoop(VirtualTimeLoop):
    """Virtual time for a client and a server of one loop: before the clock jumps, what travels has time to arrive.

    What a thread looks up for the loop, such as an address, is waited for however long a busy machine takes.
    """

    _in_threads = 0

    def run_in_executor(self, executor, func, *args):
        self._in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._left_thread)
        return future

    def _left_thread(self, _):
        self._in_threads -= 1

    def _select(self, timeout):
        ready = self._real_select(0)
        if not ready and timeout:
            ready = self._real_select(10.0 if self._in_threads else 0.001)
        return ready or super()._select(timeout)


def in_virtual_time(main):
    """Run a coroutine that has its server on its own loop; what hangs for a minute takes no time."""
    with asyncio.Runner(loop_factory=PatientLoop) as runner:
        return runner.run(main)


def make_client(server, pools, provider="openai", **more):
    now, clock = more.pop("now", lambda: 0.0), more.pop("clock", None)
    config = LlmConfig(provider=provider, model="fake", base_url=server.url, **{"api_key": KEY, **more})
    times = {"now": now} if clock is None else {"now": now, "clock": clock}
    return ApiClient.from_config(config, pools, environ={}, **times)


class Listener:
    def __init__(self, *, wants_tokens=True):
        self.wants_tokens = wants_tokens
        self.tokens = []
        self.retries = []
        self.waits = []
        self.circuits = []

    def token(self, text):
        self.tokens.append(text)

    async def retry(self, attempt, delay, error):
        self.retries.append((attempt, delay, error))

    def limited(self, limit, seconds, ahead):
        self.waits.append((limit, seconds, ahead))

    def circuit(self, name, state, reason):
        self.circuits.append((name, state, reason))
