"""A live view: keeps a widget true to its subject, a few times a second, and passes on what it is asked."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.redaction import redact_data
from graphbit_nb.errors import GraphbitError
from graphbit_nb.notebook.live.records import node_record
from graphbit_nb.notebook.live.state import LiveState, Look
from graphbit_nb.session.engine_thread import engine_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from graphbit_nb.core.events import Event
    from graphbit_nb.drawing.scene import Scene
    from graphbit_nb.notebook.live.state import Subject

logger = logging.getLogger("graphbit_nb")

FLUSH = 0.1  # seconds between two tellings, whatever the number of nodes
TICK = 0.5  # seconds after which a run that says nothing is told again: waits go by
_SAME_WIDTH = 16  # pixels: another layout for less would show nothing new
_WORK = 9  # nine times as long as a telling takes is left to the run before the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What a view may ask for; None is refused.

    Each may raise `GraphbitError`, whose text the view shows. They are called on the engine's thread.
    """

    cancel: Callable[[str | None], None] | None = None
    answer: Callable[[str, str], None] | None = None
    run: Callable[[dict[str, Any]], None] | None = None
    step: Callable[[], None] | None = None


@dataclass(slots=True)
class Page:
    """What is known of the page that views are on.

    Attributes:
        width: Pixels for a drawing in the view that told its width last; None before any did. The next view begins
            with it, so that most are laid out and sent once.
    """

    width: float | None = None


_PAGE = Page()


