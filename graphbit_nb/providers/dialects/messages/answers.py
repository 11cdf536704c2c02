"""Reads what Anthropic's Messages API answers, whole or as events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import GenerateResponse, Usage
from graphbit_nb.errors import ContentFilteredError
from graphbit_nb.providers.dialects.reading import count, object_in, request_id, tool_call, word
from graphbit_nb.providers.dialects.streams import AnswerStream

if TYPE_CHECKING:
    from graphbit_nb.providers.dialects.streams import Clock, OnToken
    from graphbit_nb.providers.failures import Failures

# What is not here, as "pause_turn" of the provider's own tools, is passed on as it is
FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

_DELTAS = {"text_delta": ("text", "text"), "input_json_delta": ("tool_use", "partial_json")}
_THOUGHTS = {"thinking_delta": "thinking", "signature_delta": "signature"}
_THINKING = frozenset({"thinking", "redacted_thinking"})


@dataclass(slots=True)
class _Block:
    """A part of an answer; `written` is its text, or what a tool is given, as JSON; `raw` the part as it came."""

    kind: str
    written: list[str]
    id: str = ""
    name: str = ""
    is_open: bool = True
    raw: dict[str, Any] = field(default_factory=dict)

    def as_sent(self) -> dict[str, Any]:
        """Return the part as the API takes it back."""
        written = "".join(self.written)
        if self.kind == "text":
            return {**self.raw, "text": written}
        return {**self.raw, "input": json.loads(written or "{}")} if self.kind == "tool_use" else self.raw


@dataclass(slots=True)
class _Message:
    """What is told about an answer besides its parts."""

    stop_reason: str | None = None
    stop_details: Any = None
    model: Any = None
    id: Any = None
    usage: dict[str, Any] = field(default_factory=dict)

    def take(self, told: Mapping[str, Any]) -> None:
        """Take what is told; what is none there says nothing."""
        if told.get("stop_reason"):
            self.stop_reason = str(told["stop_reason"])
        self.stop_details = told.get("stop_details") or self.stop_details
        self.model = told.get("model") or self.model
        self.id = told.get("id") or self.id
        usage = told.get("usage")
        if isinstance(usage, Mapping):  # running totals, each of which replaces the one before
            self.usage |= {name: value for name, value in usage.items() if value is not None}


def answer(text: str, failures: Failures) -> GenerateResponse:
    """Read a whole answer.

    Raises:
        ProviderError: it is no answer.
    """
    content = object_in(text, failures)
    parts = content.get("content")
    if not isinstance(parts, list):
        raise failures.protocol("gave an answer without content", text)
    message = _Message()
    message.take(content)
    if message.stop_reason is None:
        raise failures.protocol("gave an answer without stop_reason", text)
    blocks = [_block(part, failures) for part in parts]
    said = "".join(piece for block in blocks if block.kind == "text" for piece in block.written)
    return _response(said, blocks, message, failures)


class MessageStream(AnswerStream):
    """Folds the events of a streamed answer, which is whole when it is said why it ends: no more of it follows."""

    def __init__(self, failures: Failures, clock: Clock, on_token: OnToken = None) -> None:
        super().__init__(failures, clock, on_token)
        self._blocks: dict[int, _Block] = {}
        self._message = _Message()
        self._has_begun = False
        self._has_ended = False

    def feed(self, data: str) -> None:
        """Take the data of one event. Events that are not known are passed over, as the API asks of its clients.

        Raises:
            ProviderError: the event tells of an error, cannot be read, or does not follow from those before it.
        """
        if not data.strip() or self._has_ended:
            return
        event = object_in(data, self._failures)
        kind = word(event.get("type"))
        if kind == "message_start":
            self._begin(event)
        elif kind in {"content_block_start", "content_block_delta", "content_block_stop"}:
            self._check(self._has_begun and not self.is_whole, event)
            self._take(kind, event)
        elif kind == "message_delta":
            self._check(self._has_begun, event)
            delta = event.get("delta")
            self._learn({**(delta if isinstance(delta, Mapping) else {}), "usage": event.get("usage")})
        elif kind == "message_stop":
            self._check(self.is_whole, event)
            self._has_ended = True

    def _answer(self, text: str) -> GenerateResponse:
        return _response(text, list(self._blocks.values()), self._message, self._failures)

    def _begin(self, event: Mapping[str, Any]) -> None:
        self._check(not self._has_begun, event)
        message = event.get("message")
        self._learn(message if isinstance(message, Mapping) else {})
        self._has_begun = True

    def _learn(self, told: Mapping[str, Any]) -> None:
        self._message.take(told)
        self.is_whole = self._message.stop_reason is not None

    def _take(self, kind: str, event: Mapping[str, Any]) -> None:
        index = event.get("index")
        if not isinstance(index, int):
            raise self._out_of_order(event)
        if kind == "content_block_start":
            self._check(index > max(self._blocks, default=-1), event)
            block = self._blocks[index] = _block(event.get("content_block"), self._failures, is_begun=True)
            if block.kind == "text":
                self._tell("".join(block.written))
            return
        self._check(index in self._blocks and index == max(self._blocks) and self._blocks[index].is_open, event)
        if kind == "content_block_stop":
            self._blocks[index].is_open = False
            return
        self._grow(self._blocks[index], event)

    def _grow(self, block: _Block, event: Mapping[str, Any]) -> None:
        delta = event.get("delta")
        if not isinstance(delta, Mapping):
            return
        kind = str(delta.get("type"))
        if kind in _THOUGHTS:
            name = _THOUGHTS[kind]
            block.raw[name] = f"{block.raw.get(name) or ''}{delta.get(name) or ''}"
        if kind not in _DELTAS:
            return  # citations
        belongs_to, name = _DELTAS[kind]
        piece = delta.get(name)
        if not isinstance(piece, str) or (belongs_to != block.kind and block.kind in {"text", "tool_use"}):
            raise self._out_of_order(event)
        block.written.append(piece)
        if block.kind == "text":
            self._tell(piece)

    def _check(self, follows: bool, event: Mapping[str, Any]) -> None:
        if not follows:
            raise self._out_of_order(event)


def _block(part: Any, failures: Failures, *, is_begun: bool = False) -> _Block:
    """Read a part of an answer, or the beginning of one, whose input then follows in pieces."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(kind, str):
        raise failures.protocol("sent a part of an answer without a type", json.dumps(part))
    if kind == "text":
        text = part.get("text", "")
        if not isinstance(text, str):
            raise failures.protocol("sent a text that is none", json.dumps(part))
        return _Block(kind, [text], raw=dict(part))
    if kind != "tool_use":
        return _Block(kind, [], raw=dict(part))
    called, name = part.get("id"), part.get("name")
    if not isinstance(called, str) or not isinstance(name, str):
        raise failures.protocol("asks for a tool without id and name", json.dumps(part))
    given = part.get("input")
    is_none_yet = not given and (is_begun or isinstance(given, Mapping))
    return _Block(kind, [] if is_none_yet else [json.dumps(given)], called, name, raw=dict(part))


