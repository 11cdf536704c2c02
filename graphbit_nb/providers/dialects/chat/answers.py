"""Reads what chat completions answer, whole or as events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import GenerateResponse, ToolCall, Usage
from graphbit_nb.errors import ContentFilteredError
from graphbit_nb.providers.dialects.reading import (
    as_object,
    can_be_shown,
    count,
    loaded,
    object_in,
    request_id,
    tool_call,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from graphbit_nb.providers.failures import Failures

DONE = "[DONE]"

# Words of single providers for what the others call otherwise
FINISH_REASONS: Mapping[str, str] = {"eos": "stop", "model_length": "length"}


@dataclass(slots=True)
class _Called:
    """A tool that is asked for; `written` is what it is given, in pieces."""

    id: str = ""
    name: str = ""
    written: list[str] = field(default_factory=list)


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
    said, finish = _text(message.get("content")), _finish(choice)
    called = _called_in(message.get("tool_calls"), failures)
    _check_refusal(said or "", message.get("refusal"), finish, failures)
    if said is None and not called and finish != "length":
        raise failures.protocol("gave an answer without content", text)
    return _response(said or "", finish, called, content, content.get("usage"), failures)


class ChatStream:
    """Folds the events of a streamed answer.

    Attributes:
        is_whole: Whether the provider has said that the answer is finished.
        first_token: What `clock` said when the first piece of text came.
    """

    def __init__(
        self, failures: Failures, clock: Callable[[], float], on_token: Callable[[str], None] | None = None
    ) -> None:
        self.is_whole = False
        self.first_token: float | None = None
        self._failures = failures
        self._clock = clock
        self._on_token = on_token
        self._pieces: list[str] = []
        self._refusal: list[str] = []
        self._called: dict[int, _Called] = {}
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
            self._take(piece)
            self._refusal.append(str(delta.get("refusal") or ""))
            self._take_calls(delta.get("tool_calls"))
        if choice.get("finish_reason") is not None:
            self._finish = _finish(choice)
            self.is_whole = True

    def _take(self, piece: str) -> None:
        if not piece:
            return
        if self.first_token is None:
            self.first_token = self._clock()
        self._pieces.append(piece)
        if self._on_token is not None:
            self._on_token(piece)

    def _take_calls(self, told: Any) -> None:
        for number, one in enumerate(told if isinstance(told, list) else ()):
            index = count(one, "index")
            _grow(self._called.setdefault(number if index is None else index, _Called()), one, self._failures)

    def response(self) -> GenerateResponse:
        """Return the answer when the stream has ended.

        Raises:
            ProviderError: it ended too early, or there is no answer in it.
        """
        text = "".join(self._pieces)
        if not self.is_whole:
            raise self._failures.protocol("broke its answer off", text)
        if not self._has_choice:
            raise self._failures.protocol("gave an answer without choices")
        _check_refusal(text, "".join(self._refusal), self._finish, self._failures)
        called = [self._called[index] for index in sorted(self._called)]
        return _response(text, self._finish, called, self._told, self._usage, self._failures)


def vectors(text: str, expected: int, failures: Failures) -> tuple[tuple[tuple[float, ...], ...], Usage, str | None]:
    """Read the answer of the embeddings address: vectors in the order asked, usage and model.

    Raises:
        ProviderError: it is no such answer.
    """
    content = object_in(text, failures)
    try:
        rows = sorted(content["data"], key=lambda row: row.get("index", 0))
        found = tuple(tuple(float(number) for number in row["embedding"]) for row in rows)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise failures.protocol("gave no vectors", text) from None
    if len(found) != expected:
        raise failures.protocol(f"gave {len(found)} vectors for {expected} texts", text)
    return found, _usage(content.get("usage")), word(content.get("model"))


def models(text: str, failures: Failures) -> tuple[str, ...]:
    """Read a list of models: their names, as the provider orders them.

    Raises:
        ProviderError: it is no such list, or only a part of it.
    """
    content = loaded(text, failures)
    table = {"data": content} if isinstance(content, list) else as_object(content, text, failures)
    if table.get("has_more"):
        raise failures.protocol("lists its models only in part")
    rows = table.get("data", "nothing")
    if rows is None:  # as Ollama writes a list of none
        return ()
    if not isinstance(rows, list):
        raise failures.protocol("gave no list of models", text)
    named = [row.get("id") for row in rows if isinstance(row, Mapping)]
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str) and can_be_shown(name, failures)))


def _first_choice(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else None


def _finish(choice: Mapping[str, Any]) -> str | None:
    told = choice.get("finish_reason")
    return None if told is None else FINISH_REASONS.get(str(told), str(told))


def _object(told: Any) -> Mapping[str, Any]:
    return told if isinstance(told, Mapping) else {}


def _text(content: Any) -> str | None:
    """Text of a message, which may come in parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else None


def _check_refusal(text: str, refusal: Any, finish: Any, failures: Failures) -> None:
    if text:
        return
    if refusal:
        raise failures.make(ContentFilteredError, f"refused to answer: {failures.clean(str(refusal))}")
    if finish == "content_filter":
        raise failures.make(ContentFilteredError, "withheld the answer under its content policy")


def _response(
    text: str,
    finish: Any,
    called: Iterable[_Called],
    told: Mapping[str, Any],
    usage: Any,
    failures: Failures,
) -> GenerateResponse:
    calls = [_call(one, finish, number, failures) for number, one in enumerate(called)]
    asked = tuple(call for call in calls if call is not None)
    return GenerateResponse(
        text=text,
        finish_reason="tool_calls" if asked and finish in {"stop", "function_call", None} else word(finish),
        usage=_usage(usage),
        model=word(told.get("model")),
        provider=failures.provider,
        request_id=request_id(told.get("id"), failures),
        tool_calls=asked,
    )


def _call(called: _Called, finish: Any, number: int, failures: Failures) -> ToolCall | None:
    is_cut = finish in {"length", "content_filter"}
    if not called.name:
        raise failures.protocol("asks for a tool without a name")
    return tool_call(
        called.id or f"call_{number}", called.name, "".join(called.written), is_cut=is_cut, failures=failures
    )


def _called_in(told: Any, failures: Failures) -> list[_Called]:
    """Read the tools that a whole message asks for."""
    if not isinstance(told, list):
        return []
    found = []
    for one in told:
        called = _Called()
        _grow(called, one, failures)
        found.append(called)
    return found


def _grow(called: _Called, told: Any, failures: Failures) -> None:
    function = told.get("function") if isinstance(told, Mapping) else None
    if not isinstance(function, Mapping):
        raise failures.protocol("asks for a tool in no known way", str(told))
    called.id = called.id or word(told.get("id")) or ""
    called.name = called.name or word(function.get("name")) or ""
    given = function.get("arguments")
    if isinstance(given, str):
        called.written.append(given)
    elif isinstance(given, Mapping):  # as some servers give them
        called.written.append(json.dumps(given))


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
