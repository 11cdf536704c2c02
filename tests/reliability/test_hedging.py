"""Asking a second time when an answer is late, in virtual time."""

import asyncio

import pytest

from graphbit_nb.errors import CircuitOpenError, OverloadedError, ServerError, UsageError
from graphbit_nb.reliability.hedging import checked_hedge, hedged
from graphbit_nb.testing import run_in_virtual_time


class Legs:
    """Two calls. Each does its script of (seconds, what): a text to tell, an error to raise, or ("answer", text)."""

    def __init__(self, *scripts):
        self.scripts = scripts
        self.told, self.began, self.cancelled = [], [], []

    async def __call__(self, race, number):
        self.began.append((number, asyncio.get_running_loop().time()))
        race.begins(number)
        try:
            for seconds, what in self.scripts[number]:
                await asyncio.sleep(seconds)
                if isinstance(what, BaseException):
                    raise what
                if isinstance(what, tuple):
                    return what[1]
                if race.claims(number):
                    self.told.append(what)
        except asyncio.CancelledError:
            self.cancelled.append(number)
            raise


def race(*scripts, after=5.0):
    """Run it; return the legs, the answer or the error, the race, when it ended, and how many tasks are left."""
    legs = Legs(*scripts)

    async def main():
        found, about = None, None
        try:
            found, about = await hedged(legs, after)
        except Exception as error:
            found = error
        return found, about, asyncio.get_running_loop().time(), len(asyncio.all_tasks()) - 1

    return legs, *run_in_virtual_time(main())


def answer(text):
    return ("answer", text)


FIRST, SECOND = answer("first"), answer("second")


def test_an_answer_in_time_is_asked_for_once():
    legs, found, about, ended, left = race([(3.0, FIRST)])
    assert (found, about.calls, ended, left) == ("first", 1, 3.0, 0)
    assert legs.began == [(0, 0.0)]


def test_a_piece_in_time_is_enough_however_long_the_rest_takes():
    legs, found, about, ended, _ = race([(3.0, "fi"), (100.0, FIRST)])
    assert (found, about.calls, ended) == ("first", 1, 103.0)
    assert legs.told == ["fi"]


def test_a_late_answer_is_asked_for_a_second_time_after_the_time_told():
    legs, _, about, _, _ = race([(100.0, FIRST)], [(1.0, SECOND)])
    assert legs.began == [(0, 0.0), (1, 5.0)]
    assert about.calls == 2


def test_the_second_call_is_taken_when_it_comes_first_and_the_first_is_cancelled():
    legs, found, _, ended, left = race([(100.0, FIRST)], [(1.0, SECOND)])
    assert (found, ended, left) == ("second", 6.0, 0)
    assert legs.cancelled == [0]


def test_the_first_call_is_taken_when_it_comes_first_and_the_second_is_cancelled():
    legs, found, _, ended, left = race([(7.0, FIRST)], [(50.0, SECOND)])
    assert (found, ended, left) == ("first", 7.0, 0)
    assert legs.cancelled == [1]


def test_of_two_answers_at_the_same_moment_the_first_call_is_taken():
    _, found, _, _, left = race([(7.0, FIRST)], [(2.0, SECOND)])
    assert (found, left) == ("first", 0)


def test_a_failure_in_time_is_raised_without_a_second_call():
    down = ServerError("down")
    legs, found, _, ended, left = race([(3.0, down)])
    assert (found, ended, left) == (down, 3.0, 0)
    assert len(legs.began) == 1


def test_when_one_fails_the_other_is_waited_for():
    down = ServerError("down")
    for scripts, expected in (([(6.0, down)], [(9.0, SECOND)]), "second"), (([(9.0, FIRST)], [(1.0, down)]), "first"):
        assert race(*scripts)[1] == expected


def test_when_both_fail_the_error_of_the_first_call_is_raised():
    first, second = ServerError("first"), OverloadedError("second")
    assert race([(20.0, first)], [(1.0, second)])[1] is first
    assert race([(6.0, first)], [(9.0, second)])[1] is first


def test_a_second_call_that_is_refused_leaves_the_first_its_time():
    assert race([(20.0, FIRST)], [(0.0, CircuitOpenError("rests"))])[1] == "first"


def test_only_the_pieces_of_one_call_are_told():
    legs, found, _, _, _ = race([(6.0, "fi"), (3.0, "rst"), (1.0, FIRST)], [(2.0, "se"), (1.0, "cond"), (9.0, SECOND)])
    assert (legs.told, found) == (["fi", "rst"], "first")


def test_the_call_whose_pieces_were_told_gives_the_answer_also_when_the_other_is_done_before():
    """The first call says nothing till it has all of its answer, in between the pieces of the second."""
    legs, found, _, _, _ = race([(9.0, "first"), (0.0, FIRST)], [(2.0, "se"), (10.0, "cond"), (1.0, SECOND)])
    assert (legs.told, found) == (["se", "cond"], "second")


def test_the_call_whose_pieces_were_told_gives_the_answer_also_when_the_other_told_none():
    legs, found, _, _, _ = race([(9.0, FIRST)], [(2.0, "se"), (10.0, "cond"), (1.0, SECOND)])
    assert (legs.told, found) == (["se", "cond"], "second")


def test_when_the_call_fails_whose_pieces_were_told_the_other_cannot_stand_in():
    cut = ServerError("cut")
    legs, found, _, _, left = race([(20.0, FIRST)], [(2.0, "se"), (1.0, cut)])
    assert (legs.told, found, left) == (["se"], cut, 0)
    assert legs.cancelled == [0]


def test_cancelling_cancels_both_calls_and_leaves_no_task():
    legs = Legs([(100.0, FIRST)], [(100.0, SECOND)])

    async def main():
        asking = asyncio.ensure_future(hedged(legs, 5.0))
        await asyncio.sleep(6)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return len(asyncio.all_tasks()) - 1

    assert run_in_virtual_time(main()) == 0
    assert sorted(legs.cancelled) == [0, 1]


def test_cancelling_before_the_second_call_leaves_no_task():
    legs = Legs([(100.0, FIRST)])

    async def main():
        asking = asyncio.ensure_future(hedged(legs, 5.0))
        await asyncio.sleep(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return len(asyncio.all_tasks()) - 1

    assert run_in_virtual_time(main()) == 0
    assert legs.cancelled == [0]


def test_a_failure_of_the_call_that_lost_is_not_reported_as_forgotten():
    told = []

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
        return await hedged(Legs([(6.0, ServerError("down"))], [(3.0, SECOND)]), 5.0)

    assert run_in_virtual_time(main())[0] == "second"
    assert told == []


def test_the_wait_is_over_when_the_sleep_says_so():
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    async def main():
        return await hedged(Legs([(100.0, FIRST)], [(1.0, SECOND)]), 5.0, sleep=sleep)

    assert run_in_virtual_time(main())[0] == "second"
    assert slept == [5.0]


@pytest.mark.parametrize("seconds", [1, 0.25, 1e9])
def test_a_number_of_seconds_is_taken(seconds):
    assert checked_hedge(seconds) == seconds


def test_none_is_never():
    assert checked_hedge(None) is None


@pytest.mark.parametrize("wrong", [0, -1, 2e9, float("inf"), float("nan"), "2", True, [2]])
def test_anything_else_is_refused_with_the_value_and_what_to_do(wrong):
    with pytest.raises(UsageError, match="hedge_after must be a number of seconds above 0") as caught:
        checked_hedge(wrong)
    assert repr(wrong) in str(caught.value)
    assert "None asks only once" in str(caught.value)
