"""Tables and arrays as plain data: what pandas and numpy hold, read without importing them."""

from __future__ import annotations

import math
from typing import Any

_PLAIN = frozenset({str, int, float, bool, list, dict, tuple, type(None)})


def unpacked(value: Any) -> Any:
    """Return a table as a list of records, a column or an array as a list, and everything else as it is."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if is_frame(value):
        listed = {name: unpacked(column) for name, column in columns(value).items()}
        return [dict(zip(listed, row, strict=True)) for row in zip(*listed.values(), strict=True)]
    if not (hasattr(kind, "tolist") and hasattr(kind, "dtype")):
        return value
    items = value.tolist()
    return [None if _is_missing(item) else item for item in items] if _comes_from_pandas(kind) else items


def is_frame(value: Any) -> bool:
    """Whether it is a DataFrame of pandas."""
    return any(base.__name__ == "DataFrame" and _comes_from_pandas(base) for base in type(value).__mro__)


def columns(frame: Any) -> dict[str, Any]:
    """Return the columns of a DataFrame by name; an index that has a name is the first of them."""
    found = dict(zip(_named(frame.columns), (frame.iloc[:, at] for at in range(frame.shape[1])), strict=True))
    if all(name is None for name in frame.index.names):
        return found
    levels = (frame.index.get_level_values(at) for at in range(frame.index.nlevels))
    return {**dict(zip(_named(frame.index.names), levels, strict=True)), **found}


def row(frame: Any, number: int) -> dict[str, Any] | None:
    """Return a row of a DataFrame as a record, or None when there is none of that number."""
    at = number if number >= 0 else number + len(frame)
    return unpacked(frame.iloc[at : at + 1])[0] if 0 <= at < len(frame) else None


def _named(labels: Any) -> list[str]:
    """Write labels as texts that are all different."""
    names: dict[str, None] = {}
    for label in labels:
        name = wanted = ".".join(map(str, label)) if isinstance(label, tuple) else str(label)
        number = 1
        while name in names:
            number += 1
            name = f"{wanted}.{number}"
        names[name] = None
    return list(names)


def _is_missing(item: Any) -> bool:
    return (isinstance(item, float) and math.isnan(item)) or type(item).__name__ in ("NAType", "NaTType")


def _comes_from_pandas(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "pandas"
