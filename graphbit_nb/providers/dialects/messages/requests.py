"""Writes a question as Anthropic's Messages API wants it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import BadRequestError
from graphbit_nb.providers.dialects.chat.requests import INSTRUCTION
from graphbit_nb.providers.schema import strict

if TYPE_CHECKING:
    from graphbit_nb.core.llm import GenerateRequest, Image, Message
    from graphbit_nb.providers.catalog import Preset
    from graphbit_nb.providers.failures import Failures

MAX_TOKENS = 4096  # every model takes it; the API insists on a limit

# What the API's structured outputs hold a model to. Other keywords are told in the description, except those that hold
# schemas themselves and those that stand for any value: with them the whole schema is told in words.
_KEPT = frozenset({"type", "enum", "const", "title", "description", "required", "additionalProperties"})
_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
_NAMED = frozenset({"properties", "$defs", "definitions"})
_LOCAL = ("#/$defs/", "#/definitions/")
_INEXPRESSIBLE = frozenset(
    {"allOf", "oneOf", "not", "if", "then", "else", "prefixItems", "contains", "propertyNames", "patternProperties"},
)
_NEEDS_ONE = frozenset({"type", "enum", "const", "anyOf"})
_DROPPED = frozenset({"$schema", "$id"})


def body(
    request: GenerateRequest, preset: Preset, more: Mapping[str, Any], failures: Failures, stream: bool
) -> dict[str, Any]:
    """Write `request` as the body of a call. What is None is not there, except `max_tokens`, which is 4096 then.

    Models before Claude 4.5 have no structured outputs, and take ``options={"structured_output": "instruction"}``.

    Args:
        request: The question.
        preset: Ways of the provider; where it tells a schema in words, so does this. Else the API holds the model to
            it, as far as it can express the schema.
        more: Further fields; the request's own go before them, and tools are added to those here.
        failures: Account of this call.
        stream: Whether to ask for events.

    Raises:
        BadRequestError: the turns are none that the API knows.
    """
    held = _held(request.schema) if request.schema is not None and preset.structured_output == "schema" else None
    system = [message.content for message in request.messages if message.role == "system" and message.content]
    if request.schema is not None and held is None:
        system.append(INSTRUCTION + json.dumps(request.schema, ensure_ascii=False))
    fields: dict[str, Any] = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "top_p": request.top_p,
        "stop_sequences": list(request.stop) if request.stop is not None else None,
        "system": "\n\n".join(system) or None,
        "output_config": None if held is None else {**_object(more, "output_config"), "format": _format(held)},
        "tools": [*more.get("tools", ()), *_tools(request)] if request.tools else None,
    }
    sent = {name: value for name, value in fields.items() if value is not None}
    messages = _turns(request.messages, failures)
    return {
        "max_tokens": MAX_TOKENS,
        **more,
        **sent,
        "model": request.model,
        "messages": messages,
        "stream": stream,
    }


def _object(more: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = more.get(name)
    return found if isinstance(found, Mapping) else {}


def _format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "schema": schema}


def _tools(request: GenerateRequest) -> list[dict[str, Any]]:
    return [
        {
            "name": tool.name,
            **({"description": tool.description} if tool.description else {}),
            "input_schema": dict(tool.parameters),
        }
        for tool in request.tools
    ]


def _turns(messages: tuple[Message, ...], failures: Failures) -> list[dict[str, Any]]:
    """Let user and assistant take turns: what one of them says in a row, results of tools too, is one turn."""
    turns: list[tuple[str, list[dict[str, Any]]]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not turns or turns[-1][0] != role:
            turns.append((role, []))
        turns[-1][1].extend(_blocks(message, failures))
    if not turns:
        raise failures.make(BadRequestError, "needs something said by the user, not system words alone")
    return [{"role": role, "content": _content(blocks)} for role, blocks in turns]


def _blocks(message: Message, failures: Failures) -> list[dict[str, Any]]:
    if message.role == "tool":
        if message.tool_call_id is None:
            raise failures.make(BadRequestError, "cannot be given a tool's result without the call's tool_call_id")
        return [{"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.content}]
    if isinstance(message.native, list):  # our own answer, with thoughts that are signed
        return message.native
    shown: list[dict[str, Any]] = [{"type": "image", "source": _source(image)} for image in message.images]
    said = [*shown, {"type": "text", "text": message.content}] if message.content else shown
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in message.tool_calls
    ]
    return [*said, *calls]


def _source(image: Image) -> dict[str, Any]:
    if image.data is None:
        return {"type": "url", "url": image.url}
    return {"type": "base64", "media_type": image.media_type, "data": base64.b64encode(image.data).decode()}


def _content(blocks: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    if not blocks:
        return ""  # the API has the last word on a turn that says nothing
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


class _InexpressibleError(Exception):
    """A schema that the API does not take."""


def _held(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """Write a schema as the API takes it, or None when it cannot: open objects, any value, recursion."""
    closed = strict(schema)
    if closed is None or _is_recursive(closed):
        return None
    try:
        return _narrow(closed)
    except _InexpressibleError:
        return None


def _narrow(one: Any) -> dict[str, Any]:
    if not isinstance(one, Mapping) or not _INEXPRESSIBLE.isdisjoint(one):
        raise _InexpressibleError
    if "$ref" in one:
        if not str(one["$ref"]).startswith(_LOCAL):
            raise _InexpressibleError
        return {"$ref": one["$ref"]}
    out: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for key, value in one.items():
        if key in _NAMED:
            out[key] = {name: _narrow(inner) for name, inner in value.items()}
        elif key == "anyOf":
            out[key] = [_narrow(inner) for inner in value]
        elif key == "items":
            out[key] = _narrow(value)
        elif key in _KEPT or (key == "format" and value in _FORMATS) or (key == "minItems" and value in (0, 1)):
            out[key] = value
        elif key not in _DROPPED:
            told[key] = value
    if _NEEDS_ONE.isdisjoint(out) or any(isinstance(value, (list, Mapping)) for value in out.get("enum", ())):
        raise _InexpressibleError
    if told:
        words = [out["description"]] if out.get("description") else []
        out["description"] = "\n\n".join([*words, json.dumps(told, ensure_ascii=False, default=str)])
    return out


def _is_recursive(schema: Mapping[str, Any]) -> bool:
    definitions = {prefix: _object(schema, prefix[2:-1]) for prefix in _LOCAL}
    named = {f"{prefix}{name}": one for prefix, held in definitions.items() for name, one in held.items()}
    left = {ref: {found for found in _references(one) if found in named} for ref, one in named.items()}
    while left:  # take away what refers to nothing that is left; a ring stays
        free = [ref for ref, to in left.items() if not to & left.keys()]
        if not free:
            return True
        for ref in free:
            del left[ref]
    return False


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {ref for one in value for ref in _references(one)}
    if not isinstance(value, Mapping):
        return set()
    own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
    return own | {ref for one in value.values() for ref in _references(one)}
