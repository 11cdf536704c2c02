"""Lets a model that knows no tools choose among them: told in words and examples, held to one JSON shape by a grammar.

The answer is either ``{"tool": name, "arguments": {...}}`` or ``{"answer": ...}``. Pure: requests and answers in and
out, nothing is called here.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import Message, ToolCall
from graphbit_nb.errors import ProtocolError
from graphbit_nb.providers.local.examples import example_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graphbit_nb.core.llm import GenerateRequest, GenerateResponse, ToolSpec

LONGEST_ANSWER = 1000  # characters, about what 256 tokens hold; a small model would run on

_TEXT = {"type": "string", "maxLength": LONGEST_ANSWER}
_CUT_ANSWER = re.compile(r'\s*\{\s*"answer"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)


def concerns(request: GenerateRequest) -> bool:
    """Whether `request` has to do with tools: it offers some, or earlier turns used some."""
    return bool(request.tools) or any(m.tool_calls or m.role == "tool" for m in request.messages)


def without_tools(request: GenerateRequest) -> GenerateRequest:
    """Return the request in words that a model without tools understands."""
    if not request.tools:
        return replace(request, messages=tuple(_retold(request.messages)))
    first = request.messages[0] if request.messages else None
    said = f"{first.content}\n\n" if first is not None and first.role == "system" else ""
    rest = request.messages[1:] if said else request.messages
    system = Message("system", said + _told(request.tools))
    return replace(
        request,
        messages=(system, *_examples(request), *_rewritten(rest)),
        schema=_union(request.tools, request.schema),
        schema_name="choice",
        tools=(),
        stop=None,  # it could cut the JSON; the answer is cut afterwards
    )


def with_calls(response: GenerateResponse, request: GenerateRequest) -> GenerateResponse:
    """Return what the model chose: a call of a tool, or its answer as text.

    Args:
        response: The answer to `without_tools(request)`.
        request: What was asked for.

    Raises:
        ProtocolError: the answer is cut in the midst of a call, or is no choice at all.
    """
    if not request.tools:
        return response
    try:
        choice = json.loads(response.text)
    except ValueError:
        choice = _cut(response.text)
    match choice:
        case {"tool": str(name), "arguments": dict(arguments)} if any(tool.name == name for tool in request.tools):
            call = ToolCall(_free_id(request.messages), name, arguments)
            return replace(response, text="", finish_reason="tool_calls", tool_calls=(call,))
        case {"answer": answer}:
            text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
            ends = [end for stop in request.stop or () if stop and (end := text.find(stop)) >= 0]
            return replace(response, text=text[: min(ends)] if ends else text)
    cut = " was cut: give it more with max_tokens=" if response.finish_reason == "length" else " is none of its tools"
    raise ProtocolError(
        f"the local model's choice of a tool{cut}", provider="local", model=response.model, body=response.text[:500]
    )


def _cut(text: str) -> Any:
    """What can be read of an answer that ended too early: the text, as far as it goes."""
    found = _CUT_ANSWER.match(text)
    if found is None:
        return None
    escaped = re.sub(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$", r"\1", found[1])
    return {"answer": json.loads(f'"{escaped}"', strict=False)}


def _free_id(messages: Sequence[Message]) -> str:
    used = {call.id for message in messages for call in message.tool_calls}
    used |= {message.tool_call_id for message in messages if message.tool_call_id}
    number = len(used) + 1
    while f"call_{number}" in used:
        number += 1
    return f"call_{number}"


def _told(tools: Sequence[ToolSpec]) -> str:
    lines = (f"- {tool.name}: {tool.description or 'no description'}" for tool in tools)
    return (
        "Choose the tool that does what the user asks; when none does, or it has given its result, answer yourself. "
        "Answer in JSON.\nTools:\n" + "\n".join(lines)
    )


def _examples(request: GenerateRequest) -> Iterator[Message]:
    """Show the ways to answer: without examples a small model does not get hold of the shape.

    It goes on with what it saw last: so after a question that is a call, after a tool's result an answer.
    """
    asked = [turn for tool in request.tools for turn in _example_of(tool)]
    if request.messages and request.messages[-1].role == "tool":
        yield from asked
        if request.schema is None:
            yield Message("user", "Result: 7")
            yield Message("assistant", _json({"answer": "It is 7."}))
        return
    if request.schema is None:
        yield Message("user", "Hello!")
        yield Message("assistant", _json({"answer": "Hello! How can I help you?"}))
    yield from asked


def _example_of(tool: ToolSpec) -> tuple[Message, Message]:
    arguments = example_of(tool.parameters)
    values = " and ".join(str(value) for value in arguments.values()) if isinstance(arguments, dict) else ""
    question = f"{tool.description or tool.name}{': ' if values else ''}{values}"
    return Message("user", question), Message("assistant", _call(tool.name, arguments))


def _rewritten(messages: Sequence[Message]) -> Iterator[Message]:
    """Tell earlier turns in the shape that the model is to answer in; each call is followed by its result."""
    results = {m.tool_call_id: m for m in messages if m.role == "tool" and m.tool_call_id}
    calls = {call.id for m in messages for call in m.tool_calls}
    for message in messages:
        if message.role == "tool":
            if message.tool_call_id not in calls:
                yield Message("user", f"Result: {message.content}")
        elif message.role != "assistant":
            yield message
        elif not message.tool_calls:
            yield Message("assistant", _json({"answer": _read(message.content)}))
        for call in message.tool_calls:
            yield Message("assistant", _call(call.name, call.arguments))
            if (result := results.get(call.id)) is not None:
                yield Message("user", f"Result: {result.content}")


def _retold(messages: Sequence[Message]) -> Iterator[Message]:
    """Tell earlier turns in plain words, for a request without tools: what they gave, not how they were asked."""
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    for message in messages:
        if message.role == "tool":
            yield Message("user", f"{names.get(message.tool_call_id or '', 'A tool')} found: {message.content}")
        elif not message.tool_calls:
            yield message
        elif message.content:
            yield Message(message.role, message.content)


def _union(tools: Sequence[ToolSpec], schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a schema of either a call of one of the tools or an answer."""
    shared: dict[str, Any] = {}
    choices = [
        _closed({"tool": {"const": tool.name}, "arguments": _hoisted(tool.parameters, f"t{number}", shared)})
        for number, tool in enumerate(tools)
    ]
    choices.append(_closed({"answer": _TEXT if schema is None else _hoisted(schema, "answer", shared)}))
    return {"anyOf": choices, **({"$defs": shared} if shared else {})}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _hoisted(schema: Mapping[str, Any], prefix: str, shared: dict[str, Any]) -> Any:
    """Move the definitions of a schema to the root, where references look for them, under names of their own."""

    def walk(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [walk(one) for one in value]
        if not isinstance(value, dict):
            return value
        ref = value.get("$ref")
        if isinstance(ref, str):
            for place in ("#/$defs/", "#/definitions/"):
                if ref.startswith(place):
                    return {**value, "$ref": f"#/$defs/{prefix}_{ref.removeprefix(place)}"}
        return {key: walk(one) for key, one in value.items()}

    for place in ("$defs", "definitions"):
        for name, one in (schema.get(place) or {}).items():
            shared[f"{prefix}_{name}"] = walk(one)
    return walk({key: value for key, value in schema.items() if key not in {"$defs", "definitions", "$schema"}})


def _call(name: str, arguments: Any) -> str:
    return _json({"tool": name, "arguments": arguments})


def _read(text: str) -> Any:
    """An earlier answer: as the value that it is, when it was JSON."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict | list) else text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=dict)
