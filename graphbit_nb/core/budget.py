"""Limits on what may be spent on models, and how users write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from graphbit_nb.errors import UsageError, did_you_mean

Kind = Literal["cost", "tokens", "calls", "seconds"]
KINDS: tuple[Kind, ...] = ("cost", "tokens", "calls", "seconds")

MOST = 1e12  # dollars, tokens, calls or seconds: more is a slip
_EXAMPLE = "Budget(cost=5.0), in US dollars, or Budget(tokens=100_000, calls=50, seconds=600)"


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent. None is any amount; at least one limit is given.

    Attributes:
        cost: Money in US dollars.
        tokens: Tokens in and out.
        calls: Calls that are really made: each attempt, each turn of an agent, both calls of a hedged one.
        seconds: Time of a run; that in which a person is waited for does not count.
        prices: What models cost that are on no list: US dollars for a million tokens in, and out, by
            ``"provider/model"`` or ``"provider"``. They go before the list.
    """

    cost: float | None = None
    tokens: int | None = None
    calls: int | None = None
    seconds: float | None = None
    prices: Mapping[str, tuple[float, float]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for kind in KINDS:
            _check_limit(kind, getattr(self, kind))
        if all(getattr(self, kind) is None for kind in KINDS):
            raise UsageError(f"a Budget has at least one limit: {_EXAMPLE}")
        object.__setattr__(self, "prices", _checked_prices(self.prices))

    def limit(self, kind: Kind) -> float | None:
        """Return one of the limits."""
        limit: float | None = getattr(self, kind)
        return limit

    def __str__(self) -> str:
        return ", ".join(said(kind, limit) for kind in KINDS if (limit := self.limit(kind)) is not None)


BudgetLike = Budget | float | str | Mapping[str, Any] | None
"""What `read_budget` reads."""


def said(kind: Kind, amount: float) -> str:
    """Return an amount as it is read: ``"$0.25"``, ``"1,200 tokens"``."""
    if kind == "cost":
        places = 2 if amount >= 1 or amount <= 0 else min(12, 1 - math.floor(math.log10(amount)))
        return f"${amount:,.{max(2, places)}f}"
    if kind == "seconds":
        return f"{amount:,.0f} s" if amount >= 100 else f"{amount:.3g} s"
    return f"{amount:,.0f} {kind if amount != 1 else kind[:-1]}"


def read_budget(given: Any) -> Budget | None:
    """Read a budget as users give it: a `Budget`, dollars, a dict, ``"cost=5,calls=20"``, or None for none.

    Raises:
        UsageError: it is none of these, or a limit is not allowed.
    """
    if given is None or isinstance(given, Budget):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return Budget(cost=given)
    if isinstance(given, str):
        given = _parsed(given)
    if not isinstance(given, Mapping):
        raise UsageError(f"budget={given!r}: give a Budget, such as {_EXAMPLE}, or a number of US dollars")
    known = [one.name for one in fields(Budget)]
    for name in given:
        if name not in known:
            raise UsageError(f"budget: no limit {name!r}{did_you_mean(str(name), known)}; there are {', '.join(KINDS)}")
    return Budget(**given)


def _parsed(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in text.replace(",", " ").split():
        name, is_named, value = part.partition("=")
        if not is_named:
            name, value = "cost", name
        if name in found:
            raise UsageError(f"budget {text!r}: {name} is said twice")
        if name not in KINDS:
            raise UsageError(
                f"budget {text!r}: no limit {name!r}{did_you_mean(name, KINDS)}; there are {', '.join(KINDS)}"
            )
        found[name] = _number(name, value.strip().removeprefix("$").replace("_", ""), text)
    return found


def _number(name: str, value: str, text: str) -> float:
    try:
        return int(value) if name in ("tokens", "calls") else float(value)
    except ValueError:
        whole = "a whole number" if name in ("tokens", "calls") else "a number"
        raise UsageError(f"budget {text!r}: {name} is {whole}, not {value!r}; as in cost=5,tokens=100000") from None


def _check_limit(kind: Kind, limit: Any) -> None:
    if limit is None:
        return
    is_whole = kind in ("tokens", "calls")
    is_number = isinstance(limit, int if is_whole else int | float) and not isinstance(limit, bool)
    if not is_number or not 0 <= limit <= MOST or (kind == "seconds" and not limit):
        least = "above 0" if kind == "seconds" else "of at least 0"
        what = "a whole number" if is_whole else "a number of US dollars" if kind == "cost" else "a number of seconds"
        raise UsageError(f"Budget: {kind} must be {what} {least}, not {limit!r}; None is no limit")


def _checked_prices(given: Any) -> dict[str, tuple[float, float]]:
    if not isinstance(given, Mapping):
        raise UsageError(f"Budget: prices={given!r}: give a dict such as {{'openai/my-model': (0.5, 1.5)}}")
    found = {}
    for name, price in given.items():
        pair = tuple(price) if isinstance(price, list | tuple) else ()
        sound = (isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= MOST for one in pair)
        if not isinstance(name, str) or not name or len(pair) != 2 or not all(sound):
            raise UsageError(
                f"Budget: prices[{name!r}]={price!r}: give US dollars for a million tokens in, and out, by "
                "'provider/model' or 'provider', such as {'openai/my-model': (0.5, 1.5)}"
            )
        found[name] = (float(pair[0]), float(pair[1]))
    return found
