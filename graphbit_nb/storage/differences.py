"""In what two requests differ, part by part, in words that a person reads."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graphbit_nb.storage.entries import Entry

MOST_LINES = 12  # of a difference between texts
MOST_WIDE = 160  # characters of one line of it
_MOST_COMPARED = 4000  # characters of each text, to see how alike they are
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One part in which two requests differ.

    Attributes:
        part: What it is: ``"model"``, ``"temperature"``, ``"message 1 (system)"``, ``"the function clean"``.
        before: What it is in the entry, None if it has no such part.
        after: What it is now, None if it is not there now.
    """

    part: str
    before: str | None
    after: str | None

    @property
    def lines(self) -> tuple[str, ...]:
        """What differs as a small unified diff."""
        before, after = (self.before or "").splitlines(), (self.after or "").splitlines()
        told = islice(difflib.unified_diff(before, after, lineterm="", n=1), 2, 2 + MOST_LINES + 1)
        found = [line if len(line) <= MOST_WIDE else f"{line[: MOST_WIDE - 1]}…" for line in told]
        return (*found[:MOST_LINES], "…") if len(found) > MOST_LINES else tuple(found)

    def __str__(self) -> str:
        if self.part.startswith("the "):
            return f"{self.part} was {_change(self.before, self.after)}"
        if self.before is None or self.after is None:
            told = f": {_short(self.before or self.after or '')}"
            return f"{self.part} was {_change(self.before, self.after)}{told}"
        if max(len(self.before), len(self.after)) <= _ONE_LINE and "\n" not in self.before + self.after:
            return f"{self.part}: {self.before} before, {self.after} now"
        return "\n".join((f"{self.part}:", *(f"    {line}" for line in self.lines)))


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a request is not remembered.

    Attributes:
        nearest: The entry that is most like it, or is it; None when there is none of its kind.
        differences: In what it differs; nothing when it is the same.
    """

    nearest: Entry | None
    differences: tuple[Difference, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether the request is remembered after all."""
        return self.nearest is not None and not self.differences

    def __str__(self) -> str:
        if self.nearest is None:
            return "nothing like it is remembered"
        if self.is_there:
            return f"it is remembered, by the run {self.nearest.run or 'before'}"
        of = f" of the node {self.nearest.node}" if self.nearest.node else ""
        return "\n".join((f"the nearest{of} differs:", *(f"  {one}" for one in self.differences)))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return in what a request differs from another, in the order of its parts."""
    one, other = dict(_parts(before)), dict(_parts(after))
    found = []
    for part in dict.fromkeys((*other, *one)):
        was, now = one.get(part, _ABSENT), other.get(part, _ABSENT)
        if was != now:
            found.append(Difference(part, *(None if value is _ABSENT else _text(value) for value in (was, now))))
    return tuple(found)


def nearest_of(data: Mapping[str, Any], node: str, same: Sequence[Entry], others: Sequence[Entry]) -> Miss:
    """Return the entry that is most like a request: of the same node before any other, then with most parts alike.

    Args:
        data: The request.
        node: The node that asks.
        same: Entries of the same key.
        others: Those to choose from.
    """
    if same:
        return Miss(same[0])
    best: tuple[tuple[Any, ...], Entry, tuple[Difference, ...]] | None = None
    for entry in others:
        try:
            asked = entry.asked()
        except StorageError:
            continue
        if not isinstance(asked, dict):
            continue
        found = differences(asked, data)
        rank = (entry.node == node, -len(found), _alike(found), entry.used)
        if best is None or rank > best[0]:
            best = rank, entry, found
    return Miss(None) if best is None else Miss(best[1], best[2])


def _alike(found: Sequence[Difference]) -> float:
    """How much alike the texts are in which two requests differ, from 0 to 1."""
    ratios = [
        difflib.SequenceMatcher(None, one.before[:_MOST_COMPARED], one.after[:_MOST_COMPARED]).quick_ratio()
        for one in found
        if one.before is not None and one.after is not None
    ]
    return sum(ratios) / len(ratios) if ratios else 0.0


def _parts(data: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in data.items():
        if name == "messages" and isinstance(value, list):
            found += [(_message_name(number, one), _said(one)) for number, one in enumerate(value, start=1)]
        elif name == "tools" and isinstance(value, list):
            found += [(f"tool {one[0]}", one[1:]) for one in value if isinstance(one, list) and one]
        elif name == "texts" and isinstance(value, list):
            found += [(f"text {number}", one) for number, one in enumerate(value, start=1)]
        elif name in ("code", "values", "options") and isinstance(value, dict):
            found += [(f"{_GROUPS[name]}{key}", one) for key, one in value.items()]
        else:
            found.append((name, value))
    return found


_GROUPS = {"code": "the ", "values": "", "options": "option "}


def _message_name(number: int, message: Any) -> str:
    role = message.get("role") if isinstance(message, dict) else None
    return f"message {number} ({role})"


def _said(message: Any) -> Any:
    plain = isinstance(message, dict) and set(message) == {"role", "content"}
    return message["content"] if plain else message


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


_ONE_LINE = 60


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _ONE_LINE else f"{line[: _ONE_LINE - 1]}…"


def _change(before: str | None, after: str | None) -> str:
    return "added" if before is None else "taken away" if after is None else "changed"
