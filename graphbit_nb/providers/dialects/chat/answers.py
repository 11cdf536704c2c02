"""Reads what chat completions answer, whole or as events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import GenerateResponse, Usage
from graphbit_nb.providers.dialects.reading import (
    as_object,
    as_written,
    calls_in,
    check_refusal,
    count,
    loaded,
    models_in,
    object_in,
    request_id,
    tool_call,
    vectors_in,
    word,
)
from graphbit_nb.providers.dialects.streams import AnswerStream

if TYPE_CHECKING:
    from graphbit_nb.providers.dialects import Vectors
    from graphbit_nb.providers.dialects.streams import Clock, OnToken
    from graphbit_nb.providers.failures import Failures

DONE = "[DONE]"

# Words of single providers for what the others call otherwise
FINISH_REASONS: Mapping[str, str] = {"eos": "stop", "model_length": "length"}

_FAILED = frozenset({"error", "insufficient_system_resource"})  # OpenRouter's and Mistral's, DeepSeek's


@dataclass(slots=True)
class _Called:
    """A tool that is asked for, or a piece of that; `written` is what it is given, in pieces."""

    id: str
    name: str
    written: list[str]

    def is_begun_anew(self, piece: _Called) -> bool:
        """Whether `piece` begins another call: Gemini counts those that it makes at once all as the first."""
        return bool(piece.name and piece.id) and self.id not in {"", piece.id}

    def grow(self, piece: _Called) -> None:
        """Take a piece of the same call."""
        self.id = self.id or piece.id
        self.name = self.name or piece.name
        self.written += piece.written


def answer(text: str, failures: Failures) -> GenerateResponse:
    """Read a whole answer.

    Raises:
        ProviderError: it is no answer.
    """
    content = object_in(text, failures)
    choice = _first_choice(content)
    message = choice.get("message") if choice is not None else None
    if choice is None or not isinstance(message, Mapping):
        raise failures.protocol("gave an answer without choices", text)
    said, finish = _text(message.get("content")), _finish(choice, failures)
    called = [_called(one, failures) for one in calls_in(message.get("tool_calls"), failures)]
    check_refusal(said or "", str(message.get("refusal") or ""), finish, failures)
    if said is None and not called and finish != "length":
        raise failures.protocol("gave an answer without content", text)
    return _response(said or "", finish, called, content, content.get("usage"), failures)


class ChatStream(AnswerStream):
    """Folds the chunks of a streamed answer, which ends when one of them says why, or with `DONE`."""

    def __init__(self, failures: Failures, clock: Clock, on_token: OnToken = None) -> None:
        super().__init__(failures, clock, on_token)
        self._refusal: list[str] = []
        self._called: dict[int, list[_Called]] = {}
        self._has_choice = False
        self._finish: str | None = None
        self._usage: Any = None
        self._told: dict[str, Any] = {}

    def feed(self, data: str) -> None:
        """Take the data of one event.

        Raises:
            ProviderError: the event tells of an error, or cannot be read.
        """
        if not data.strip():
            return
        if data.strip() == DONE:
            self.is_whole = True
            return
        chunk = object_in(data, self._failures)
        self._usage = chunk.get("usage") or _object(chunk.get("x_groq")).get("usage") or self._usage
        self._told |= {name: chunk[name] for name in ("id", "model") if chunk.get(name)}
        choice = _first_choice(chunk)
        if choice is None:
            return
        self._has_choice = True
        delta = choice.get("delta")
        if isinstance(delta, Mapping):
            piece = _text(delta.get("content")) or ""
            if self._finish is not None and (piece or delta.get("tool_calls")):
                raise self._failures.protocol("went on after the end of its answer", data)
            self._tell(piece)
            self._refusal.append(str(delta.get("refusal") or ""))
            self._take_calls(delta.get("tool_calls"))
        finish = _finish(choice, self._failures)
        if finish is not None:
            self._finish = finish
            self.is_whole = True

    def _take_calls(self, told: Any) -> None:
        for number, one in enumerate(calls_in(told, self._failures)):
            piece, index = _called(one, self._failures), count(one, "index")
            known = self._called.setdefault(number if index is None else index, [])
            if not known or known[-1].is_begun_anew(piece):
                known.append(piece)
            else:
                known[-1].grow(piece)

    def _answer(self, text: str) -> GenerateResponse:
        if not self._has_choice:
            raise self._failures.protocol("gave an answer without choices")
        check_refusal(text, "".join(self._refusal), self._finish, self._failures)
        called = [one for index in sorted(self._called) for one in self._called[index]]
        return _response(text, self._finish, called, self._told, self._usage, self._failures)


def vectors(text: str, expected: int, failures: Failures) -> Vectors:
    """Read the answer of the embeddings address: vectors in the order asked, usage and model.

    Raises:
        ProviderError: it is no such answer.
    """
    content = object_in(text, failures)
    try:
        rows = [row["embedding"] for row in sorted(content["data"], key=lambda row: row.get("index", 0))]
    except (KeyError, TypeError, AttributeError):
        raise failures.protocol("gave no vectors", text) from None
    return vectors_in(rows, expected, text, failures), _usage(content.get("usage")), word(content.get("model"))


def models(text: str, failures: Failures) -> tuple[str, ...]:
    """Read a list of models: their names, as the provider orders them.

    Raises:
        ProviderError: it is no such list, or only a part of it.
    """
    content = loaded(text, failures)
    table = {"data": content} if isinstance(content, list) else as_object(content, text, failures)
    if table.get("has_more"):
        raise failures.protocol("lists its models only in part")
    return models_in(table.get("data", "nothing"), ("id",), text, failures)


def _first_choice(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else None


def _finish(choice: Mapping[str, Any], failures: Failures) -> str | None:
    """Return why the answer ends; what is empty, as SGLang writes it, is no end. Raises `ProviderError`."""
    told = str(choice.get("finish_reason") or "")
    if told in _FAILED:
        raise failures.told({"error": choice.get("error") or f"the answer ended in {told!r}"}, json.dumps(choice))
    return FINISH_REASONS.get(told, told) or None


def _object(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def _text(content: Any) -> str | None:
    """Text of a message, which may come in parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _response(
    text: str,
    finish: str | None,
    called: list[_Called],
    told: Mapping[str, Any],
    usage: Any,
    failures: Failures,
) -> GenerateResponse:
    is_cut = finish in {"length", "content_filter"}
    calls = [
        tool_call(one.id or f"call_{number}", one.name, "".join(one.written), is_cut=is_cut, failures=failures)
        for number, one in enumerate(called)
    ]
    asked = tuple(call for call in calls if call is not None)
    return GenerateResponse(
        text=text,
        finish_reason="tool_calls" if asked and finish in {"stop", "function_call", None} else finish,
        usage=_usage(usage),
        model=word(told.get("model")),
        provider=failures.provider,
        request_id=request_id(told.get("id"), failures),
        tool_calls=asked,
    )


def _called(told: Any, failures: Failures) -> _Called:
    """Read a call, or a piece of one."""
    function = told.get("function") if isinstance(told, Mapping) else None
    if not isinstance(function, Mapping):
        raise failures.protocol("asks for a tool in no known way", str(told))
    given = as_written(function.get("arguments"))
    return _Called(word(told.get("id")) or "", word(function.get("name")) or "", [given])


def _usage(told: Any) -> Usage:
    """Count the tokens. Some count thoughts apart from the answer, and in the total alone: we count them in."""
    told = _object(told)
    given, answered, total = (count(told, f"{name}_tokens") for name in ("prompt", "completion", "total"))
    thought = count(told.get("completion_tokens_details"), "reasoning_tokens")
    if given is not None and answered is not None and total is not None:
        apart = total - given - answered
        if apart > 0 and thought in {None, apart}:
            thought, answered = apart, answered + apart
    cached = count(told.get("prompt_tokens_details"), "cached_tokens")
    return Usage(
        input_tokens=given,
        output_tokens=answered,
        cached_tokens=count(told, "prompt_cache_hit_tokens") if cached is None else cached,  # DeepSeek's word
        reasoning_tokens=thought,
        calls=1,
    )