class LiveView:
    """One view in a front end. Its methods can be called from any thread; its work is done on the engine's.

    Args:
        subject: What is looked at; `update` changes it.
        calls: What may be asked for.
        look: How it is looked at.
        clock: Seconds since 1970.
        make_widget: Makes what is shown, from a function that hears the browser, and the first state.
        page: Where it is shown.
    """

    def __init__(
        self,
        subject: Subject,
        calls: Calls | None = None,
        *,
        look: Look | None = None,
        clock: Callable[[], float] = time.time,
        make_widget: Callable[..., Any] | None = None,
        page: Page = _PAGE,
    ) -> None:
        self.calls = calls or Calls()
        self.is_seen = threading.Event()
        self._page = page
        self._state = LiveState(subject, look or Look(width=page.width))
        self._clock = clock
        self._thread = engine_thread()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._has_news = False  # since it was told last
        self._free_at = 0.0  # by the loop's clock: before, nothing is told again
        self._owes_whole = False
        self._is_closed = False
        self.widget = (make_widget or _widget)(self._heard, redact_data(self._state.whole(clock())))

    @property
    def subject(self) -> Subject:
        """What is looked at."""
        return self._state.subject

    def update(self, **changes: Any) -> None:
        """Change the subject, and tell it soon. See `Subject` for the names."""

        async def change() -> None:
            self._state.subject = replace(self._state.subject, **changes)
            self._tell_within(0.0)

        self._submit(change)

    def event(self, _: Event) -> None:
        """Hear that something has happened; a view of a run, called on the engine's thread."""
        if not self._has_news:
            self._has_news = True
            self._tell_within(FLUSH)

    def close(self, timeout: float = 2.0) -> None:
        """Tell nothing more and let go of the browser."""
        if self._is_closed:
            return
        with suppress(TimeoutError):
            self._submit(self._end).result(timeout)
        self.widget.close()

    # ---- on the engine's thread

    def _tell_within(self, seconds: float) -> None:
        """Tell what is new in so many seconds, or sooner if that is planned; but never too soon after the last time."""
        loop = asyncio.get_running_loop()
        due = max(loop.time() + seconds, self._free_at)
        if self._is_closed or (self._timer is not None and self._timer.when() <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(due, self._begin_telling)

    def _begin_telling(self) -> None:
        self._timer = None
        if self._task is not None and not self._task.done():  # a drawing is being laid out
            self._tell_within(FLUSH)
        elif not self._is_closed:
            self._task = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        self._has_news = False
        try:
            scene = self._state.scene(self._clock())
            while not self._state.has_drawing_of(scene):
                await asyncio.to_thread(self._state.lay_out, scene)
                scene = self._state.scene(self._clock())
            began = time.perf_counter()
            self._send(self._clock(), scene)
            work = _WORK * (time.perf_counter() - began) if self._is_running else 0.0
            self._free_at = loop.time() + max(FLUSH, work)
        except Exception:
            logger.exception("the live view of %s could not be told", self.subject.workflow.name)
        if self._is_running:
            self._tell_within(TICK)

    @property
    def _is_running(self) -> bool:
        snapshot = self.subject.snapshot
        return snapshot is not None and not snapshot.status.is_final

    def _send(self, now: float, scene: Scene) -> None:
        if self._owes_whole:
            self._owes_whole = False
            self.widget.state = redact_data(self._state.whole(now, scene))
        elif (changes := self._state.changes(now, scene)) is not None:
            self.widget.send(redact_data(changes))
            # The end is told whole as well: that heals what a busy server has dropped on the way.
            if (changes.get("run") or {}).get("ended") is not None:
                self.widget.state = redact_data(self._state.whole(now, scene))

    async def _end(self) -> None:
        self._is_closed = True
        if self._timer is None:
            return
        self._timer.cancel()
        # What is not told yet is told now: a page that was loaded again keeps this as the last it hears.
        now = self._clock()
        scene = self._state.scene(now)
        if self._state.has_drawing_of(scene):
            self._send(now, scene)

    def _submit(self, make: Callable[[], Coroutine[Any, Any, None]]) -> Any:
        if not self._thread.is_usable:
            self._thread = engine_thread()
        return self._thread.submit(make)

    # ---- what the browser asks

    def _heard(self, message: dict[str, Any]) -> None:
        self.is_seen.set()

        async def serve() -> None:
            try:
                self._serve(message)
            except GraphbitError as error:
                self.widget.send(redact_data({"kind": "refused", "of": message, "text": str(error)}))
            except Exception:
                logger.exception("the live view could not serve %r", message.get("call"))

        self._submit(serve)

    def _serve(self, message: dict[str, Any]) -> None:
        look = self._state.look
        match message:
            case {"call": "inspect", "path": str(path)}:
                self._inspect(path)
            case {"call": "cancel"} if self.calls.cancel is not None:
                self.calls.cancel(message.get("path"))
            case {"call": "answer", "path": str(path), "value": str(value)} if self.calls.answer is not None:
                self.calls.answer(path, value)
            case {"call": "run"} if self.calls.run is not None:
                self.calls.run(message)
            case {"call": "step"} if self.calls.step is not None:
                self.calls.step()
            case {"call": "fold", "path": str(path), "open": bool(is_open)}:
                (look.unfold.add if is_open else look.unfold.discard)(path)
                self._tell_within(0.0)
            case {"call": "direction", "to": "auto" | "LR" | "TB" as direction}:
                look.direction = direction
                self._tell_within(0.0)
            case {"call": "width", "px": int(width) | float(width)} if width > 0:
                self._page.width = float(width)
                if look.width is None or abs(look.width - width) > _SAME_WIDTH:
                    look.width = float(width)
                # A view that has just opened has missed what was told since its state was sent.
                self._owes_whole = self._owes_whole or message.get("seq") != self._state.told
                self._tell_within(0.0)
            case _:
                raise GraphbitError(f"this view cannot do that: {message.get('call', message)!r}")

    def _inspect(self, path: str) -> None:
        record, problem = None, None
        try:
            record = node_record(self.subject.workflow, self.subject.snapshot, path)
        except GraphbitError as error:
            problem = str(error)
        self.widget.send(redact_data({"kind": "node", "path": path, "record": record, "problem": problem}))


def _widget(heard: Callable[[dict[str, Any]], None], state: dict[str, Any]) -> Any:
    from graphbit_nb.notebook.live.widget import LiveWidget  # ipywidgets takes time to load

    return LiveWidget(heard, state)
