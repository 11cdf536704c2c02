"""What the reading of every language has in common: JSON, and the few sorts of value in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import ToolCall

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


def tool_call(called: str, name: str, written: str, *, is_cut: bool, failures: Failures) -> ToolCall | None:
    """Read what a tool is given. A call that the end of the answer cut is none.

    Args:
        called: The call's id.
        name: The tool.
        written: What it is given, as JSON.
        is_cut: Whether the answer ended early.
        failures: Account of the call.

    Raises:
        ProviderError: it is no JSON object.
    """
    try:
        arguments = json.loads(written or "{}")
    except (ValueError, RecursionError):
        arguments = None
    if isinstance(arguments, Mapping):
        return ToolCall(called, name, arguments)
    if is_cut:
        return None
    raise failures.protocol(f"asks for the tool {failures.clean(name)!r} with what is no JSON object", written)
