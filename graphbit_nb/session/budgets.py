"""What runs and this kernel may spend: their purses, and the accounts that a run's calls are put on."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from graphbit_nb.core.budget import Budget, read_budget, said
from graphbit_nb.errors import BudgetExceeded
from graphbit_nb.session.purse import NOTHING, Amount, Obstacle, Purse, Reservation, reserve

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from graphbit_nb.core.budget import Kind
    from graphbit_nb.core.node_snapshot import Attempt, NodeSnapshot
    from graphbit_nb.core.snapshot import RunSnapshot

MOST_RUNS = 32  # that are remembered, so that one which is resumed goes on with what it has spent

_FREE_FAILURES = frozenset({"BudgetExceeded", "CircuitOpenError", "ConfigurationError", "NotRecordedError"})


class _Kernel:
    """The one place where they are."""

    purse = Purse("this kernel")
    runs: ClassVar[OrderedDict[str, Accounts]] = OrderedDict()
    lock = threading.Lock()


class Accounts:
    """What the calls of one run are put on: the purse of the run, and that of the kernel.

    A call puts aside what it may cost, and waits where only calls under way are in the way of that. When there is not
    enough left even without them it is refused, and so is from then on every call of the run that costs anything of
    that kind: what the run has begun is finished, and nothing more is asked.

    Attributes:
        run: The purse of the run.
        kernel: The purse of the kernel.
        workflow: Name of the workflow.
        unpriced: Answers whose price is not known.
    """

    def __init__(self, run: Purse, kernel: Purse, workflow: str = "") -> None:
        self.run = run
        self.kernel = kernel
        self.workflow = workflow
        self.unpriced = 0
        self._refused: dict[Kind, Obstacle] = {}
        self._began = time.monotonic()

    @property
    def prices(self) -> Mapping[str, tuple[float, float]]:
        """The prices that users gave; those for the run go before those for the kernel."""
        ours, theirs = self.run.budget, self.kernel.budget
        return {**(theirs.prices if theirs is not None else {}), **(ours.prices if ours is not None else {})}

    def limits(self, kind: Kind) -> bool:
        """Whether there is a limit of this kind now."""
        return any(purse.budget is not None and purse.budget.limit(kind) is not None for purse in self._purses)

    async def hold(self, amount: Amount, what: str) -> Reservation:
        """Put aside what a call may cost.

        Args:
            amount: That.
            what: The call, as the error tells it.

        Raises:
            BudgetExceeded: there is not enough left.
        """
        held = self._try(amount, what)
        if isinstance(held, Reservation):
            return held
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(changed.set)
            except RuntimeError:  # the loop is closed, and whoever waited there is gone
                self._forget(changed)

        for purse in self._purses:
            purse.listen(changed, wake)
        try:
            while True:
                changed.clear()
                held = self._try(amount, what)
                if isinstance(held, Reservation):
                    return held
                await changed.wait()
        finally:
            self._forget(changed)

    def seconds_left(self) -> float | None:
        """Return how long the run may go on; None is any time. Raises `BudgetExceeded` when it is no time."""
        for purse in self._purses:
            if (found := purse.obstacle(Amount(seconds=1))) is not None:
                raise BudgetExceeded(_told(found, "going on"))
        return min((left for purse in self._purses if (left := purse.left("seconds")) is not None), default=None)

    def begin(self) -> None:
        """The run begins to take time."""
        self._began = time.monotonic()

    def end(self, waited: float = 0.0) -> None:
        """The run has ended, or waits; `waited` seconds of it were a person's."""
        taken = Amount.of(seconds=max(0.0, time.monotonic() - self._began - waited))
        for purse in self._purses:
            purse.spend(taken)

    @property
    def _purses(self) -> tuple[Purse, Purse]:
        return self.run, self.kernel

    def _try(self, amount: Amount, what: str) -> Reservation | Obstacle:
        for kind, first in self._refused.items():
            if getattr(amount, kind):
                spent, needed = first.purse.spent.value(kind), amount.value(kind)
                raise BudgetExceeded(_told(replace(first, spent=spent, needed=needed), what))
        held = reserve(self._purses, amount)
        if isinstance(held, Obstacle) and held.is_final:
            self._refused[held.kind] = held
            self.run.tell()
            raise BudgetExceeded(_told(held, what))
        return held

    def _forget(self, who: object) -> None:
        for purse in self._purses:
            purse.forget(who)


def kernel_purse() -> Purse:
    """Return the purse of all runs of this process."""
    return _Kernel.purse


def kernel_accounts() -> Iterable[tuple[str, Accounts]]:
    """Return the accounts of the latest runs of this process, by the id of the run, the latest last."""
    with _Kernel.lock:
        return list(_Kernel.runs.items())


