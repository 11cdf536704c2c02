"""Plain values: what JSON and YAML hold and give back as it was."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from graphbit_nb.errors import UsageError

DEEPEST = 60  # levels of lists and dicts in one file
MOST_DIGITS = 1_000  # of a whole number; Python itself refuses to write more than 4,300


def plain(value: Any, place: str) -> Any:
    """Return `value` as it is written, if reading gives it back equal and of the same types.

    Raises:
        UsageError: it would be changed, or cannot be written at all; the message begins with `place`.
    """
    return _plain(value, place, 0)


def _plain(value: Any, place: str, depth: int) -> Any:
    if depth > DEEPEST:
        raise UsageError(f"{place}: nested more than {DEEPEST} deep, which a file cannot hold")
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return checked_int(value, place)
    if kind is float:
        if not math.isfinite(value):
            raise UsageError(f"{place}: {value!r} is no number that a file can hold; give a finite one")
        return value
    if kind is str:
        return checked_text(value, place)
    if kind is list:
        return [_plain(item, f"{place}[{number}]", depth + 1) for number, item in enumerate(value)]
    if isinstance(value, Mapping) and value == (copied := dict(value)):
        for key in copied:
            if type(key) is not str:
                raise UsageError(f"{place}: the key {key!r} is no text, and files know only texts as keys")
            checked_text(key, place)
        return {key: _plain(item, f"{place}.{key}", depth + 1) for key, item in copied.items()}
    better = {"tuple": "a list", "set": "a list"}.get(kind.__name__, "texts, numbers, lists and dicts of them")
    raise UsageError(f"{place}: a {kind.__name__} cannot be written so that it is read back as it was; use {better}")


def checked_int(value: int, place: str) -> int:
    """Return a whole number of a sensible size. Raises `UsageError`."""
    if value.bit_length() > MOST_DIGITS * math.log2(10):
        raise UsageError(f"{place}: the number has more than {MOST_DIGITS:,} digits")
    return value


def checked_text(text: str, place: str) -> str:
    """Return a text that UTF-8 can hold. Raises `UsageError`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{place}: the character number {error.start + 1} is half of a surrogate pair, which no file can hold"
        ) from None
    return text


def as_number(text: str) -> int | float:
    """Read a number. Raises ValueError for what is none, not finite, or too long."""
    if len(text) > MOST_DIGITS:
        raise ValueError(f"the number has more than {MOST_DIGITS:,} digits")
    try:
        return int(text)
    except ValueError:
        value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no finite number")
    return value
