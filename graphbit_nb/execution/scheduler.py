"""Decides what a run does next. It is told what happened and answers with commands; it does nothing itself.

Nodes are numbers: first those of the run's `ExecutionPlan`, then those that composite nodes open into. A node starts
the moment its own inputs are there and a slot is free; those that wait for a slot start in the order in which they
became ready. Only running leaves hold a slot: composite, waiting and retry-delayed nodes hold none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphbit_nb.core.states import FINAL_STATES, NodeState, RunStatus
from graphbit_nb.errors import GraphbitError
from graphbit_nb.execution.commands import Ask, Cancel, Collect, Enqueue, Finish, Interrupt, Open, Resume, Skip, Start
from graphbit_nb.execution.slots import Slots
from graphbit_nb.execution.stimuli import (
    CancelNode,
    CancelRun,
    Delayed,
    Due,
    Expanded,
    Expire,
    ExpireRun,
    Failed,
    Stopped,
    Succeeded,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from graphbit_nb.execution.commands import Command
    from graphbit_nb.execution.stimuli import Stimulus
    from graphbit_nb.graph.plan import ExecutionPlan

PENDING, READY, RUNNING, RETRYING, WAITING = (
    NodeState.PENDING, NodeState.READY, NodeState.RUNNING, NodeState.RETRYING, NodeState.WAITING,
)  # fmt: skip
SUCCEEDED, CACHED, FAILED, SKIPPED, CANCELLED = (
    NodeState.SUCCEEDED, NodeState.CACHED, NodeState.FAILED, NodeState.SKIPPED, NodeState.CANCELLED,
)  # fmt: skip

TRANSITIONS: dict[NodeState, frozenset[NodeState]] = {
    PENDING: frozenset({READY, RUNNING, WAITING, SKIPPED, CANCELLED}),
    READY: frozenset({RUNNING, CANCELLED}),
    RUNNING: frozenset({SUCCEEDED, CACHED, FAILED, RETRYING, CANCELLED}),
    RETRYING: frozenset({RUNNING, SUCCEEDED, FAILED, CANCELLED}),  # succeeded: by its fallback, when time is up
    WAITING: frozenset({SUCCEEDED, FAILED, CANCELLED}),
    SUCCEEDED: frozenset(),
    CACHED: frozenset(),
    FAILED: frozenset(),
    SKIPPED: frozenset(),
    CANCELLED: frozenset(),
}
"""Every move that a node can make in a run."""


class IllegalTransitionError(GraphbitError):
    """A node was told to do what it cannot do from where it is. A fault of ours; the message tells the node's story."""


