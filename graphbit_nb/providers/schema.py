"""Rewrites a JSON schema so that a provider can hold a model to it. The schema that validates is never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Keywords that hold one schema, a list of schemas, and schemas by name. All others hold data and are left alone,
# as are the names of properties: one may well be called "title" or "default".
_ONE = ("items", "contains", "not", "if", "then", "else", "propertyNames", "additionalProperties")
_LIST = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")

# The sampler does not keep to these, and some of them switch the whole constraint off
_UNENFORCED = ("title", "default", "examples", "uniqueItems", "discriminator", "multipleOf")
_BOUNDS_TEXT = ("maxLength", "pattern", "format", "enum", "const")


def tighten(schema: Mapping[str, Any], *, longest_text: int = 120, most_items: int = 8) -> dict[str, Any]:
    """Bound everything that a small model would run on with: texts, lists and objects."""

    def tight(one: dict[str, Any]) -> dict[str, Any]:
        one = {key: value for key, value in one.items() if key not in _UNENFORCED}
        kinds = _types(one)
        if "object" in kinds:
            if "properties" in one and not isinstance(one.get("additionalProperties"), dict):
                one["additionalProperties"] = False
            else:
                one.setdefault("maxProperties", most_items + len(one.get("properties", ())))
        if "string" in kinds and not any(key in one for key in _BOUNDS_TEXT):
            one["maxLength"] = longest_text
        if "array" in kinds and "prefixItems" not in one:
            one.setdefault("maxItems", most_items)
        return one

    return _rewrite(schema, tight)


def strict(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Close every object and require every property, as OpenAI's strict mode wants it.

    Returns:
        None when the schema cannot be made strict: it has an object with properties of any name, or a root that
        is no object.
    """
    open_objects = []

    def close(one: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in one:
            return {"$ref": one["$ref"]}
        one = {key: value for key, value in one.items() if key not in {"default", "discriminator"}}
        if "oneOf" in one and "anyOf" not in one:
            one["anyOf"] = one.pop("oneOf")
        if "object" in _types(one):
            if "properties" not in one or one.get("additionalProperties", False) is not False:
                open_objects.append(one)
            else:
                one["additionalProperties"] = False
                one["required"] = list(one["properties"])
        return one

    whole = _inline_root(schema)
    closed = _rewrite(whole, close)
    return None if open_objects or closed.get("type") != "object" else closed


def _inline_root(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A root that is only a reference, as a recursive model gives it, becomes what it refers to."""
    ref = schema.get("$ref")
    if not isinstance(ref, str) or not ref.startswith("#/$defs/"):
        return dict(schema)
    target = schema.get("$defs", {}).get(ref.removeprefix("#/$defs/"))
    return {**target, "$defs": schema["$defs"]} if isinstance(target, dict) else dict(schema)


def _rewrite(schema: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Apply `change` to a schema and to every schema within it."""

    def walk(value: Any) -> Any:
        return _rewrite(value, change) if isinstance(value, dict) else value

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


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    kind = schema.get("type")
    return (kind,) if isinstance(kind, str) else tuple(kind) if isinstance(kind, list) else ()
