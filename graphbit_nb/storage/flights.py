"""Equal calls at the same time, made once: whoever asks first makes the call, all who ask meanwhile get its answer."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from graphbit_nb.core.calls import Response
    from graphbit_nb.core.llm import CallListener
    from graphbit_nb.errors import ProviderError

_flights: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Flight]] = WeakKeyDictionary()


class Wait:
    """The wait before another attempt, which all who wait for the call make; the first who has made it is enough."""

    def __init__(self, attempt: int, delay: float, error: ProviderError) -> None:
        self.told = attempt, delay, error
        self.is_over = asyncio.Event()


class Passenger:
    """One who waits for an answer.

    Attributes:
        listener: Is told what comes.
        wait: A wait that it is asked to make.
        is_called: Set when there is a wait to be made, or an answer.
    """

    def __init__(self, listener: CallListener | None) -> None:
        self.listener = listener
        self.wait: Wait | None = None
        self.is_called = asyncio.Event()

    def token(self, text: str) -> None:
        """Tell a piece of the answer."""
        if self.listener is not None and self.listener.wants_tokens:
            self.listener.token(text)

    def ask(self, wait: Wait) -> None:
        """Have it make a wait."""
        self.wait = wait
        self.is_called.set()


class Flight:
    """A call that goes on, and those who wait for it. It listens to the client.

    Before another attempt all of them wait, each by its own listener, which gives its slot back meanwhile: if some
    kept theirs, the call might wait for a slot that is held by those who wait for the call. Of limits and circuits the
    first of them is told. When one is cancelled the others wait on; when nobody is left the call is cancelled.
    """

    def __init__(self, call: Callable[[CallListener], Awaitable[Response]], first: Passenger) -> None:
        self.wants_tokens = first.listener is not None and first.listener.wants_tokens
        self.passengers: list[Passenger] = [first]
        self.is_over = False
        self._pieces: list[str] = []
        self._waiting: Wait | None = None
        self.task: asyncio.Future[tuple[Any, BaseException | None]] = asyncio.ensure_future(self._fly(call))

    async def _fly(self, call: Callable[[CallListener], Awaitable[Response]]) -> tuple[Any, BaseException | None]:
        """Make the call. What would end the event loop, if a task of its own raised it, is for those who wait."""
        try:
            return await call(self), None
        except (SystemExit, KeyboardInterrupt) as error:
            return None, error

    def board(self, passenger: Passenger) -> None:
        """Wait with the others, after hearing what has come so far."""
        self.passengers.append(passenger)
        for piece in self._pieces:
            passenger.token(piece)
        if self._waiting is not None:
            passenger.ask(self._waiting)

    async def leave(self, passenger: Passenger) -> None:
        """Wait no more."""
        self.passengers.remove(passenger)
        if not self.passengers:
            self.is_over = True
            self.task.cancel()
            await asyncio.wait((self.task,))

    # ---- for the client

    def token(self, text: str) -> None:
        """A piece of the answer has come."""
        self._pieces.append(text)
        for passenger in tuple(self.passengers):
            passenger.token(text)

    async def retry(self, attempt: int, delay: float, error: ProviderError) -> None:
        """Have all wait, and return as soon as one of them may go on."""
        self._pieces.clear()
        wait = self._waiting = Wait(attempt, delay, error)
        for passenger in self.passengers:
            passenger.ask(wait)
        await wait.is_over.wait()
        self._waiting = None

    def limited(self, limit: str, seconds: float | None, ahead: int) -> None:
        """Tell the first of a limit."""
        if self.passengers and (listener := self.passengers[0].listener) is not None:
            listener.limited(limit, seconds, ahead)

    def circuit(self, name: str, state: str, reason: str) -> None:
        """Tell the first of a circuit."""
        if self.passengers and (listener := self.passengers[0].listener) is not None:
            listener.circuit(name, state, reason)


async def shared(
    key: Hashable, listener: CallListener | None, call: Callable[[CallListener], Awaitable[Response]]
) -> tuple[Any, bool]:
    """Make a call, or wait for an equal one that goes on; return its answer and whether it was this one's own.

    Args:
        key: What makes calls equal.
        listener: Is told what the client tells.
        call: Makes the call, and tells the listener that it is given.

    Raises:
        Exception: whatever the call raised; to each who waits an object of its own.
    """
    flights = _flights.setdefault(asyncio.get_running_loop(), {})
    passenger = Passenger(listener)
    flight = flights.get(key)
    is_own = flight is None or flight.is_over
    if flight is None or is_own:
        flight = flights[key] = Flight(call, passenger)
        flight.task.add_done_callback(_landing(flights, key, flight))
    else:
        flight.board(passenger)
    try:
        while not flight.task.done():
            await passenger.is_called.wait()
            passenger.is_called.clear()
            if (wait := passenger.wait) is not None:
                passenger.wait = None
                await _make(wait, listener)
    finally:
        if not flight.task.done():
            await flight.leave(passenger)
    return _outcome(flight.task, is_own=is_own), is_own


def _landing(flights: dict[Hashable, Flight], key: Hashable, flight: Flight) -> Callable[[asyncio.Future[Any]], None]:
    def landed(task: asyncio.Future[Any]) -> None:
        flight.is_over = True
        if flights.get(key) is flight:
            del flights[key]
        if not task.cancelled():
            task.exception()  # looked at, so that asyncio does not report it when nobody waits any more
        for passenger in flight.passengers:
            passenger.is_called.set()

    return landed


async def _make(wait: Wait, listener: CallListener | None) -> None:
    if listener is None:
        await asyncio.sleep(wait.told[1])
    else:
        await listener.retry(*wait.told)
    wait.is_over.set()


def _outcome(task: asyncio.Future[Any], *, is_own: bool) -> Any:
    if task.cancelled():
        raise asyncio.CancelledError
    error = task.exception()
    if error is None:
        response, error = task.result()
        if error is None:
            return response
    if is_own:
        raise error
    try:
        own = copy.copy(error).with_traceback(None)
    except TypeError:  # it cannot be copied
        own = error
    raise own from None
