import asyncio
import contextlib
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb import errors
from graphbit_nb.reliability.breaker import Circuit, CircuitBreaker, CircuitRules, CircuitState
from graphbit_nb.testing import run_in_virtual_time

DOWN = errors.ServerError("down", status=500)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Provider:
    """Answers, or raises what it was last told to, and counts its calls."""

    def __init__(self):
        self.outcome = "fine"
        self.calls = 0

    async def __call__(self):
        self.calls += 1
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def provider():
    return Provider()


def breaker(clock, *args, **options):
    return CircuitBreaker(*args, name="openai/gpt", clock=clock, wall=lambda: 0.0, **options)


async def calls(breaker, provider, outcome, times=1):
    provider.outcome = outcome
    for _ in range(times):
        with contextlib.suppress(errors.GraphbitError):
            await breaker.call(provider)


async def opened(clock, provider, **options):
    made = breaker(clock, 0.5, 30.0, **options)
    await calls(made, provider, DOWN, 20)
    assert made.state is CircuitState.OPEN
    provider.calls = 0
    return made


async def test_a_call_gives_what_its_operation_gives(clock, provider):
    assert await breaker(clock).call(provider) == "fine"


async def test_it_stays_closed_as_long_as_there_were_too_few_calls_to_judge(clock, provider):
    made = breaker(clock)
    await calls(made, provider, DOWN, 19)
    assert made.state is CircuitState.CLOSED


async def test_it_opens_when_half_of_at_least_twenty_calls_failed(clock, provider):
    made = breaker(clock)
    await calls(made, provider, "fine", 10)
    await calls(made, provider, DOWN, 9)
    assert made.state is CircuitState.CLOSED
    await calls(made, provider, DOWN)
    assert made.state is CircuitState.OPEN


async def test_it_stays_closed_when_fewer_than_half_failed(clock, provider):
    made = breaker(clock)
    await calls(made, provider, "fine", 21)
    await calls(made, provider, DOWN, 20)
    assert made.state is CircuitState.CLOSED


async def test_calls_from_before_the_window_are_forgotten(clock, provider):
    made = breaker(clock, window=60.0)
    await calls(made, provider, DOWN, 19)
    clock.now += 60.0
    await calls(made, provider, DOWN, 19)
    assert made.state is CircuitState.CLOSED


@pytest.mark.parametrize(
    "error",
    [
        errors.ServerError("x"),
        errors.OverloadedError("x", status=529),
        errors.ProviderTimeoutError("x"),
        errors.ProviderConnectionError("x"),
        errors.ProviderError("x", status=501),
        errors.ProtocolError("x", status=502),
    ],
    ids=repr,
)
async def test_what_the_provider_is_to_blame_for_opens_it(clock, provider, error):
    made = breaker(clock)
    await calls(made, provider, error, 20)
    assert made.state is CircuitState.OPEN


@pytest.mark.parametrize(
    "error",
    [
        errors.RateLimitError("x", status=429),
        errors.QuotaExhaustedError("x", status=429),
        errors.AuthenticationError("x", status=401),
        errors.BadRequestError("x", status=400),
        errors.ProtocolError("x", status=200),
        errors.OutputError("x"),
    ],
    ids=repr,
)
async def test_what_says_nothing_against_the_provider_does_not_open_it(clock, provider, error):
    made = breaker(clock)
    await calls(made, provider, error, 100)
    assert made.state is CircuitState.CLOSED


async def test_too_many_calls_do_not_dilute_the_failures(clock, provider):
    made = breaker(clock)
    await calls(made, provider, errors.RateLimitError("x", status=429), 100)
    await calls(made, provider, DOWN, 20)
    assert made.state is CircuitState.OPEN


async def test_a_foreign_exception_passes_through_and_counts_for_nothing(clock, provider):
    made = breaker(clock)
    provider.outcome = ZeroDivisionError()
    for _ in range(30):
        with pytest.raises(ZeroDivisionError):
            await made.call(provider)
    assert made.state is CircuitState.CLOSED


async def test_an_open_breaker_makes_no_call_and_says_until_when(clock, provider):
    made = await opened(clock, provider)
    clock.now += 10.0
    with pytest.raises(
        errors.CircuitOpenError, match=r"openai/gpt .*another 20 s.*20 of the last 20.*ServerError: down"
    ) as e:
        await made.call(provider)
    assert provider.calls == 0
    assert (e.value.circuit, e.value.retry_after, e.value.until) == ("openai/gpt", 20.0, 20.0)


async def test_the_error_of_an_open_breaker_travels_to_another_process(clock, provider):
    made = await opened(clock, provider)
    with pytest.raises(errors.CircuitOpenError) as e:
        made.check()
    again = pickle.loads(pickle.dumps(e.value))
    assert (str(again), again.circuit, again.retry_after) == (str(e.value), "openai/gpt", 30.0)


