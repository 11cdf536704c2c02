"""Values as JSON and back, exactly: what is kept on disk is data, and reading it runs nobody's code.

Plain JSON stands for itself; everything else is an object with the key ``"~"``, which says what it is. Classes are
looked up among those that are there; none is imported, and no constructor or validator is called.
"""

from __future__ import annotations

import json
import re
import reprlib
import sys
from array import array
from base64 import b64decode, b64encode
from contextlib import suppress
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING, Any

from graphbit_nb.core import foreign, instances, scalars
from graphbit_nb.core.unavailable import CannotKeepError, Refusal, Unavailable
from graphbit_nb.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "CannotKeepError",
    "Unavailable",
    "decode",
    "decode_noting",
    "dumps",
    "encode",
    "encode_leniently",
    "loads",
    "missing_in",
]

TAG = "~"
DEEPEST = 100  # lists in lists in lists
MOST_ITEMS = 1_000_000  # in one value; texts and numbers that are alone in a list do not count
LONGEST = 200_000_000  # characters and bytes in one value
PACKED = 16  # so many floats in a row are written as bytes

_PLAIN = frozenset({str, bool, int, float, type(None)})
_NO_NUMBER = frozenset({str, bool, type(None)})
_LARGE = 1 << 200
_DAMAGE = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, ArithmeticError, RecursionError,
    MemoryError, NotImplementedError,
)  # fmt: skip

_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

_compact = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")).encode
_ascii = json.JSONEncoder(ensure_ascii=True, check_circular=False, allow_nan=False, separators=(",", ":")).encode


def encode(value: Any) -> Any:
    """Return a value as what `json` can write. Equal values of the same types, in the same order, give the same.

    Raises:
        CannotKeepError: it cannot be kept exactly; the message says where in the value and what is there.
    """
    return _write(value, is_lenient=False)


def encode_leniently(value: Any) -> Any:
    """Return a value as what `json` can write; what cannot be kept is named in its place, and read as `Unavailable`."""
    try:
        return _write(value, is_lenient=True)
    except CannotKeepError as error:
        return _lost(value, error.reason)


def decode(data: Any) -> Any:
    """Return the value that `encode` was given. What cannot be made here is `Unavailable` in its place.

    Raises:
        StorageError: that is nothing that `encode` gives.
    """
    return decode_noting(data)[0]


def decode_noting(data: Any) -> tuple[Any, tuple[Unavailable, ...]]:
    """Return the value, and what in it is unavailable. Raises as `decode` does."""
    reader = Reader()
    try:
        value = reader.read(data)
    except StorageError:
        raise
    except _DAMAGE as error:
        raise StorageError(f"what was kept cannot be read: {type(error).__name__}: {error}") from None
    return value, tuple(reader.missing)


def missing_in(value: Any) -> tuple[Unavailable, ...]:
    """Return what in a value is unavailable: what `decode` could not make, or what could not be kept."""
    if type(value) in _PLAIN:
        return ()
    writer = Writer(is_lenient=True)
    with suppress(Refusal, RecursionError):
        writer.write(value)
    return tuple(writer.missing)


def dumps(value: Any) -> str:
    """Return a value as JSON text. Raises as `encode` does."""
    return to_text(encode(value))


def loads(text: str | bytes) -> Any:
    """Return the value that `dumps` was given. Raises as `decode` does."""
    return decode(from_text(text))


def to_text(data: Any) -> str:
    """Return what `encode` gave as text that any file takes: in Unicode, or escaped where it is not sound Unicode."""
    text = _compact(data)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return _ascii(_split(data) if _PAIR.search(text) else data)
    return text


def _split(data: Any) -> Any:
    """Return data whose halves of surrogate pairs JSON cannot join to the character that they would be."""
    if type(data) is str:
        if not _PAIR.search(data):
            return data
        return {TAG: "str", "v": b64encode(data.encode("utf-8", "surrogatepass")).decode()}
    if type(data) is list:
        return [_split(item) for item in data]
    if type(data) is dict:
        if TAG not in data and any(_PAIR.search(key) for key in data):
            return {TAG: "dict", "v": [[_split(key), _split(item)] for key, item in data.items()]}
        return {key: _split(item) for key, item in data.items()}
    return data


