"""Writes a question as chat completions want it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import Message
from graphbit_nb.providers.schema import strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.llm import EmbedRequest, GenerateRequest, Image
    from graphbit_nb.providers.catalog import Preset
    from graphbit_nb.providers.failures import Failures

INSTRUCTION = "Answer with one JSON value that fits this JSON schema, and with nothing else:\n"


def body(
    request: GenerateRequest,
    preset: Preset,
    more: Mapping[str, Any],
    failures: Failures,  # noqa: ARG001 (every language is given it)
    stream: bool,
) -> dict[str, Any]:
    """Write `request` as the body of a call. What is None is not there.

    Args:
        request: The question.
        preset: Ways of the provider.
        more: Further fields; the request's own go before them.
        failures: Account of this call.
        stream: Whether to ask for events.
    """
    told_in_words = request.schema is not None and preset.structured_output == "instruction"
    messages = instructed(request) if told_in_words else request.messages
    fields: dict[str, Any] = {
        "temperature": request.temperature,
        preset.max_tokens_field: request.max_tokens,
        "top_p": request.top_p,
        "stop": list(request.stop) if request.stop is not None else None,
        preset.seed_field: request.seed + request.sample if request.seed is not None else None,
        "response_format": None if request.schema is None or told_in_words else _response_format(request, preset),
        "tools": [*more.get("tools", ()), *tools(request)] if request.tools else None,
    }
    out = {**more, **{name: value for name, value in fields.items() if value is not None}, "model": request.model}
    out["messages"] = [_message(message) for message in messages]
    out["stream"] = stream
    if stream and preset.stream_usage:
        out["stream_options"] = {"include_usage": True}
    return out


def embed_body(request: EmbedRequest) -> dict[str, Any]:
    """Write the body of a call for vectors."""
    return {"model": request.model, "input": list(request.texts), "encoding_format": "float"}


def _message(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        parts: list[dict[str, Any]] = [{"type": "text", "text": message.content}] if message.content else []
        out["content"] = [*parts, *({"type": "image_url", "image_url": {"url": address_of(i)}} for i in message.images)]
    if message.tool_calls:
        out["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments), ensure_ascii=False)},
            }
            for call in message.tool_calls
        ]
        out["content"] = message.content or None
    if message.tool_call_id is not None:
        out["tool_call_id"] = message.tool_call_id
    return out


def address_of(image: Image) -> str:
    """Return where an image is; its own bytes are written into the address."""
    if image.data is None:
        return image.url or ""
    return f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"


def tools(request: GenerateRequest) -> list[dict[str, Any]]:
    """Write the tools that a model may ask for."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                **({"description": tool.description} if tool.description else {}),
                "parameters": dict(tool.parameters),
            },
        }
        for tool in request.tools
    ]


def _response_format(request: GenerateRequest, preset: Preset) -> dict[str, Any]:
    schema = dict(request.schema or {})
    shown, is_strict = schema, True
    if preset.structured_output == "schema":
        closed = strict(schema)
        shown, is_strict = (schema, False) if closed is None else (closed, True)
    described = {"name": schema_name(request), "schema": shown, "strict": is_strict}
    return {"type": "json_schema", "json_schema": described}


def schema_name(request: GenerateRequest) -> str:
    """Return a name for the schema that providers take."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", request.schema_name)[:64] or "answer"


def instructed(request: GenerateRequest) -> tuple[Message, ...]:
    """Tell the schema in words, with the last thing that the user says."""
    words = INSTRUCTION + json.dumps(request.schema, ensure_ascii=False)
    messages = list(request.messages)
    for index in reversed(range(len(messages))):
        if messages[index].role == "user":
            messages[index] = replace(messages[index], content=f"{messages[index].content}\n\n{words}")
            return tuple(messages)
    return (*messages, Message("system", words))