async def test_check_refuses_what_a_call_would_refuse_and_reserves_nothing(clock, provider):
    made = await opened(clock, provider, half_open_max_calls=1)
    with pytest.raises(errors.CircuitOpenError):
        made.check()
    clock.now += 30.0
    made.check()
    made.check()
    assert made.state is CircuitState.OPEN
    await calls(made, provider, "fine")
    assert provider.calls == 1


async def test_after_its_rest_it_closes_when_every_probe_succeeds(clock, provider):
    made = await opened(clock, provider, half_open_max_calls=2)
    clock.now += 30.0
    await calls(made, provider, "fine")
    assert made.state is CircuitState.HALF_OPEN
    await calls(made, provider, "fine")
    assert made.state is CircuitState.CLOSED


async def test_after_closing_old_failures_are_forgotten(clock, provider):
    made = await opened(clock, provider, half_open_max_calls=1)
    clock.now += 30.0
    await calls(made, provider, "fine")
    await calls(made, provider, DOWN, 19)
    assert made.state is CircuitState.CLOSED


async def test_a_probe_that_fails_opens_it_for_another_rest(clock, provider):
    made = await opened(clock, provider)
    clock.now += 30.0
    await calls(made, provider, DOWN)
    assert made.state is CircuitState.OPEN
    with pytest.raises(errors.CircuitOpenError, match="another 30 s") as e:
        await made.call(provider)
    assert e.value.retry_after == 30.0


async def test_a_probe_that_says_nothing_leaves_its_place_to_another(clock, provider):
    made = await opened(clock, provider, half_open_max_calls=1)
    clock.now += 30.0
    await calls(made, provider, errors.RateLimitError("x", status=429), 3)
    assert (made.state, provider.calls) == (CircuitState.HALF_OPEN, 3)
    await calls(made, provider, "fine")
    assert made.state is CircuitState.CLOSED


async def under_way(made):
    """Begin a call, and return its task and the future that ends it."""
    end = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(made.call(lambda: end))
    await asyncio.sleep(0)
    return task, end


async def test_while_the_probes_are_under_way_others_are_refused(clock, provider):
    made = await opened(clock, provider, half_open_max_calls=1)
    clock.now += 30.0
    task, end = await under_way(made)
    with pytest.raises(errors.CircuitOpenError, match="tried again with 1 call") as e:
        await made.call(provider)
    assert (e.value.retry_after, e.value.until) == (None, None)
    end.set_result("fine")
    await task
    assert await breaker_call(made, provider) == "fine"


async def test_probes_that_succeeded_keep_their_places(clock, provider):
    made = await opened(clock, provider, half_open_max_calls=2)
    clock.now += 30.0
    assert await breaker_call(made, provider) == "fine"
    task, end = await under_way(made)
    with pytest.raises(errors.CircuitOpenError):
        await made.call(provider)
    end.set_result("fine")
    await task
    assert made.state is CircuitState.CLOSED


async def test_a_cancelled_probe_leaves_its_place_to_another(clock, provider):
    made = await opened(clock, provider, half_open_max_calls=1)
    clock.now += 30.0
    task, _ = await under_way(made)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await calls(made, provider, "fine")
    assert made.state is CircuitState.CLOSED


async def test_a_straggler_from_before_neither_opens_nor_closes_it(clock, provider):
    made = breaker(clock, half_open_max_calls=1)
    bad, good = await under_way(made), await under_way(made)
    await calls(made, provider, DOWN, 20)
    clock.now += 30.0
    probe, end = await under_way(made)
    bad[1].set_exception(DOWN)
    good[1].set_result("late")
    await asyncio.gather(bad[0], good[0], return_exceptions=True)
    assert made.state is CircuitState.HALF_OPEN
    end.set_result("fine")
    await probe
    assert made.state is CircuitState.CLOSED


async def test_every_change_of_state_is_told_once_to_the_breakers_listener_and_to_that_of_the_call(clock, provider):
    all_told, told = [], []
    made = breaker(clock, 1.0, 30.0, 1, minimum_calls=1, on_change=all_told.append)
    provider.outcome = DOWN
    with pytest.raises(errors.ServerError):
        await made.call(provider, on_change=told.append)
    assert [(c.circuit, c.before, c.after, c.rest) for c in told] == [("openai/gpt", "closed", "open", 30.0)]
    clock.now += 30.0
    await calls(made, provider, "fine")
    assert [(c.before, c.after) for c in all_told] == [
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "closed"),
    ]


