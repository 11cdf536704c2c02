import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb import errors
from graphbit_nb.reliability.retry import RetryPolicy


def failing(*outcomes):
    """An operation that raises or returns one outcome after the other."""
    left = list(outcomes)

    async def operation():
        outcome = left.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    return operation


class Sleep:
    def __init__(self):
        self.slept = []

    async def __call__(self, delay):
        self.slept.append(delay)


def always(number):
    return lambda: number


SERVER = errors.ServerError("down")


def test_the_defaults_are_the_documented_ones():
    assert RetryPolicy() == RetryPolicy(
        max_attempts=5, base_delay=0.5, max_delay=30.0, backoff_multiplier=2.0, jitter=1.0
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.ServerError("x", status=500), True),
        (errors.OverloadedError("x"), True),
        (errors.RateLimitError("x"), True),
        (errors.ProviderTimeoutError("x", status=408), True),
        (errors.ProviderConnectionError("x"), True),
        (errors.ProtocolError("x"), True),
        (errors.ConflictError("x", status=409), True),
        (errors.BadRequestError("x", status=400), False),
        (errors.QuotaExhaustedError("x"), False),
        (errors.AuthenticationError("x"), False),
        (errors.ContextTooLongError("x"), False),
        (errors.CircuitOpenError("x"), False),
        (errors.ConfigurationError("x"), False),
        (ValueError("x"), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_what_may_pass_is_tried_again(error, expected):
    assert RetryPolicy().retries(error) is expected


def test_pauses_double_up_to_the_longest():
    policy = RetryPolicy(jitter=0.0, max_delay=3.0)
    assert [policy.delay(attempt) for attempt in (1, 2, 3, 4, 5000)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_full_jitter_spreads_a_pause_from_nothing_to_all_of_it():
    policy = RetryPolicy(base_delay=8.0)
    assert [policy.delay(1, None, always(r)) for r in (0.0, 0.5, 1.0)] == [0.0, 4.0, 8.0]


def test_half_jitter_keeps_half_of_a_pause():
    policy = RetryPolicy(base_delay=8.0, jitter=0.5)
    assert [policy.delay(1, None, always(r)) for r in (0.0, 1.0)] == [4.0, 8.0]


@given(told=st.floats(0, 300), share=st.floats(0, 1), jitter=st.floats(0, 1), attempt=st.integers(1, 60))
def test_no_pause_is_shorter_than_the_provider_asks_nor_longer_than_that_and_our_own(told, share, jitter, attempt):
    error = errors.RateLimitError("x", retry_after=told)
    delay = RetryPolicy(jitter=jitter).delay(attempt, error, always(share))
    assert told <= delay <= max(told, 30.0) + 30.0


def test_a_pause_that_nobody_sits_out_ends_the_attempts():
    assert RetryPolicy().retries(errors.RateLimitError("x", retry_after=300.0))
    assert not RetryPolicy().retries(errors.RateLimitError("x", retry_after=301.0))


async def test_execute_returns_what_the_first_good_attempt_gives():
    sleep = Sleep()
    got = await RetryPolicy(jitter=0.0).execute(failing(SERVER, SERVER, "done"), sleep=sleep)
    assert got == "done"
    assert sleep.slept == [0.5, 1.0]


async def test_attempts_are_counted_in_total():
    sleep = Sleep()
    with pytest.raises(errors.ServerError) as caught:
        await RetryPolicy(max_attempts=3).execute(failing(*[SERVER] * 3), sleep=sleep)
    assert caught.value.attempts == 3
    assert len(sleep.slept) == 2


async def test_an_error_that_will_not_pass_is_raised_at_once():
    sleep = Sleep()
    with pytest.raises(errors.AuthenticationError) as caught:
        await RetryPolicy().execute(failing(SERVER, errors.AuthenticationError("no")), sleep=sleep)
    assert caught.value.attempts == 2
    assert len(sleep.slept) == 1


async def test_a_foreign_exception_passes_through():
    with pytest.raises(ZeroDivisionError):
        await RetryPolicy().execute(failing(ZeroDivisionError()), sleep=Sleep())


@pytest.mark.parametrize("is_async", [False, True])
async def test_on_retry_is_told_before_each_pause(is_async):
    told = []

    def note(attempt, delay, error):
        told.append((attempt, delay, error))

    async def note_later(*what):
        note(*what)

    policy = RetryPolicy(jitter=0.0)
    await policy.execute(failing(SERVER, "done"), sleep=Sleep(), on_retry=note_later if is_async else note)
    assert told == [(1, 0.5, SERVER)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"max_attempts": 1.5},
        {"max_attempts": True},
        {"base_delay": -1.0},
        {"max_delay": float("nan")},
        {"backoff_multiplier": 0.5},
        {"jitter": 1.1},
        {"jitter": "full"},
    ],
    ids=str,
)
def test_a_senseless_policy_is_refused_by_the_name_of_its_argument(wrong):
    with pytest.raises(errors.UsageError, match=next(iter(wrong))):
        RetryPolicy(**wrong)


def test_a_policy_travels_to_another_process():
    assert pickle.loads(pickle.dumps(RetryPolicy(max_attempts=2))) == RetryPolicy(max_attempts=2)