def from_text(text: str | bytes) -> Any:
    """Read JSON. Raises `StorageError`."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise StorageError(f"what was kept is no JSON: {error}") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _write(value: Any, *, is_lenient: bool) -> Any:
    writer = Writer(is_lenient=is_lenient)
    try:
        return writer.write(value)
    except Refusal as refusal:
        raise CannotKeepError(refusal.why, refusal.type_name, refusal.path) from None
    except RecursionError:
        raise CannotKeepError("it is nested too deeply", type(value).__name__) from None


def _lost(value: Any, why: str) -> dict[str, Any]:
    """Return what is kept of a value that cannot be: what it was, and how it looks."""
    try:
        text = _shown.repr(value)
        text.encode()
    except Exception:  # noqa: BLE001 (a foreign __repr__ may do anything)
        text = f"<{type(value).__name__}>"
    return {TAG: "lost", "type": type(value).__name__, "text": text[:_SHOWN], "why": why}


_SHOWN = 200
_shown = reprlib.Repr()
_shown.maxother = _shown.maxstring = _shown.maxlong = _SHOWN


class Writer:
    """Writes one value; `missing` is what in it is unavailable.

    Args:
        is_lenient: Whether what cannot be kept is named in its place, instead of refusing the whole.
    """

    def __init__(self, *, is_lenient: bool) -> None:
        self._is_lenient = is_lenient
        self._around: set[int] = set()  # ids of what the value is inside of
        self._items = 0
        self._size = 0
        self.missing: list[Unavailable] = []

    def write(self, value: Any) -> Any:
        """Return one value, or what it holds, as JSON. Raises `Refusal`."""
        kind = type(value)
        if kind in _PLAIN:
            if kind in _NO_NUMBER:
                if kind is str:
                    self.count(0, len(value))
                return value
            if kind is int:
                return value if -_LARGE < value < _LARGE else {TAG: "int", "v": hex(value)}
            return value if isfinite(value) else {TAG: "float", "v": repr(value)}
        if id(value) in self._around:
            return self._refused(value, Refusal("it holds itself", kind.__name__))
        if len(self._around) >= DEEPEST:
            return self._refused(value, Refusal("it is nested too deeply", kind.__name__))
        self._around.add(id(value))
        try:
            return self._tagged(kind, value)
        except Refusal as refusal:
            return self._refused(value, refusal)
        except RecursionError:
            raise
        except Exception as error:  # noqa: BLE001 (a foreign object may be anything)
            return self._refused(value, Refusal(f"{type(error).__name__}: {error}", kind.__name__))
        finally:
            self._around.discard(id(value))

    def _refused(self, value: Any, refusal: Refusal) -> Any:
        if self._is_lenient and not refusal.is_final:
            return _lost(value, refusal.why)
        raise refusal

    def _tagged(self, kind: type, value: Any) -> Any:
        if kind is dict:
            return self._dict(value)
        if kind is list:
            return self.items(value)
        if kind is tuple:
            found = self.items(value)
            return {TAG: "tuple", "v": found} if isinstance(found, list) else {**found, TAG: "tuple of floats"}
        if kind is Unavailable:
            self.missing.append(value)
            return value.data
        for write in (scalars.write, self._collection, instances.write, foreign.write):
            if (found := write(value, self)) is not None:
                return found
        raise Refusal(*_reason(value))

    def _collection(self, value: Any, _: Writer) -> dict[str, Any] | None:
        kind = type(value)
        if kind is set or kind is frozenset:
            found = [self.write(item) for item in value]
            self.count(len(found))
            return {TAG: kind.__name__, "v": sorted(found, key=_ascii)}
        if kind.__module__ == "collections" and kind.__name__ in _COLLECTIONS:
            return _COLLECTIONS[kind.__name__](value, self)
        return None

    def items(self, values: Any) -> Any:
        """Return the items of a list or tuple as a list, or as one packed object if they are floats."""
        kinds = set(map(type, values))
        if kinds == {str}:
            self.count(0, 4 * len(values) + sum(map(len, values)))
            return list(values)
        if len(values) >= PACKED and kinds == {float}:
            self.count(0, 8 * len(values))
            return {TAG: "floats", "v": _packed(values)}
        self.count(len(values))
        found = []
        try:
            for value in values:
                found.append(self.write(value))  # noqa: PERF401 (how many there are says where it was refused)
        except Refusal as refusal:
            refusal.inside(f"[{len(found)}]")
            raise
        return found

    def _dict(self, value: dict[Any, Any]) -> Any:
        self.count(len(value))
        if all(type(key) is str for key in value) and TAG not in value:
            return self.fields(value)
        return {TAG: "dict", "v": self.pairs(value.items())}

    def fields(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values by name."""
        found = {}
        name = ""
        try:
            for name, value in values.items():
                found[name] = self.write(value)
        except Refusal as refusal:
            refusal.inside(f"[{name!r}]")
            raise
        return found

    def pairs(self, pairs: Iterable[tuple[Any, Any]]) -> list[Any]:
        """Return keys of any sort with their values."""
        found = []
        key = None
        try:
            for key, value in pairs:
                found.append([self.write(key), self.write(value)])
        except Refusal as refusal:
            refusal.inside(f"[{_shown.repr(key)}]")
            raise
        return found

    def bytes(self, value: bytes | memoryview) -> str:
        """Return bytes as text."""
        self.count(0, len(value))
        return b64encode(value).decode()

    def count(self, items: int, size: int = 0) -> None:
        """Add to what is in the value. Raises `Refusal` when it is too much."""
        self._items += items
        self._size += size
        if self._items > MOST_ITEMS:
            raise Refusal(f"it holds more than {MOST_ITEMS:,} items", "value", is_final=True)
        if self._size > LONGEST:
            raise Refusal(f"it is larger than {LONGEST // 1_000_000} MB", "value", is_final=True)


