"""Instances of classes as JSON and back: enums, named tuples, dataclasses, pydantic models, and our own records.

A class is kept by its name. It is looked up among those that are there, and its instances are made without calling
any code of it: what is read from a disk decides nothing but values.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from functools import cache, cached_property
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from graphbit_nb.core import events, llm, node_snapshot, snapshot, states
from graphbit_nb.core.checking import check_fields
from graphbit_nb.core.unavailable import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.encoding import Reader, Writer

TAG = "~"

RECORDS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        events.ErrorInfo, llm.Image, llm.Message, llm.ToolCall, llm.ToolSpec, llm.Usage, llm.GenerateResponse,
        llm.EmbedResponse, node_snapshot.Attempt, node_snapshot.Flag, node_snapshot.NodeSnapshot,
        node_snapshot.ToolUse,
        snapshot.RunSnapshot,
    )
}  # fmt: skip
"""Our own records; they are kept without the fields that are as usual."""

NAMES: dict[str, Any] = {
    **RECORDS, "Mapping": Mapping, "RunStatus": states.RunStatus, "NodeState": states.NodeState, "Role": llm.Role,
}  # fmt: skip
"""What the names in annotations of our records and events stand for."""

_NAME_OF = {cls: name for name, cls in RECORDS.items()}


def write(value: Any, writer: Writer) -> dict[str, Any] | None:
    """Return an instance as JSON, or None when it is of no such class. Raises `Refusal`."""
    cls: Any = type(value)
    if (name := _NAME_OF.get(cls)) is not None:
        usual = _usual(cls)
        given = {
            key: item
            for key in usual
            if type(item := getattr(value, key)) is not type(usual[key]) or item != usual[key]
        }  # fmt: skip
        return {TAG: "record", "c": name, "f": writer.fields(given)}
    if isinstance(value, Enum):
        if cls._member_map_.get(value._name_ or "") is not value:
            raise Refusal(f"{value!r} is a combination of members", _full(cls))
        return {TAG: "enum", "c": _address(cls), "v": value._name_}
    if isinstance(value, tuple):
        if not _is_named_tuple(cls):
            return None
        return {TAG: "named", "c": _address(cls), "f": writer.fields(dict(zip(cls._fields, value, strict=True)))}
    if "__dataclass_fields__" in _names_in(cls):
        return _write_data(value, cls, writer)
    return _write_model(value, cls, writer) if _is_model(cls) else None


@cache
def _usual(cls: Any) -> dict[str, Any]:
    """Return the usual values of a record's fields, `MISSING` for those that are always given."""
    found = {}
    for field in fields(cls):
        if field.default is not MISSING:
            found[field.name] = field.default
        else:
            found[field.name] = MISSING if field.default_factory is MISSING else field.default_factory()
    return found


# ---- writing


def _write_data(value: Any, cls: type, writer: Writer) -> dict[str, Any]:
    address = _address(cls)
    _make(cls)
    names = {field.name for field in fields(cls)}
    held = {name: found for name in sorted(names) if (found := _held(value, name)) is not MISSING}
    if len(held) < len(names):
        raise Refusal(f"its field {min(names - set(held))!r} is not set", _full(cls))
    held |= _others(value, cls, names)
    return {TAG: "data", "c": address, "f": writer.fields(held)}


def _held(value: Any, name: str) -> Any:
    """Return what an instance holds itself under a name, without asking its class."""
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return MISSING


def _others(value: Any, cls: type, names: set[str]) -> dict[str, Any]:
    """Return what an instance holds besides its fields, but not what it only remembers."""
    there = _names_in(cls)
    for base in cls.__mro__:
        for name, slot in vars(base).items():
            if isinstance(slot, MemberDescriptorType) and name not in names and _held(value, name) is not MISSING:
                raise Refusal(f"its slot {name!r} is no field", _full(cls))
    own = getattr(value, "__dict__", {})
    return {
        name: item
        for name, item in own.items()
        if name not in names and not isinstance(there.get(name), cached_property)
    }  # fmt: skip


def _write_model(value: Any, cls: type, writer: Writer) -> dict[str, Any]:
    address = _address(cls)
    names = set(_model_fields(cls))
    there = _names_in(cls)
    held = {k: v for k, v in vars(value).items() if k in names or not isinstance(there.get(k), cached_property)}
    found = {TAG: "model", "c": address, "f": writer.fields(held), "s": sorted(value.__pydantic_fields_set__)}
    for key, given in (("x", value.__pydantic_extra__), ("p", value.__pydantic_private__)):
        if given is not None:
            found[key] = writer.fields({k: v for k, v in given.items() if type(v).__name__ != "PydanticUndefinedType"})
    return found


# ---- classes


def _address(cls: type) -> str:
    """Return how a class is found again. Raises `Refusal` when it would not be."""
    address = f"{cls.__module__}:{cls.__qualname__}"
    if _class_at(address) is None:
        raise Refusal(
            f"{cls.__qualname__} is not at the top of a module or class, so nobody finds it again", _full(cls)
        )
    return address


