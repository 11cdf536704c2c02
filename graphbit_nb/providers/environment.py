"""The environment that keys and addresses are read from: the process's own, then a `.env` file.

Nothing is written into `os.environ`: what a file says is seen by us alone.
"""

from __future__ import annotations

import logging
import os
import stat
from collections import ChainMap
from collections.abc import Iterator, Mapping
from pathlib import Path

NAME = ".env"
SWITCH = "GRAPHBIT_DOTENV"
LARGEST = 1024 * 1024

logger = logging.getLogger("graphbit_nb")

_Stamp = tuple[str, int, int]
_read: dict[_Stamp, Mapping[str, str]] = {}  # the last file alone


class Environment(Mapping[str, str]):
    """Variables that are not shown: a traceback with locals would tell all that the process was given."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Environment: {len(self)} variables>"


def environment() -> Mapping[str, str]:
    """Return what the process's environment says and, where it says nothing, the nearest `.env` file.

    The file is looked for in the working directory and in those above it, up to the home directory. It is read again
    when it has changed. ``GRAPHBIT_DOTENV=0`` switches it off.
    """
    if os.environ.get(SWITCH, "").strip().lower() in {"0", "false", "no", "off"}:
        return os.environ
    found = _nearest()
    return os.environ if found is None else ChainMap(os.environ, dict(_values(*found)))


def _nearest() -> tuple[Path, os.stat_result] | None:
    try:
        here, home = Path.cwd(), Path.home()
    except (OSError, RuntimeError):  # the directory is gone, or nobody knows where home is
        return None
    for place in (here, *here.parents):
        path = place / NAME
        try:
            told = path.stat()
        except OSError:
            told = None
        if told is not None and stat.S_ISREG(told.st_mode) and told.st_size <= LARGEST and _is_trusted(place, told):
            return path, told
        if place == home:
            break
    return None


def _is_trusted(place: Path, told: os.stat_result) -> bool:
    """Whether nobody else can have put it there: in a directory like /tmp only files of one's own count."""
    if not hasattr(os, "geteuid"):
        return True
    try:
        is_open_to_all = bool(place.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False
    return not is_open_to_all or told.st_uid == os.geteuid()


def _values(path: Path, told: os.stat_result) -> Mapping[str, str]:
    stamp = (str(path), told.st_mtime_ns, told.st_size)
    if stamp not in _read:
        values = _parse(path)
        _read.clear()
        _read[stamp] = values
    return _read[stamp]


def _parse(path: Path) -> Mapping[str, str]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            from dotenv import dotenv_values

            return {name: value for name, value in dotenv_values(stream=file).items() if value is not None}
    except (OSError, ValueError, RecursionError) as error:  # whose text may quote a line of it
        logger.warning("%s is not used: it cannot be read (%s)", path, type(error).__name__)
        return {}
