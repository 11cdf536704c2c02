"""Where a process keeps what it remembers: one directory, settled at first use."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from graphbit_nb.errors import StorageError, UsageError

VARIABLE = "GRAPHBIT_HOME"
USUAL = ".graphbit"
DATABASE = "graphbit.db"


class _Home:
    """The one place where it is remembered."""

    wanted: Path | None = None
    settled: Path | None = None
    lock = threading.Lock()


def set_home(home: Any) -> None:
    """Say where the directory is, before it is first used.

    Raises:
        UsageError: it is no path, or another one is in use already.
    """
    if not isinstance(home, str | os.PathLike) or not str(home):
        raise UsageError(f"home={home!r}: give the path of a directory")
    path = Path(os.fspath(home)).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise UsageError(f"home={str(path)!r}: that is a file; give the path of a directory")
    with _Home.lock:
        if _Home.settled is not None and path != _Home.settled:
            raise UsageError(f"home is {str(_Home.settled)!r} in this process; call graphbit_nb.shutdown() first")
        _Home.wanted = path


def home() -> Path:
    """Return the directory without making it: what `init` was told, else GRAPHBIT_HOME, else ``.graphbit`` here."""
    with _Home.lock:
        if _Home.settled is None:
            _Home.settled = _expected()
        return _Home.settled


def expected_home() -> Path:
    """Return where the directory would be, were it used now; it may still be said otherwise."""
    with _Home.lock:
        return _Home.settled or _expected()


def _expected() -> Path:
    told = os.environ.get(VARIABLE)
    return (_Home.wanted or (Path(told).expanduser() if told else Path(USUAL))).absolute()


def made_home() -> Path:
    """Return the directory, and make it, with a ``.gitignore`` that keeps all of it out of repositories.

    Raises:
        StorageError: it cannot be made.
    """
    path = home()
    try:
        path.mkdir(parents=True, exist_ok=True)
        ignored = path / ".gitignore"
        if not ignored.exists():
            ignored.write_text("# runs, answers and prompts: kept for this machine alone\n*\n", encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"{path} cannot be used to keep runs: {error.strerror or error}; say where with "
            f"graphbit_nb.init(home=...) or {VARIABLE}, or keep nothing with storage='memory'"
        ) from None
    return path


def forget_home() -> None:
    """Forget what was said of it; it is settled anew at the next use."""
    with _Home.lock:
        _Home.settled = _Home.wanted = None
