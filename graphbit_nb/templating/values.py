"""Plain data as templates see it: what a path leads to, and how a value is written."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from graphbit_nb.errors import TemplateError, did_you_mean
from graphbit_nb.templating.tables import columns, is_frame, row, unpacked


def to_text(value: Any) -> str:
    """Write a value the way it stands in a prompt: text as it is, data as JSON."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    data = plain(value)
    if isinstance(data, Mapping | list | tuple | set | frozenset):
        return json.dumps(data, ensure_ascii=False, default=jsonable)
    return str(value) if data is value else to_text(data)


def plain(value: Any) -> Any:
    """Models and dataclasses as dicts, tables as lists of them, arrays as lists, everything else as it is."""
    if isinstance(value, Mapping | str | list | tuple):
        return value
    if (dump := getattr(type(value), "model_dump", None)) is not None and hasattr(type(value), "model_fields"):
        return dump(value, mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return unpacked(value)


def jsonable(value: Any) -> Any:
    """Turn what JSON does not know into what it does: the `default` of `json.dumps`."""
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Enum):
        return value.value
    data = plain(value)
    return str(value) if data is value else data


def look_up(value: Any, key: str | int) -> Any:
    """Return the part of plain data that `key` names: of a mapping, a sequence, a model, a dataclass or a table.

    A name leads to a column of a table, a number to a row.

    Raises:
        TemplateError: there is no such part.
    """
    if isinstance(value, Mapping):
        if key in value:
            return value[key]
        raise TemplateError(f"no key {key!r}{did_you_mean(str(key), map(str, value))}; there are {_listed(value)}")
    if is_frame(value):
        return _of_frame(value, key)
    if isinstance(key, int):
        value = unpacked(value)
    if isinstance(key, int) and isinstance(value, Sequence) and not isinstance(value, str | bytes):
        try:
            return value[key]
        except IndexError:
            raise TemplateError(f"no item {key}: there are {len(value)}") from None
    names = field_names(value)
    if isinstance(key, str) and key in names:
        return getattr(value, key)
    if names:
        raise TemplateError(f"no field {key!r}{did_you_mean(str(key), names)}; there are {_listed(names)}")
    raise TemplateError(f"{kind_of(value)} has no {key!r}")


def _of_frame(frame: Any, key: str | int) -> Any:
    if isinstance(key, int):
        if (record := row(frame, key)) is None:
            raise TemplateError(f"no row {key}: there are {len(frame)}")
        return record
    found = columns(frame)
    if key not in found:
        raise TemplateError(f"no column {key!r}{did_you_mean(key, found)}; there are {_listed(found)}")
    return found[key]


def field_names(value: Any) -> Sequence[str]:
    """Names of the fields of a model, a dataclass or a named tuple; empty for anything else."""
    kind = type(value)
    if (fields := getattr(kind, "model_fields", None)) is not None:
        return tuple(fields)
    if dataclasses.is_dataclass(value):
        return tuple(f.name for f in dataclasses.fields(value))
    if isinstance(value, tuple):
        return tuple(getattr(kind, "_fields", ()))
    return ()


def kind_of(value: Any) -> str:
    """Say in words what a value is, for messages."""
    names = {str: "a text", int: "a number", float: "a number", list: "a list", type(None): "none"}
    return names.get(type(value), f"a {type(value).__name__}")


def _listed(names: Any, most: int = 8) -> str:
    shown = [repr(name) for name in list(names)[:most]]
    return ", ".join(shown) + (", …" if len(names) > most else "") if shown else "none"
