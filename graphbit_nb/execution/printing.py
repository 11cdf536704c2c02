"""Keeps what a node's code prints with the node, whichever thread or task it prints from.

`print` looks at a context variable, which tasks and threads of a node inherit. `sys.stdout` is never exchanged: it
belongs to the whole process, and to whoever else prints at the same time.
"""

from __future__ import annotations

import builtins
import io
import sys
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Printer(Protocol):
    """Who keeps what is printed."""

    @property
    def echoes(self) -> bool:
        """Whether it is printed as well."""
        ...

    @property
    def stdout(self) -> Any:
        """Where `print` writes, unless the code says otherwise."""
        ...

    def printed(self, text: str) -> None:
        """Keep a text; called from any thread."""


PRINTER: ContextVar[Printer | None] = ContextVar("graphbit_printer", default=None)


class _Routing:
    """How many runs have `print` routed, and what it was before."""

    lock = threading.Lock()
    runs = 0
    original = builtins.print


@contextmanager
def routed_printing() -> Iterator[None]:
    """Let `print` keep texts with the nodes that print them, until the last run that asked for it is over."""
    with _Routing.lock:
        if not _Routing.runs:
            _Routing.original = builtins.print
            builtins.print = _routed
        _Routing.runs += 1
    try:
        yield
    finally:
        with _Routing.lock:
            _Routing.runs -= 1
            if not _Routing.runs and builtins.print is _routed:
                builtins.print = _Routing.original


def _routed(*values: object, file: Any = None, **how: Any) -> None:
    printer = PRINTER.get()
    # A function that redirects its own output gets what it asked for.
    if printer is None or sys.stdout is not printer.stdout or (file is not None and file is not sys.stdout):
        _Routing.original(*values, file=file, **how)
        return
    how_kept = {name: value for name, value in how.items() if name != "flush"}
    written = io.StringIO()
    _Routing.original(*values, file=written, **how_kept)
    printer.printed(written.getvalue())
    if printer.echoes:
        _Routing.original(*values, file=file, **how)
