"""Where log lines go: a stream, or a file that is kept from growing without end."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphbit_nb.errors import UsageError

if TYPE_CHECKING:
    from io import TextIOWrapper

MOST = 20_000_000  # bytes, after which a file is put aside, in the place of the one before it


class LogFile:
    """A file that lines are added to. When it has grown too large it becomes ``NAME.1``, and a new one is begun.

    Args:
        path: Where it is; directories are made.
        most: Bytes that it may have.

    Raises:
        UsageError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], most: int = MOST) -> None:
        self.path = Path(path).expanduser().absolute()
        self._most = most
        self._lock = threading.Lock()
        self._size = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._opened()
        except OSError as error:
            raise UsageError(f"log_file={str(self.path)!r} cannot be written: {error.strerror or error}") from None

    def write(self, text: str) -> int:
        """Add a text, which is whole lines."""
        data = len(text.encode("utf-8", "replace"))
        with self._lock:
            if self._size and self._size + data > self._most:
                self._file.close()
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
                self._file = self._opened()
            self._size += data
            return self._file.write(text)

    def flush(self) -> None:
        """Lines are written at once; there is nothing to be flushed."""

    def close(self) -> None:
        """Give the file back."""
        with self._lock:
            self._file.close()

    def _opened(self) -> TextIOWrapper:
        number = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # it may tell of prompts
        file = os.fdopen(number, "a", encoding="utf-8", errors="replace", buffering=1)
        self._size = os.fstat(number).st_size
        return file


def is_writable(stream: Any) -> bool:
    """Whether something is a stream that takes text."""
    return callable(getattr(stream, "write", None)) and not isinstance(stream, str | os.PathLike)
