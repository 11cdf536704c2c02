"""Decides what a run does next. It is told what happened and answers with commands; it does nothing itself.

Nodes are numbers of the run's `ExecutionPlan`. A node starts the moment its own inputs are there and a slot is free;
those that wait for a slot start in the order in which they became ready. Only running nodes hold a slot.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.core.states import NodeState, RunStatus
from graphbit_nb.errors import GraphbitError

if TYPE_CHECKING:
    from graphbit_nb.graph.plan import ExecutionPlan

PENDING, READY, RUNNING, RETRYING = NodeState.PENDING, NodeState.READY, NodeState.RUNNING, NodeState.RETRYING
SUCCEEDED, FAILED, SKIPPED, CANCELLED = (
    NodeState.SUCCEEDED,
    NodeState.FAILED,
    NodeState.SKIPPED,
    NodeState.CANCELLED,
)

TRANSITIONS: dict[NodeState, frozenset[NodeState]] = {
    PENDING: frozenset({READY, RUNNING, SKIPPED, CANCELLED}),
    READY: frozenset({RUNNING, CANCELLED}),
    RUNNING: frozenset({SUCCEEDED, FAILED, RETRYING, CANCELLED}),
    RETRYING: frozenset({RUNNING, SUCCEEDED, FAILED, CANCELLED}),  # succeeded: by its fallback, when time is up
    SUCCEEDED: frozenset(),
    FAILED: frozenset(),
    SKIPPED: frozenset(),
    CANCELLED: frozenset(),
}
"""Every move that a node can make in a run."""


class IllegalTransitionError(GraphbitError):
    """A node was told to do what it cannot do from where it is. A fault of ours; the message tells the node's story."""


# ---- what the scheduler is told ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Succeeded:
    """The node has its output."""

    node: int


@dataclass(slots=True)
class Failed:
    """The node ended with an error."""

    node: int


@dataclass(slots=True)
class Stopped:
    """The node's task ended because it was interrupted."""

    node: int


@dataclass(slots=True)
class Delayed:
    """The node waits before its next attempt and gives its slot back."""

    node: int


@dataclass(slots=True)
class Due:
    """The node's wait is over; it wants a slot again."""

    node: int


@dataclass(slots=True)
class CancelNode:
    """Somebody cancelled one node."""

    node: int


@dataclass(slots=True)
class CancelRun:
    """Somebody cancelled the run."""


Stimulus = Succeeded | Failed | Stopped | Delayed | Due | CancelNode | CancelRun


# ---- what it answers ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Start:
    """Start the node's work."""

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
    """Cancel the node's task; it is told as `Stopped`, or as whatever else it ends with."""

    node: int


@dataclass(slots=True)
class Finish:
    """Every node has ended."""

    status: RunStatus


Command = Start | Enqueue | Resume | Skip | Cancel | Interrupt | Finish


