"""The purse that is kept to a budget: whoever calls a model asks it first, and says then what the call has cost.

Sums are whole numbers (picodollars, tokens, calls, microseconds): what was spent is exactly the sum of its parts.
"""

from __future__ import annotations

import math
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphbit_nb.core.budget import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphbit_nb.core.budget import Budget, Kind

UNITS: Mapping[str, int] = {"cost": 10**12, "tokens": 1, "calls": 1, "seconds": 10**6}


@dataclass(frozen=True, slots=True)
class Amount:
    """What was spent, or may be: whole numbers of the smallest unit of each kind."""

    cost: int = 0
    tokens: int = 0
    calls: int = 0
    seconds: int = 0

    @classmethod
    def of(cls, *, cost: float = 0.0, tokens: float = 0, calls: int = 0, seconds: float = 0.0) -> Amount:
        """Return an amount of dollars, tokens, calls and seconds; what is not whole is rounded up."""
        return cls(
            units("cost", cost) if cost else 0,
            units("tokens", tokens),
            units("calls", calls),
            units("seconds", seconds) if seconds else 0,
        )

    def value(self, kind: Kind) -> float:
        """Return dollars, tokens, calls or seconds."""
        number: int = getattr(self, kind)
        return number if UNITS[kind] == 1 else number / UNITS[kind]

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.cost + other.cost,
            self.tokens + other.tokens,
            self.calls + other.calls,
            self.seconds + other.seconds,
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.cost - other.cost,
            self.tokens - other.tokens,
            self.calls - other.calls,
            self.seconds - other.seconds,
        )


NOTHING = Amount()


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an amount cannot be had.

    Attributes:
        purse: The purse whose limit is in the way.
        kind: Which of its limits.
        limit: That limit.
        spent: What was spent of it.
        reserved: What calls under way may still spend of it.
        needed: What is asked for.
        is_final: Whether waiting for the calls under way cannot help.
    """

    purse: Purse
    kind: Kind
    limit: float
    spent: float
    reserved: float
    needed: float
    is_final: bool


class Reservation:
    """An amount that is put aside for a call, until it is known what the call has cost."""

    def __init__(self, purses: tuple[Purse, ...], amount: Amount) -> None:
        self.amount = amount
        self._purses = purses

    def settle(self, spent: Amount) -> None:
        """Spend what it really was, more or less than was put aside. Whatever is said after that changes nothing."""
        purses, self._purses = self._purses, ()
        for purse in purses:
            purse.settle(self.amount, spent)

    def release(self) -> None:
        """Give all of it back."""
        self.settle(NOTHING)


class Purse:
    """Counts what is spent, and knows what is left, for any number of threads.

    Never is more reserved and spent than a limit allows. More can be spent than that only where calls cost more than
    was reserved for them, and then by no more than those calls did together: nothing begins after that.

    Args:
        name: Whose it is, such as ``"the run"``.
        budget: The limits; None has none, and only counts.
        spent: What was spent before.
    """

    def __init__(self, name: str = "", budget: Budget | None = None, spent: Amount = NOTHING) -> None:
        self.name = name
        self.lock = threading.Lock()
        self._budget = budget
        self._spent = spent
        self._reserved = NOTHING
        self._listeners: dict[object, Callable[[], None]] = {}

    @property
    def budget(self) -> Budget | None:
        """The limits; others may take their place at any time."""
        return self._budget

    @budget.setter
    def budget(self, budget: Budget | None) -> None:
        with self.lock:
            self._budget = budget
        self.tell()

    @property
    def spent(self) -> Amount:
        """What was spent."""
        return self._spent

    @property
    def reserved(self) -> Amount:
        """What calls under way may spend."""
        return self._reserved

    def left(self, kind: Kind) -> float | None:
        """Return how much may still be spent, without what is reserved; None is any amount."""
        with self.lock:
            limit = None if self._budget is None else self._budget.limit(kind)
            held: int = getattr(self._spent, kind) + getattr(self._reserved, kind)
        return None if limit is None else max(0, units(kind, limit) - held) / UNITS[kind]

    def spend(self, amount: Amount) -> None:
        """Note what was spent without asking."""
        self.settle(NOTHING, amount)

    def put_aside(self, amount: Amount) -> None:
        """Reserve an amount. Only `reserve` calls it, which holds the lock and has found no obstacle."""
        self._reserved += amount

    def settle(self, reserved: Amount, spent: Amount) -> None:
        """Take what was reserved back, and spend what it came to."""
        with self.lock:
            self._reserved -= reserved
            self._spent += spent
        self.tell()

    def reset(self) -> None:
        """Begin to count anew. What is reserved stays so, and counts when it is settled."""
        with self.lock:
            self._spent = NOTHING
        self.tell()

    def obstacle(self, amount: Amount) -> Obstacle | None:
        """Find a limit that is in the way, first one for which no waiting helps. An amount of nothing meets none."""
        budget, found = self._budget, None
        if budget is None:
            return None
        for kind in KINDS:
            needed: int = getattr(amount, kind)
            limit = budget.limit(kind)
            if limit is None or not needed:
                continue
            spent, reserved, unit = getattr(self._spent, kind), getattr(self._reserved, kind), UNITS[kind]
            most = units(kind, limit)
            if spent + reserved + needed <= most:
                continue
            is_final = spent + needed > most
            obstacle = Obstacle(self, kind, limit, spent / unit, reserved / unit, needed / unit, is_final)
            if is_final:
                return obstacle
            found = found or obstacle
        return found

    # ---- for those who wait until there is more left

    def listen(self, who: object, listener: Callable[[], None]) -> None:
        """Have `listener` called, by any thread, whenever there may be more left than before."""
        with self.lock:
            self._listeners[who] = listener

    def forget(self, who: object) -> None:
        """Call somebody's listener no more."""
        with self.lock:
            self._listeners.pop(who, None)

    def tell(self) -> None:
        """Call the listeners, in the order in which they came."""
        if self._listeners:
            with self.lock:
                listeners = list(self._listeners.values())
            for listener in listeners:
                listener()

    def __repr__(self) -> str:
        return f"Purse({self.name!r}, {self._budget!r}, spent={self._spent!r})"


def reserve(purses: tuple[Purse, ...], amount: Amount) -> Reservation | Obstacle:
    """Put an amount aside in all of the purses, or in none and say what is in the way.

    Locks are taken in the order given, which is the same for all who share a purse.
    """
    with ExitStack() as stack:
        for purse in purses:
            stack.enter_context(purse.lock)
        obstacles = [found for purse in purses if (found := purse.obstacle(amount)) is not None]
        if obstacles:
            return next((one for one in obstacles if one.is_final), obstacles[0])
        for purse in purses:
            purse.put_aside(amount)
    return Reservation(purses, amount)


def units(kind: str, value: float) -> int:
    """Return a number of dollars, tokens, calls or seconds in the smallest unit, rounded up."""
    if isinstance(value, int):
        return value * UNITS[kind]
    return math.ceil(round(value * UNITS[kind], 3))  # what floats are off by is no cause to round up
