"""One line of a cassette: a call as it is read back, from a file in which anything may stand."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.calls import CallRecord, request_key
from graphbit_nb.core.encoding import DEEPEST, from_text
from graphbit_nb.core.llm import EmbedResponse, GenerateResponse
from graphbit_nb.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INFO = ("name", "context_window", "structured_output", "always_streams")
MOST_SECONDS = 366 * 24 * 3600  # that a call took, or waited
MOST = 10**15  # of anything that is counted

_DEEPEST_JSON = 4 * DEEPEST  # a value takes up to three levels for one of its own


@dataclass(frozen=True, slots=True)
class Recording:
    """One call on a cassette.

    Attributes:
        line: Number of its line in the file, from 1; 0 when it was made in this process.
        key: Key of its request, before anything was redacted.
        record: What was asked and what came of it.
        info: What is known of the model: `ModelInfo` without the provider.
    """

    line: int
    key: str
    record: CallRecord
    info: Mapping[str, Any]


def in_utf_8(line: bytes) -> str:
    """Return a line as text; JSON's own reader would guess at encodings. Raises `StorageError`."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise StorageError(f"byte {error.start + 1} is not UTF-8; save the file as UTF-8") from None


def read_recording(line: bytes, number: int) -> Recording:
    """Return the recording that a line describes. Raises `StorageError` when it is none."""
    data = from_text(in_utf_8(line))
    if _is_deep(data):
        raise StorageError("this recording is damaged: it is nested too deeply")
    record = CallRecord.of(data)
    info, key = data.get("client", {}), data.get("key")
    if not _is_info(info) or not isinstance(key, str | None):
        raise StorageError("this recording is damaged")
    kind = "generate" if isinstance(record.response, GenerateResponse) else "embed"
    if record.response is not None and record.request.get("call") != kind:
        raise StorageError("this recording is damaged: its answer is of another kind than its request")
    for name, value, most in _numbers(record):
        if not abs(value) <= most:  # nor is what is not a number
            raise StorageError(f"this recording is damaged: its {name} is out of range")
    if isinstance(record.response, EmbedResponse):
        _check_vectors(record.response)
    return Recording(number, key or request_key(record.request), record, {"name": None, **info})


def _is_info(info: Any) -> bool:
    return (
        isinstance(info, dict)
        and set(info) <= set(INFO)
        and isinstance(info.get("name"), str | None)
        and isinstance(info.get("context_window"), int | None)
        and info.get("structured_output", "schema") in ("schema", "grammar", "instruction")
        and isinstance(info.get("always_streams", False), bool)
    )


def _is_deep(data: Any) -> bool:
    """Whether data is nested more deeply than those who compare and write it can follow."""
    level, depth = [data], 0
    while level:
        depth += 1
        if depth > _DEEPEST_JSON:
            return True
        level = [
            inside
            for holder in level
            for inside in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(inside, dict | list)
        ]
    return False


def _numbers(record: CallRecord) -> Iterator[tuple[str, float, float]]:
    """Return the numbers that are waited for, added up or shown: name, number, and how large it may be."""
    for what, seconds, *told in record.told:
        yield f"time of {what!r}", seconds, MOST_SECONDS
        if what == "retry":
            yield "delay of a retry", told[1], MOST_SECONDS
        yield from ((f"number in {what!r}", one, MOST) for one in told if isinstance(one, int | float))
    errors = [record.error, *(one[4] for one in record.told if one[0] == "retry")]
    for error in errors:
        yield from ((name, one, MOST) for name, one in (error or {}).items() if isinstance(one, int | float))
    response = record.response
    if response is None:
        return
    if isinstance(response, GenerateResponse):
        yield "first token's time", response.first_token or 0, MOST
        yield "latency", response.latency or 0, MOST
    yield "cost", response.cost or 0, MOST
    yield from (("usage", getattr(response.usage, one.name) or 0, MOST) for one in fields(response.usage))


def _check_vectors(response: EmbedResponse) -> None:
    try:
        for vector in response.vectors:
            array("d", vector)
    except OverflowError:
        raise StorageError("this recording is damaged: its vectors are out of range") from None
