"""How long calls are tried again, and how often by the kind of failure."""

import asyncio
import pickle

import pytest

from graphbit_nb import errors
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.testing import run_in_virtual_time

SERVER = errors.ServerError("down")
BUSY = errors.RateLimitError("busy")


def tries(policy, *outcomes, takes=0.0, wait=None):
    """Run an operation that meets one outcome after the other (the last again and again), each after `takes` seconds.

    Returns:
        The answer or the error, and when each attempt began.
    """
    began = []

    async def main():
        loop = asyncio.get_running_loop()

        async def operation():
            outcome = outcomes[min(len(began), len(outcomes) - 1)]
            began.append(loop.time())
            await asyncio.sleep(takes)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        try:
            return await policy.execute(operation, clock=loop.time, **({} if wait is None else wait()))
        except errors.GraphbitError as error:
            return error

    return run_in_virtual_time(main()), began


def steady(**more):
    """Pauses of 10 seconds."""
    return RetryPolicy(**{"base_delay": 10.0, "backoff_multiplier": 1.0, "jitter": 0.0, "max_attempts": 99, **more})


# ---- max_time


def test_no_attempt_begins_after_the_time():
    found, began = tries(steady(max_time=35.0), SERVER)
    assert found is SERVER
    assert began == [0.0, 10.0, 20.0, 30.0]


def test_an_attempt_may_begin_at_the_very_end_of_the_time():
    assert tries(steady(max_time=30.0), SERVER)[1] == [0.0, 10.0, 20.0, 30.0]


def test_the_time_that_attempts_take_counts():
    assert tries(steady(max_time=35.0), SERVER, takes=10.0)[1] == [0.0, 20.0]


def test_a_pause_that_would_end_too_late_is_not_sat_out():
    async def main():
        loop = asyncio.get_running_loop()

        async def operation():
            raise SERVER

        with pytest.raises(errors.ServerError):
            await steady(max_time=9.0).execute(operation, clock=loop.time)
        return loop.time()

    assert run_in_virtual_time(main()) == 0.0


def test_an_attempt_under_way_may_take_longer_than_the_time():
    assert tries(steady(max_time=5.0), "fine", takes=60.0)[0] == "fine"


def test_a_wait_that_the_provider_asks_for_counts_as_well():
    waits = errors.RateLimitError("busy", retry_after=20.0)
    assert tries(steady(max_time=35.0, base_delay=0.0), waits)[1] == [0.0, 20.0]


def test_no_attempt_begins_after_the_time_when_the_wait_before_it_took_longer():
    """As when a listener holds the next attempt back, because the run is paused."""

    def paused():
        async def on_retry(attempt, delay, error):
            await asyncio.sleep(3600)

        async def waited_already(delay):
            pass

        return {"on_retry": on_retry, "sleep": waited_already}

    found, began = tries(steady(max_time=35.0), SERVER, wait=paused)
    assert found is SERVER
    assert began == [0.0]


def test_without_a_time_attempts_are_counted_only():
    assert len(tries(steady(max_attempts=50), SERVER)[1]) == 50


def test_the_number_of_attempts_counts_also_when_there_is_time():
    assert tries(steady(max_time=1000.0, max_attempts=2), SERVER)[1] == [0.0, 10.0]


def test_an_error_that_time_ended_carries_the_number_of_attempts():
    found, _ = tries(steady(max_time=15.0), errors.ServerError("down"))
    assert found.attempts == 2


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), float("inf"), "60", [60], True])
def test_what_is_no_time_is_refused(wrong):
    with pytest.raises(errors.UsageError, match="max_time must be a number of seconds above 0") as caught:
        RetryPolicy(max_time=wrong)
    assert repr(wrong) in str(caught.value)


# ---- max_attempts_for


