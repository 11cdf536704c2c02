"""What the scheduler answers: the things to do, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphbit_nb.core.states import RunStatus


@dataclass(slots=True)
class Start:
    """Start the node's work."""

    node: int


@dataclass(slots=True)
class Open:
    """Open a composite node into others, or take the result of one that is known."""

    node: int


@dataclass(slots=True)
class Collect:
    """Everything inside a composite node has ended: say what became of it, or open it again."""

    node: int


@dataclass(slots=True)
class Ask:
    """Ask a person."""

    node: int


@dataclass(slots=True)
class Enqueue:
    """The node is ready and waits for a slot."""

    node: int


@dataclass(slots=True)
class Resume:
    """The node has its slot again."""

    node: int


@dataclass(slots=True)
class Skip:
    """The node will not run, for this reason."""

    node: int
    reason: str


@dataclass(slots=True)
class Cancel:
    """The node is cancelled, for this reason."""

    node: int
    reason: str


@dataclass(slots=True)
class Interrupt:
    """Cancel the node's task; it is told as `Stopped`, or as whatever else it ends with.

    With `expired`, the reason why there is no time left, the node fails for it.
    """

    node: int
    expired: str | None = None


@dataclass(slots=True)
class Finish:
    """Every node has ended; `reason` says why the run was stopped, if it was."""

    status: RunStatus
    reason: str | None = None


Command = Start | Open | Collect | Ask | Enqueue | Resume | Skip | Cancel | Interrupt | Finish