async def test_a_listener_that_fails_harms_no_call(clock, provider, caplog):
    def broken(change):
        raise ZeroDivisionError

    made = breaker(clock, 1.0, 30.0, 1, minimum_calls=1, on_change=broken)
    with caplog.at_level(logging.ERROR, "graphbit_nb"):
        await calls(made, provider, DOWN)
        clock.now += 30.0
        assert await breaker_call(made, provider) == "fine"
    assert made.state is CircuitState.CLOSED
    assert "listener of the circuit 'openai/gpt'" in caplog.text


async def breaker_call(made, provider):
    provider.outcome = "fine"
    return await made.call(provider)


async def test_another_breaker_like_it_has_its_rules_and_none_of_its_failures(clock, provider):
    made = await opened(clock, provider)
    other = made.like("openai/other")
    assert (other.rules, other.name, other.state) == (made.rules, "openai/other", CircuitState.CLOSED)
    assert await breaker_call(other, provider) == "fine"


def test_two_hundred_calls_at_once_find_a_dead_provider_and_come_back_through_the_probes():
    async def main():
        loop = asyncio.get_running_loop()
        made = CircuitBreaker(0.5, 30.0, 3, clock=loop.time)
        reached, down = 0, True

        async def operation():
            nonlocal reached
            reached += 1
            await asyncio.sleep(1.0)
            if down:
                raise DOWN

        async def later(seconds):
            await asyncio.sleep(seconds)
            return await made.call(operation)

        refused = await asyncio.gather(*(later(i * 0.01) for i in range(200)), return_exceptions=True)
        first = reached
        down = False
        await asyncio.sleep(60.0)
        await asyncio.gather(*(later(0.0) for _ in range(50)), return_exceptions=True)
        return first, sum(isinstance(e, errors.CircuitOpenError) for e in refused), reached - first, made.state

    first, refused, probes, state = run_in_virtual_time(main())
    assert first + refused == 200
    assert first < 125
    assert (probes, state) == (3, CircuitState.CLOSED)


RULES = CircuitRules(failure_threshold=0.5, timeout_duration=30.0, half_open_max_calls=2, minimum_calls=4, window=60.0)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("call"), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([0.5, 10.0, 30.0])),
        st.tuples(st.sampled_from(["fail", "succeed", "neither"]), st.integers(0, 9)),
    ),
    max_size=120,
)


@given(STEPS)
def test_half_open_there_are_never_more_probes_than_allowed_and_open_there_is_none(steps):
    circuit, now, running, opened_at = Circuit(RULES), 0.0, [], None
    for what, value in steps:
        before = circuit.state
        if what == "wait":
            now += value
        elif what == "call":
            if circuit.admits(now):
                running.append(circuit.admit())
                if before is CircuitState.OPEN:
                    assert now - opened_at >= RULES.timeout_duration
        elif running:
            era = running.pop(value % len(running))
            circuit.settle(era, now, failed={"fail": True, "succeed": False, "neither": None}[what])
        if circuit.state is CircuitState.OPEN and before is not CircuitState.OPEN:
            opened_at = now
        if circuit.state is CircuitState.HALF_OPEN:
            assert running.count(circuit.era) <= RULES.half_open_max_calls
        if circuit.state is CircuitState.OPEN:
            assert circuit.era not in running


@given(STEPS)
def test_whatever_happened_a_healthy_provider_closes_it_again(steps):
    circuit, now, running = Circuit(RULES), 0.0, []
    for what, value in steps:
        if what == "wait":
            now += value
        elif what == "call" and circuit.admits(now):
            running.append(circuit.admit())
        elif what in {"fail", "succeed", "neither"} and running:
            failed = {"fail": True, "succeed": False, "neither": None}[what]
            circuit.settle(running.pop(value % len(running)), now, failed=failed)
    for era in running:
        circuit.settle(era, now, failed=False)
    now += RULES.timeout_duration
    for _ in range(RULES.half_open_max_calls):
        assert circuit.admits(now)
        circuit.settle(circuit.admit(), now, failed=False)
    assert circuit.state is CircuitState.CLOSED


@pytest.mark.parametrize(
    "wrong",
    [
        {"failure_threshold": 0},
        {"failure_threshold": 5},
        {"failure_threshold": float("nan")},
        {"failure_threshold": "half"},
        {"timeout_duration": 0},
        {"timeout_duration": float("inf")},
        {"half_open_max_calls": 0},
        {"half_open_max_calls": 1.5},
        {"half_open_max_calls": True},
        {"minimum_calls": 0},
        {"window": -1},
    ],
    ids=str,
)
def test_a_senseless_rule_is_refused_by_the_name_of_its_argument(wrong):
    with pytest.raises(errors.UsageError, match=next(iter(wrong))):
        CircuitBreaker(**wrong)


def test_its_repr_is_its_name_and_state(clock):
    assert repr(breaker(clock)) == "CircuitBreaker('openai/gpt', closed)"
