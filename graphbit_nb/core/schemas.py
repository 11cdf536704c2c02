"""Walks a JSON schema. What is changed on the way is the caller's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Keywords that hold one schema, a list of schemas, and schemas by name. All others hold data and are left alone,
# as are the names of properties: one may well be called "title" or "default".
_ONE = ("items", "contains", "not", "if", "then", "else", "propertyNames", "additionalProperties")
_LIST = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def rewrite(schema: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Return a schema with `change` applied to every schema within it, the innermost first, and to itself last.

    Args:
        schema: It is not changed.
        change: Gets a new mapping, with the schemas in it changed already, and may write to it.
    """

    def walk(value: Any) -> Any:
        return rewrite(value, change) if isinstance(value, dict) else value

    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict):
            out[key] = {name: walk(one) for name, one in value.items()}
        elif key in _LIST and isinstance(value, list):
            out[key] = [walk(one) for one in value]
        elif key in _ONE:
            out[key] = walk(value)
        else:
            out[key] = value
    return change(out)
