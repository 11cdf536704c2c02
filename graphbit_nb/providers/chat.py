"""The language of chat completions: a request as its body, and an answer or a stream of events as our response.

Pure: nothing is sent here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import GenerateRequest, GenerateResponse, Message, Usage
from graphbit_nb.errors import ContentFilteredError
from graphbit_nb.providers.schema import strict

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.providers.failures import Failures
    from graphbit_nb.providers.presets import Preset

DONE = "[DONE]"
LONGEST_NAME = 200
SHORTEST_KEY = 16  # what stands for a key where none is needed may well be part of a name
INSTRUCTION = "Answer with one JSON value that fits this JSON schema, and with nothing else:\n"


def body(
    request: GenerateRequest, model: str | None, preset: Preset, more: Mapping[str, Any], *, stream: bool
) -> dict[str, Any]:
    """Write `request` as the body of a call. What is None is not there.

    Args:
        request: The question.
        model: Model of the client; the request's own goes before it.
        preset: Ways of the provider.
        more: Further fields; the request's own go before them.
        stream: Whether to ask for events.
    """
    told_in_words = request.schema is not None and preset.structured_output == "instruction"
    messages = _instructed(request) if told_in_words else request.messages
    fields: dict[str, Any] = {
        "temperature": request.temperature,
        preset.max_tokens_field: request.max_tokens,
        "top_p": request.top_p,
        "stop": list(request.stop) if request.stop is not None else None,
        "seed": request.seed + request.sample if request.seed is not None else None,
        "response_format": None if request.schema is None or told_in_words else _response_format(request, preset),
    }
    sent = {name: value for name, value in fields.items() if value is not None and name not in preset.unknown_fields}
    out = {**more, **sent, "model": request.model or model}
    out["messages"] = [{"role": message.role, "content": message.content} for message in messages]
    out["stream"] = stream
    if stream:
        out["stream_options"] = {"include_usage": True}
    return out


def _response_format(request: GenerateRequest, preset: Preset) -> dict[str, Any]:
    schema = dict(request.schema or {})
    shown, is_strict = schema, True
    if preset.structured_output == "schema":
        closed = strict(schema)
        shown, is_strict = (schema, False) if closed is None else (closed, True)
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", request.schema_name)[:64] or "answer"
    return {"type": "json_schema", "json_schema": {"name": name, "schema": shown, "strict": is_strict}}


def _instructed(request: GenerateRequest) -> tuple[Message, ...]:
    words = INSTRUCTION + json.dumps(request.schema, ensure_ascii=False)
    messages = list(request.messages)
    for index in reversed(range(len(messages))):
        if messages[index].role == "user":
            messages[index] = Message("user", f"{messages[index].content}\n\n{words}")
            return tuple(messages)
    return (*messages, Message("system", words))


def answer(text: str, failures: Failures) -> GenerateResponse:
    """Read a whole answer.

    Raises:
        ProviderError: it is no answer.
    """
    content = _json(text, failures)
    choice = _first_choice(content)
    message = choice.get("message") if choice is not None else None
    if choice is None or not isinstance(message, Mapping):
        raise failures.protocol("gave an answer without choices", text)
    said, finish = _text(message.get("content")), choice.get("finish_reason")
    _check_refusal(said or "", message.get("refusal"), finish, failures)
    if said is None:
        if finish != "length":
            raise failures.protocol("gave an answer without content", text)
        said = ""
    return _response(said, finish, content.get("usage"), content.get("model"), failures)


class AnswerStream:
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
        self._has_choice = False
        self._finish: str | None = None
        self._usage: Any = None
        self._model: Any = None

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
        chunk = _json(data, self._failures)
        self._usage = chunk.get("usage") or self._usage
        self._model = chunk.get("model") or self._model
        choice = _first_choice(chunk)
        if choice is None:
            return
        self._has_choice = True
        delta = choice.get("delta")
        if isinstance(delta, Mapping):
            self._take(_text(delta.get("content")) or "")
            self._refusal.append(str(delta.get("refusal") or ""))
        if choice.get("finish_reason") is not None:
            self._finish = str(choice["finish_reason"])
            self.is_whole = True

    def _take(self, piece: str) -> None:
        if not piece:
            return
        if self.first_token is None:
            self.first_token = self._clock()
        self._pieces.append(piece)
        if self._on_token is not None:
            self._on_token(piece)

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
        return _response(text, self._finish, self._usage, self._model, self._failures)


def vectors(text: str, expected: int, failures: Failures) -> tuple[tuple[tuple[float, ...], ...], Usage, str | None]:
    """Read the answer of the embeddings address: vectors in the order asked, usage and model.

    Raises:
        ProviderError: it is no such answer.
    """
    content = _json(text, failures)
    try:
        rows = sorted(content["data"], key=lambda row: row.get("index", 0))
        found = tuple(tuple(float(number) for number in row["embedding"]) for row in rows)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise failures.protocol("gave no vectors", text) from None
    if len(found) != expected:
        raise failures.protocol(f"gave {len(found)} vectors for {expected} texts", text)
    return found, _usage(content.get("usage")), _word(content.get("model"))


def models(text: str, failures: Failures) -> tuple[str, ...]:
    """Read a list of models: their names, as the provider orders them.

    Raises:
        ProviderError: it is no such list, or only a part of it.
    """
    content = _loaded(text, failures)
    table = {"data": content} if isinstance(content, list) else _object(content, text, failures)
    if table.get("has_more"):
        raise failures.protocol("lists its models only in part")
    rows = table.get("data", "nothing")
    if rows is None:  # as Ollama writes a list of none
        return ()
    if not isinstance(rows, list):
        raise failures.protocol("gave no list of models", text)
    named = [row.get("id") for row in rows if isinstance(row, Mapping)]
    return tuple(dict.fromkeys(name for name in named if isinstance(name, str) and _can_be_shown(name, failures)))


def _can_be_shown(name: str, failures: Failures) -> bool:
    keys = [secret for secret in failures.secrets if len(secret) >= SHORTEST_KEY]
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and not any(key in name for key in keys)


def _json(text: str, failures: Failures) -> Mapping[str, Any]:
    return _object(_loaded(text, failures), text, failures)


def _loaded(text: str, failures: Failures) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        what = "a page of HTML; check the address" if text.lstrip().startswith("<") else "what is not JSON"
        raise failures.protocol(f"sent {what}", text) from None


def _object(content: Any, text: str, failures: Failures) -> Mapping[str, Any]:
    if isinstance(content, Mapping) and content.get("error"):
        raise failures.told(content, text)
    if not isinstance(content, Mapping):
        raise failures.protocol("sent JSON that is no answer", text)
    return content


def _first_choice(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else None


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


def _response(text: str, finish: Any, usage: Any, model: Any, failures: Failures) -> GenerateResponse:
    return GenerateResponse(
        text=text,
        finish_reason=_word(finish),
        usage=_usage(usage),
        model=_word(model),
        provider=failures.provider,
        request_id=failures.request_id,
    )


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _usage(told: Any) -> Usage:
    told = told if isinstance(told, Mapping) else {}
    return Usage(
        input_tokens=_count(told, "prompt_tokens"),
        output_tokens=_count(told, "completion_tokens"),
        cached_tokens=_count(told.get("prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(told.get("completion_tokens_details"), "reasoning_tokens"),
        calls=1,
    )


def _count(told: Any, name: str) -> int | None:
    value = told.get(name) if isinstance(told, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
