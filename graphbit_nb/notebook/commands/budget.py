"""What runs and this kernel may spend, and what they have spent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphbit_nb.core.budget import KINDS, Budget, read_budget, said
from graphbit_nb.errors import UsageError
from graphbit_nb.notebook import tables, views
from graphbit_nb.notebook.commands.command import arg, command
from graphbit_nb.notebook.tables import Column
from graphbit_nb.session.budgets import forget_spending, kernel_accounts, kernel_purse, set_kernel_budget

if TYPE_CHECKING:
    import argparse

    from graphbit_nb.core.budget import Kind
    from graphbit_nb.notebook.magics import GraphbitMagics
    from graphbit_nb.session.purse import Purse

COLUMNS = (
    Column("of"), Column("what"), Column("spent", "number"), Column("under way", "number"), Column("left", "number"),
    Column("limit", "number"),
)  # fmt: skip
MOST_RUNS = 10  # that are shown


@command(
    "budget",
    arg("--cost", metavar="USD", type=float, help="US dollars that all runs of this kernel may spend"),
    arg("--tokens", metavar="N", type=int, help="tokens, in and out"),
    arg("--calls", metavar="N", type=int, help="calls that are really made"),
    arg("--seconds", metavar="S", type=float, help="time of all runs; that of persons does not count"),
    arg(
        "--price",
        metavar="MODEL=IN,OUT",
        nargs="+",
        action="extend",
        default=[],
        help="what a model costs that is on no list: US dollars for a million tokens, as in acme/large=0.5,1.5",
    ),
    arg("--off", action="store_true", help="take the limits away"),
    arg("--reset", action="store_true", help="begin to count anew"),
    example="%graphbit budget --cost 5",
)
def budget(_: GraphbitMagics, options: argparse.Namespace) -> None:
    """Say what the runs of this kernel have spent and may spend, or limit what all of them may spend together.

    A call that would pass the limit is not made: its run keeps what it has, and can be resumed when there is more.
    What is remembered or played costs nothing. For the budget of each run say %graphbit run --budget.
    """
    limits: dict[str, Any] = {kind: value for kind in KINDS if (value := getattr(options, kind)) is not None}
    if options.off and (limits or options.price):
        raise UsageError("--off takes the limits away; leave it out to set one")
    if options.reset:
        forget_spending()
    if options.off:
        set_kernel_budget(None)
    elif limits or options.price:
        set_kernel_budget(_changed(kernel_purse().budget, limits, options.price))
    views.show(budget_bundle())


def budget_bundle() -> dict[str, str]:
    """Return what was spent and what is left as an output: the kernel first, then its latest runs."""
    rows = _rows("this kernel", kernel_purse())
    runs = [(run_id, accounts) for run_id, accounts in kernel_accounts() if accounts.run.budget is not None]
    for run_id, accounts in reversed(runs[-MOST_RUNS:]):
        rows += _rows(f"{accounts.workflow}, run {run_id[:8]}", accounts.run)
    unpriced = sum(accounts.unpriced for _, accounts in kernel_accounts())
    notes = []
    if kernel_purse().budget is None:
        notes.append("no limit for this kernel; set one with %graphbit budget --cost 5")
    if unpriced:
        answers = "answer" if unpriced == 1 else "answers"
        notes.append(f"the price of {unpriced:,} {answers} is not known and is not in the cost; say it with --price")
    return tables.table_bundle("budget", COLUMNS, rows, notes=notes, empty="nothing is spent, and nothing is limited")


def _rows(whose: str, purse: Purse) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for kind in KINDS:
        limit = None if purse.budget is None else purse.budget.limit(kind)
        spent, aside = purse.spent.value(kind), purse.reserved.value(kind)
        if limit is None and not spent and not aside:
            continue
        left = purse.left(kind)
        rows.append([
            whose, kind, _said(kind, spent), _said(kind, aside) if aside else None,
            None if left is None else _said(kind, left), None if limit is None else _said(kind, limit),
        ])  # fmt: skip
    return rows


def _said(kind: Kind, amount: float) -> str:
    return said(kind, amount).removesuffix(f" {kind}").removesuffix(f" {kind[:-1]}")


def _changed(before: Budget | None, limits: dict[str, Any], prices: list[str]) -> Budget | None:
    """Return the budget with other limits and further prices. Raises `UsageError`."""
    known: dict[str, Any] = {} if before is None else {kind: before.limit(kind) for kind in KINDS}
    told = dict(before.prices) if before is not None else {}
    told.update(map(_price, prices))
    given = {kind: value for kind, value in {**known, **limits}.items() if value is not None}
    if not given:
        raise UsageError("--price goes with a limit, as in %graphbit budget --cost 5 --price acme/large=0.5,1.5")
    return read_budget({**given, "prices": told})


def _price(text: str) -> tuple[str, tuple[float, float]]:
    name, is_told, price = text.rpartition("=")
    try:
        first, second = (float(part) for part in price.split(","))
    except ValueError:
        is_told = ""
    if not name or not is_told:
        raise UsageError(
            f"--price {text}: write provider/model=IN,OUT in US dollars for a million tokens, as in acme/large=0.5,1.5"
        )
    return name, (first, second)
