"""Which process wrote a run, and whether it is still there."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told apart from others that had or will have its number.

    Attributes:
        host: Name of the machine.
        pid: Its number there.
        born: When it began, as the system counts; empty when that is not known.
    """

    host: str
    pid: int
    born: str

    @property
    def is_gone(self) -> bool:
        """Whether it has ended. What runs on another machine cannot be known; it is taken to be there."""
        return self.host == platform.node() and _born(self.pid) not in (self.born, "")


def this_process() -> Process:
    """Return the process that asks."""
    return _this(os.getpid())


@lru_cache(maxsize=1)
def _this(pid: int) -> Process:
    return Process(platform.node(), pid, _born(pid) or "")


def _born(pid: int) -> str | None:
    """Return when a process began; None when there is none of that number, empty when nobody can say."""
    if pid <= 0:
        return None
    if _boot():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in ("Z", "X") else f"{_boot()}:{fields[19]}"
    try:
        import psutil  # comes with ipykernel
    except ImportError:
        return ""
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
    except psutil.Error:
        return ""


@lru_cache(maxsize=1)
def _boot() -> str:
    """Return the id of this start of the machine, on Linux."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