class Scheduler:
    """The state of one run, and the rules by which it goes on.

    Args:
        plan: The nodes of the run.
        max_concurrency: Number of slots.
        fail_fast: Whether the first failure stops the run.
        limits: Room of each group: how many of its members may run at the same time.
        known: Nodes whose result is there already; they are opened, and hold no slot.

    Attributes:
        states: State of each node.
        names: What each node is called, for reasons.
    """

    def __init__(
        self,
        plan: ExecutionPlan,
        *,
        max_concurrency: int,
        fail_fast: bool = False,
        limits: Mapping[str, int] | None = None,
        known: Collection[int] = (),
    ) -> None:
        self.plan = plan
        self.states: list[NodeState] = [PENDING] * len(plan.names)
        self.names: list[str] = list(plan.names)
        self._slots = Slots(max_concurrency, limits or {}, self._is_waiting)
        self._fail_fast = fail_fast
        self._successors: list[tuple[int, ...]] = list(plan.successors)
        self._waits_for = [len(before) for before in plan.predecessors]
        self._branches: dict[int, Mapping[int, frozenset[str]]] = dict(plan.branches)
        self._any_joins = set(plan.any_joins)
        self._reached: set[int] = set()  # joins of any edge to which one has been taken
        self._people = plan.people.difference(known)
        self._slotless = {*plan.composites, *self._people, *known}
        self._parents: dict[int, int] = {}
        self._inside: dict[int, list[range]] = {}
        self._open: dict[int, int] = {}  # composite -> nodes inside that have not ended
        self._lenient: set[int] = set()  # composites in which a failure does not stop a run that fails fast
        self._stopping: dict[int, str] = {}  # composites told to stop, and why
        self._ending: set[int] = set()  # those of them that will be cancelled; the others are collected
        self._unfinished = len(plan.names)
        self._busy = 0
        self._waiting = 0
        self._why_stopping: str | None = None
        self._cancelled = False
        self._has_failed = False
        self._commands: list[Command] = []
        self._tell = {
            Succeeded: self._succeeded,
            Failed: self._failed,
            Stopped: self._stopped,
            Delayed: self._delayed,
            Due: self._is_due,
            Expanded: self._expanded,
            Expire: self._expire,
            CancelNode: self._cancel_node,
            CancelRun: self._cancel_run,
            ExpireRun: self._expire_run,
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

    def decides(self, node: int) -> bool:
        """Whether other nodes run only for some of this one's labels."""
        return node in self._branches

    def limit(self, group: str, room: int) -> None:
        """Say how many members of a new group may run at the same time."""
        self._slots.limit(group, room)

    def join_groups(self, groups: Mapping[int, tuple[str, ...]]) -> None:
        """Say which groups nodes belong to, before they begin."""
        self._slots.groups.update(groups)

    @property
    def running(self) -> int:
        """Number of leaves that hold a slot."""
        return self._slots.running

    @property
    def status(self) -> RunStatus:
        """Where the run stands."""
        if self._unfinished:
            return RunStatus.WAITING if self._waiting and not self._busy else RunStatus.RUNNING
        if self._cancelled:
            return RunStatus.CANCELLED
        # What failed inside a composite that could do without it has not failed the run.
        top = self.states[: len(self.plan.names)]
        if self._has_failed or FAILED in top:
            return RunStatus.FAILED
        return RunStatus.CANCELLED if CANCELLED in top else RunStatus.SUCCEEDED

    def _answer(self) -> list[Command]:
        self._fill_slots()
        commands, self._commands = self._commands, []
        if not self._unfinished:
            commands.append(Finish(self.status, self._why_stopping))
        return commands

    # ---- moves

    def _move(self, node: int, to: NodeState) -> None:
        state = self.states[node]
        if to not in TRANSITIONS[state]:
            raise IllegalTransitionError(
                f"{self.names[node]} cannot go from {state} to {to} (running {self.running} of {self._slots.count}, "
                f"{self._unfinished} of {len(self.states)} unfinished, {self._waits_for[node]} inputs missing)"
            )
        self.states[node] = to
        if node not in self._slotless:
            if to is RUNNING:
                self._slots.running += 1
                self._busy += state is PENDING
            elif state is RUNNING:
                self._slots.running -= 1
                self._busy -= to is not RETRYING
            elif to is READY:
                self._busy += 1
            elif state is not PENDING:
                self._busy -= 1
        elif node in self._people:
            self._waiting += (to is WAITING) - (state is WAITING)
        if node in self._slots.groups and (change := (to is RUNNING) - (state is RUNNING)):
            self._slots.occupy(node, change)

    def _become_ready(self, node: int) -> None:
        if node in self._people:
            self._move(node, WAITING)
            self._commands.append(Ask(node))
        elif node in self._slotless:
            if self._slots.have_room_for(node):
                self._move(node, RUNNING)
                self._commands.append(Open(node))
            else:
                self._slots.park(node)
        elif self._slots.are_free_for(node):
            self._move(node, RUNNING)
            self._commands.append(Start(node))
        else:
            self._move(node, READY)
            self._slots.enqueue(node)
            self._commands.append(Enqueue(node))

    def _is_waiting(self, node: int) -> bool:
        """Whether a node that was queued still wants to run."""
        state = self.states[node]
        return state is READY or state is RETRYING or (state is PENDING and node in self._slotless)

    def _fill_slots(self) -> None:
        while (node := self._slots.next()) is not None:
            if node in self._slotless:
                self._become_ready(node)
                continue
            is_back = self.states[node] is RETRYING
            self._move(node, RUNNING)
            self._commands.append(Resume(node) if is_back else Start(node))

    # ---- what happened

    def _succeeded(self, told: Succeeded) -> None:
        node = told.node
        self._move(node, CACHED if told.is_cached else SUCCEEDED)
        self._end(node)
        # Nodes that were waiting for a slot before come first, so that ready means first come, first served.
        self._fill_slots()
        branches = self._branches.get(node)
        for follower in self._successors[node]:
            if branches is not None and follower in branches and told.label not in branches[follower]:
                wanted = " or ".join(map(repr, sorted(branches[follower])))
                self._miss(follower, f"{self.names[node]} gave {told.label!r}, not {wanted}")
                continue
            self._waits_for[follower] -= 1
            if self._any_joins:
                self._reached.add(follower)
            if not self._waits_for[follower] and self.states[follower] is PENDING:
                self._become_ready(follower)

    def _failed(self, told: Failed) -> None:
        node = told.node
        self._move(node, FAILED)
        self._end(node)
        self._pass_on(node, "failed")
        if self._fail_fast and self._why_stopping is None and not self._is_contained(node):
            self._has_failed = True
            # What the node is inside of fails with it; everything else is cancelled.
            self._stop_everything(f"the run stopped when {self.names[node]} failed", spared=self._around(node))

    def _stopped(self, told: Stopped) -> None:
        self._cancel(told.node, told.reason or self._reason_for(told.node) or "cancelled")
        self._pass_on(told.node, "was cancelled")

    def _delayed(self, told: Delayed) -> None:
        self._move(told.node, RETRYING)

    def _is_due(self, told: Due) -> None:
        if self.states[told.node] is not RETRYING:
            raise IllegalTransitionError(f"{self.names[told.node]} is {self.states[told.node]}, not retrying")
        self._slots.enqueue(told.node, again=True)

    def _expanded(self, told: Expanded) -> None:
        node, plan = told.node, told.plan
        if self.states[node] is not RUNNING:
            raise IllegalTransitionError(f"{self.names[node]} is {self.states[node]} and cannot open into others")
        base, count = len(self.states), len(plan.names)
        numbers = range(base, base + count)
        self.states += [PENDING] * count
        self.names += plan.names
        self._successors += [tuple(base + follower for follower in followers) for followers in plan.successors]
        self._waits_for += map(len, plan.predecessors)
        self._any_joins.update(base + joining for joining in plan.any_joins)
        for source, targets in plan.branches.items():
            self._branches[base + source] = {base + target: labels for target, labels in targets.items()}
        people = frozenset(base + local for local in plan.people if local not in told.known)
        self._people |= people
        self._slotless |= people
        self._slotless.update(base + local for local in (*plan.composites, *told.known))
        self.join_groups({base + local: groups for local, groups in told.groups.items()})
        self._parents.update(dict.fromkeys(numbers, node))
        self._inside.setdefault(node, []).append(numbers)
        self._open[node] = count
        self._unfinished += count
        if told.is_lenient:
            self._lenient.add(node)
        if node in self._stopping:  # it was told to stop while it was about to open
            self._stop_inside(node, self._stopping[node], ends=node in self._ending)
        else:
            for local in plan.roots:
                self._become_ready(base + local)
        if not count:
            self._close(node)

    def _expire(self, told: Expire) -> None:
        if self.states[told.node] is RUNNING:
            self._stop_inside(told.node, told.reason, ends=False)

    def _cancel_node(self, told: CancelNode) -> None:
        node, state = told.node, self.states[told.node]
        if state is RUNNING and node in self._slotless:
            self._stop_inside(node, "cancelled", ends=True)
        elif state in (RUNNING, RETRYING):
            self._commands.append(Interrupt(node))
        elif state in (PENDING, READY, WAITING):
            self._cancel(node, "cancelled")
            self._pass_on(node, "was cancelled")

    def _cancel_run(self, _: CancelRun) -> None:
        self._cancelled = self._cancelled or bool(self._unfinished)
        self._stop_everything("the run was cancelled")

    def _expire_run(self, told: ExpireRun) -> None:
        self._has_failed = self._has_failed or bool(self._unfinished)
        self._stop_everything(told.reason, is_expired=True)

    # ---- ends

    def _end(self, node: int) -> None:
        self._unfinished -= 1
        if node in self._parents:
            parent = self._parents[node]
            self._open[parent] -= 1
            if not self._open[parent]:
                self._close(parent)

    def _close(self, composite: int) -> None:
        """Every node inside has ended."""
        if composite in self._ending:
            self._cancel(composite, self._stopping[composite])
            self._pass_on(composite, "was cancelled")
        else:
            self._commands.append(Collect(composite))

    def _cancel(self, node: int, reason: str) -> None:
        self._commands.append(Cancel(node, reason))  # told before whatever takes its room
        self._move(node, CANCELLED)
        self._end(node)

    def _skip(self, node: int, reason: str) -> None:
        self._move(node, SKIPPED)
        self._commands.append(Skip(node, reason))
        self._end(node)

    def _miss(self, node: int, reason: str) -> None:
        """An edge that leads to the node was not taken: skip it, unless it joins edges and another one was."""
        stack = [(node, reason)]
        while stack:
            node, reason = stack.pop()
            if self.states[node] is not PENDING:
                continue
            if node in self._any_joins:
                self._waits_for[node] -= 1
                if self._waits_for[node]:
                    continue
                if node in self._reached:
                    self._become_ready(node)
                    continue
                reason = "no edge that leads here was taken"
            self._skip(node, reason)
            stack += [(follower, f"needs {self.names[node]}, which was skipped") for follower in self._successors[node]]

    def _pass_on(self, node: int, what: str) -> None:
        """Skip whatever needs a node that will never have an output, joins of any edge as well."""
        stack = [(node, what)]
        while stack:
            cause, why = stack.pop()
            for follower in self._successors[cause]:
                if self.states[follower] is PENDING:
                    self._skip(follower, f"needs {self.names[cause]}, which {why}")
                    stack.append((follower, "was skipped"))

    # ---- stopping

    def _stop_everything(self, reason: str, *, spared: Collection[int] = (), is_expired: bool = False) -> None:
        self._why_stopping = self._why_stopping or reason
        self._slots.clear()
        for node in range(len(self.states)):
            if node in spared:
                self._stopping.setdefault(node, reason)
            else:
                self._stop(node, reason, is_expired=is_expired)

    def _stop_inside(self, composite: int, reason: str, *, ends: bool) -> None:
        """Stop what is inside a composite; it is cancelled itself then, or collected."""
        self._stopping.setdefault(composite, reason)
        if ends:
            self._ending.add(composite)
        inside = [node for numbers in self._inside.get(composite, ()) for node in numbers]
        # Who has not begun goes first, so that nobody takes the room of those that end.
        for node in sorted(inside, key=lambda node: self.states[node] in (RUNNING, RETRYING)):
            if self.states[node] is RUNNING and node in self._slotless:
                self._stop_inside(node, reason, ends=True)
            else:
                self._stop(node, reason)

    def _stop(self, node: int, reason: str, *, is_expired: bool = False) -> None:
        state = self.states[node]
        if state in (PENDING, READY, WAITING):
            self._cancel(node, reason)
        elif state is RUNNING and node in self._slotless:
            self._stopping.setdefault(node, reason)
            if not is_expired:  # else it fails with what fails inside
                self._ending.add(node)
        elif state not in FINAL_STATES:
            self._commands.append(Interrupt(node, reason if is_expired else None))

    def _reason_for(self, node: int) -> str | None:
        for composite in self._around(node):
            if composite in self._stopping:
                return self._stopping[composite]
        return self._why_stopping

    def _is_contained(self, node: int) -> bool:
        """Whether a composite around the node can do without it."""
        return not self._lenient.isdisjoint(self._around(node))

    def _around(self, node: int) -> list[int]:
        """Return the composites that the node is inside of, innermost first."""
        found = []
        while node in self._parents:
            node = self._parents[node]
            found.append(node)
        return found
