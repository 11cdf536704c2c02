"""Why a run took as long as it took: the chain of steps that its end waited for, and what would make it shorter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.core.paths import without_numbers
from graphbit_nb.core.timeline import WAITS, Stretch, arrival, bars_of, end_of, stretches_of, total

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphbit_nb.core.node_snapshot import NodeSnapshot
    from graphbit_nb.core.snapshot import RunSnapshot
    from graphbit_nb.core.timeline import Bar, Doing

ENGINE = ""
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Link:
    """A stretch of the critical path, and the step that it belongs to; ``""`` is the engine between two steps."""

    path: str
    stretch: Stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A run in time.

    Attributes:
        started: When it began (seconds since 1970).
        ended: When it ended, or the time to which it is looked at.
        bars: Its steps, in the order of the workflow, those inside others after them.
        critical: What its end waited for: stretches that follow each other without gaps from its start to its end.
        without: How many seconds it would have taken at least without a kind of wait.
    """

    started: float
    ended: float
    bars: tuple[Bar, ...]
    critical: tuple[Link, ...]
    without: Mapping[Doing, float]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.started

    @property
    def on_path(self) -> frozenset[str]:
        """Paths of the steps on the critical path, and of those that they are inside of."""
        return frozenset(path for link in self.critical if link.path for path in _around(link.path))


def timeline(snapshot: RunSnapshot, before: Mapping[str, Sequence[str]], now: float | None = None) -> Timeline:
    """Return a run in time, with its critical path.

    The path is found backwards: from the step that ended last to the one of its inputs that came last, and so on; time
    between the two is the engine's. Inside a composite it goes on with its parts.

    Args:
        snapshot: The run, at any moment.
        before: For each node, by path without numbers, the nodes beside it that it waits for, likewise.
        now: See `bars_of`.
    """
    ended = end_of(snapshot, now)
    started = ended if snapshot.started is None else min(snapshot.started, ended)
    walk = _Walk(before, ended)
    walk.back(snapshot.nodes, started, ended)
    bars = tuple(bars_of(snapshot, now))
    waits = {doing for bar in bars for doing in (s.doing for s in bar.stretches) if doing in WAITS}
    without = {doing: _least(snapshot.nodes, before, doing, ended) for doing in sorted(waits)}
    return Timeline(started=started, ended=ended, bars=bars, critical=tuple(reversed(walk.links)), without=without)


class _Walk:
    """Goes back in time from the end; `links` has what it found, the latest first."""

    def __init__(self, before: Mapping[str, Sequence[str]], end: float) -> None:
        self._before = before
        self._end = end
        self.links: list[Link] = []

    def back(self, steps: Mapping[str, NodeSnapshot], start: float, end: float) -> None:
        """Fill the time from `end` back to `start` with these steps, which stand beside each other."""
        at = end
        found = self._last(steps.values(), at)
        while found is not None and at > start:
            arrived = max(start, min(arrival(found) or start, at))
            finished = min(self._finished(found), at)
            self._engine(finished, at)
            if found.parts:
                self.back(found.parts, arrived, finished)
            else:
                self._add(found, arrived, finished)
            at = arrived
            found = self._last(self._inputs(found, steps), at)
        self._engine(start, at)

    def _finished(self, node: NodeSnapshot) -> float:
        return self._end if node.finished is None else node.finished

    def _last(self, steps: Iterable[NodeSnapshot], at: float) -> NodeSnapshot | None:
        ended = [node for node in steps if arrival(node) is not None and self._finished(node) <= at + _CLOSE]
        worked = [node for node in ended if (arrival(node) or 0.0) < at]
        return max(worked, key=self._finished, default=None)

    def _inputs(self, node: NodeSnapshot, steps: Mapping[str, NodeSnapshot]) -> list[NodeSnapshot]:
        wanted = self._before.get(without_numbers(node.name))
        if node.name.endswith("]"):
            return []  # an item begins with its fan-out
        if not wanted:  # the first of an iteration waits for the iteration before, anything else for nothing
            number = _iteration(node.name)
            return [] if number is None else [one for one in steps.values() if (_iteration(one.name) or 0) < number]
        beside = node.name.rpartition(".")[0]
        names = {f"{beside}.{name.rpartition('.')[2]}" if beside else name for name in wanted}
        return [steps[name] for name in names if name in steps]

    def _add(self, node: NodeSnapshot, start: float, end: float) -> None:
        at = end
        for stretch in reversed(stretches_of(node, self._end)):
            begin, finish = max(stretch.start, start), min(stretch.end, at)
            if finish > begin:
                self.links.append(Link(node.name, Stretch(stretch.doing, begin, finish)))
                at = begin
        self._engine(start, at)

    def _engine(self, start: float, end: float) -> None:
        if end > start:
            self.links.append(Link(ENGINE, Stretch("engine", start, end)))


