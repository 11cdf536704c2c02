"""Calls over HTTP: what the whole pipeline adds to the bare transport, and what a call leaves behind.

`python -m benchmarks.http PORT` is the process whose memory is looked at.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import graphbit_nb as gb
from benchmarks import http_clients as clients
from benchmarks.http_server import Server, serving
from benchmarks.measure import by_turns, in_fresh_process, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.http_clients import Client

REPEATS = 4
DELAY = 50  # milliseconds until the server answers
IN_FLIGHT = 200
CALLS = 2_000
TOKENS = 20
STREAMS = 200
STREAMED = 200  # tokens of a stream
GAP = 5  # milliseconds between two of them
WIDTHS = (8, 50, 200, 500)
WIDTH_CALLS = 1_000
NEVER = 60_000  # milliseconds: nobody waits for this answer
ROUNDS = 10
MEBI = 1 << 20


def section() -> Iterator[str]:
    with serving() as server:
        yield from _whole(server)
        yield from _streams(server)
        yield from _widths(server)
        yield from _hanging_up(server)
        yield from _memory(server)


def _whole(server: Server) -> Iterator[str]:
    yield f"{CALLS:,} calls, {IN_FLIGHT} in flight, a server that answers after {DELAY} ms"
    yield f"  {'':<38}{'calls a second':>15} {'processor':>12} {'graphbit_nb':>12}"
    address = server.address(DELAY, TOKENS)
    with ExitStack() as stack:
        enter = stack.enter_context
        ours = enter(clients.Ours(address, IN_FLIGHT, TOKENS))
        viewed = enter(clients.Ours(address, IN_FLIGHT, TOKENS, streams=True))
        viewed.name = "graphbit_nb, streamed to a view"
        others = [enter(clients.BareAiohttp(address, IN_FLIGHT, TOKENS))]
        others.append(enter(clients.BareHttpx(address, IN_FLIGHT, TOKENS)))
        if find_spec("openai"):
            others.append(enter(clients.Official(address, IN_FLIGHT, TOKENS)))
        for client in (ours, viewed, *others):
            client.ask(IN_FLIGHT)  # so that the connections are there
        by_turns(REPEATS, *(client.turn(CALLS) for client in (ours, viewed, *others)))
        for client in (ours, viewed, *others):
            yield _line(client, client.rate, "ms", client.milliseconds, ours.rate / client.rate)
    if not find_spec("openai"):
        yield f"  {clients.Official.name:<38}not installed"


def _streams(server: Server) -> Iterator[str]:
    yield f"{STREAMS} streams at once of {STREAMED} tokens, one every {GAP} ms to each, every event kept by a view"
    yield f"  {'':<38}{'tokens a second':>15} {'processor':>12} {'graphbit_nb':>12}"
    address = server.address(DELAY, STREAMED, GAP)
    kinds: list[type[Client]] = [clients.Ours, clients.BareAiohttp]
    if find_spec("openai"):
        kinds.append(clients.Official)
    with ExitStack() as stack:
        ours, *others = [stack.enter_context(kind(address, STREAMS, STREAMED, streams=True)) for kind in kinds]
        for client in (ours, *others):
            client.ask(1)
        by_turns(REPEATS, *(client.turn(STREAMS) for client in (ours, *others)))
        for client in (ours, *others):
            micro = client.milliseconds * 1e3 / STREAMED
            yield _line(client, client.rate * STREAMED, "µs", micro, ours.rate / client.rate)


def _line(client: Client, rate: float, unit: str, processor: float, ratio: float) -> str:
    return f"  {client.name:<38}{rate:13,.0f}/s {processor:10.3f} {unit} {ratio:11.2f}x"


def _widths(server: Server) -> Iterator[str]:
    yield f"processor time of a call by how many are in flight, {WIDTH_CALLS:,} calls"
    yield f"  {'':<38}{'graphbit_nb':>12} {'httpx on aiohttp':>18} {'ratio':>8} {'calls a second':>16}"
    for width in WIDTHS:
        address = server.address(DELAY, TOKENS)
        with clients.Ours(address, width, TOKENS) as ours, clients.BareAiohttp(address, width, TOKENS) as bare:
            for client in (ours, bare):
                client.ask(width)
            by_turns(REPEATS, ours.turn(WIDTH_CALLS), bare.turn(WIDTH_CALLS))
            name = f"{width} in flight"
            ratio = f"{ours.milliseconds / bare.milliseconds:7.2f}x"
            yield f"  {name:<38}{ours.milliseconds:9.3f} ms {bare.milliseconds:15.3f} ms {ratio} {ours.rate:14,.0f}/s"


def _hanging_up(server: Server) -> Iterator[str]:
    yield f"a run of {IN_FLIGHT} calls is stopped: until the run has ended, and until the server has seen them hang up"
    yield f"  {'':<38}{'run':>12} {'first':>12} {'last':>12}"
    waiting, streaming = server.address(NEVER, TOKENS), server.address(0, NEVER, 100)
    for name, address, stop in (
        ("cancelled before any answer", waiting, _cancel),
        ("cancelled in the middle of streams", streaming, _cancel),
        ("interrupted (Ctrl-C)", waiting, _interrupt),
    ):
        asked, ended = stop(server, address)
        closed = server.wait_until(lambda seen: not seen["busy"])["closed"]
        times = [when - asked for when, in_call in closed if in_call and when > asked]
        assert len(times) == IN_FLIGHT, f"{len(times)} of {IN_FLIGHT} hung up"
        yield f"  {name:<38}{ended * 1e3:9.1f} ms {min(times) * 1e3:9.1f} ms {max(times) * 1e3:9.1f} ms"


def _cancel(server: Server, address: str) -> tuple[float, float]:
    """Return when the run was cancelled, by the clock that all processes share, and how long it took to end."""
    executor, views = clients.executor_at(address, IN_FLIGHT), ((lambda _: None),)
    handle = executor.start(clients.workflow_of(IN_FLIGHT), {"topic": "graphs"}, views=views)
    server.wait_until(lambda seen: seen["busy"] == IN_FLIGHT)
    asked = time.monotonic()
    handle.cancel()
    result = handle.result()
    ended = time.monotonic() - asked
    assert result.status == "cancelled", result.status
    return asked, ended


def _interrupt(server: Server, address: str) -> tuple[float, float]:
    """Do the same with what Ctrl-C sends, while `execute` waits."""
    pressed: list[float] = []

    def press() -> None:
        server.wait_until(lambda seen: seen["busy"] == IN_FLIGHT)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    try:
        clients.executor_at(address, IN_FLIGHT).execute(clients.workflow_of(IN_FLIGHT), {"topic": "graphs"})
    except KeyboardInterrupt:
        ended = time.monotonic()
    else:
        raise AssertionError("the run was not interrupted")
    thread.join()
    assert gb.last.status == "cancelled", gb.last.status
    return pressed[0], ended - pressed[0]


def _memory(server: Server) -> Iterator[str]:
    yield f"memory of a process that makes {ROUNDS} times {WIDTH_CALLS:,} calls after the first {WIDTH_CALLS:,}"
    yield f"  {'':<38}{'held':>12} {'objects':>12} {'connections':>12}"
    before = server.seen()["open"]
    for found in in_fresh_process("benchmarks.http", str(server.port)):
        name = f"after {found['calls']:,} calls"
        held = "?" if found["held"] is None else f"{found['held'] / MEBI:.1f} MiB"
        yield f"  {name:<38}{held:>12} {found['objects']:12,} {found['open'] - before:12}"


def main(port: int) -> None:
    """Make calls round by round and report what the process holds after the first, the middle and the last."""
    server = Server(port)
    with clients.Ours(server.address(DELAY, TOKENS), IN_FLIGHT, TOKENS) as ours:
        for number in range(ROUNDS + 1):
            ours.ask(WIDTH_CALLS)
            if number in (0, ROUNDS // 2, ROUNDS):
                gc.collect()
                calls, objects = (number + 1) * WIDTH_CALLS, len(gc.get_objects())
                report(calls=calls, held=_held(), objects=objects, open=server.seen()["open"])


def _held() -> int | None:
    """Return the memory that this process holds now, in bytes, where the system tells."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS:"))


if __name__ == "__main__":
    main(int(sys.argv[1]))
