"""Where the checks of a health report write down what they have found."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from graphbit_nb.core.redaction import redact
from graphbit_nb.errors import GraphbitError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

State = Literal["ok", "off", "warning", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        what: Which, such as ``"provider openai"``.
        state: ``"ok"``; ``"off"`` for what is not set up; ``"warning"``; ``"failed"``.
        said: What was found, and what to do about it.
        seconds: How long that took.
    """

    what: str
    state: State
    said: str
    seconds: float = 0.0


class Board:
    """Where each check writes down what it found."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._found: dict[str, Check | None] = {}
        self._all = threading.Event()

    def begin(self, what: str, look: Callable[[], tuple[State, str]]) -> None:
        """Have something looked at, in a thread of its own."""
        self._found[what] = None

        def work() -> None:
            self.tell(checked(what, look, self._began))

        self._start(what, work)

    def begin_asking(self, asked: Iterable[str], ask: Callable[[], Any]) -> None:
        """Have several things looked at together, in one thread; `ask` tells what it finds of each."""
        self._found.update(dict.fromkeys(asked))
        self._start("providers", ask)

    def tell(self, check: Check) -> None:
        """Write down what was found."""
        with self._lock:
            self._found[check.what] = check
            if all(found is not None for found in self._found.values()):
                self._all.set()

    def wait(self) -> tuple[Check, ...]:
        """Return what was found once all is there or the time is up."""
        left = self._timeout - (time.monotonic() - self._began)
        while left > 0 and any(found is None for found in self._found.values()):
            self._all.wait(left)
            self._all.clear()
            left = self._timeout - (time.monotonic() - self._began)
        late = f"no answer within {self._timeout:g} s"
        with self._lock:
            return tuple(
                Check(what=what, state="failed", said=late, seconds=self._timeout) if found is None else found
                for what, found in self._found.items()
            )

    def _start(self, what: str, work: Callable[[], Any]) -> None:
        threading.Thread(target=work, name=f"graphbit-health-{what}", daemon=True).start()


def checked(what: str, look: Callable[[], tuple[State, str]], began: float) -> Check:
    """Return what a look at something has found; whatever it raises is a fault of that."""
    try:
        state, said = look()
    except Exception as error:  # noqa: BLE001 (whatever is wrong, that is what is to be told)
        state, said = "failed", told(error)
    return Check(what=what, state=state, said=redact(said), seconds=time.monotonic() - began)


def told(error: BaseException) -> str:
    """Return an error in one line, without keys."""
    text = str(error) if isinstance(error, GraphbitError | OSError) else f"{type(error).__name__}: {error}"
    return redact(" ".join(text.split())[:500]) or type(error).__name__
