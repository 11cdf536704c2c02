"""The faults that a provider is tried with, and what is to become of each: the tests run this table.

`python tests/providers/faults.py` writes it into docs/reliability.md.
"""

import gzip
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from faultserver import answer, drip, hang, raw, reset  # noqa: E402
from faultserver_shapes import CHAT, MESSAGES, OLLAMA, SHAPES  # noqa: E402

from graphbit_nb import errors  # noqa: E402
from graphbit_nb.providers.hints import hint_for  # noqa: E402

ALLOWED = 3  # calls in all
WAIT = 20  # seconds that a provider asks us to wait
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong, and what becomes of it.

    Attributes:
        act: What the server does, by the interface and whether a stream was asked for.
        error: The class of the error; None where there is none; by interface where they differ.
        again: Whether the call is made again.
        settings: How the model is configured.
        shapes: The interfaces that have it.
        streams: Whether streamed calls have it, those that are not, or both.
        nobody: Whether there is no server at all.
    """

    act: Callable = None
    error: type | Mapping[str, type | None] | None
    again: bool = False
    settings: Mapping[str, object] = field(default_factory=dict)
    shapes: tuple = SHAPES
    streams: tuple = (False, True)
    nobody: bool = False

    def error_for(self, shape):
        return self.error[shape.name] if isinstance(self.error, Mapping) else self.error

    def calls_for(self, shape):
        return ALLOWED if self.again and self.error_for(shape) is not None else 1


def status(code, error, *, again=False, kind="some_error", message="no", shapes=SHAPES, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(
        act=lambda shape, streams: answer(shape.error(kind, message), code, named),
        error=error,
        again=again,
        shapes=shapes,
    )


def date(seconds):
    """The time of day so many seconds from now, as an HTTP date, made when it is sent."""

    async def act(server, reader, writer):
        headers = {"retry-after": formatdate(server.wall() + seconds, usegmt=True)}
        await answer({"error": {"message": "slowly"}}, 429, headers)(server, reader, writer)

    return lambda shape, streams: act


def events(change):
    """A stream whose events are changed."""
    return lambda shape, streams: shape.stream(*change(shape, shape.events("Hello", " world")))


def interrupted(kind, message):
    """A stream with an error after its first piece."""
    return lambda shape, events: [*begun(events), shape.error(kind, message), *events[len(begun(events)) :]]


def begun(events):
    """The events up to the first piece."""
    return events[: next(at for at, one in enumerate(events) if "Hello" in json.dumps(one)) + 1]


def broken_off(then):
    """The beginning of an answer, and nothing else."""

    def make(shape, streams):
        if streams:
            return shape.stream(*begun(shape.events("Hello", " world")), then=then)
        return raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{", then=then)

    return make


def zipped(body):
    def make(shape, streams):
        data = gzip.compress(json.dumps(shape.whole("Hello world")).encode()) if body is None else body
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        return raw(head + b"content-length: %d\r\n\r\n" % len(data), data, then="stay")

    return make


def huge(*, told, status="200 OK", size=100 * 1024 * 1024):
    """An answer of 100 MB, as one JSON text or as one event."""

    def make(shape, streams):
        kind = shape.stream_type if streams else "application/json"
        length = f"content-length: {size}\r\n" if told else "connection: close\r\n"
        head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{length}\r\n".encode()

        async def act(server, reader, writer):
            writer.write(head + shape.prefix({"type": "x"}).encode() * streams)
            for _ in range(size // 65536):
                writer.write(b"x" * 65536)
                server.sent += 65536
                await writer.drain()
            writer.close()

        return act

    return make


def swapped(shape, events):
    """The end of the answer comes before a piece of it."""
    first = len(begun(events)) - 1
    last = next(at for at, one in enumerate(events) if any(word in json.dumps(one) for word in ENDS))
    return [*events[:first], *events[first + 1 : last + 1], events[first], *events[last + 1 :]]


def doubled(shape, events):
    """The event with which the answer begins comes twice."""
    return [events[0], *events]


ENDS = ('"finish_reason": "stop"', '"stop_reason": "end_turn"', '"done": true')

PAGE_OF_HTML = "<!doctype html><title>Sign in</title>"

FAULTS = {
    "400": status(400, errors.BadRequestError),
    "400, the prompt is too long": status(
        400, errors.ContextTooLongError, message="prompt is too long: 200001 tokens > 200000 maximum"
    ),
    "401": status(401, errors.AuthenticationError),
    "402": status(402, errors.QuotaExhaustedError),
    "403": status(403, errors.PermissionDeniedError),
    "404": status(404, errors.NotFoundError),
    "408": status(408, errors.ProviderTimeoutError, again=True),
    "409": status(409, errors.ConflictError, again=True),
    "413": status(413, errors.BadRequestError),
    "422": status(422, errors.BadRequestError),
    "429": status(429, errors.RateLimitError, again=True),
    "429, `Retry-After` in seconds": status(429, errors.RateLimitError, again=True, retry_after=str(WAIT)),
    "429, `Retry-After` as a date": Fault(act=date(WAIT), error=errors.RateLimitError, again=True),
    "429, `Retry-After` as a date that has passed": Fault(act=date(-1), error=errors.RateLimitError, again=True),
    "429, `Retry-After` of more than 300 s": status(429, errors.RateLimitError, retry_after="301"),
    "429, `Retry-After` as a date in ten minutes": Fault(act=date(600), error=errors.RateLimitError),
    "429, the quota is used up": status(429, errors.QuotaExhaustedError, kind="insufficient_quota", shapes=(CHAT,)),
    "400, the credit is used up": status(
        400, errors.QuotaExhaustedError, message="Your credit balance is too low", shapes=(MESSAGES,)
    ),
    "500": status(500, errors.ServerError, again=True),
    "502 with a page of HTML": Fault(
        act=lambda shape, streams: answer(PAGE_OF_HTML, 502, {"content-type": "text/html"}),
        error=errors.ServerError,
        again=True,
    ),
    "503": status(503, errors.OverloadedError, again=True),
    "504": status(504, errors.ServerError, again=True),
    "529": status(529, errors.OverloadedError, again=True),
    "307, a redirect": status(307, errors.NotFoundError, location="http://127.0.0.1:9/"),
    "nobody listens": Fault(error=errors.ProviderConnectionError, again=True, nobody=True),
    "reset before the headers": Fault(
        act=lambda shape, streams: reset, error=errors.ProviderConnectionError, again=True
    ),
    "closed before the headers": Fault(
        act=lambda shape, streams: raw(), error=errors.ProviderConnectionError, again=True
    ),
    "reset within the headers": Fault(
        act=lambda shape, streams: raw(b"HTTP/1.1 200 OK\r\ncontent-le", then="reset"),
        error=errors.ProviderConnectionError,
        again=True,
    ),
    "reset after the headers": Fault(act=broken_off("reset"), error=errors.ProviderConnectionError, again=True),
    "closed after the headers": Fault(act=broken_off("cut"), error=errors.ProviderConnectionError, again=True),
    "no HTTP at all": Fault(
        act=lambda shape, streams: raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
        error=errors.ProviderConnectionError,
        again=True,
    ),
    "silence before the headers": Fault(act=lambda shape, streams: hang, error=errors.ProviderTimeoutError, again=True),
    "silence after the headers": Fault(act=broken_off("hang"), error=errors.ProviderTimeoutError, again=True),
    "a drip that is slower than `total_timeout`": Fault(
        act=lambda shape, streams: drip(
            f"HTTP/1.1 200 OK\r\ncontent-type: {shape.stream_type}\r\n\r\n".encode() + b" " * 1000, 1.0
        ),
        error=errors.ProviderTimeoutError,
        again=True,
        settings={"total_timeout": 20.0},
    ),
    "a drip without such a limit": Fault(
        act=lambda shape, streams: drip(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(data := json.dumps(shape.whole("Hello world")).encode()), data),
            1.0,
        ),
        error=None,
    ),
    "malformed JSON": Fault(
        act=lambda shape, streams: shape.stream("{ not json") if streams else answer("{ not json"),
        error=errors.ProtocolError,
        again=True,
    ),
    "an empty body": Fault(act=lambda shape, streams: answer(""), error=errors.ProtocolError, again=True),
    "no choices": Fault(act=lambda shape, streams: answer(shape.empty), error=errors.ProtocolError, again=True),
    "a page of HTML": Fault(
        act=lambda shape, streams: answer(PAGE_OF_HTML, headers={"content-type": "text/html"}),
        error=errors.ProtocolError,
        again=True,
    ),
    "JSON called text/plain": Fault(
        act=lambda shape, streams: answer(shape.whole("Hello world"), headers={"content-type": "text/plain"}),
        error=None,
    ),
    "a stream called text/plain": Fault(
        act=lambda shape, streams: shape.stream(*shape.events("Hello", " world"), content_type="text/plain"),
        error=errors.ProtocolError,
        again=True,
        streams=(True,),
    ),
    "a stream that ends before the answer does": Fault(
        act=broken_off("end"), error=errors.ProtocolError, again=True, streams=(True,)
    ),
    "a stream without events": Fault(
        act=lambda shape, streams: shape.stream(), error=errors.ProtocolError, again=True, streams=(True,)
    ),
    "the beginning of a stream twice": Fault(
        act=events(doubled),
        error={CHAT.name: None, MESSAGES.name: errors.ProtocolError, OLLAMA.name: None},
        again=True,
        streams=(True,),
    ),
    "pieces of a stream out of order": Fault(
        act=events(swapped),
        error=errors.ProtocolError,
        again=True,
        streams=(True,),
    ),
    "an error in the midst of a stream": Fault(
        act=events(interrupted("api_error", "broken")),
        error=errors.ServerError,
        again=True,
        streams=(True,),
    ),
    "overload in the midst of a stream": Fault(
        act=events(interrupted("overloaded_error", "busy")),
        error=errors.OverloadedError,
        again=True,
        streams=(True,),
        shapes=(MESSAGES,),
    ),
    "gzip": Fault(act=zipped(None), error=None),
    "gzip that is none": Fault(act=zipped(b"abcd"), error=errors.ProtocolError, again=True),
    "gzip that unpacks to 100 MB": Fault(
        act=zipped(gzip.compress(b"x" * 100 * 1024 * 1024, 1)), error=errors.ResponseTooLargeError, again=False
    ),
    "100 MB, as its headers say": Fault(act=huge(told=True), error=errors.ResponseTooLargeError, again=False),
    "500 with 100 MB": Fault(act=huge(told=False, status="500 x"), error=errors.ServerError, again=True),
    "100 MB, unannounced": Fault(act=huge(told=False), error=errors.ResponseTooLargeError, again=False),
}


def cases():
    """Go through every fault in every interface that has it, streamed and not."""
    for name, fault in FAULTS.items():
        for shape, streams in product(fault.shapes, fault.streams):
            yield name, shape, streams


def table():
    """Write what becomes of each fault, as the rows of a table in Markdown."""
    lines = ["| what goes wrong | error | tried again | calls | what the message says to do |", "|---|---|---|---|---|"]
    for name, fault in FAULTS.items():
        by_error = {}
        for shape in fault.shapes:
            by_error.setdefault(fault.error_for(shape), []).append(shape)
        for error, shapes in by_error.items():
            where = "" if len(shapes) == len(SHAPES) else f" ({', '.join(shape.name for shape in shapes)})"
            what = "none: the answer is taken" if error is None else f"`{error.__name__}`"
            do = "" if error is None else hint_for(error, {})
            calls = fault.calls_for(shapes[0])
            lines.append(f"| {name}{where} | {what} | {'yes' if calls > 1 else 'no'} | {calls} | {do} |")
    return "\n".join(lines)


def page_with(rows):
    """Return the page with these rows in the place of its own."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{rows}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(table()), encoding="utf-8")
