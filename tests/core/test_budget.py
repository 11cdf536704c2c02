"""Budgets as users write them, and what of them is refused."""

import pickle

import pytest

from graphbit_nb.core.budget import KINDS, Budget, read_budget, said
from graphbit_nb.errors import UsageError


def test_a_budget_limits_what_is_named_and_nothing_else():
    budget = Budget(cost=5.0, calls=20)
    assert [budget.limit(kind) for kind in KINDS] == [5.0, None, 20, None]


def test_a_budget_reads_as_its_limits():
    assert str(Budget(cost=5.0, tokens=1_000_000, calls=1, seconds=90)) == "$5.00, 1,000,000 tokens, 1 call, 90 s"


def test_a_budget_cannot_be_changed_and_can_be_pickled():
    budget = Budget(cost=5.0, prices={"acme/large": [1, 2]})
    with pytest.raises(AttributeError):
        budget.cost = 6.0
    assert pickle.loads(pickle.dumps(budget)) == budget
    assert hash(budget) == hash(Budget(cost=5.0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "at least one limit"),
        ({"cost": -1}, "cost must be a number of US dollars of at least 0, not -1"),
        ({"cost": float("nan")}, "cost must be"),
        ({"cost": float("inf")}, "cost must be"),
        ({"cost": "5"}, "cost must be .* not '5'"),
        ({"cost": True}, "cost must be"),
        ({"tokens": 1.5}, "tokens must be a whole number of at least 0, not 1.5"),
        ({"calls": -1}, "calls must be"),
        ({"calls": 10**13}, "calls must be"),
        ({"seconds": 0}, "seconds must be a number of seconds above 0"),
        ({"cost": 1, "prices": 3}, "prices=3"),
        ({"cost": 1, "prices": {"m": 3}}, "million tokens in, and out"),
        ({"cost": 1, "prices": {"m": (1, -2)}}, "million tokens in, and out"),
        ({"cost": 1, "prices": {"m": (1, 2, 3)}}, "million tokens in, and out"),
        ({"cost": 1, "prices": {3: (1, 2)}}, "million tokens in, and out"),
    ],
)
def test_a_limit_that_cannot_be_kept_to_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        Budget(**given)


@pytest.mark.parametrize(
    ("given", "budget"),
    [
        (None, None),
        (Budget(calls=3), Budget(calls=3)),
        (5, Budget(cost=5)),
        (0.5, Budget(cost=0.5)),
        ("5", Budget(cost=5.0)),
        ("$5", Budget(cost=5.0)),
        ("cost=5,tokens=20_000", Budget(cost=5.0, tokens=20_000)),
        ("calls=3 seconds=1.5", Budget(calls=3, seconds=1.5)),
        ({"cost": 5, "prices": {"m": (1, 2)}}, Budget(cost=5, prices={"m": (1, 2)})),
    ],
)
def test_a_budget_can_be_written_in_several_ways(given, budget):
    assert read_budget(given) == budget


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (True, "give a Budget"),
        ([5], "give a Budget"),
        ("", "at least one limit"),
        ("coast=5", "no limit 'coast'; did you mean 'cost'"),
        ({"token": 5}, "no limit 'token'; did you mean 'tokens'"),
        ("tokens=many", "tokens is a whole number, not 'many'"),
        ("tokens=1.5", "tokens is a whole number, not '1.5'"),
        ("cost=1 cost=2", "cost is said twice"),
        ("nan", "cost must be"),
        ({1: 2}, "no limit 1"),
    ],
)
def test_what_is_no_budget_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        read_budget(given)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0.00"), (1234.5, "$1,234.50"), (0.25, "$0.25"), (0.000123, "$0.00012"), (1e-12, "$0.000000000001")],
)
def test_money_is_told_with_as_many_digits_as_it_takes(amount, shown):
    assert said("cost", amount) == shown
