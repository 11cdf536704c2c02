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


class Confirm(Protocol):
    """How a recorder says how far it has come."""

    def __call__(self, seq: int, trouble: BaseException | None = None) -> None:
        """Every event up to `seq` is safe; with `trouble`, nothing more will be, and the recorder is done with."""


class Recorder(Protocol):
    """A sink that keeps events for good, and says up to which one it has."""

    def record(self, event: Event, confirm: Confirm) -> None:
        """Keep `event`; call ``confirm(seq)`` on the bus's own thread once all events up to `seq` are safe."""

    def hurry(self) -> None:
        """Somebody waits for what was recorded to be safe."""


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
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._is_publishing = False
        self._confirmed = 0

    @property
    def is_watched(self) -> bool:
        """Whether anybody sees text as it comes; a recorder does not, nor a sink that says it wants no tokens."""
        return any(getattr(sink, "wants_tokens", True) for sink in (*self._sinks, *self._views))

    @property
    def is_confirmed(self) -> bool:
        """Whether all that was published is safe, or nobody keeps it."""
        return not self._unconfirmed

    def publish(self, event: Event) -> None:
        """Hand `event` on. Must be called in the order of the events' numbers, from one thread."""
        if self._recorder is not None:
            self._unconfirmed.append(event)
            self._is_publishing = True
            try:
                self._recorder.record(event, self.confirm)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 (whatever a recorder raises, the run goes on without it)
                self._drop_recorder(error)
            finally:
                self._is_publishing = False
            self._deliver(self._sinks, event)
            if self._waiting:
                self._release()
        else:
            if self._sinks:
                self._deliver(self._sinks, event)
            if self._views:
                self._deliver(self._views, event)

    def when_confirmed(self, call: Callable[[], None]) -> None:
        """Call something once all that was published so far is safe: after the views have been shown it, in order."""
        if self._unconfirmed:
            self._waiting.append((self._unconfirmed[-1].seq, call))
            if self._recorder is not None:
                self._recorder.hurry()
        else:
            call()

    def confirm(self, seq: int, trouble: BaseException | None = None) -> None:
        """Show the views every event up to number `seq`, and go on with whatever waits for it."""
        unconfirmed = self._unconfirmed
        while unconfirmed and unconfirmed[0].seq <= seq:
            event = unconfirmed.popleft()
            self._confirmed = event.seq
            self._deliver(self._views, event)
            if self._waiting and not self._is_publishing:
                self._release()
        if trouble is not None:
            self._drop_recorder(trouble)
            if not self._is_publishing:
                self._release()

    def _release(self) -> None:
        """Go on with what waited for the events that are safe by now."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= self._confirmed:
            waiting.popleft()[1]()

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
        if self._recorder is not None:
            logger.error("the run is no longer recorded: %s: %s", type(error).__name__, error)
        self._recorder = None
        while self._unconfirmed:
            event = self._unconfirmed.popleft()
            self._confirmed = event.seq
            self._deliver(self._views, event)
