"""Rewrites a JSON schema so that a provider can hold a model to it. The schema that validates is never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.core.schemas import rewrite

if TYPE_CHECKING:
    from collections.abc import Mapping

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

    return rewrite(schema, tight)


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
    closed = rewrite(whole, close)
    return None if open_objects or closed.get("type") != "object" else closed


def _inline_root(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A root that is only a reference, as a recursive model gives it, becomes what it refers to."""
    ref = schema.get("$ref")
    if not isinstance(ref, str) or not ref.startswith("#/$defs/"):
        return dict(schema)
    target = schema.get("$defs", {}).get(ref.removeprefix("#/$defs/"))
    return {**target, "$defs": schema["$defs"]} if isinstance(target, dict) else dict(schema)


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    kind = schema.get("type")
    return (kind,) if isinstance(kind, str) else tuple(kind) if isinstance(kind, list) else ()
