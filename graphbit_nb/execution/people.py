"""The questions of a run that are open, and the answers that were known beforehand."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.outputs import TEXT
from graphbit_nb.core.paths import without_numbers
from graphbit_nb.errors import OutputError, UsageError, did_you_mean
from graphbit_nb.graph.missing import MISSING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbit_nb.execution.stopwatch import Stopwatch
    from graphbit_nb.graph.node import Node

logger = logging.getLogger("graphbit_nb")


class People:
    """Who is waited for. While a person is, no time limit around the question runs.

    Args:
        answers: Answers known beforehand, by path; by a path without numbers for all items and iterations.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = dict(answers)
        self._asked: dict[str, tuple[int, Sequence[Stopwatch]]] = {}

    def __bool__(self) -> bool:
        """Whether anybody is waited for."""
        return bool(self._asked)

    def ask(self, path: str, number: int, stopwatches: Sequence[Stopwatch]) -> None:
        """A question is open: let the time limits around it stand still."""
        self._asked[path] = (number, stopwatches)
        for stopwatch in stopwatches:
            stopwatch.pause()

    def known_answer(self, path: str, node: Node) -> Any:
        """Return the answer that was known beforehand, or MISSING."""
        known = path if path in self._answers else without_numbers(path)
        if known in self._answers:
            try:
                return checked_answer(node, self._answers[known])
            except OutputError as error:
                logger.warning("%s: the answer given beforehand cannot be used: %s", path, error)
        return MISSING

    def number_of(self, path: str) -> int:
        """Return the number of the node that waits under this path. Raises `UsageError` when none does."""
        if path not in self._asked:
            there = f"; waiting are {', '.join(list(self._asked)[:10])}" if self._asked else "; no node does"
            raise UsageError(f"{path!r} does not wait for an answer{did_you_mean(path, self._asked) or there}")
        return self._asked[path][0]

    def withdraw(self, path: str) -> None:
        """The question, if it is open, is answered or no longer asked."""
        _, stopwatches = self._asked.pop(path, (0, ()))
        for stopwatch in stopwatches:
            stopwatch.go_on()


def checked_answer(node: Node, value: Any) -> Any:
    """Return a person's answer as the node's output. Raises `OutputError`."""
    output = node.output or TEXT
    try:
        return output.parse(value) if isinstance(value, str) else output.check(value)
    except OutputError as error:
        if not output.choices:
            raise
        near = did_you_mean(str(value), output.choices) or f"; one of {', '.join(map(repr, output.choices))}"
        raise OutputError(f"{value!r} is no answer here{near}", text=error.text) from None
