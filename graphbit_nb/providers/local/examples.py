"""Makes up a value that fits a JSON schema, to be shown to a small model as an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEEPEST = 6
_BY_TYPE: Mapping[str, Any] = {"integer": 2, "number": 2, "boolean": True, "null": None}


def example_of(schema: Mapping[str, Any], name: str = "value") -> Any:
    """Return what the schema gives as an example, a default or a choice, else a value of its type.

    Args:
        schema: What the value fits, roughly: bounds and patterns are not looked at.
        name: What the value is called; texts without an example are made of it.
    """
    return _example(schema, name, schema, 0)


def _example(schema: Any, name: str, root: Mapping[str, Any], depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    if isinstance(ref := schema.get("$ref"), str):
        return _example(_followed(ref, root), name, root, depth + 1)
    if "const" in schema:
        return schema["const"]
    for key in ("examples", "enum"):
        if isinstance(given := schema.get(key), list) and given:
            return given[0]
    if schema.get("default") is not None:
        return schema["default"]
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(given := schema.get(key), list) and given:
            return _example(given[0], name, root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "object" or "properties" in schema:
        required = schema.get("required", ())
        parts = schema.get("properties", {})
        return {key: _example(one, key, root, depth + 1) for key, one in parts.items() if key in required}
    if kind == "array":
        return [_example(schema.get("items", {}), name, root, depth + 1)]
    return _BY_TYPE.get(str(kind), f"some {name.replace('_', ' ')}")


def _followed(ref: str, root: Mapping[str, Any]) -> Any:
    for place in ("$defs", "definitions"):
        if ref.startswith(f"#/{place}/"):
            return root.get(place, {}).get(ref.removeprefix(f"#/{place}/"))
    return None
