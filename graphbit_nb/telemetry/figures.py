"""What is counted of runs, nodes, calls and tools: plain numbers by a few names."""

from __future__ import annotations

import copy
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from graphbit_nb.telemetry.histograms import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F")

OTHER = "(other)"  # where everything goes for which there is no more room

_NUMBERS = re.compile(r"(?<=\[)\d+(?=\])|(?<=#)\d+")


@dataclass(slots=True)
class RunFigures:
    """Runs of one workflow: how they ended, and how long they took."""

    workflow: str
    ended: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    seconds: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class NodeFigures:
    """One node over all runs; all items of a fan-out are one (``each[]``), and so are iterations (``loop#.draft``).

    Attributes:
        ended: How often it ended in which state.
        errors: With errors of which class it failed.
        retries: After errors of which class it was tried again.
        rejected: How often an answer did not fit its output.
        fallbacks: How often another model was asked in its place.
        seconds: From its start to its end, waits for retries among it.
        queued: How long it was ready and had no slot.
        limited: How long calls waited for a limit of ours.
    """

    workflow: str
    node: str
    ended: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    fallbacks: int = 0
    seconds: Histogram = field(default_factory=Histogram)
    queued: Histogram = field(default_factory=Histogram)
    limited: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class CallFigures:
    """Calls of one node to one model.

    Attributes:
        answered: How many were made and answered.
        taken: How many answers were taken from where, such as ``"cache"``; nobody was asked then.
        failed: How many failed, by class of error.
        cancelled: How many were stopped before they ended.
        tokens: ``"input"``, ``"output"``, and of these ``"cached"`` and ``"reasoning"``.
        cost: US dollars, as far as prices are known.
        unpriced: How many of those answered have no known price.
        seconds: How long the answered ones took.
        first_token: When the first piece of an answer came, where it was streamed.
    """

    workflow: str
    node: str
    provider: str
    model: str
    answered: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    cancelled: int = 0
    tokens: Counter[str] = field(default_factory=Counter)
    cost: float = 0.0
    unpriced: int = 0
    seconds: Histogram = field(default_factory=Histogram)
    first_token: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class ToolFigures:
    """One tool, as one node's model uses it."""

    workflow: str
    node: str
    tool: str
    succeeded: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    seconds: Histogram = field(default_factory=Histogram)


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that was counted, as it stood at one moment."""

    runs: tuple[RunFigures, ...] = ()
    nodes: tuple[NodeFigures, ...] = ()
    calls: tuple[CallFigures, ...] = ()
    tools: tuple[ToolFigures, ...] = ()
    circuits: Counter[tuple[str, str]] = field(default_factory=Counter)


class Table(dict[tuple[str, ...], F]):
    """Figures by their names, of which there are at most `room`; one more row is for all others.

    Args:
        make: Makes a row of its names.
        names: How many names a row has.
        room: How many rows there may be.
    """

    def __init__(self, make: Callable[..., F], names: int, room: int) -> None:
        super().__init__()
        self._make = make
        self._rest = (OTHER,) * names
        self._room = room

    def row(self, *names: str) -> F:
        """Return the row of these names, or the one for all others."""
        found = self.get(names)
        if found is None:
            if len(self) >= self._room and names != self._rest:
                return self.row(*self._rest)
            found = self[names] = self._make(*names)
        return found

    def copies(self) -> tuple[F, ...]:
        """Return the rows as they are now."""
        return tuple(copy.deepcopy(row) for row in self.values())


def pattern_of(path: str) -> str:
    """Return a path in which items and iterations are not told apart: ``each[]``, ``loop#.draft``."""
    return _NUMBERS.sub("", path) if "[" in path or "#" in path else path


def merged(rows: Any, make: Callable[[], F]) -> F:
    """Add up rows of one kind into the row that `make` gives."""
    whole: Any = make()
    for row in rows:
        for name in whole.__slots__:
            mine, other = getattr(whole, name), getattr(row, name)
            if isinstance(mine, Histogram):
                mine.merge(other)
            elif isinstance(mine, Counter):
                mine.update(other)
            elif isinstance(mine, int | float):
                setattr(whole, name, mine + other)
    found: F = whole
    return found
