"""Reads what the Responses API answers, whole or as events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import GenerateResponse, ToolCall, Usage
from graphbit_nb.providers.dialects.reading import (
    as_written,
    check_refusal,
    count,
    object_in,
    request_id,
    tool_call,
    word,
)
from graphbit_nb.providers.dialects.streams import AnswerStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphbit_nb.providers.dialects.streams import Clock, OnToken
    from graphbit_nb.providers.failures import Failures

FINISH_REASONS: Mapping[str, str] = {"max_output_tokens": "length"}

_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})
_FOLLOWS_ITEM = frozenset(
    {"response.output_text.delta", "response.refusal.delta", "response.function_call_arguments.delta"}
)


def answer(text: str, failures: Failures) -> GenerateResponse:
    """Read a whole answer.

    Raises:
        ProviderError: it is no answer, or tells of an error.
    """
    return _response(object_in(text, failures), failures)


class ResponseStream(AnswerStream):
    """Folds the events of a streamed answer. The last one holds the whole answer; those before are told as they come.

    Events are numbered: one that comes a second time is passed over, one that is missing breaks the answer off.
    """

    def __init__(self, failures: Failures, clock: Clock, on_token: OnToken = None) -> None:
        super().__init__(failures, clock, on_token)
        self._number: int | None = None
        self._begun: set[int] = set()
        self._items: dict[int, Mapping[str, Any]] = {}
        self._whole: Mapping[str, Any] = {}

    def feed(self, data: str) -> None:
        """Take the data of one event. Events that are not known are passed over.

        Raises:
            ProviderError: the event tells of an error, cannot be read, or does not follow from those before it.
        """
        if not data.strip() or data.strip() == "[DONE]" or self.is_whole:
            return
        event = object_in(data, self._failures)
        if not self._is_next(event):
            return
        kind, index = word(event.get("type")), count(event, "output_index")
        if kind == "response.output_item.added":
            if index is None or index in self._begun:
                raise self._out_of_order(event)
            self._begun.add(index)
        elif kind in _FOLLOWS_ITEM and (index not in self._begun or index in self._items):
            raise self._out_of_order(event)
        elif kind == "response.output_text.delta":
            piece = event.get("delta")
            if not isinstance(piece, str):
                raise self._out_of_order(event)
            self._tell(piece)
        elif kind == "response.output_item.done" and index is not None:
            item = event.get("item")
            self._items[index] = item if isinstance(item, Mapping) else {}
        elif kind in _ENDS:
            self._end(event, kind.removeprefix("response."))

    def _answer(self, text: str) -> GenerateResponse:  # noqa: ARG002 (the last event repeats it)
        return _response(self._whole, self._failures)

    def _is_next(self, event: Mapping[str, Any]) -> bool:
        number = count(event, "sequence_number")
        if number is None or number < 0:
            return True
        if self._number is not None and number <= self._number:
            return False
        if self._number is not None and number > self._number + 1:
            raise self._failures.protocol(
                f"sent event {number} of its answer after event {self._number}: some are missing", json.dumps(event)
            )
        self._number = number
        return True

    def _end(self, event: Mapping[str, Any], status: str) -> None:
        whole = event.get("response")
        if not isinstance(whole, Mapping):
            raise self._out_of_order(event)
        if whole.get("error"):
            raise self._failures.told(whole, json.dumps(event))
        # some servers leave out at the end what they have sent already
        told = whole.get("output") or [self._items[index] for index in sorted(self._items)]
        self._whole = {**whole, "output": told, "status": whole.get("status") or status}
        self.is_whole = True


def _response(content: Mapping[str, Any], failures: Failures) -> GenerateResponse:
    status, output = content.get("status"), content.get("output")
    if status not in ("completed", "incomplete", None) or not isinstance(output, list):
        raise failures.protocol(f"gave no answer, but one of status {status!r}", json.dumps(content))
    items = [item for item in output if isinstance(item, Mapping)]
    details = content.get("incomplete_details")
    why = word(details.get("reason")) if isinstance(details, Mapping) and status == "incomplete" else None
    is_cut = status == "incomplete"
    parts = [part for item in items if item.get("type") == "message" for part in _parts(item)]
    text = "".join(part["text"] for part in parts if isinstance(part.get("text"), str))
    calls = [_call(item, failures, is_cut=is_cut) for item in items if item.get("type") == "function_call"]
    asked = tuple(call for call in calls if call is not None)
    refusal = "".join(part["refusal"] for part in parts if isinstance(part.get("refusal"), str))
    check_refusal(text, refusal, why, failures)
    if not text and not calls and not is_cut and not parts:
        raise failures.protocol("gave an answer without content", json.dumps(content))
    finish = FINISH_REASONS.get(why or "", why or "length") if is_cut else "tool_calls" if asked else "stop"
    return GenerateResponse(
        text=text,
        finish_reason=finish,
        usage=_usage(content.get("usage")),
        model=word(content.get("model")),
        provider=failures.provider,
        request_id=request_id(content.get("id"), failures),
        tool_calls=asked,
        native=None if is_cut else _native(items, content),
    )


def _parts(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    content = item.get("content")
    yield from (part for part in (content if isinstance(content, list) else ()) if isinstance(part, Mapping))


def _call(item: Mapping[str, Any], failures: Failures, *, is_cut: bool) -> ToolCall | None:
    called, name, given = item.get("call_id"), item.get("name"), item.get("arguments")
    if not isinstance(called, str) or not isinstance(name, str):
        raise failures.protocol("asks for a tool without call_id and name", json.dumps(item))
    return tool_call(called, name, as_written(given), is_cut=is_cut, failures=failures)


def _native(items: list[Mapping[str, Any]], content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the turn as it goes back, if it has thoughts that can: sealed ones, or those that the provider keeps."""
    thoughts = [item for item in items if item.get("type") == "reasoning"]
    can_go_back = content.get("store") is True or all(item.get("encrypted_content") for item in thoughts)
    return {"items": [dict(item) for item in items]} if thoughts and can_go_back else None


def _usage(told: Any) -> Usage:
    told = told if isinstance(told, Mapping) else {}
    return Usage(
        input_tokens=count(told, "input_tokens"),
        output_tokens=count(told, "output_tokens"),
        cached_tokens=count(told.get("input_tokens_details"), "cached_tokens"),
        reasoning_tokens=count(told.get("output_tokens_details"), "reasoning_tokens"),
        calls=1,
    )
