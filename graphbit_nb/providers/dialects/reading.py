"""What the reading of every language has in common: JSON, and the few sorts of value in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import ToolCall
from graphbit_nb.errors import ContentFilteredError

if TYPE_CHECKING:
    from graphbit_nb.providers.failures import Failures

LONGEST_NAME = 200
SHORTEST_KEY = 16  # what stands for a key where none is needed may well be part of a name


def object_in(text: str, failures: Failures) -> Mapping[str, Any]:
    """Read a JSON object.

    Raises:
        ProviderError: it is none, or tells of an error.
    """
    return as_object(loaded(text, failures), text, failures)


def loaded(text: str, failures: Failures) -> Any:
    """Read JSON. Raises `ProviderError` when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        what = "a page of HTML" if text.lstrip().startswith("<") else "what is not JSON"
        raise failures.protocol(f"sent {what}", text) from None


def as_object(content: Any, text: str, failures: Failures) -> Mapping[str, Any]:
    """Return `content`, which was read from `text`, if it is an answer at all. Raises `ProviderError`."""
    if isinstance(content, Mapping) and (content.get("error") or content.get("type") == "error"):
        raise failures.told(content, text)
    if not isinstance(content, Mapping):
        raise failures.protocol("sent JSON that is no answer", text)
    return content


def word(value: Any) -> str | None:
    """Return a text, or None for anything else."""
    return value if isinstance(value, str) else None


def count(told: Any, name: str) -> int | None:
    """Return the number under that name, or None where there is none, or one that counts nothing."""
    value = told.get(name) if isinstance(told, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def can_be_shown(name: str, failures: Failures) -> bool:
    """Whether a model's name is one that can be repeated."""
    keys = [secret for secret in failures.secrets if len(secret) >= SHORTEST_KEY]
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and not any(key in name for key in keys)


def request_id(told: Any, failures: Failures) -> str | None:
    """Return the provider's id of the call: from the headers, or else what the answer itself is called."""
    named = word(told)
    return failures.request_id or (named if named is not None and can_be_shown(named, failures) else None)


def check_refusal(text: str, refusal: str, finish: str | None, failures: Failures) -> None:
    """Raise `ContentFilteredError` for an answer that says nothing because it was refused or withheld."""
    if text:
        return
    if refusal:
        raise failures.make(ContentFilteredError, f"refused to answer: {failures.clean(refusal)}")
    if finish == "content_filter":
        raise failures.make(ContentFilteredError, "withheld the answer under its content policy")


def calls_in(told: Any, failures: Failures) -> list[Any]:
    """Return the tools that are asked for; what is empty is none. Raises `ProviderError` for what is no list."""
    if told and not isinstance(told, list):
        raise failures.protocol("asks for a tool in no known way", json.dumps(told))
    return told or []


def as_written(given: Any) -> str:
    """Return what a tool is given as it was written: JSON already with most servers, plain with some."""
    return given if isinstance(given, str) else "" if given is None else json.dumps(given)


def tool_call(called: str, name: str, written: str, *, is_cut: bool, failures: Failures) -> ToolCall | None:
    """Read what a tool is given. A call that the end of the answer cut, even before its first word, is none.

    Args:
        called: The call's id.
        name: The tool.
        written: What it is given, as JSON.
        is_cut: Whether the answer ended early.
        failures: Account of the call.

    Raises:
        ProviderError: it is no JSON object, or there is no tool of no name.
    """
    if not name:
        raise failures.protocol("asks for a tool without a name", written)
    if is_cut and not written:
        return None
    try:
        arguments = json.loads(written or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if isinstance(arguments, Mapping):
        return ToolCall(called, name, arguments)
    if is_cut:
        return None
    raise failures.protocol(f"asks for the tool {failures.clean(name)!r} with what is no JSON object", written)


def vectors_in(rows: Any, expected: int, text: str, failures: Failures) -> tuple[tuple[float, ...], ...]:
    """Read the vectors of so many texts, which stand in `text`.

    Raises:
        ProviderError: they are none, or not so many.
    """
    try:
        found = tuple(tuple(float(number) for number in row) for row in rows)
        are_vectors = all(row and all(map(isfinite, row)) for row in found)
    except (TypeError, ValueError, OverflowError):
        are_vectors = False
    if not are_vectors:
        raise failures.protocol("gave no vectors", text)
    if len(found) != expected:
        raise failures.protocol(f"gave {len(found)} vectors for {expected} texts", text)
    return found


def models_in(rows: Any, names: tuple[str, ...], text: str, failures: Failures) -> tuple[str, ...]:
    """Read a list of models, each of which is called what the first of `names` says. Raises `ProviderError`."""
    if rows is None:  # as Ollama writes a list of none
        return ()
    if not isinstance(rows, list):
        raise failures.protocol("gave no list of models", text)
    named = [next((row[name] for name in names if row.get(name)), None) for row in rows if isinstance(row, Mapping)]
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str) and can_be_shown(name, failures)))