def _least(steps: Mapping[str, NodeSnapshot], before: Mapping[str, Sequence[str]], doing: Doing, end: float) -> float:
    """Return how long these steps would take at least if nobody waited in one way: their longest chain without it."""
    done: dict[str, float] = {}
    rounds: dict[int, float] = {}  # by iteration: when it would be over
    for name, node in sorted(steps.items(), key=lambda item: arrival(item[1]) or 0.0):
        if arrival(node) is None:
            continue
        if node.parts:
            took = _least(node.parts, before, doing, end)
        else:
            took = sum(s.seconds for s in stretches_of(node, end) if s.doing != doing)
        beside = name.rpartition(".")[0]
        wanted = () if name.endswith("]") else before.get(without_numbers(name), ())
        inputs = (f"{beside}.{one.rpartition('.')[2]}" if beside else one for one in wanted)
        number = _iteration(name) or 0
        done[name] = max((done.get(one, 0.0) for one in inputs), default=rounds.get(number - 1, 0.0)) + took
        rounds[number] = max(rounds.get(number, 0.0), done[name])
    return max(done.values(), default=0.0)


def _iteration(path: str) -> int | None:
    """Return the iteration of the loop that a path is directly inside of."""
    number = path.rpartition(".")[0].rpartition("#")[2]
    return int(number) if "#" in path and number.isdigit() else None


def _around(path: str) -> Iterable[str]:
    """Return a path, and those of the steps that it is inside of: ``a[1].b`` is in ``a[1]``, which is in ``a``."""
    at = path
    while at:
        yield at
        cut = max(at.rfind("."), at.rfind("["), at.rfind("#"))
        at = at[:cut] if cut > 0 else ""


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a run's time one thing has on the critical path.

    Attributes:
        doing: What the time went by with.
        name: The step, by path without numbers; ``""`` for the engine.
        seconds: How much.
        times: In how many stretches.
    """

    doing: Doing
    name: str
    seconds: float
    times: int


def shares(of: Timeline) -> list[Share]:
    """Return what the critical path consists of, by node and what was done, the largest first."""
    found: dict[tuple[Doing, str], list[float]] = {}
    for link in of.critical:
        doing: Doing = "call" if link.stretch.doing == "stream" else link.stretch.doing
        found.setdefault((doing, without_numbers(link.path)), []).append(link.stretch.seconds)
    listed = [Share(doing, name, sum(seconds), len(seconds)) for (doing, name), seconds in found.items()]
    return sorted(listed, key=lambda share: -share.seconds)


def retries_of(of: Timeline, name: str) -> int:
    """Return how often a node, by path without numbers, was tried again on the critical path."""
    on_path = {link.path for link in of.critical}
    return sum(bar.retries for bar in of.bars if bar.path in on_path and without_numbers(bar.path) == name)


def waited(of: Timeline, doing: Doing) -> float:
    """Return how many seconds of the critical path went by with one kind of wait."""
    return total((link.stretch for link in of.critical), frozenset({doing}))
