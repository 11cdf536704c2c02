"""Data as JSON text, and back."""

from __future__ import annotations

import json
from typing import Any

from graphbit_nb.errors import UsageError
from graphbit_nb.files.values import as_number, plain


def write_json(data: Any) -> str:
    """Write data, indented, with a line break at the end."""
    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def read_json(text: str) -> Any:
    """Read data.

    Raises:
        UsageError: it is no JSON, or says what no two readers would take for the same.
    """
    try:
        data = json.loads(
            text,
            object_pairs_hook=_mapping,
            parse_constant=_refuse_constant,
            parse_float=as_number,
            parse_int=as_number,
        )
    except json.JSONDecodeError as error:
        raise UsageError(f"line {error.lineno}, column {error.colno}: this is no JSON: {error.msg}") from None
    except ValueError as error:
        raise UsageError(str(error)) from None
    except RecursionError:
        raise UsageError("the lists and objects are nested too deeply") from None
    return plain(data, "the file")


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice in one object; take one of them out")
        found[key] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number that a file can hold")
