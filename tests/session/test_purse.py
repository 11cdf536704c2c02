"""The purse: never more is put aside than there is, and what was spent is the sum of what was settled."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.core.budget import KINDS, Budget
from graphbit_nb.session.purse import NOTHING, Amount, Obstacle, Purse, Reservation, reserve

AMOUNTS = st.builds(Amount, *[st.integers(0, 50)] * 4)
LIMITS = st.none() | st.integers(0, 120)
STEPS = st.lists(
    st.tuples(st.just("reserve"), AMOUNTS)
    | st.tuples(st.sampled_from(["settle", "release", "twice", "least"]), st.integers(0, 9), AMOUNTS),
    max_size=60,
)


def budget_of(tokens, calls):
    return None if tokens is None and calls is None else Budget(tokens=tokens, calls=calls)


@given(LIMITS, LIMITS, LIMITS, STEPS)
def test_in_any_order_nothing_goes_below_zero_and_what_was_spent_is_what_was_settled(tokens, calls, others, steps):
    run, kernel = Purse("run", budget_of(tokens, calls)), Purse("kernel", budget_of(others, None))
    held, settled, overshoot = [], NOTHING, NOTHING
    for step in steps:
        if step[0] == "reserve":
            got = reserve((run, kernel), step[1])
            if isinstance(got, Reservation):
                held.append(got)
            else:
                assert isinstance(got, Obstacle)
                assert got.spent + got.reserved + got.needed > got.limit
        elif held:
            what, index, amount = step
            one = held.pop(index % len(held))
            if what == "least":
                amount = Amount(*(min(getattr(amount, kind), getattr(one.amount, kind)) for kind in KINDS))
            amount = NOTHING if what == "release" else amount
            one.settle(amount)
            if what == "twice":
                one.settle(amount)
            settled += amount
            overshoot += Amount(*(max(0, getattr(amount, kind) - getattr(one.amount, kind)) for kind in KINDS))
        for purse in (run, kernel):
            assert purse.spent == settled
            for kind in KINDS:
                assert getattr(purse.reserved, kind) == sum(getattr(one.amount, kind) for one in held)
                limit = None if purse.budget is None else purse.budget.limit(kind)
                if limit is not None:
                    taken = getattr(purse.spent, kind) + getattr(purse.reserved, kind)
                    assert taken <= limit + getattr(overshoot, kind)
    for one in held:
        one.release()
    assert run.reserved == kernel.reserved == NOTHING


def test_money_is_counted_without_the_faults_of_floats():
    purse = Purse("run", Budget(cost=1.0))
    for _ in range(10):
        held = reserve((purse,), Amount.of(cost=0.1))
        assert isinstance(held, Reservation)
        held.settle(Amount.of(cost=0.1))
    assert purse.spent.value("cost") == 1.0
    assert purse.left("cost") == 0.0
    assert isinstance(reserve((purse,), Amount.of(cost=1e-12)), Obstacle)


def test_an_amount_that_one_purse_lacks_is_taken_from_none():
    rich, poor = Purse("rich", Budget(calls=9)), Purse("poor", Budget(calls=0))
    got = reserve((rich, poor), Amount(calls=1))
    assert isinstance(got, Obstacle)
    assert got.purse is poor
    assert rich.reserved == NOTHING


def test_an_obstacle_is_final_unless_waiting_may_help():
    purse = Purse("run", Budget(tokens=10))
    held = reserve((purse,), Amount(tokens=8))
    assert not reserve((purse,), Amount(tokens=3)).is_final
    assert reserve((purse,), Amount(tokens=11)).is_final
    held.settle(Amount(tokens=8))
    assert reserve((purse,), Amount(tokens=3)).is_final


def test_what_costs_nothing_is_had_even_when_all_is_spent():
    purse = Purse("run", Budget(cost=1.0), Amount.of(cost=2.0))
    assert isinstance(reserve((purse,), Amount(calls=1, tokens=100)), Reservation)


@pytest.mark.parametrize("change", ["settle", "raise", "reset"])
def test_those_who_wait_are_told_when_there_may_be_more(change):
    purse, told = Purse("run", Budget(calls=1)), []
    held = reserve((purse,), Amount(calls=1))
    purse.listen("a", lambda: told.append("a"))
    purse.listen("b", lambda: told.append("b"))
    if change == "settle":
        held.release()
    elif change == "raise":
        purse.budget = Budget(calls=2)
    else:
        purse.reset()
    assert told == ["a", "b"]
    purse.forget("a")
    purse.forget("nobody")
    purse.reset()
    assert told == ["a", "b", "b"]


def test_threads_together_do_not_spend_more_than_there_is():
    run, kernel = Purse("run", Budget(calls=10_000)), Purse("kernel", Budget(calls=500))
    made = []

    def work():
        for _ in range(200):
            held = reserve((run, kernel), Amount(calls=1))
            if isinstance(held, Reservation):
                held.settle(Amount(calls=1))
                made.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == kernel.spent.calls == run.spent.calls == 500
    assert kernel.reserved == NOTHING