@pytest.mark.parametrize(
    ("given", "error", "expected"),
    [
        ({}, SERVER, 5),
        ({errors.RateLimitError: 10}, BUSY, 10),
        ({errors.RateLimitError: 10}, SERVER, 5),
        ({errors.ServerError: 2}, errors.OverloadedError("x"), 2),
        ({errors.ServerError: 2, errors.OverloadedError: 8}, errors.OverloadedError("x"), 8),
        ({errors.ServerError: 2, errors.OverloadedError: 8}, SERVER, 2),
        ({errors.OverloadedError: 8}, SERVER, 5),
        ({errors.ProviderError: 3}, BUSY, 3),
    ],
    ids=["none", "itself", "another", "derived", "nearest", "not-its-child", "not-its-parent", "base"],
)
def test_the_class_of_the_failure_or_the_nearest_that_it_derives_from_says_how_often(given, error, expected):
    policy = steady(max_attempts=5, max_attempts_for=given)
    assert policy.attempts_for(error) == expected
    assert len(tries(policy, error)[1]) == expected


def test_of_failures_of_many_kinds_the_last_counts():
    policy = steady(max_attempts=9, max_attempts_for={errors.RateLimitError: 3})
    assert len(tries(policy, SERVER, SERVER, SERVER, SERVER, BUSY)[1]) == 5


def test_one_means_that_such_a_failure_is_not_tried_again():
    assert len(tries(steady(max_attempts_for={errors.ServerError: 1}), SERVER)[1]) == 1


def test_a_number_makes_no_failure_worth_another_attempt_that_is_not():
    refused = errors.QuotaExhaustedError("pay")
    assert len(tries(steady(max_attempts_for={errors.RateLimitError: 10}), refused)[1]) == 1


def test_time_ends_what_a_number_would_allow():
    assert len(tries(steady(max_time=25.0, max_attempts_for={errors.ServerError: 50}), SERVER)[1]) == 3


def test_what_was_given_is_copied():
    given = {errors.ServerError: 2}
    policy = RetryPolicy(max_attempts_for=given)
    given[errors.ServerError] = 50
    assert policy.attempts_for(SERVER) == 2


def test_policies_with_other_numbers_differ_and_can_be_keys():
    one, same = (RetryPolicy(max_attempts_for={errors.ServerError: 2}) for _ in range(2))
    assert one == same
    assert one != RetryPolicy(max_attempts_for={errors.ServerError: 3})
    assert len({one, same}) == 1


def test_a_policy_with_both_can_be_pickled():
    policy = RetryPolicy(max_time=60.0, max_attempts_for={errors.ServerError: 2})
    assert pickle.loads(pickle.dumps(policy)) == policy


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([errors.ServerError], r"takes a dict such as \{RateLimitError: 10\}, not \["),
        (None, r"takes a dict such as \{RateLimitError: 10\}, not None"),
        ({"ServerError": 2}, "'ServerError' is no class of ProviderError, such as RateLimitError"),
        ({ValueError: 2}, "is no class of ProviderError"),
        ({errors.CircuitOpenError: 2}, "is no class of ProviderError"),
        ({SERVER: 2}, "is no class of ProviderError"),
        ({errors.ServerError: 0}, "max_attempts_for: ServerError must be a whole number of at least 1, not 0"),
        ({errors.ServerError: 2.5}, "ServerError must be a whole number of at least 1, not 2.5"),
        ({errors.ServerError: True}, "ServerError must be a whole number of at least 1, not True"),
        ({errors.ServerError: "3"}, "ServerError must be a whole number of at least 1, not '3'"),
    ],
    ids=["list", "none", "name", "foreign", "circuit", "instance", "zero", "half", "true", "text"],
)
def test_what_is_no_table_of_numbers_by_class_is_refused(given, told):
    with pytest.raises(errors.UsageError, match=told):
        RetryPolicy(max_attempts_for=given)


@pytest.mark.parametrize("field", ["base_delay", "max_delay", "backoff_multiplier", "jitter"])
def test_true_is_no_number_of_seconds(field):
    with pytest.raises(errors.UsageError, match=f"{field} must be a number"):
        RetryPolicy(**{field: True})
