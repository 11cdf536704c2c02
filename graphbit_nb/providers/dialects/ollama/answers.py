"""Reads what Ollama's own interface answers, whole or as lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.llm import GenerateResponse, ToolCall, Usage
from graphbit_nb.providers.dialects.reading import calls_in, count, models_in, object_in, vectors_in, word
from graphbit_nb.providers.dialects.streams import AnswerStream

if TYPE_CHECKING:
    from graphbit_nb.providers.dialects import Vectors
    from graphbit_nb.providers.dialects.streams import Clock, OnToken
    from graphbit_nb.providers.failures import Failures


def answer(text: str, failures: Failures) -> GenerateResponse:
    """Read a whole answer.

    Raises:
        ProviderError: it is no answer.
    """
    stream = OllamaStream(failures, lambda: 0.0)
    stream.feed(text)
    return stream.response()


class OllamaStream(AnswerStream):
    """Folds the lines of a streamed answer, each of which is an answer of its own; the last one counts the tokens."""

    def __init__(self, failures: Failures, clock: Clock, on_token: OnToken = None) -> None:
        super().__init__(failures, clock, on_token)
        self._thoughts: list[str] = []
        self._calls: list[ToolCall] = []
        self._last: Mapping[str, Any] = {}

    def feed(self, data: str) -> None:
        """Take one line.

        Raises:
            ProviderError: it tells of an error, cannot be read, or follows the last one.
        """
        if not data.strip():
            return
        line = object_in(data, self._failures)
        if self.is_whole:
            raise self._failures.protocol("went on after the end of its answer", data)
        message = line.get("message")
        if not isinstance(message, Mapping):
            raise self._failures.protocol("gave an answer without a message", data)
        self._tell(word(message.get("content")) or "")
        self._thoughts.append(word(message.get("thinking")) or "")
        for told in calls_in(message.get("tool_calls"), self._failures):
            self._calls.append(self._call(told, line))
        self.is_whole = line.get("done") is True
        self._last = line

    def _call(self, told: Any, line: Mapping[str, Any]) -> ToolCall:
        function = told.get("function") if isinstance(told, Mapping) else None
        name = word(function.get("name")) if isinstance(function, Mapping) else None
        if not isinstance(function, Mapping) or not name:
            raise self._failures.protocol("asks for a tool without a name", str(told))
        given = function.get("arguments")
        if given is not None and not isinstance(given, Mapping):
            raise self._failures.protocol(
                f"asks for the tool {self._failures.clean(name)!r} with what is no JSON object", str(told)
            )
        # it names its calls only lately; the time of the answer tells those of one turn from those of the next
        made = f"call_{re.sub(r'[^0-9]', '', str(line.get('created_at', '')))}_{len(self._calls)}"
        return ToolCall(word(told.get("id")) or made, name, given or {})

    def _answer(self, text: str) -> GenerateResponse:
        thoughts = "".join(self._thoughts)
        finish = word(self._last.get("done_reason"))
        return GenerateResponse(
            text=text,
            finish_reason="tool_calls" if self._calls and finish in {"stop", None} else finish,
            usage=_usage(self._last),
            model=word(self._last.get("model")),
            provider=self._failures.provider,
            request_id=self._failures.request_id,
            tool_calls=tuple(self._calls),
            native={"thinking": thoughts} if thoughts and self._calls else None,
        )


def vectors(text: str, expected: int, failures: Failures) -> Vectors:
    """Read the answer of the embedding address: vectors in the order asked, usage and model.

    Raises:
        ProviderError: it is no such answer.
    """
    content = object_in(text, failures)
    found = vectors_in(content.get("embeddings"), expected, text, failures)
    return found, _usage(content), word(content.get("model"))


def models(text: str, failures: Failures) -> tuple[str, ...]:
    """Read the list of the models that were fetched.

    Raises:
        ProviderError: it is no such list.
    """
    return models_in(object_in(text, failures).get("models", "nothing"), ("name", "model"), text, failures)


def _usage(told: Mapping[str, Any]) -> Usage:
    """Count the tokens. A prompt that was wholly in the cache is not counted, and then not known."""
    return Usage(input_tokens=count(told, "prompt_eval_count"), output_tokens=count(told, "eval_count"), calls=1)
