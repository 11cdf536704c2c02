"""Keeps the compiled WebAssembly module between sessions: compiling takes a second, reading it back some milliseconds.

A compiled module is native code. It is read only from a directory and a file that belong to us and that nobody else
can write, and only if its digest is right. Whatever goes wrong, the answer is to do without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGEST = hashlib.sha256().digest_size


def directory() -> Path:
    """Return the folder for what can be made again."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "graphbit_nb" / "graphviz"


def load(key: str) -> bytes | None:
    """Return what was stored under `key`, or None when there is nothing that can be trusted."""
    try:
        path = _file(key)
        if not _ours(path.parent.lstat(), stat.S_ISDIR):
            return None
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as file:  # noqa: PTH123  # what was checked is what is read
            if not _ours(os.fstat(descriptor), stat.S_ISREG):
                return None
            content = file.read()
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    return body if body and hashlib.sha256(body).digest() == digest else None


def store(key: str, body: bytes) -> None:
    """Keep `body` under `key` for the next session, if there is a place for it."""
    try:
        path = _file(key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _ours(path.parent.lstat(), stat.S_ISDIR):
            return
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            with open(os.open(draft, flags, 0o600), "wb") as file:  # noqa: PTH123  # the mode is given at creation
                file.write(hashlib.sha256(body).digest() + body)
            draft.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                draft.unlink()
    except (OSError, RuntimeError):
        return


def _file(key: str) -> Path:
    return directory() / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.bin"


def _ours(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    """Whether a file or directory belongs to us and only we can write it."""
    if not is_kind(status.st_mode):
        return False
    if not hasattr(os, "geteuid"):  # Windows: the directory is in the user's own profile
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
