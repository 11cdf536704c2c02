"""Who may run now: the slots of a run, the room of its groups, and the queue of those that wait for either."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Entry = tuple[int, int, int]
"""Again or first, ticket, node: the order in which those that wait are served."""

_AGAIN, _FIRST = 0, 1  # who is back from a retry's wait comes before who has not begun


class Slots:
    """Slots and groups. Nodes that wait are served first come, first served, as far as their groups have room.

    Args:
        count: Number of slots.
        limits: Room of each group: how many of its members may run at the same time.
        is_waiting: Whether a node that has been queued still waits.

    Attributes:
        groups: The groups that nodes belong to.
        running: Number of nodes that hold a slot.
    """

    def __init__(self, count: int, limits: Mapping[str, int], is_waiting: Callable[[int], bool]) -> None:
        self.running = 0
        self.count = count
        self.groups: dict[int, tuple[str, ...]] = {}
        self._room: dict[str, int] = dict(limits)
        self._is_waiting = is_waiting
        self._queue: list[Entry] = []  # a heap
        self._parked: dict[str, deque[Entry]] = {}  # held up by a group
        self._woken: deque[Entry] = deque()  # nodes without a slot whose group has room again
        self._slotless: set[int] = set()
        self._ticket = 0
        self._tickets: dict[int, int] = {}  # the newest ticket of each node that waits

    def limit(self, group: str, room: int) -> None:
        """Say how many members of a new group may run at the same time."""
        self._room.setdefault(group, room)

    def are_free_for(self, node: int) -> bool:
        """Whether a node can start at once, with nobody before it."""
        return self.running < self.count and not self._queue and (not self.groups or self._full(node) is None)

    def have_room_for(self, node: int) -> bool:
        """Whether the groups of a node have room."""
        return not self.groups or self._full(node) is None

    def occupy(self, node: int, change: int) -> None:
        """A member of groups begins to run (1) or does so no longer (-1)."""
        for group in self.groups[node]:
            self._room[group] -= change
            if change < 0:
                self._wake(group)

    def enqueue(self, node: int, *, again: bool = False) -> None:
        """Let a node wait for a slot, from here on in the groups that it has now."""
        heappush(self._queue, self._entry(node, _AGAIN if again else _FIRST))

    def park(self, node: int) -> None:
        """Let a node that holds no slot wait for its groups."""
        self._slotless.add(node)
        self._hold(self._entry(node, _FIRST))

    def next(self) -> int | None:
        """Return who may run now, or None. It must have been made to before the next is asked for."""
        while self._queue or self._woken:
            if self._woken:
                entry = self._woken.popleft()
                if self._is_valid(entry):
                    return entry[2]
                self._leave(entry[2])
            elif self.running >= self.count:
                return None
            else:
                entry = heappop(self._queue)
                if not self._is_valid(entry):
                    self._leave(entry[2])
                elif not self.groups or self._full(entry[2]) is None:
                    return entry[2]
                else:
                    self._hold(entry)
        return None

    def clear(self) -> None:
        """Nobody waits any more."""
        self._queue.clear()
        self._parked.clear()
        self._woken.clear()

    def _entry(self, node: int, order: int) -> Entry:
        self._ticket += 1
        self._tickets[node] = self._ticket
        return (order, self._ticket, node)

    def _is_valid(self, entry: Entry) -> bool:
        """Whether a node still waits, and with this ticket."""
        return self._tickets.get(entry[2]) == entry[1] and self._is_waiting(entry[2])

    def _full(self, node: int) -> str | None:
        """Return a group of the node that has no room."""
        for group in self.groups.get(node, ()):
            if self._room[group] <= 0:
                return group
        return None

    def _hold(self, entry: Entry) -> None:
        full = self._full(entry[2])
        if full is None:  # its room came while it was on its way
            self._serve(entry)
            return
        self._parked.setdefault(full, deque()).append(entry)
        self._leave(entry[2])

    def _leave(self, node: int) -> None:
        """A node does not use the room that it may have been woken for: let others try."""
        for group in self.groups.get(node, ()):
            if self._room[group] > 0:
                self._wake(group)

    def _wake(self, group: str) -> None:
        """Let the next of those that a group held up try again."""
        parked = self._parked.get(group)
        while parked:
            entry = parked.popleft()
            if self._is_valid(entry):
                self._serve(entry)
                return

    def _serve(self, entry: Entry) -> None:
        if entry[2] in self._slotless:
            self._woken.append(entry)
        else:
            heappush(self._queue, entry)
