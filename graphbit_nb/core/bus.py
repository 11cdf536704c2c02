"""Gives each event, in order, to everyone who listens; nobody who listens can break the run."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from graphbit_nb.core.events import Event

logger = logging.getLogger("graphbit_nb")

Sink = Callable[["Event"], None]


class Recorder(Protocol):
    """A sink that keeps events for good, and says up to which one it has."""

    def record(self, event: Event, confirm: Callable[[int], None]) -> None:
        """Keep `event`; call ``confirm(seq)`` on the bus's own thread once all events up to `seq` are safe."""


class EventBus:
    """Delivers events: first to the recorder, then to the sinks, and to the views once the recorder has confirmed.

    Args:
        recorder: Keeps the events; None when nothing needs to be confirmed.
        sinks: Get every event at once.
        views: Get an event after it has been confirmed, so that nothing is shown that could still be lost.
    """

    def __init__(
        self, recorder: Recorder | None = None, sinks: tuple[Sink, ...] = (), views: tuple[Sink, ...] = ()
    ) -> None:
        self._recorder = recorder
        self._sinks = list(sinks)
        self._views = list(views)
        self._unconfirmed: deque[Event] = deque()

    @property
    def has_listeners(self) -> bool:
        """Whether anybody would notice an event."""
        return bool(self._views or self._sinks or self._recorder)

    def publish(self, event: Event) -> None:
        """Hand `event` on. Must be called in the order of the events' numbers, from one thread."""
        if self._recorder is not None:
            self._unconfirmed.append(event)
            try:
                self._recorder.record(event, self.confirm)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 (whatever a recorder raises, the run goes on without it)
                self._drop_recorder(error)
            self._deliver(self._sinks, event)
        else:
            if self._sinks:
                self._deliver(self._sinks, event)
            if self._views:
                self._deliver(self._views, event)

    def confirm(self, seq: int) -> None:
        """Show the views every event up to number `seq`."""
        waiting = self._unconfirmed
        while waiting and waiting[0].seq <= seq:
            self._deliver(self._views, waiting.popleft())

    def _deliver(self, sinks: list[Sink], event: Event) -> None:
        broken: list[Sink] | None = None
        for sink in sinks:
            try:
                sink(event)
            except KeyboardInterrupt:
                raise
            except BaseException:
                logger.exception("%r raised at %s and gets no more events", sink, event.kind)
                broken = [*(broken or ()), sink]
        for sink in broken or ():
            sinks.remove(sink)

    def _drop_recorder(self, error: BaseException) -> None:
        logger.error("the run is no longer recorded: %s: %s", type(error).__name__, error)
        self._recorder = None
        while self._unconfirmed:
            self._deliver(self._views, self._unconfirmed.popleft())
