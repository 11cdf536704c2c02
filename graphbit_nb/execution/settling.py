"""Outputs that are told but not safe yet: what may follow them at once, and what has to wait."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from graphbit_nb.core.states import NodeState

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphbit_nb.core.bus import EventBus
    from graphbit_nb.core.node_snapshot import NodeSnapshot

QUICK = 0.01
"""Seconds. What took less is done again sooner than it is waited for."""


class Settling:
    """The nodes of a run that have ended, and still hold their slot until that is written down.

    Args:
        bus: Says what is safe.

    Attributes:
        persons: Those of them that a person has answered: meanwhile nothing is decided.
    """

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._numbers: set[int] = set()
        self.persons: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number in self._numbers

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def may_follow(self, node: NodeSnapshot) -> bool:
        """Whether others may begin with what a node gave.

        What follows is not safe before it is: nothing that is paid for is lost by going on with what nobody was asked
        for and what took no time.
        """
        if self._bus.is_confirmed or node.state is NodeState.CACHED:
            return True
        is_asked = node.attempts or node.question is not None
        return not is_asked and (node.latency or 0.0) < QUICK

    def wait(self, number: int, go_on: Callable[[], None], *, is_answered: bool) -> None:
        """Call something once the node is safe.

        Args:
            number: The node.
            go_on: What is called.
            is_answered: Whether a person has answered it.
        """
        self._numbers.add(number)
        if is_answered:
            self.persons.add(number)

        self._bus.when_confirmed(partial(self._settled, number, go_on))

    def _settled(self, number: int, go_on: Callable[[], None]) -> None:
        self._numbers.discard(number)
        self.persons.discard(number)
        go_on()
