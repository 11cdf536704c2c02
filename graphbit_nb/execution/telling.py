"""Tells what happens in a run: stamps each event, folds it in, hands it on; gathers streamed and printed text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from graphbit_nb.core.events import LlmToken, NodePrinted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from graphbit_nb.core.bus import EventBus
    from graphbit_nb.core.events import Event
    from graphbit_nb.core.snapshot import RunSnapshot

FLUSH_INTERVAL = 0.1  # seconds between two tellings of streamed and printed text, for the whole run


class Printing(Protocol):
    """A node whose code prints."""

    path: str
    is_over: bool
    has_printed: bool

    def take_printed(self) -> str:
        """Return what was printed since it was told last."""
        ...


class Teller:
    """The one place where events of a run are made.

    Args:
        run_id: The run's id.
        snapshot: Where the run stands; each event is folded in.
        bus: Hands the events on.
        clock: Seconds since 1970.
        loop: Whose timers flush text.
    """

    def __init__(
        self,
        run_id: str,
        snapshot: RunSnapshot,
        bus: EventBus,
        clock: Callable[[], float],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.snapshot = snapshot
        self._run_id = run_id
        self._bus = bus
        self._clock = clock
        self._loop = loop
        self._seq = snapshot.seq
        self._streamed: dict[str, list[str]] = {}
        self._printing: list[Printing] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def wants_tokens(self) -> bool:
        """Whether anybody would see text as it comes."""
        return self._bus.is_watched

    def publish(self, kind: Callable[..., Event], *fields: Any) -> None:
        """Stamp an event, fold it in, and hand it on."""
        self._seq += 1
        event = kind(self._run_id, self._seq, self._clock(), *fields)
        self.snapshot.apply(event)
        self._bus.publish(event)

    def stream(self, path: str, text: str) -> None:
        """Keep a piece of streamed text; it is told with others, a few times a second."""
        self._streamed.setdefault(path, []).append(text)
        self._flush_soon()

    def prints(self, node: Printing) -> None:
        """Tell soon what a node has printed."""
        self._printing.append(node)
        self._flush_soon()

    def flush(self, node: Printing) -> None:
        """Tell what a node has streamed and printed so far, before something else is told of it."""
        if self._streamed and (pieces := self._streamed.pop(node.path, None)):
            self.publish(LlmToken, node.path, "".join(pieces))
        if node.has_printed and (text := node.take_printed()):
            self.publish(NodePrinted, node.path, text)

    def close(self) -> None:
        """The run is over; nothing is told any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _flush_soon(self) -> None:
        if self._timer is None and not self._is_closed:
            self._timer = self._loop.call_later(FLUSH_INTERVAL, self._flush_all)

    def _flush_all(self) -> None:
        self._timer = None
        for path in list(self._streamed):
            self.publish(LlmToken, path, "".join(self._streamed.pop(path)))
        printing, self._printing = self._printing, []
        for node in printing:
            if not node.is_over:
                self.flush(node)
