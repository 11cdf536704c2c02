"""A server of chat completions in a process of its own: answers after a while, and sees connections come and go.

The address says how: `/MILLISECONDS-TOKENS-GAP/v1` is an answer of so many tokens after so many milliseconds. Streamed,
a token follows every GAP milliseconds, or all come at once where that is 0. `GET /seen` tells what the server saw. It
does as little as it can for a call, so that it is not what is measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, ClassVar

from benchmarks.measure import ROOT, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODEL = "fake-1"
STREAMED = (b'"stream": true', b'"stream":true')
PATIENCE = 30.0  # seconds until what should be seen is missing


def tokens_of(count: int) -> list[str]:
    """Return an answer of so many tokens."""
    return [f"{' ' if number else ''}word{number}" for number in range(count)]


@dataclass(frozen=True, slots=True)
class Manner:
    """How an address answers: after `delay` seconds, with these bytes."""

    delay: float
    gap: float
    whole: bytes
    events: tuple[bytes, ...]


@cache
def _manner(path: bytes) -> Manner:
    delay, tokens, gap = path.decode().split("/")[1].split("-")
    usage = {"prompt_tokens": 12, "completion_tokens": int(tokens), "total_tokens": 12 + int(tokens)}
    common = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": MODEL, "system_fingerprint": "fp_1"}
    message = {"role": "assistant", "content": "".join(tokens_of(int(tokens))), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    whole = _json({**common, "object": "chat.completion", "choices": [choice], "usage": usage})

    def piece(text: str | None, finish: str | None = None) -> bytes:
        delta = {} if text is None else {"content": text}
        part = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _event(_json({**common, "object": "chat.completion.chunk", "choices": [part], "usage": None}))

    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    last = _event(_json({**common, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
    end = piece(None, "stop") + last + _event(b"[DONE]") + b"0\r\n\r\n"
    pieces = [piece(token) for token in tokens_of(int(tokens))]
    events = (head + pieces[0], *pieces[1:], end)
    return Manner(int(delay) / 1e3, int(gap) / 1e3, _answer(whole), events if int(gap) else (b"".join(events),))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _event(data: bytes) -> bytes:
    event = b"data: " + data + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(event), event)


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


class _Ticker:
    """Sends to all streams of one gap, an event each, whenever it is time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, gap: float) -> None:
        self._loop = loop
        self._gap = gap
        self._streams: dict[_Caller, Iterator[bytes]] = {}

    def add(self, caller: _Caller, events: tuple[bytes, ...]) -> None:
        if not self._streams:
            self._loop.call_soon(self._tick, self._loop.time())
        self._streams[caller] = iter(events)

    def _tick(self, due: float) -> None:
        for caller, events in list(self._streams.items()):
            event = next(events, None)
            if event is None or not caller.is_busy:
                del self._streams[caller]
                caller.ended()
            else:
                caller.write(event)
        if self._streams:
            due = max(due + self._gap, self._loop.time())
            self._loop.call_at(due, self._tick, due)


class _Caller(asyncio.Protocol):
    """One connection."""

    open: ClassVar[set[_Caller]] = set()
    accepted = 0
    answered = 0
    closed: ClassVar[list[tuple[float, bool]]] = []  # when, by the clock that all processes share; whether in a call
    tickers: ClassVar[dict[float, _Ticker]] = {}

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._received = b""
        self.is_busy = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.write: Callable[[bytes], None] = transport.write

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 (however it was closed)
        if self in _Caller.open:
            _Caller.open.discard(self)
            _Caller.closed.append((time.monotonic(), self.is_busy))
        self.is_busy = False

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        method, path, _ = head.split(b" ", 2)
        if method == b"GET":
            self._received = b""
            self.write(_answer(_json(_seen() if path == b"/seen" else {"data": [{"id": MODEL, "object": "model"}]})))
            return
        at = head.lower().index(b"content-length:") + 15
        if len(rest) < int(head[at : at + 12].split(b"\r", 1)[0]):
            return
        self._received = b""
        self._ask(_manner(path), streamed=any(mark in rest for mark in STREAMED))

    def _ask(self, manner: Manner, *, streamed: bool) -> None:
        if self not in _Caller.open:
            _Caller.open.add(self)
            _Caller.accepted += 1
        self.is_busy = True
        self._loop.call_later(manner.delay, self._stream if streamed else self._say, manner)

    def _say(self, manner: Manner) -> None:
        if self.is_busy:
            self.write(manner.whole)
            self.ended()

    def _stream(self, manner: Manner) -> None:
        if manner.gap:
            if manner.gap not in _Caller.tickers:
                _Caller.tickers[manner.gap] = _Ticker(self._loop, manner.gap)
            _Caller.tickers[manner.gap].add(self, manner.events)
        elif self.is_busy:
            self.write(manner.events[0])
            self.ended()

    def ended(self) -> None:
        _Caller.answered += self.is_busy
        self.is_busy = False


def _seen() -> dict[str, Any]:
    return {
        "open": len(_Caller.open),
        "busy": sum(caller.is_busy for caller in _Caller.open),
        "accepted": _Caller.accepted,
        "answered": _Caller.answered,
        "closed": _Caller.closed,
        "processor": time.process_time(),
    }


@dataclass(frozen=True, slots=True)
class Server:
    """The running server, as its clients see it."""

    port: int

    def address(self, milliseconds: int, tokens: int, gap: int = 0) -> str:
        """Return the base URL that answers so."""
        return f"http://127.0.0.1:{self.port}/{milliseconds}-{tokens}-{gap}/v1"

    def seen(self) -> dict[str, Any]:
        """Ask what it saw: connections that are open, busy in a call, accepted; calls answered; who hung up when."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/seen")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def wait_until(self, what: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask until it has seen this.

        Raises:
            RuntimeError: it did not happen.
        """
        deadline = time.monotonic() + PATIENCE
        while not what(seen := self.seen()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the server has not seen what it should: {seen}")
            time.sleep(0.01)
        return seen


@contextmanager
def serving() -> Iterator[Server]:
    """Start the server's process, and end it."""
    command = [sys.executable, "-m", "benchmarks.http_server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline())["port"])
        finally:
            process.kill()


async def main() -> None:
    """Serve until whoever started this process is gone."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Caller(loop), "127.0.0.1", 0, backlog=2048)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    report(port=server.sockets[0].getsockname()[1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