def _reason(value: Any) -> tuple[str, str]:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if isinstance(value, type):
        return f"{value.__qualname__} is a class, not a value", name
    if callable(value) and hasattr(value, "__name__"):
        return f"{value.__name__} is a function, not a value", name
    return f"a {name} is no plain data", name


class Reader:
    """Reads one value; `missing` is what could not be made."""

    def __init__(self) -> None:
        self.missing: list[Unavailable] = []
        self._depth = 0

    def read(self, data: Any) -> Any:
        """Return the value. Raises `StorageError`, or one of the errors of damaged data."""
        kind = type(data)
        if kind in _PLAIN:
            return data
        self._depth += 1
        if self._depth > 2 * DEEPEST + 50:
            raise StorageError("what was kept is nested too deeply")
        try:
            if kind is list:
                return list(data) if _PLAIN.issuperset(map(type, data)) else [self.read(item) for item in data]
            if kind is dict:
                if TAG not in data:
                    return {key: self.read(value) for key, value in data.items()}
                return self._tagged(data)
        finally:
            self._depth -= 1
        raise StorageError(f"what was kept cannot be read: a {kind.__name__} is no JSON")

    def _tagged(self, data: dict[str, Any]) -> Any:
        tag = data[TAG]
        read = _READERS.get(tag) if type(tag) is str else None
        if read is None:
            raise StorageError(f"what was kept cannot be read: {tag!r} is no kind of value")
        return read(data, self)

    def unavailable(self, type_name: str, data: Any, reason: str) -> Unavailable:
        """Return what stands for a value that cannot be made, and note it."""
        found = Unavailable(str(type_name), data, reason)
        self.missing.append(found)
        return found

    def items(self, data: Any) -> list[Any]:
        """Return the items of a list."""
        if type(data) is not list:
            raise TypeError("a list is missing")
        return [self.read(item) for item in data]

    def pairs(self, data: Any) -> list[tuple[Any, Any]]:
        """Return keys and values."""
        return [(self.read(key), self.read(value)) for key, value in data]


def _packed(values: Any) -> str:
    numbers = array("d", values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()


def _unpacked(text: str) -> list[float]:
    numbers = array("d")
    numbers.frombytes(b64decode(text, validate=True))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def _read_lost(data: dict[str, Any], reader: Reader) -> Unavailable:
    for name in ("type", "text", "why"):
        if type(data[name]) is not str:
            raise TypeError(f"{name} is no text")
    return reader.unavailable(data["type"], data, data["why"])


_FACTORIES: dict[str, Any] = {f.__name__: f for f in (int, float, str, bool, list, dict, set, tuple)}


def _write_defaultdict(value: Any, writer: Writer) -> dict[str, Any]:
    factory = value.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if name is not None and _FACTORIES.get(name) is not factory:
        raise Refusal("a defaultdict whose default is no plain type", "collections.defaultdict")
    return {TAG: "defaultdict", "f": name, "v": writer.pairs(value.items())}


def _read_defaultdict(data: dict[str, Any], reader: Reader) -> Any:
    from collections import defaultdict

    return defaultdict(None if data["f"] is None else _FACTORIES[data["f"]], reader.pairs(data["v"]))


def _read_collection(data: dict[str, Any], reader: Reader) -> Any:
    import collections

    match data[TAG]:
        case "deque":
            return collections.deque(reader.items(data["v"]), data["n"])
        case "OrderedDict":
            return collections.OrderedDict(reader.pairs(data["v"]))
        case _:
            found: collections.Counter[Any] = collections.Counter()
            dict.update(found, reader.pairs(data["v"]))
            return found


_COLLECTIONS: dict[str, Callable[[Any, Writer], dict[str, Any]]] = {
    "OrderedDict": lambda value, writer: {TAG: "OrderedDict", "v": writer.pairs(value.items())},
    "Counter": lambda value, writer: {TAG: "Counter", "v": writer.pairs(value.items())},
    "deque": lambda value, writer: {TAG: "deque", "n": value.maxlen, "v": [writer.write(item) for item in value]},
    "defaultdict": _write_defaultdict,
}

_READERS: dict[str, Callable[[dict[str, Any], Reader], Any]] = {
    "str": lambda data, _: b64decode(data["v"], validate=True).decode("utf-8", "surrogatepass"),
    "int": lambda data, _: int(data["v"], 16),
    "float": lambda data, _: {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}[data["v"]],
    "floats": lambda data, _: _unpacked(data["v"]),
    "tuple of floats": lambda data, _: tuple(_unpacked(data["v"])),
    "tuple": lambda data, reader: tuple(reader.items(data["v"])),
    "set": lambda data, reader: set(reader.items(data["v"])),
    "frozenset": lambda data, reader: frozenset(reader.items(data["v"])),
    "dict": lambda data, reader: dict(reader.pairs(data["v"])),
    "lost": _read_lost,
    "defaultdict": _read_defaultdict,
    "deque": _read_collection,
    "OrderedDict": _read_collection,
    "Counter": _read_collection,
    **dict(chain(scalars.READERS.items(), instances.READERS.items(), foreign.READERS.items())),
}
