"""Takes keys out of a text: the one place that everything goes through before it leaves memory.

A key is either known, because somebody resolved it in this process and told it to `remember`, or it looks like one.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from graphbit_nb.core.key_formats import SHORTEST, small, without_fields, without_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

GONE = "[redacted]"

LEAST = 8  # characters of a key that is known; shorter ones would be found in any text
MOST = 2_000  # keys that are known; then the oldest are forgotten

# What people give to servers that want any key at all: words that stand in texts.
PLACEHOLDERS = frozenset(
    {
        "anything", "changeme", "dummy-key", "lm-studio", "llama.cpp", "no-key-required", "not-needed", "not-required",
        "placeholder", "sk-no-key-required", "required", "password", "your-api-key",
    }
)  # fmt: skip

_WORD = re.compile(r"[a-z_]{1,24}")  # a word, or the name of a field: without it what is kept could not be read
_MARKS = ("key", "auth", "secret", "pass", "token", "@")  # one of them is in whatever `without_fields` finds,
_BEARER = "bearer"  # or this and a run
_RUN = b"a" * SHORTEST
_CLASSES = bytes(97 if chr(n).isascii() and (chr(n).isalnum() or chr(n) in "_-") else 32 for n in range(256))


class _Known:
    """The keys of this process, in every spelling in which they might get out. Tells nobody."""

    __slots__ = ("_spellings", "all", "brief", "labels")

    def __init__(self) -> None:
        self._spellings: dict[str, tuple[str, ...]] = {}
        self.labels: dict[str, str] = {}  # texts that come again and again, and what they are without keys
        self.all: tuple[str, ...] = ()  # the longest first
        self.brief: tuple[str, ...] = ()  # those that do not hold so many letters and digits in a row as few texts do

    def add(self, key: str) -> None:
        if len(key) < LEAST or key in self._spellings or key.lower() in PLACEHOLDERS or _WORD.fullmatch(key):
            return
        while len(self._spellings) >= MOST:
            self._spellings.pop(next(iter(list(self._spellings)), ""), None)
        self._spellings[key] = spellings(key)
        self._sort()

    def clear(self) -> None:
        self._spellings.clear()
        self._sort()

    def _sort(self) -> None:
        count = -1
        while count != len(self._spellings):  # another thread has told a key in between
            count = len(self._spellings)
            found = sorted({one for many in list(self._spellings.values()) for one in many}, key=len, reverse=True)
            self.all = tuple(found)
            self.brief = tuple(one for one in found if not _has_run(one))
            self.labels = {}

    def __repr__(self) -> str:
        return f"<{len(self._spellings)} keys>"

    def __reduce__(self) -> Any:
        raise TypeError("the keys of a process are not pickled")


_known = _Known()


def remember(*keys: Any) -> None:
    """Know keys from now on, whatever they look like: they are taken out of everything.

    Args:
        *keys: Texts, or secrets of pydantic. None, what is shorter than eight characters, words, and what servers that
            need no key are usually given are passed over.
    """
    for key in keys:
        text = key.get_secret_value() if hasattr(key, "get_secret_value") else key
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if isinstance(text, str):
            _known.add(text.strip())


def forget_known() -> None:
    """Know no key any more; for tests."""
    _known.clear()


def redact(text: str, known: Iterable[str] = ()) -> str:
    """Return a text without keys.

    Args:
        text: Any text; JSON stays JSON.
        known: Further keys, whatever they look like.
    """
    if len(text) < LEAST:
        return text
    for key in known:
        if len(key) >= LEAST and key in text:
            text = text.replace(key, GONE)
    has_run = _has_run(text)
    for key in _known.all if has_run else _known.brief:
        if key in text:
            text = text.replace(key, GONE)
    if has_run:
        text = without_keys(text, GONE)
    lowered = small(text)
    if _has_mark(lowered) or (has_run and _BEARER in lowered):
        text = without_fields(text, lowered, GONE)
    return text


def redact_label(text: str) -> str:
    """Return a text without keys, quickly if it was asked for before: names, models."""
    labels = _known.labels
    found = labels.get(text)
    if found is None:
        if len(labels) >= MOST:
            labels.clear()
        found = labels[text] = redact(text)
    return found


def redact_all(texts: list[str | None]) -> list[str | None]:
    """Return texts without keys: many at once, for where there is nothing to take out that is said quickly."""
    if not is_suspect("\n".join([text for text in texts if text is not None])):
        return texts
    return [text if text is None else redact(text) for text in texts]


def redact_data(data: Any) -> Any:
    """Return lists, tuples and dicts of texts without keys; the very same object where there is nothing to take out."""
    kind = type(data)
    if kind is str:
        return redact(data)
    if kind is dict:
        fresh = {redact_data(name): redact_data(value) for name, value in data.items()}
        is_same = all(
            a is b for pair in zip(fresh.items(), data.items(), strict=False) for a, b in zip(*pair, strict=True)
        )
        return data if is_same and len(fresh) == len(data) else fresh
    if kind is list or kind is tuple:
        items = [redact_data(value) for value in data]
        return data if all(a is b for a, b in zip(items, data, strict=True)) else kind(items)
    return data


def holds_key(text: str) -> bool:
    """Whether a text holds a known key, or what has the format of one; not merely a field that may hold one."""
    if any(key in text for key in _known.all):
        return True
    return _has_run(text) and without_keys(text, GONE) != text


def has_key(text: str, known: Iterable[str] = ()) -> bool:
    """Whether there is something in a text that `redact` takes out."""
    return redact(text, known) != text


def is_suspect(text: str) -> bool:
    """Whether it is worth the time to look for keys in a text: quick, and never wrong when it says no."""
    if any(key in text for key in _known.brief):
        return True
    return _has_run(text) or _has_mark(text.lower())


def spellings(key: str) -> tuple[str, ...]:
    """Return how a key may be written: as it is, in JSON, HTML, Python, an address, hex, base64 wherever it stands."""
    content = key.encode("utf-8", "surrogatepass")
    found = {
        key: None, json.dumps(key)[1:-1]: None, json.dumps(key, ensure_ascii=False)[1:-1]: None,
        repr(key)[1:-1]: None, quote(key, safe=""): None, quote_plus(key): None, quote(key): None,
        content.hex(): None, content.hex().upper(): None, escape(key): None,
    }  # fmt: skip
    for offset in range(3):
        # what stands before and after in the same group of three bytes changes the first and last letters
        whole = base64.b64encode(bytes(offset) + content + bytes(-(offset + len(content)) % 3))
        first = (0, 2, 3)[offset]
        last = len(whole) - (0, 2, 3)[-(offset + len(content)) % 3]
        for text in (whole[first:last].decode(), whole[first:last].decode().replace("+", "-").replace("/", "_")):
            found[text] = None
    return tuple(one for one in found if len(one) >= LEAST)


class KeyFilter(logging.Filter):
    """Takes keys out of the records of a logger, of their tracebacks as well."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through, without keys."""
        try:
            said = record.getMessage()
        except Exception:  # noqa: BLE001 (its arguments do not fit: logging reports that)
            return True
        if (clean := redact(said)) != said:
            record.msg, record.args = clean, ()
        if record.exc_info and record.exc_info[0] is not None:
            told = logging.Formatter().formatException(record.exc_info)
            if (clean := redact(told)) != told:  # else the exception stays as it is, for who looks at it
                record.exc_info, record.exc_text = None, clean
        return True


def watch_logs(*names: str) -> None:
    """Take keys out of what these loggers write, whoever reads it."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(one, KeyFilter) for one in logger.filters):
            logger.addFilter(KeyFilter())


def _has_mark(lowered: str) -> bool:
    for mark in _MARKS:  # noqa: SIM110 (a generator takes as long as all of them)
        if mark in lowered:
            return True
    return False


def _has_run(text: str) -> bool:
    """Whether so many letters and digits stand in a row as in a key."""
    return _RUN in text.encode("utf-8", "surrogatepass").translate(_CLASSES)


watch_logs("graphbit_nb")
