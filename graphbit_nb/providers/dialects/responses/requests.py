"""Writes a question as the Responses API wants it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import BadRequestError
from graphbit_nb.providers.dialects.chat.requests import address_of, instructed, schema_name
from graphbit_nb.providers.schema import strict

if TYPE_CHECKING:
    from graphbit_nb.core.llm import GenerateRequest, Message
    from graphbit_nb.providers.catalog import Preset
    from graphbit_nb.providers.failures import Failures

THOUGHTS = "reasoning.encrypted_content"

# Models that think, by OpenAI's names for its own. Others refuse to be asked for their thoughts.
_THINKS = re.compile(r"(?:.*/)?(?:o\d|codex|gpt-(?:[5-9]|\d\d)(?!.*-chat))")
_OPENAIS_MODELS = frozenset({"openai", "azure"})  # those that have options for thinking do think


def body(
    request: GenerateRequest, preset: Preset, more: Mapping[str, Any], failures: Failures, stream: bool
) -> dict[str, Any]:
    """Write `request` as the body of a call. What is None is not there.

    Nothing is kept at the provider (``store`` is false unless the options say otherwise): the whole conversation goes
    out with each call, the thoughts of models that think among it, sealed by the provider.

    Args:
        request: The question.
        preset: Ways of the provider; where it tells a schema in words, so does this.
        more: Further fields; the request's own go before them, and tools are added to those here.
        failures: Account of this call.
        stream: Whether to ask for events.

    Raises:
        BadRequestError: a tool's result does not say which call it belongs to.
    """
    in_words = request.schema is not None and preset.structured_output == "instruction"
    messages = instructed(request) if in_words else request.messages
    fields: dict[str, Any] = {
        "temperature": request.temperature,
        "max_output_tokens": request.max_tokens,
        "top_p": request.top_p,
        "text": None if request.schema is None or in_words else _text(request, preset, more),
        "tools": [*more.get("tools", ()), *_tools(request)] if request.tools else None,
    }
    out: dict[str, Any] = {"store": False, **more}
    out |= {name: value for name, value in fields.items() if value is not None}
    thinks = _THINKS.match(request.model or "") or ("reasoning" in more and preset.name in _OPENAIS_MODELS)
    if out["store"] is False and thinks:
        asked = list(more.get("include") or ())
        out["include"] = asked if THOUGHTS in asked else [*asked, THOUGHTS]
    out["model"] = request.model
    out["input"] = [item for message in messages for item in _items(message, failures)]
    out["stream"] = stream
    return out


def _items(message: Message, failures: Failures) -> list[dict[str, Any]]:
    if message.role == "tool":
        if message.tool_call_id is None:
            raise failures.make(BadRequestError, "cannot be given a tool's result without the call's tool_call_id")
        return [{"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content}]
    if isinstance(message.native, Mapping) and "items" in message.native:  # our own answer, with sealed thoughts
        return list(message.native["items"])
    said: list[dict[str, Any]] = []
    if message.images:
        parts: list[dict[str, Any]] = [{"type": "input_text", "text": message.content}] if message.content else []
        parts += [{"type": "input_image", "image_url": address_of(one), "detail": "auto"} for one in message.images]
        said = [{"role": message.role, "content": parts}]
    elif message.content or not message.tool_calls:
        said = [{"role": message.role, "content": message.content}]
    calls = [
        {
            "type": "function_call",
            "call_id": call.id,
            "name": call.name,
            "arguments": json.dumps(dict(call.arguments), ensure_ascii=False),
        }
        for call in message.tool_calls
    ]
    return [*said, *calls]


def _tools(request: GenerateRequest) -> list[dict[str, Any]]:
    return [
        {
            "type": "function",
            "name": tool.name,
            **({"description": tool.description} if tool.description else {}),
            "parameters": dict(tool.parameters),
            "strict": False,  # here it is true where nothing is said, and the schema would be changed
        }
        for tool in request.tools
    ]


def _text(request: GenerateRequest, preset: Preset, more: Mapping[str, Any]) -> dict[str, Any]:
    schema = dict(request.schema or {})
    closed = strict(schema) if preset.structured_output == "schema" else schema
    held = {
        "type": "json_schema",
        "name": schema_name(request),
        "schema": schema if closed is None else closed,
        "strict": closed is not None,
    }
    given = more.get("text")
    return {**(given if isinstance(given, Mapping) else {}), "format": held}
