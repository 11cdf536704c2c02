"""Spoils cassettes, and plays them: they play or are refused by our own errors, in no time, and run no code.

``python -m tests.storage.cassettefuzz 5000`` does it that often; the suite a few hundred times.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import math
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

import graphbit_nb as gb
from graphbit_nb import errors
from graphbit_nb.errors import GraphbitError
from graphbit_nb.testing import run_in_virtual_time

LONGEST = 10  # seconds for one file
WATCHED = frozenset({
    "exec", "compile", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove", "os.chmod",
    "os.rename", "os.rmdir", "subprocess.Popen", "import", "pickle.find_class", "socket.connect", "socket.getaddrinfo",
    "socket.bind", "ctypes.dlopen",
})  # fmt: skip
JUNK = [
    None, True, False, 0, 1, -1, 2**40, 10**400, -(10**400), 1.5, -0.0, 1e308, math.inf, "", " ", "x", "\0", "\u202e",
    "\ud800", "\ud83d\ude00", "A" * 5000, "{{ 7*7 }}", "../../etc/passwd", "os:system", "__class__", "{", "schema",
    [], [[]], {}, {"": ""}, {"~": "x"}, {"~": None}, {"~": "float", "v": "nan"}, {"~": "float", "v": "inf"},
    {"~": "int", "v": "0x" + "f" * 500}, {"~": "data", "c": "os:system", "f": {}}, {"~": "lost", "type": "x"},
    {"~": "record", "c": "RunSnapshot", "f": {}}, {"~": "record", "c": "Usage", "f": {"input_tokens": -1}},
    {"~": "model", "c": "builtins:object", "f": {}, "s": []}, {"~": "path", "v": "/etc/passwd"},
    {"type": "AuthenticationError", "message": "sk-x"}, {"type": "NotRecordedError", "message": "x"},
    {"type": "CircuitOpenError", "message": "x", "until": -1}, {"type": "SystemExit", "message": "x"},
    ["token", 0.1, "x"], ["retry", 0.1, 1, 10**400, {"type": "ServerError", "message": "x"}],
    ["retry", 1, 10**400, 1e308, {"type": "ServerError", "message": "x"}], ["limited", 1, "rpm", 10**400, -1],
    ["limited", 0, "", None, 10**400], ["circuit", 0.1, "c", "open", "why"], ["ended", 10**400], ["ended", -5],
    ["token", 1e308, "x"], ["token"], ["exec", 0, "import os"],
]  # fmt: skip
SPLICES = [
    b"\xff", b"\xef\xbb\xbf", b"\x00", b"\r", b"\r\n", b"\xc2\x85", b"\xe2\x80\xa8", b"'", b'"', b"{", b"}", b"[", b"]",
    b": ", b",", b"NaN", b"-Infinity", b"1e999", b"\\", b"\\ud800", b"\n", b"\n\n", b"9" * 5000, b'{"request": {}}\n',
    b'{"~": "data", "c": "os:system"}', b"cos\nsystem\n", b"\x80\x04\x95", b"!!python/object/apply:os.system", b"//",
]  # fmt: skip
ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be", "latin-1", "cp037", "utf-7"]
CONFIG = gb.LlmConfig(provider="fuzzed", model="m")


class Fuzzed(gb.CustomLlmClient):
    """Answers in words, in vectors, and with failures."""

    failed = 0

    async def generate(self, request, listener=None):
        await asyncio.sleep(0.25)
        if request.node == "flaky" and not type(self).failed:
            type(self).failed = 1
            raise gb.ServerError("busy", provider="fuzzed", status=503, retry_after=0.5)
        if request.node == "broken":
            raise gb.BadRequestError("no such thing", provider="fuzzed")
        for word in ("an ", "answer ", "é"):
            await asyncio.sleep(0.1)
            if listener is not None and listener.wants_tokens:
                listener.token(word)
        usage = gb.Usage(input_tokens=3, output_tokens=4, calls=1)
        return gb.GenerateResponse(text="an answer é", finish_reason="stop", cost=0.5, usage=usage, first_token=0.35)

    async def embed(self, request, listener=None):
        return gb.EmbedResponse(vectors=tuple((0.5, float(len(text))) for text in request.texts))


def flow() -> gb.Workflow:
    """Return what was recorded."""
    builder = gb.WorkflowBuilder("flow")
    builder.add_node(gb.Node.prompt("a", "About the sea"))
    builder.add_node(gb.Node.prompt("flaky", "Something else"))
    builder.add_node(gb.Node.prompt("broken", "Never"))
    builder.add_node(gb.Node.embed("v", "some text"))
    builder.add_node(gb.Node.prompt("both", "Both: {{ a }} {{ flaky }}"))
    return builder.build()


def play(path: Path, mode: str = "none", speed: float | None = None) -> gb.RunResult:
    """Run the workflow by the cassette, in no time."""

    async def main():
        executor = gb.WorkflowExecutor(
            CONFIG,
            retry=gb.RetryPolicy(max_attempts=3, base_delay=2, jitter=0),
            cassette=gb.Cassette(path, mode, speed=speed),
            storage="memory",
            cache="disable",
        )
        return await executor.run(flow(), loop="current", views=(str,))

    return run_in_virtual_time(main())


def good_file(where: Path) -> bytes:
    """Record a sound cassette and return what is in it, with everything that a client may tell."""
    gb.ProviderRegistry.register("fuzzed", Fuzzed)
    path = where / "sound.cassette.jsonl"
    Fuzzed.failed = 0
    play(path, "once")
    head, *lines = path.read_text("utf-8").splitlines()
    calls = [json.loads(line) for line in lines]
    first = next(call for call in calls if call["node"] == "a")
    first["told"][:0] = [["limited", 0.1, "rpm", 1.5, 2], ["circuit", 0.2, "fuzzed", "half_open", "trying"]]
    return "\n".join([head, *(json.dumps(call, ensure_ascii=False) for call in calls), ""]).encode()


def spoiled(content: bytes, rng: random.Random) -> bytes:
    """Return the file, changed in several ways."""
    lines = content.decode().splitlines()
    for _ in range(rng.choice([0, 1, 1, 2])):
        at = rng.randrange(len(lines)) if rng.random() < 0.1 else rng.randrange(1, len(lines))
        try:
            data = json.loads(lines[at])
        except ValueError:
            continue
        for _ in range(rng.choice([1, 1, 2, 4])):
            _spoil_data(data, rng)
        lines[at] = json.dumps(data, ensure_ascii=rng.random() < 0.5)
    match rng.randrange(12):
        case 0:
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
        case 1:
            rng.shuffle(lines)
        case 2:
            at = rng.randrange(len(lines))
            lines[at] = _nested(lines[at], rng)
        case 3:
            lines = lines * rng.choice([2, 30])
    text = rng.choice(["\n", "\n", "\n", "\r\n"]).join([*lines, ""])
    if rng.random() < 0.05:
        return text.encode(rng.choice(ENCODINGS), "replace")
    changed = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(rng.choice([0, 0, 0, 0, 1, 1, 2, 4])):
        _spoil_bytes(changed, rng)
    return bytes(changed)


def _nested(line: str, rng: random.Random) -> str:
    """Put lists in lists in lists into a line."""
    deep = rng.choice([90, 110, *range(300, 1000, 20), 5000, 100_000])
    begin, end = rng.choice([("[", "]"), ('{"a":', "}"), ('{"~":"tuple","v":[', "]}")])
    name = rng.choice(["request", "client", "told", "response", "more"])
    whole = begin * deep + "0" + end * deep
    inside = f'"{name}": {{"call": "generate", "x": {whole}}}' if rng.random() < 0.6 else f'"{name}": {whole}'
    return line[:-1] + ", " + inside + "}"


def _spoil_data(data: dict, rng: random.Random) -> None:
    holders, stack = [], [data]
    while stack:
        found = stack.pop()
        if isinstance(found, dict | list):
            if found is not data.get("request") or rng.random() < 0.3:  # a changed request is not played
                holders.append(found)
            stack.extend(found.values() if isinstance(found, dict) else found)
    holder = rng.choice([holder for holder in holders if holder] or [data])
    if not holder:
        holder["request"] = rng.choice(JUNK)
        return
    key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match rng.randrange(7):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            names = ["key", "client", "told", "error", "response", "v", "~", "x", "retry_after", "attempts"]
            holder[rng.choice(names)] = holder.pop(key)
        case 2:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"x": holder[key]}
        case 3:
            other = rng.choice(holders)
            inside = list(other.values()) if isinstance(other, dict) else other
            holder[key] = copy.deepcopy(rng.choice(inside or [None]))
        case 4 if isinstance(holder, list):
            holder.insert(key, copy.deepcopy(rng.choice(JUNK)))
        case 5 if isinstance(holder[key], int | float):
            holder[key] = rng.choice([-1, 0, 1e-9, 1e308, math.inf, 10**400, -(10**400), True, "1", None, 2**63])
        case _:
            holder[key] = copy.deepcopy(rng.choice(JUNK))


def _spoil_bytes(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(content) + 1)
    match rng.randrange(6):
        case 0:
            del content[at : at + rng.choice([1, 2, 10, 1000])]
        case 1:
            del content[at:]
        case 2:
            content[at:at] = rng.choice(SPLICES)
        case 3:
            content[at : at + 1] = bytes([rng.randrange(256)])
        case 4:
            content[0:0] = rng.choice(SPLICES)
        case _:
            content[at:at] = content[at : at + rng.randrange(200)]


def use(path: Path, rng: random.Random) -> str:
    """Do with the file what can be done; return how that ended.

    Raises:
        AssertionError: a node failed with what is no error of ours, or what was only played changed the file.
    """
    before = path.read_bytes()
    speed = rng.choice([None, None, 1, 4, 1e-3])
    try:
        cassette = gb.Cassette(path, rng.choice(["none", "once", "new_episodes"]))
        cassette.summary()
        repr(cassette)
        ends = "played"
        result = play(path, "none" if rng.random() < 0.8 else "new_episodes", speed)
        for node in result.nodes.values():
            if node.error is not None:
                cls = getattr(errors, node.error.type, None)
                assert issubclass(cls or object, GraphbitError), f"{node.name}: {node.error!r}"
        str(result)
    except GraphbitError as error:
        ends = type(error).__name__
    after = path.read_bytes()
    assert after.startswith(before) or after == before, "what was there was changed"
    return ends


def _too_long(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {LONGEST} seconds")


def run(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Spoil and play that many files; return how they ended, and what code ran.

    Raises:
        AssertionError: one ended in another way than it may; the message has its seed and what was in it.
    """
    ends: Counter[str] = Counter()
    ran: list[str] = []
    is_on = [False]

    def watch(name: str, args: tuple[object, ...]) -> None:
        if is_on[0] and name in WATCHED:
            ran.append(f"{name} {args[:1]}")

    sys.addaudithook(watch)
    before = signal.signal(signal.SIGALRM, _too_long)
    try:
        with tempfile.TemporaryDirectory() as directory:
            content = good_file(Path(directory))
            path = Path(directory) / "spoilt.cassette.jsonl"
            import_module("pandas")  # arrays and tables bring it in
            for number in range(150):  # loads what is loaded late
                path.write_bytes(spoiled(content, random.Random(-1 - number)))
                _one(path, random.Random(-1 - number), -1 - number)
            for number in range(seed, seed + count):
                rng = random.Random(number)
                path.write_bytes(spoiled(content, rng))
                Fuzzed.failed = 1
                is_on[0] = True
                ends[_one(path, rng, number)] += 1
                is_on[0] = False
    finally:
        is_on[0] = False
        signal.signal(signal.SIGALRM, before)
    return ends, ran


def _one(path: Path, rng: random.Random, number: int) -> str:
    content = path.read_bytes()
    signal.alarm(LONGEST)
    try:
        return use(path, rng)
    except BaseException as error:
        raise AssertionError(f"seed {number}: {type(error).__name__}: {error}\n{content[:6000]!r}") from error
    finally:
        signal.alarm(0)


def main(count: int) -> None:
    """Say how so many files ended."""
    started = time.perf_counter()
    ends, ran = run(count)
    print(f"{time.perf_counter() - started:.1f} s", file=sys.stderr)
    print(f"{count} spoilt cassettes: {dict(ends)}; code that ran: {ran[:5] or 'none'}")
    if ran or not ends["StorageError"] or not ends["played"]:
        raise SystemExit(1)


if __name__ == "__main__":
    logging.disable()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
