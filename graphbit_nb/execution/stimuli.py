"""What the scheduler is told: the things that happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.graph.plan import ExecutionPlan


@dataclass(slots=True)
class Succeeded:
    """The node has its output; `label` is what it stands for where other nodes are chosen by it."""

    node: int
    label: str | None = None
    is_cached: bool = False


@dataclass(slots=True)
class Failed:
    """The node ended with an error."""

    node: int


@dataclass(slots=True)
class Stopped:
    """The node ended because it was interrupted, or because what is inside it was."""

    node: int
    reason: str | None = None


@dataclass(slots=True)
class Delayed:
    """The node waits before its next attempt and gives its slot back."""

    node: int


@dataclass(slots=True)
class Due:
    """The node's wait is over; it wants a slot again."""

    node: int


@dataclass(slots=True)
class Expanded:
    """A composite node opens into the nodes of `plan`.

    They get the next numbers. `groups` and `known` are by their numbers in `plan`. In a lenient composite a failure
    does not stop a run that fails fast.
    """

    node: int
    plan: ExecutionPlan
    groups: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    known: frozenset[int] = frozenset()
    is_lenient: bool = False


@dataclass(slots=True)
class Expire:
    """A composite node's time is up: what is inside is stopped, and then it is collected."""

    node: int
    reason: str


@dataclass(slots=True)
class CancelNode:
    """Somebody cancelled one node."""

    node: int


@dataclass(slots=True)
class CancelRun:
    """Somebody cancelled the run."""


@dataclass(slots=True)
class ExpireRun:
    """The run's time is up."""

    reason: str


Stimulus = Succeeded | Failed | Stopped | Delayed | Due | Expanded | Expire | CancelNode | CancelRun | ExpireRun
