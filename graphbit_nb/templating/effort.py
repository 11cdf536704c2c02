"""How much one rendering may do: a little of its own, and the more the larger the values are that it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphbit_nb.errors import InputTooLarge
from graphbit_nb.templating.values import plain

MAX_OUTPUT = 20_000_000  # characters of one rendering, or of what one filter makes
MAX_MADE = MAX_OUTPUT  # characters that all filters of one rendering make
MAX_ITERATIONS = 200_000  # rounds of all loops of one rendering
MAX_STEPS = 5_000_000  # parts of expressions that one rendering looks at

OWN_TEXT = 1_000_000  # characters, where the values are small
OWN_ROUNDS = 10_000
OWN_STEPS = 30_000
TEXT_OF_AN_ITEM, ROUNDS_OF_AN_ITEM, STEPS_OF_AN_ITEM = 1_000, 200, 500
GROWTH = 20  # times the longest text

_MOST_COUNTED = 100_000
_TEXT_ITEM = 1_000  # characters of a text that count as one item


class Effort:
    """Counts what a rendering does, and refuses what goes beyond all that its values could be good for.

    A template of a thousand characters, with values that are no larger, is done within a tenth of a second and ten
    megabytes; with more of them it may do more.

    Args:
        values: What the template is given.
        longest: Characters of the template.

    Attributes:
        longest: Characters of the longest text that was looked at, among the values or of the template.
    """

    def __init__(self, values: Mapping[str, Any], longest: int = 0) -> None:
        self.longest = longest
        self._values = values
        self._items: int | None = None
        self._rounds = self._steps = self._written = self._made = 0
        self._most_rounds, self._most_steps = OWN_ROUNDS, OWN_STEPS
        self._most_written = self._most_made = OWN_TEXT

    @property
    def room(self) -> int:
        """Characters that one filter may make, and one rendering write."""
        return min(MAX_OUTPUT, OWN_TEXT + GROWTH * self.longest + TEXT_OF_AN_ITEM * self._size)

    def step(self, count: int = 1) -> None:
        """Look at parts of an expression. Raises `InputTooLarge`, as the others do."""
        self._steps += count
        if self._steps > self._most_steps:
            self._most_steps = min(MAX_STEPS, OWN_STEPS + STEPS_OF_AN_ITEM * self._size)
            self._check(self._steps, self._most_steps, "looks at more than {:,} parts of expressions")

    def round(self) -> None:
        """Go through a loop once more."""
        self._rounds += 1
        if self._rounds > self._most_rounds:
            self._most_rounds = min(MAX_ITERATIONS, OWN_ROUNDS + ROUNDS_OF_AN_ITEM * self._size)
            self._check(self._rounds, self._most_rounds, "goes through its loops more than {:,} times")

    def write(self, length: int) -> None:
        """Write so many characters."""
        self._written += length
        if self._written > self._most_written:
            self._most_written = self.room
            self._check(self._written, self._most_written, "writes more than {:,} characters")

    def make(self, length: int) -> None:
        """Let a filter have made so many characters."""
        self._made += length
        if self._made > self._most_made:
            self._most_made = min(MAX_MADE, self.room)
            self._check(self._made, self._most_made, "has its filters make more than {:,} characters")

    def _check(self, count: int, most: int, said: str) -> None:
        if count > most:
            raise InputTooLarge(f"the template {said.format(most)}, for values of this size")

    @property
    def _size(self) -> int:
        if self._items is None:
            self._items = items_in(self._values)
        return self._items


def items_in(value: Any) -> int:
    """Return how many items there are in values and in what is inside of them, at most some hundred thousand."""
    found, stack = 0, [value]
    seen: set[int] = set()
    while stack and found < _MOST_COUNTED:
        value = plain(stack.pop())
        if isinstance(value, str | bytes):
            found += len(value) // _TEXT_ITEM
            continue
        if isinstance(value, Mapping | Sequence | set | frozenset):
            if id(value) in seen:
                continue
            seen.add(id(value))
            found += len(value)
            if type(value) in (dict, list, tuple, set, frozenset) and len(value) <= _MOST_COUNTED:
                stack.extend(value.values() if isinstance(value, dict) else value)
    return min(found, _MOST_COUNTED)