def set_kernel_budget(budget: Any) -> None:
    """Limit what all runs of this process may spend from now on, with what they have spent; None takes the limit away.

    Raises:
        UsageError: that is no budget.
    """
    _Kernel.purse.budget = read_budget(budget)


def forget_spending() -> None:
    """Begin to count anew what the kernel spends. What runs have spent stays with them."""
    _Kernel.purse.reset()
    with _Kernel.lock:
        for accounts in _Kernel.runs.values():
            accounts.unpriced = 0


def forget_budgets() -> None:
    """Take the kernel's limits away, and begin to count anew."""
    _Kernel.purse.budget = None
    _Kernel.purse.reset()
    with _Kernel.lock:
        _Kernel.runs.clear()


def accounts_for(run_id: str, workflow: str, budget: Budget | None, snapshot: RunSnapshot | None) -> Accounts:
    """Return the accounts of a run; one that is resumed has spent already what it has spent before.

    Args:
        run_id: The run.
        workflow: Name of its workflow.
        budget: What it may spend; None is what it might before, if this process knows it.
        snapshot: Where it stood, if it is resumed.
    """
    with _Kernel.lock:
        before = _Kernel.runs.pop(run_id, None)
        if before is not None:
            spent, budget = before.run.spent, budget or before.run.budget
        else:
            spent = NOTHING if snapshot is None else spent_in(snapshot, budget.prices if budget is not None else {})
        made = _Kernel.runs[run_id] = Accounts(Purse("the run", budget, spent), _Kernel.purse, workflow)
        if before is not None:
            made.unpriced = before.unpriced
        while len(_Kernel.runs) > MOST_RUNS:
            _Kernel.runs.popitem(last=False)
    return made


def spent_in(snapshot: RunSnapshot, prices: Mapping[str, tuple[float, float]]) -> Amount:
    """Return what a run has spent as far as its events tell: answers, failed calls, the time of its nodes.

    Args:
        snapshot: Where it stands.
        prices: What models cost that are on no list.
    """
    spent = NOTHING
    for node in snapshot.index.values():
        for attempt in node.attempts:
            spent += _attempt(attempt, prices)
    working = [span for node in snapshot.index.values() if node.question is None and (span := _span(node)) is not None]
    return spent + Amount.of(seconds=covered(working))


def waited_in(snapshot: RunSnapshot, since: float) -> float:
    """Return the seconds since a time in which a person was waited for."""
    now = time.time()
    asked = [node for node in snapshot.index.values() if node.question is not None and node.started is not None]
    return covered([(max(since, node.started or 0.0), node.finished or now) for node in asked])


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """Return how long at least one of these spans of time lasted."""
    total, end = 0.0, -math.inf
    for first, stop in sorted(spans):
        start = max(first, end)
        if stop > start:
            total += stop - start
            end = stop
    return total


def _attempt(attempt: Attempt, prices: Mapping[str, tuple[float, float]]) -> Amount:
    if attempt.source is not None:
        return NOTHING
    usage, error = attempt.usage, attempt.error
    if not usage.calls:
        is_made = error is not None and error.type not in _FREE_FAILURES
        return Amount(calls=1) if is_made else NOTHING
    cost = attempt.cost
    if price := prices.get(f"{attempt.provider}/{attempt.model}", prices.get(attempt.provider)):
        cost = ((usage.input_tokens or 0) * price[0] + (usage.output_tokens or 0) * price[1]) / 1e6
    return Amount.of(cost=cost or 0.0, tokens=usage.total_tokens, calls=usage.calls)


def _span(node: NodeSnapshot) -> tuple[float, float] | None:
    if node.started is None or node.finished is None or node.parts:
        return None
    return node.started, node.finished


def _told(obstacle: Obstacle, what: str) -> str:
    kind, whose = obstacle.kind, obstacle.purse.name
    spent, limit, needed = (said(kind, number) for number in (obstacle.spent, obstacle.limit, obstacle.needed))
    enough = _enough(kind, obstacle)
    if obstacle.purse is _Kernel.purse:
        how = f"raise it with %graphbit budget --{kind} {enough}, or graphbit_nb.init(budget=Budget({kind}={enough}))"
        how += ", and resume the run"
    else:
        how = (
            f"to go on, resume the run with more: executor.resume(result, budget=Budget({kind}={enough})), or "
            f"%graphbit resume --budget {kind}={enough}"
        )
    next_call = "the time is up" if kind == "seconds" else f"{what} may cost {needed}"
    return f"the budget of {whose} is {limit}; spent so far: {spent}; and {next_call}. What is done is kept; {how}"


def _enough(kind: Kind, obstacle: Obstacle) -> str:
    """Return a limit that would be enough for a while: twice as much."""
    number = max(2 * obstacle.limit, 2 * (obstacle.spent + obstacle.needed))
    return f"{math.ceil(number)}" if kind in ("tokens", "calls", "seconds") or number > 1 else f"{number:.2g}"