def _full(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _class_at(address: Any) -> type | None:
    """Return the class that is there under this name; nothing is imported, and no attribute hook is called."""
    if type(address) is not str:
        raise TypeError("a class is named by a text")
    module, _, qualname = address.partition(":")
    found: Any = sys.modules.get(module)
    for name in qualname.split("."):
        try:
            found = (
                object.__getattribute__(found, "__dict__")
                if not isinstance(found, type)
                else type.__getattribute__(found, "__dict__")
            )
        except AttributeError:
            return None
        found = found.get(name)
    if not isinstance(found, type):
        return None
    return found if f"{found.__module__}:{found.__qualname__}" == address else None


def _names_in(cls: type) -> dict[str, Any]:
    """Return all that a class has, by name."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        found.update(vars(base))
    return found


def _is_named_tuple(cls: type) -> bool:
    names = _names_in(cls).get("_fields")
    return issubclass(cls, tuple) and type(names) is tuple and all(type(name) is str for name in names)


def _is_model(cls: type) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def _model_fields(cls: Any) -> Any:
    return cls.__pydantic_fields__


def _make(cls: type) -> Any:
    """Return an instance about which no code of the class has been asked. Raises `Refusal`."""
    if "__del__" in _names_in(cls):
        raise Refusal(f"{cls.__qualname__} has a __del__", _full(cls))
    try:
        return object.__new__(cls)
    except TypeError:
        raise Refusal(f"{cls.__qualname__} is made in a way of its own", _full(cls)) from None


# ---- reading


def _read_record(data: dict[str, Any], reader: Reader) -> Any:
    record = RECORDS[data["c"]](**_fields(data["f"], reader))
    if not isinstance(record, snapshot.RunSnapshot):
        check_fields(record, NAMES)
    return record


def _fields(data: Any, reader: Reader) -> dict[str, Any]:
    if type(data) is not dict:
        raise TypeError("fields are missing")
    return {name: reader.read(value) for name, value in data.items()}


def _gone(data: dict[str, Any], reader: Reader, why: str) -> Any:
    return reader.unavailable(str(data["c"]).rpartition(":")[2], data, why)


def _read_enum(data: dict[str, Any], reader: Reader) -> Any:
    cls = _class_at(data["c"])
    if cls is None or not issubclass(cls, Enum):
        return _gone(data, reader, f"there is no enum {data['c']} in this process")
    member = cls._member_map_.get(data["v"]) if type(data["v"]) is str else None
    return _gone(data, reader, f"{cls.__name__} has no {data['v']}") if member is None else member


def _read_named(data: dict[str, Any], reader: Reader) -> Any:
    values = _fields(data["f"], reader)
    cls = _class_at(data["c"])
    if cls is None or not _is_named_tuple(cls):
        return _gone(data, reader, f"there is no named tuple {data['c']} in this process")
    names: tuple[str, ...] = _names_in(cls)["_fields"]
    if set(names) != set(values):
        return _gone(data, reader, f"{cls.__name__} has other fields now")
    return tuple.__new__(cls, [values[name] for name in names])


def _read_data(data: dict[str, Any], reader: Reader) -> Any:
    values = _fields(data["f"], reader)
    cls = _class_at(data["c"])
    there = {} if cls is None else _names_in(cls)
    if cls is None or "__dataclass_fields__" not in there:
        return _gone(data, reader, f"there is no dataclass {data['c']} in this process")
    names = {field.name for field in fields(cls)}
    if not names <= set(values):
        return _gone(data, reader, f"{cls.__name__} has other fields now")
    try:
        made = _make(cls)
    except Refusal as refusal:
        return _gone(data, reader, refusal.why)
    slots = {name: slot for name in values if isinstance(slot := there.get(name), MemberDescriptorType)}
    for name, slot in slots.items():
        slot.__set__(made, values.pop(name))
    if values:
        if not hasattr(cls, "__dictoffset__") or not cls.__dictoffset__:
            return _gone(data, reader, f"{cls.__name__} has other fields now")
        object.__getattribute__(made, "__dict__").update(values)
    return made


def _read_model(data: dict[str, Any], reader: Reader) -> Any:
    values = _fields(data["f"], reader)
    extra = None if data.get("x") is None else _fields(data["x"], reader)
    private = None if data.get("p") is None else _fields(data["p"], reader)
    cls = _class_at(data["c"])
    if cls is None or not _is_model(cls):
        return _gone(data, reader, f"there is no model {data['c']} in this process")
    if not set(_model_fields(cls)) <= set(values) or not set(data["s"]) <= set(values) | set(extra or ()):
        return _gone(data, reader, f"{cls.__name__} has other fields now")
    try:
        made = _make(cls)
    except Refusal as refusal:
        return _gone(data, reader, refusal.why)
    for name, value in (
        ("__dict__", values), ("__pydantic_fields_set__", set(data["s"])), ("__pydantic_extra__", extra),
        ("__pydantic_private__", private),
    ):  # fmt: skip
        object.__setattr__(made, name, value)
    return made


READERS: dict[str, Callable[[dict[str, Any], Reader], Any]] = {
    "record": _read_record,
    "enum": _read_enum,
    "named": _read_named,
    "data": _read_data,
    "model": _read_model,
}
