"""Values as they stand in the key of a computed node: small ones themselves, large ones as a digest."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from graphbit_nb.core.encoding import CannotKeepError, encode, to_text
from graphbit_nb.errors import GraphbitError

LARGEST = 16_000_000  # characters of a value that is compared: some tenths of a second
_SHOWN = 200  # a value of at most so many characters stands in the key itself


class NotComparableError(GraphbitError):
    """Whether a node would give the same again cannot be said; `reason` is why, as the end of a sentence."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def told_value(value: Any, place: str) -> Any:
    """Return a value as it stands in a key: itself if it is short, else its digest.

    Raises:
        NotComparableError: it cannot be compared, or is too large for that.
    """
    if (size := _size_of(value)) > LARGEST:
        raise NotComparableError(f"{place} is too large to be compared each time ({size:,} bytes)")
    try:
        data = encode(value)
    except CannotKeepError as error:
        raise NotComparableError(f"{place} cannot be compared: {error}") from None
    text = to_text(data)
    if len(text) > LARGEST:
        raise NotComparableError(f"{place} is too large to be compared each time ({len(text):,} characters)")
    return data if len(text) <= _SHOWN else {"begins": text[:_SHOWN], "digest": digest(text), "size": len(text)}


def digest(text: str) -> str:
    """Return the digest of a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _size_of(value: Any) -> int:
    """Return roughly how large a value is, where that can be said at once."""
    size = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    usage = getattr(value, "memory_usage", None)
    if callable(usage) and type(value).__module__.startswith("pandas"):
        found = usage(deep=False)
        return int(found if isinstance(found, int) else found.sum())
    return 0
