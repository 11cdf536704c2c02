"""Files that only their owner may read: checked before they are read, replaced whole, never through a symbolic link."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
from typing import TYPE_CHECKING

from graphbit_nb.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LARGEST = 1024 * 1024
PATIENCE = 10.0
"""Seconds that another process may hold the lock."""

_FLAGS = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NONBLOCK", 0)  # so that a pipe is refused instead of waited for
)
_LINKS = (errno.ELOOP, getattr(errno, "EMLINK", errno.ELOOP), getattr(errno, "EFTYPE", errno.ELOOP))

Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp | None:
    """Return what changes whenever the file is replaced; None when there is none.

    Raises:
        StorageError: it cannot be looked at.
    """
    try:
        told = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    return told.st_ino, told.st_mtime_ns, told.st_ctime_ns, told.st_size


def read_private(path: Path) -> bytes | None:
    """Return what is in the file; None when there is none.

    Raises:
        StorageError: it is a link, no file, too large, somebody else's, or open to others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in _LINKS:
            raise StorageError(f"{path} is a symbolic link, which is not followed; name the file itself") from None
        raise _unreadable(path, error) from None
    try:
        _check(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(descriptor)
    if len(content) > LARGEST:
        raise StorageError(f"{path} holds more than {LARGEST:,} bytes; that is no file of graphbit_nb's keys")
    return content


def write_private(path: Path, content: bytes) -> None:
    """Put a file there, whole or not at all, that its owner alone can read.

    Raises:
        StorageError: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        made_directory(path.parent)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise
        _settle(path.parent)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror or error}") from None


def made_directory(path: Path) -> None:
    """Make the directory for its owner alone, unless it is there. Raises `OSError`."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def locked(
    path: Path,
    *,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Keep other processes and threads that ask for the same lock out, as long as the context is open.

    Args:
        path: The file to lock; another one, beside it, carries the lock.
        patience: Seconds to wait for somebody else.
        clock: Says the time.
        sleep: Waits.

    Raises:
        StorageError: somebody else holds it too long, or it cannot be had.
    """
    beside = path.with_name(f"{path.name}.lock")
    try:
        made_directory(path.parent)
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
    except (OSError, ValueError) as error:
        raise StorageError(f"{beside} cannot be made: {_said(error)}") from None
    try:
        until = clock() + patience
        while not _is_taken(descriptor, beside):
            if clock() >= until:
                raise StorageError(f"{path} was locked by another process for more than {patience:g} s; end that one")
            sleep(0.05)
        yield
    finally:
        os.close(descriptor)  # which gives the lock back


def _is_taken(descriptor: int, beside: Path) -> bool:
    """Take the lock if nobody has it, and say whether that went well."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise StorageError(f"{beside} cannot be locked: {error.strerror or error}") from None
    return True


def _check(path: Path, told: os.stat_result) -> None:
    if not stat.S_ISREG(told.st_mode):
        raise StorageError(f"{path} is no file; name another place with GRAPHBIT_KEYS")
    if not hasattr(os, "geteuid"):
        return  # where a user's own directory is closed to others, and bits say nothing
    if told.st_uid != os.geteuid():
        raise StorageError(f"{path} belongs to another user, and so is not used; name your own with GRAPHBIT_KEYS")
    if told.st_mode & 0o077:
        mode = f"{stat.S_IMODE(told.st_mode):o}"
        raise StorageError(
            f"{path} is open to other users (mode {mode}), and so is not used; close it with `chmod 600`, and if "
            "anybody may have read it, ask the providers for new keys"
        )


def _settle(directory: Path) -> None:
    """Have the new name reach the disk, where directories can be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _unreadable(path: Path, error: Exception) -> StorageError:
    return StorageError(f"{path} cannot be read: {_said(error)}")


def _said(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
