"""Writes a question as Ollama's own interface wants it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import BadRequestError
from graphbit_nb.providers.dialects.chat.requests import instructed, tools

if TYPE_CHECKING:
    from graphbit_nb.core.llm import EmbedRequest, GenerateRequest, Image, Message
    from graphbit_nb.providers.catalog import Preset
    from graphbit_nb.providers.failures import Failures

# Fields of a call. All others that are given are the model's own, such as num_ctx, and go into `options`.
_OF_THE_CALL = frozenset(
    {"format", "keep_alive", "logprobs", "options", "shift", "think", "tools", "top_logprobs", "truncate"}
)


def body(
    request: GenerateRequest, preset: Preset, more: Mapping[str, Any], failures: Failures, stream: bool
) -> dict[str, Any]:
    """Write `request` as the body of a call. What is None is not there.

    Args:
        request: The question.
        preset: Ways of the provider; where it tells a schema in words, so does this.
        more: Further fields; the request's own go before them.
        failures: Account of this call.
        stream: Whether to ask for lines.

    Raises:
        BadRequestError: an image is told by its address.
    """
    in_words = request.schema is not None and preset.structured_output == "instruction"
    messages = instructed(request) if in_words else request.messages
    given = more.get("options")
    own = {
        "temperature": request.temperature,
        "num_predict": request.max_tokens,
        "top_p": request.top_p,
        "stop": list(request.stop) if request.stop is not None else None,
        "seed": request.seed + request.sample if request.seed is not None else None,
    }
    options = {
        **{name: value for name, value in more.items() if name not in _OF_THE_CALL},
        **(given if isinstance(given, Mapping) else {}),
        **{name: value for name, value in own.items() if value is not None},
    }
    # what does not fit the context is refused, and does not push out what was said first
    out: dict[str, Any] = {"truncate": False, "shift": False}
    out |= {name: value for name, value in more.items() if name in _OF_THE_CALL and name != "options"}
    if options:
        out["options"] = options
    if request.schema is not None and not in_words:
        out["format"] = dict(request.schema)
    if request.tools:
        out["tools"] = [*more.get("tools", ()), *tools(request)]
    called = {call.id: call.name for message in messages for call in message.tool_calls}
    out["model"] = request.model
    out["messages"] = [_message(message, called, failures) for message in messages]
    out["stream"] = stream
    return out


def embed_body(request: EmbedRequest) -> dict[str, Any]:
    """Write the body of a call for vectors. A text that is too long is refused, not cut."""
    return {"model": request.model, "input": list(request.texts), "truncate": False}


def _message(message: Message, called: Mapping[str, str], failures: Failures) -> dict[str, Any]:
    out: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.images:
        out["images"] = [_image(image, failures) for image in message.images]
    if message.tool_calls:
        out["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": dict(call.arguments)}}
            for call in message.tool_calls
        ]
    if isinstance(message.native, Mapping) and "thinking" in message.native:
        out["thinking"] = message.native["thinking"]
    if message.tool_call_id is not None:
        out["tool_call_id"] = message.tool_call_id
        if message.tool_call_id in called:
            out["tool_name"] = called[message.tool_call_id]
    return out


def _image(image: Image, failures: Failures) -> str:
    if image.data is None:
        raise failures.make(
            BadRequestError, f"fetches no images: read {image.url!r} yourself, and give Image(data=...)"
        )
    return base64.b64encode(image.data).decode()
