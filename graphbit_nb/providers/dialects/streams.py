"""What the reading of every streamed answer has in common: its text is told as it comes, and its end must come."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphbit_nb.core.llm import GenerateResponse
    from graphbit_nb.errors import ProviderError
    from graphbit_nb.providers.failures import Failures

Clock = Callable[[], float]
OnToken = Callable[[str], None] | None


class AnswerStream(ABC):
    """Folds the events of a streamed answer.

    Args:
        failures: Account of this call.
        clock: Seconds from any start.
        on_token: Is told each piece of text.

    Attributes:
        is_whole: Whether the provider has said that the answer is finished.
        first_token: What `clock` said when the first piece of text came.
    """

    def __init__(self, failures: Failures, clock: Clock, on_token: OnToken = None) -> None:
        self.is_whole = False
        self.first_token: float | None = None
        self._failures = failures
        self._clock = clock
        self._on_token = on_token
        self._pieces: list[str] = []

    @abstractmethod
    def feed(self, data: str) -> None:
        """Take the data of one event. Raises `ProviderError`."""

    def response(self) -> GenerateResponse:
        """Return the answer when the stream has ended.

        Raises:
            ProviderError: it ended too early, or there is no answer in it.
        """
        text = "".join(self._pieces)
        if not self.is_whole:
            raise self._failures.protocol("broke its answer off", text)
        return self._answer(text)

    @abstractmethod
    def _answer(self, text: str) -> GenerateResponse:
        """Return the answer, which is whole, and whose pieces make up `text`."""

    def _tell(self, piece: str) -> None:
        if not piece:
            return
        if self.first_token is None:
            self.first_token = self._clock()
        self._pieces.append(piece)
        if self._on_token is not None:
            self._on_token(piece)

    def _out_of_order(self, event: Mapping[str, Any]) -> ProviderError:
        return self._failures.protocol(f"sent {event.get('type')} where it cannot be", json.dumps(event))
