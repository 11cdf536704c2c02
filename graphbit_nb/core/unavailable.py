"""What stands for a value that could not be kept, or cannot be made again, and why."""

from __future__ import annotations

from typing import Any

from graphbit_nb.errors import StorageError


class CannotKeepError(StorageError):
    """A value cannot be kept on disk exactly.

    Attributes:
        reason: Why.
        type: What is there.
        path: Where in the value, such as ``"['rows'][3]"``; empty for the value itself.
    """

    def __init__(self, reason: str, type: str, path: str = "") -> None:  # noqa: A002 (the attribute's name)
        self.reason = reason
        self.type = type
        self.path = path
        place = path if len(path) <= 80 else f"{path[:79]}…"
        super().__init__(f"at {place}: {reason}" if path else reason)


class Refusal(Exception):  # noqa: N818 (never leaves `core.encoding`)
    """Something in a value cannot be kept; `is_final` if the whole cannot either."""

    def __init__(self, why: str, type_name: str, *, is_final: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.type_name = type_name
        self.is_final = is_final
        self._steps: list[str] = []

    def inside(self, step: str) -> None:
        """Say what it is inside of."""
        self._steps.append(step)

    @property
    def path(self) -> str:
        """Where it is."""
        return "".join(reversed(self._steps))


class Unavailable:
    """Stands for a value that is not there. It can be kept again, and prints what is known.

    Attributes:
        type: Name of what it was.
        reason: Why it is not there.
        data: What was kept of it.
    """

    __slots__ = ("data", "reason", "type")

    def __init__(self, type: str, data: Any, reason: str) -> None:  # noqa: A002 (the attribute's name)
        self.type = type
        self.data = data
        self.reason = reason

    @property
    def text(self) -> str:
        """How it looked, if that is known."""
        text = self.data.get("text") if isinstance(self.data, dict) else None
        return text if isinstance(text, str) else ""

    def __repr__(self) -> str:
        return f"<{self.type} is not available: {self.reason}>"

    def __str__(self) -> str:
        return self.text or repr(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unavailable) and (self.type, self.data) == (other.type, other.data)

    def __hash__(self) -> int:
        return hash(self.type)