class Scheduler:
    """The state of one run, and the rules by which it goes on.

    Args:
        plan: The nodes of the run.
        max_concurrency: Number of slots.
        fail_fast: Whether the first failure stops the run.
    """

    def __init__(self, plan: ExecutionPlan, *, max_concurrency: int, fail_fast: bool = False) -> None:
        self.plan = plan
        self.states: list[NodeState] = [PENDING] * len(plan.names)
        self.running = 0
        self._slots = max_concurrency
        self._fail_fast = fail_fast
        self._waits_for = [len(before) for before in plan.predecessors]
        self._unfinished = len(plan.names)
        self._ready: deque[int] = deque()
        self._due: deque[int] = deque()
        self._why_stopping: str | None = None
        self._cancelled = False
        self._commands: list[Command] = []
        self._tell = {
            Succeeded: self._succeeded,
            Failed: self._failed,
            Stopped: self._stopped,
            Delayed: self._delayed,
            Due: self._is_due,
            CancelNode: self._cancel_node,
            CancelRun: self._cancel_run,
        }

    def start(self) -> list[Command]:
        """Begin: return the commands for the nodes that wait for nothing."""
        for node in self.plan.roots:
            self._become_ready(node)
        return self._answer()

    def handle(self, stimulus: Stimulus) -> list[Command]:
        """Take in what happened and return what is to be done, in order.

        Raises:
            IllegalTransitionError: that cannot have happened.
        """
        self._tell[type(stimulus)](stimulus)  # type: ignore[operator]
        return self._answer()

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        if self._unfinished:
            return RunStatus.RUNNING
        if self._cancelled:
            return RunStatus.CANCELLED
        if FAILED in self.states:
            return RunStatus.FAILED
        return RunStatus.CANCELLED if CANCELLED in self.states else RunStatus.SUCCEEDED

    def _answer(self) -> list[Command]:
        self._fill_slots()
        commands, self._commands = self._commands, []
        if not self._unfinished:
            commands.append(Finish(self.status))
        return commands

    # ---- moves

    def _move(self, node: int, to: NodeState) -> None:
        state = self.states[node]
        if to not in TRANSITIONS[state]:
            name = self.plan.names[node]
            raise IllegalTransitionError(
                f"{name} cannot go from {state} to {to} (running {self.running} of {self._slots}, "
                f"{self._unfinished} of {len(self.states)} unfinished, {self._waits_for[node]} inputs missing)"
            )
        if state is RUNNING:
            self.running -= 1
        if to is RUNNING:
            self.running += 1
        self.states[node] = to

    def _become_ready(self, node: int) -> None:
        if self.running < self._slots and not self._ready and not self._due:
            self._move(node, RUNNING)
            self._commands.append(Start(node))
        else:
            self._move(node, READY)
            self._ready.append(node)
            self._commands.append(Enqueue(node))

    def _fill_slots(self) -> None:
        while self.running < self._slots and (self._due or self._ready):
            if self._due:
                node = self._due.popleft()
                if self.states[node] is RETRYING:
                    self._move(node, RUNNING)
                    self._commands.append(Resume(node))
            else:
                node = self._ready.popleft()
                if self.states[node] is READY:
                    self._move(node, RUNNING)
                    self._commands.append(Start(node))

    # ---- what happened

    def _succeeded(self, told: Succeeded) -> None:
        self._move(told.node, SUCCEEDED)
        self._unfinished -= 1
        # Nodes that were waiting for a slot before come first, so that ready means first come, first served.
        self._fill_slots()
        for follower in self.plan.successors[told.node]:
            self._waits_for[follower] -= 1
            if not self._waits_for[follower] and self.states[follower] is PENDING:
                self._become_ready(follower)

    def _failed(self, told: Failed) -> None:
        self._move(told.node, FAILED)
        self._unfinished -= 1
        self._skip_followers(told.node, "failed")
        if self._fail_fast and self._why_stopping is None:
            self._stop_everything(f"the run stopped when {self.plan.names[told.node]} failed")

    def _stopped(self, told: Stopped) -> None:
        self._move(told.node, CANCELLED)
        self._unfinished -= 1
        self._commands.append(Cancel(told.node, self._why_stopping or "cancelled"))
        self._skip_followers(told.node, "was cancelled")

    def _delayed(self, told: Delayed) -> None:
        self._move(told.node, RETRYING)

    def _is_due(self, told: Due) -> None:
        if self.states[told.node] is not RETRYING:
            raise IllegalTransitionError(f"{self.plan.names[told.node]} is {self.states[told.node]}, not retrying")
        self._due.append(told.node)

    def _cancel_node(self, told: CancelNode) -> None:
        state = self.states[told.node]
        if state in (RUNNING, RETRYING):
            self._commands.append(Interrupt(told.node))
        elif state in (PENDING, READY):
            self._end_unstarted(told.node, "cancelled")
            self._skip_followers(told.node, "was cancelled")

    def _cancel_run(self, _: CancelRun) -> None:
        self._cancelled = self._cancelled or bool(self._unfinished)
        self._stop_everything("the run was cancelled")

    def _stop_everything(self, reason: str) -> None:
        self._why_stopping = self._why_stopping or reason
        for node, state in enumerate(self.states):
            if state in (PENDING, READY):
                self._end_unstarted(node, reason)
            elif state in (RUNNING, RETRYING):
                self._commands.append(Interrupt(node))
        self._ready.clear()
        self._due.clear()

    def _end_unstarted(self, node: int, reason: str) -> None:
        self._move(node, CANCELLED)
        self._unfinished -= 1
        self._commands.append(Cancel(node, reason))

    def _skip_followers(self, node: int, what: str) -> None:
        stack = [(node, what)]
        while stack:
            cause, why = stack.pop()
            for follower in self.plan.successors[cause]:
                if self.states[follower] is PENDING:
                    self._move(follower, SKIPPED)
                    self._unfinished -= 1
                    self._commands.append(Skip(follower, f"needs {self.plan.names[cause]}, which {why}"))
                    stack.append((follower, "was skipped"))
