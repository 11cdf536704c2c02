"""Whether the fields of a record hold what its annotations say; what was read from a disk may be anything."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any


def check_fields(record: Any, names: Mapping[str, Any]) -> None:
    """Raise `TypeError` for a dataclass instance one of whose fields is not what its class says.

    Args:
        record: The instance.
        names: What the names in its annotations stand for.
    """
    cls: Any = type(record)
    hints = _hints(cls, _Names(names))
    for name, hint in hints.items():
        if not fits(value := getattr(record, name), hint):
            raise TypeError(f"{cls.__name__}.{name} is a {type(value).__name__}")


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotation of the sorts that our records use."""
    if hint is Any:
        return True
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is None:
        if hint is float:
            return type(value) in (float, int)
        return type(value) is hint if hint in (str, int, bool) else isinstance(value, hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in inner)
    if origin is typing.Literal:
        return isinstance(value, str) and value in inner
    if origin is tuple:
        if type(value) is not tuple:
            return False
        if inner[-1] is Ellipsis:
            return all(fits(item, inner[0]) for item in value)
        return len(value) == len(inner) and all(map(fits, value, inner))
    if origin is list:
        return type(value) is list and all(fits(item, inner[0]) for item in value)
    if origin is dict or origin is Mapping:
        return isinstance(value, Mapping) and all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items())
    raise NotImplementedError(f"no check for {hint!r}")


class _Names(dict[str, Any]):
    """Names as an argument of a cached function: all are the same to it."""

    def __hash__(self) -> int:  # type: ignore[override]
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Names)


@cache
def _hints(cls: Any, names: _Names) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, globalns={**vars(typing), **names})
    return {f.name: hints[f.name] for f in fields(cls)}
