"""What spans are called and what they carry: the GenAI conventions of OpenTelemetry (0.1), and a few names of ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.redaction import redact, redact_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.core import events as e
    from graphbit_nb.core.llm import Message

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
MODEL = "gen_ai.request.model"
ERROR = "error.type"

# Where the conventions call a provider otherwise than we do.
PROVIDERS = {
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "gemini": "gcp.gemini",
    "xai": "x_ai",
    "mistral": "mistral_ai",
    "bedrock": "aws.bedrock",
}
REQUESTED = {
    "temperature": "gen_ai.request.temperature",
    "max_tokens": "gen_ai.request.max_tokens",
    "top_p": "gen_ai.request.top_p",
    "seed": "gen_ai.request.seed",
    "stop": "gen_ai.request.stop_sequences",
}


def nanoseconds(time: float) -> int:
    """Return an event's time as spans have it."""
    return int(time * 1e9)


def workflow_attributes(workflow: str, run_id: str) -> dict[str, Any]:
    """Return what the span of a run carries from its beginning."""
    return {
        OPERATION: "invoke_workflow",
        "gen_ai.agent.name": workflow,
        "gen_ai.workflow.name": workflow,  # its name up to 1.41, which many backends still look for
        "graphbit.run.id": run_id,
    }


def request_attributes(event: e.LlmRequested) -> dict[str, Any]:
    """Return what the span of a call carries of its request."""
    given = event.parameters
    found: dict[str, Any] = {
        OPERATION: "embeddings" if "texts" in given else "chat",
        PROVIDER: PROVIDERS.get(event.provider, event.provider),
    }
    if event.model:
        found[MODEL] = redact_label(event.model)
    for name, attribute in REQUESTED.items():
        if (value := given.get(name)) is not None:
            found[attribute] = tuple(map(redact, value)) if name == "stop" else value
    if "schema" in given:
        found["gen_ai.output.type"] = "json"
    return found


def response_attributes(event: e.LlmResponded) -> dict[str, Any]:
    """Return what the span of a call carries of its answer. Of one that nobody was asked for no tokens are told."""
    found: dict[str, Any] = {
        "gen_ai.response.model": None if event.model is None else redact_label(event.model),
        "gen_ai.response.id": None if event.request_id is None else redact(event.request_id),
    }
    if event.finish_reason is not None:
        found["gen_ai.response.finish_reasons"] = (redact_label(event.finish_reason),)
    if event.source is not None:
        found["graphbit.source"] = event.source
        return _there(found)
    usage = event.usage
    found |= {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "gen_ai.response.time_to_first_chunk": event.first_token,
        "gen_ai.request.stream": None if event.first_token is None else True,
        "graphbit.cost.usd": event.cost,
    }
    return _there(found)


def tool_attributes(event: e.ToolCalled, *, content: bool) -> dict[str, Any]:
    """Return what the span of a tool carries."""
    found = {
        OPERATION: "execute_tool",
        "gen_ai.tool.name": redact_label(event.tool),
        "gen_ai.tool.call.id": event.call_id,
        "gen_ai.tool.type": "function",
    }
    if content:
        found["gen_ai.tool.call.arguments"] = _json(dict(event.arguments))
        found["gen_ai.tool.call.result"] = redact(event.result)
    return found


def content_attributes(messages: Iterable[Message], answer: str | None, finish_reason: str | None) -> dict[str, Any]:
    """Return prompt and answer as the conventions write them."""
    said = [m for m in messages if m.role != "system"]
    system = [{"type": "text", "content": m.content} for m in messages if m.role == "system"]
    found = {"gen_ai.input.messages": _json([_turn(m) for m in said])} if said else {}
    if system:
        found["gen_ai.system_instructions"] = _json(system)
    if answer is not None:
        parts = [{"type": "text", "content": answer}]
        found["gen_ai.output.messages"] = _json(
            [{"role": "assistant", "parts": parts, "finish_reason": finish_reason or "stop"}]
        )
    return found


def _turn(message: Message) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    if message.role == "tool":
        parts.append({"type": "tool_call_response", "id": message.tool_call_id, "response": message.content})
    elif message.content:
        parts.append({"type": "text", "content": message.content})
    parts += [
        {"type": "tool_call", "id": call.id, "name": call.name, "arguments": dict(call.arguments)}
        for call in message.tool_calls
    ]
    return {"role": message.role, "parts": parts}


def _json(value: Any) -> str:
    return redact(json.dumps(value, ensure_ascii=False, default=str))


def _there(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}
