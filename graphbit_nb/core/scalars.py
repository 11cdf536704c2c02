"""Single values of the standard library's types, as JSON and back: bytes, dates, decimals, paths and their like."""

from __future__ import annotations

import datetime as dt
import pathlib
import re
import uuid
from base64 import b64decode
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.unavailable import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.encoding import Reader, Writer

TAG = "~"

_PATHS: dict[str, type[pathlib.PurePath]] = {
    cls.__name__: cls
    for cls in (pathlib.PurePosixPath, pathlib.PureWindowsPath, type(pathlib.Path()))  # the last: of this system
}
_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*\Z")


def write(value: Any, writer: Writer) -> dict[str, Any] | None:
    """Return a value of one of these types as JSON, or None when it is of no such type. Raises `Refusal`."""
    known = _WRITERS.get(type(value))
    return None if known is None else known(value, writer)


def write_zone(zone: dt.tzinfo | None) -> Any:
    """Return a time zone as JSON. Raises `Refusal`."""
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        name = zone.tzname(None)
        offset = zone.utcoffset(None)
        return [offset / dt.timedelta(microseconds=1), name]
    key = getattr(zone, "key", None)
    if type(zone).__module__.partition(".")[0] == "zoneinfo" and isinstance(key, str):
        return key
    raise Refusal(f"its time zone is a {type(zone).__module__}.{type(zone).__qualname__}", "tzinfo")


def read_zone(data: Any) -> dt.tzinfo | None:
    """Return the time zone. Raises `KeyError` when this system does not know it."""
    if data is None:
        return None
    if type(data) is list:
        offset, name = data
        delta = dt.timedelta(microseconds=offset)
        if dt.timezone(delta).tzname(None) == name:
            return dt.timezone(delta)
        return dt.timezone(delta, name)
    if not _ZONE.match(data):
        raise ValueError(f"{data!r} is no time zone")
    from zoneinfo import ZoneInfo  # the files it reads are those of the system

    return ZoneInfo(data)


def _write_datetime(value: dt.datetime, _: Writer) -> dict[str, Any]:
    zone = write_zone(value.tzinfo)
    return {TAG: "datetime", "v": value.replace(tzinfo=None).isoformat(), "z": zone, "f": value.fold}


def _read_datetime(data: dict[str, Any], reader: Reader) -> Any:
    try:
        zone = read_zone(data["z"])
    except KeyError:
        return reader.unavailable("datetime", data, f"this system does not know the time zone {data['z']}")
    return dt.datetime.fromisoformat(data["v"]).replace(tzinfo=zone, fold=data["f"])


def _write_time(value: dt.time, _: Writer) -> dict[str, Any]:
    zone = write_zone(value.tzinfo)
    return {TAG: "time", "v": value.replace(tzinfo=None).isoformat(), "z": zone, "f": value.fold}


def _read_time(data: dict[str, Any], reader: Reader) -> Any:
    try:
        zone = read_zone(data["z"])
    except KeyError:
        return reader.unavailable("time", data, f"this system does not know the time zone {data['z']}")
    return dt.time.fromisoformat(data["v"]).replace(tzinfo=zone, fold=data["f"])


def _write_path(value: pathlib.PurePath, _: Writer) -> dict[str, Any]:
    return {TAG: "path", "c": type(value).__name__, "v": str(value)}


def _read_path(data: dict[str, Any], reader: Reader) -> Any:
    if type(data["v"]) is not str:
        raise TypeError("a path is a text")
    cls = _PATHS.get(data["c"])
    if cls is None:
        return reader.unavailable(data["c"], data, f"this system has no {data['c']}")
    return cls(data["v"])


def _plain_number(data: Any) -> Any:
    if type(data) is not int:
        raise TypeError(f"{data!r} is no whole number")
    return data


_WRITERS: dict[type, Callable[[Any, Writer], dict[str, Any]]] = {
    bytes: lambda value, writer: {TAG: "bytes", "v": writer.bytes(value)},
    bytearray: lambda value, writer: {TAG: "bytearray", "v": writer.bytes(bytes(value))},
    complex: lambda value, writer: {TAG: "complex", "v": [writer.write(value.real), writer.write(value.imag)]},
    range: lambda value, writer: {TAG: "range", "v": [writer.write(n) for n in (value.start, value.stop, value.step)]},
    slice: lambda value, writer: {TAG: "slice", "v": [writer.write(n) for n in (value.start, value.stop, value.step)]},
    dt.datetime: _write_datetime,
    dt.date: lambda value, _: {TAG: "date", "v": value.isoformat()},
    dt.time: _write_time,
    dt.timedelta: lambda value, _: {TAG: "timedelta", "v": [value.days, value.seconds, value.microseconds]},
    Decimal: lambda value, _: {TAG: "decimal", "v": str(value)},
    uuid.UUID: lambda value, _: {TAG: "uuid", "v": value.hex},
    type(...): lambda _value, _: {TAG: "ellipsis"},
    **dict.fromkeys(_PATHS.values(), _write_path),
}

READERS: dict[str, Callable[[dict[str, Any], Reader], Any]] = {
    "bytes": lambda data, _: b64decode(data["v"], validate=True),
    "bytearray": lambda data, _: bytearray(b64decode(data["v"], validate=True)),
    "complex": lambda data, reader: complex(*map(float, reader.items(data["v"]))),
    "range": lambda data, reader: range(*map(_plain_number, reader.items(data["v"]))),
    "slice": lambda data, reader: slice(*reader.items(data["v"])),
    "datetime": _read_datetime,
    "date": lambda data, _: dt.date.fromisoformat(data["v"]),
    "time": _read_time,
    "timedelta": lambda data, _: dt.timedelta(*map(_plain_number, data["v"])),
    "decimal": lambda data, _: Decimal(data["v"]),
    "uuid": lambda data, _: uuid.UUID(hex=data["v"]),
    "ellipsis": lambda _data, _: ...,
    "path": _read_path,
}
