"""The states of a node and of a run, and which states end them."""

from __future__ import annotations

from enum import StrEnum


class NodeState(StrEnum):
    """Where a node stands in one run."""

    PENDING = "pending"  # some input is not there yet
    READY = "ready"  # every input is there, no slot is free
    RUNNING = "running"
    RETRYING = "retrying"  # waits for its next attempt, holds no slot
    WAITING = "waiting"  # waits for a person, holds no slot
    SUCCEEDED = "succeeded"
    CACHED = "cached"  # succeeded without a call
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the node will not change any more in this run."""
        return self in FINAL_STATES

    @property
    def has_output(self) -> bool:
        """Whether a successor may read the node's output."""
        return self is NodeState.SUCCEEDED or self is NodeState.CACHED


FINAL_STATES: frozenset[NodeState] = frozenset(
    {NodeState.SUCCEEDED, NodeState.CACHED, NodeState.FAILED, NodeState.SKIPPED, NodeState.CANCELLED}
)


class RunStatus(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    WAITING = "waiting"  # nothing is left to do until a person answers
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the run has ended."""
        return self not in (RunStatus.RUNNING, RunStatus.WAITING)
