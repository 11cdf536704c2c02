"""How a run is run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphbit_nb.core.limits import DEFAULT_LIMITS, InputLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphbit_nb.core.screening import ContentPolicy
    from graphbit_nb.execution.memory import NodeMemory

GRACE = 2.0  # seconds that a node which is told to stop has to end


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is run.

    Attributes:
        max_concurrency: Number of slots.
        fail_fast: Whether the first failure stops the run.
        provider_limits: For each provider, how many nodes that ask it may work at the same time.
        deadline: Seconds that the run may take; while a person is waited for they do not count.
        answers: Answers of persons that are known beforehand, by node; by a path without numbers for all of its items
            and iterations.
        pinned: Outputs of nodes that are not run, by name.
        cancels: Nodes that are cancelled as soon as the run begins, or as they come to be.
        memory: What was computed before, and is not computed again; None remembers nothing.
        unkept: Why the run is not written down, if it should be.
        parks: Whether the run returns when a person is all that it waits for.
        echoes: Whether what nodes print is printed as well as kept.
        limits: How large things may be.
        content: What looks at prompts, answers and what tools give; None looks at nothing.
        grace: Seconds that a node which is told to stop has to end; then the run goes on without it.
    """

    max_concurrency: int = 64
    fail_fast: bool = False
    provider_limits: Mapping[str, int] = field(default_factory=dict)
    deadline: float | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    pinned: Mapping[str, Any] = field(default_factory=dict)
    cancels: frozenset[str] = frozenset()
    memory: NodeMemory | None = None
    unkept: str | None = None
    parks: bool = False
    echoes: bool = False
    limits: InputLimits = DEFAULT_LIMITS
    content: ContentPolicy | None = None
    grace: float = GRACE