def _response(text: str, blocks: list[_Block], message: _Message, failures: Failures) -> GenerateResponse:
    finish = FINISH_REASONS.get(message.stop_reason or "", message.stop_reason)
    if finish == "content_filter" and not text:
        details = message.stop_details
        told = details.get("explanation") if isinstance(details, Mapping) else None
        why = f": {failures.clean(told)}" if isinstance(told, str) and told else ""
        raise failures.make(ContentFilteredError, f"refused to answer{why}")
    is_cut = finish in {"length", "content_filter"}
    calls = [
        tool_call(block.id, block.name, "".join(block.written), is_cut=is_cut, failures=failures)
        for block in blocks
        if block.kind == "tool_use"
    ]
    thinks = any(block.kind in _THINKING for block in blocks) and not is_cut
    return GenerateResponse(
        text=text,
        finish_reason=finish,
        usage=_usage(message.usage),
        model=word(message.model),
        provider=failures.provider,
        request_id=request_id(message.id, failures),
        tool_calls=tuple(call for call in calls if call is not None),
        native=[block.as_sent() for block in blocks] if thinks else None,
    )


def _usage(told: Mapping[str, Any]) -> Usage:
    """Count the tokens. The API counts what the cache gave or took apart from `input_tokens`; we count it in."""
    given, cached = count(told, "input_tokens"), count(told, "cache_read_input_tokens")
    of_cache = (cached or 0) + (count(told, "cache_creation_input_tokens") or 0)
    return Usage(
        input_tokens=None if given is None else given + of_cache,
        output_tokens=count(told, "output_tokens"),
        cached_tokens=cached,
        reasoning_tokens=count(told.get("output_tokens_details"), "thinking_tokens"),
        calls=1,
    )
