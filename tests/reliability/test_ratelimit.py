import asyncio
import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbit_nb import errors
from graphbit_nb.reliability.ratelimit import MINUTE, RateLimiter
from graphbit_nb.testing import run_in_virtual_time


def limiter(*args, **options):
    """A limiter that goes by the running loop's time."""
    return RateLimiter(*args, clock=asyncio.get_running_loop().time, **options)


def now():
    return asyncio.get_running_loop().time()


async def call(limit, seconds=0.0, tokens=0, used=None, began=None, name=None):
    """One call under a permit; returns when it began."""
    async with limit.permit(tokens) as permit:
        start = now()
        if began is not None:
            began.append(start if name is None else name)
        await asyncio.sleep(seconds)
        if used is not None:
            permit.used(used)
    return start


async def refused(limit, seconds=0.0, tokens=0):
    """A call that its circuit breaker does not allow."""
    async with limit.permit(tokens) as permit:
        await asyncio.sleep(seconds)
        permit.used(tokens)
        raise errors.CircuitOpenError("open")


async def failing(limit):
    async with limit.permit():
        raise ZeroDivisionError


def begun(main):
    return run_in_virtual_time(main())


def test_without_limits_nobody_waits():
    async def main():
        limit = limiter()
        return await asyncio.gather(*(call(limit, 1.0, 10**6) for _ in range(1000)))

    assert set(begun(main)) == {0.0}


def test_a_minutes_requests_may_come_at_once_and_the_next_waits_until_the_minute_is_over():
    async def main():
        limit = limiter(3)
        return await asyncio.gather(*(call(limit) for _ in range(7)))

    assert begun(main) == [0.0, 0.0, 0.0, 60.0, 60.0, 60.0, 120.0]


def test_the_minute_slides():
    async def main():
        limit = limiter(2)
        first = await call(limit)
        await asyncio.sleep(40.0)
        return [first, await call(limit), await call(limit), await call(limit)]

    assert begun(main) == [0.0, 40.0, 60.0, 100.0]


def test_tokens_are_counted_by_their_estimate():
    async def main():
        limit = limiter(tokens_per_minute=100)
        return await asyncio.gather(*(call(limit, tokens=40) for _ in range(5)))

    assert begun(main) == [0.0, 0.0, 60.0, 60.0, 120.0]


def test_an_estimate_that_was_too_high_lets_the_next_go_at_once():
    async def main():
        limit = limiter(tokens_per_minute=100)
        return await asyncio.gather(call(limit, 5.0, 90, used=10), call(limit, 0.0, 90))

    assert begun(main) == [0.0, 5.0]


def test_an_estimate_that_was_too_low_holds_the_next_up():
    async def main():
        limit = limiter(tokens_per_minute=100)
        await call(limit, 5.0, 10, used=95)
        return await call(limit, tokens=10)

    assert begun(main) == 60.0


def test_what_a_call_used_after_its_minute_counts_for_nothing():
    async def main():
        limit = limiter(tokens_per_minute=100)
        await asyncio.gather(call(limit, 70.0, 10, used=10**6), asyncio.sleep(65.0))
        return await call(limit, tokens=100)

    assert begun(main) == 70.0


def test_an_estimate_above_the_limit_takes_a_whole_minute():
    async def main():
        limit = limiter(tokens_per_minute=100)
        return await asyncio.gather(call(limit, tokens=1), call(limit, tokens=5000), call(limit, tokens=1))

    assert begun(main) == [0.0, 60.0, 120.0]


def test_concurrency_counts_calls_until_they_end():
    async def main():
        limit = limiter(concurrency=2)
        return await asyncio.gather(*(call(limit, 3.0) for _ in range(5)))

    assert begun(main) == [0.0, 0.0, 3.0, 3.0, 6.0]


def test_a_call_that_fails_gives_its_place_back_and_keeps_what_it_counts_for():
    async def main():
        limit = limiter(1, concurrency=1)
        await asyncio.gather(failing(limit), return_exceptions=True)
        return await call(limit)

    assert begun(main) == 60.0


def test_a_call_that_a_breaker_refused_counts_for_nothing():
    async def main():
        limit = limiter(1, tokens_per_minute=10, concurrency=1)
        await asyncio.gather(refused(limit, tokens=10), return_exceptions=True)
        return await call(limit, tokens=10)

    assert begun(main) == 0.0


def test_who_waits_behind_a_refused_call_goes_at_once():
    async def main():
        limit = limiter(1)
        return (await asyncio.gather(refused(limit, 1.0), call(limit), return_exceptions=True))[1]

    assert begun(main) == 1.0


def test_a_small_call_does_not_pass_a_large_one_that_came_before():
    async def main():
        limit, began = limiter(tokens_per_minute=100), []
        await asyncio.gather(
            call(limit, tokens=60, began=began, name="first"),
            call(limit, tokens=60, began=began, name="large"),
            call(limit, tokens=1, began=began, name="small"),
        )
        return began

    assert begun(main) == ["first", "large", "small"]


def test_a_newcomer_does_not_pass_who_waits_at_the_moment_there_is_room():
    async def main():
        limit, began = limiter(concurrency=1), []
        async with limit.permit():
            waiting = asyncio.create_task(call(limit, 1.0, began=began, name="waiting"))
            await asyncio.sleep(1.0)
        await call(limit, began=began, name="newcomer")
        await waiting
        return began

    assert begun(main) == ["waiting", "newcomer"]


def test_who_is_cancelled_while_waiting_takes_nothing():
    async def main():
        limit = limiter(1)
        await call(limit)
        tasks = [asyncio.create_task(call(limit)) for _ in range(3)]
        await asyncio.sleep(10.0)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return tasks[1].result(), len(asyncio.all_tasks())

    assert begun(main) == (60.0, 1)


def test_nothing_goes_on_for_who_was_cancelled():
    async def main():
        limit = limiter(1)
        await call(limit)
        task = asyncio.create_task(call(limit))
        await asyncio.sleep(10.0)
        task.cancel()
        await asyncio.sleep(1.0)
        return len(asyncio.all_tasks())

    assert begun(main) == 1


def test_who_is_cancelled_at_the_moment_of_its_turn_passes_it_on():
    async def main():
        limit = limiter(concurrency=1)
        holding = asyncio.create_task(call(limit, 5.0))
        await asyncio.sleep(0)
        next_, last = asyncio.create_task(call(limit)), asyncio.create_task(call(limit))
        await holding
        next_.cancel()
        return await last

    assert begun(main) == 5.0


def test_a_cancelled_call_gives_its_place_back():
    async def main():
        limit = limiter(concurrency=1)
        holding = asyncio.create_task(call(limit, 500.0))
        await asyncio.sleep(2.0)
        holding.cancel()
        return await call(limit)

    assert begun(main) == 2.0


def test_every_wait_is_told_once_with_its_reason_and_its_least_time():
    async def main():
        told, own = [], []
        limit = limiter(1, name="openai/gpt", on_wait=told.append)
        await call(limit, 20.0)
        async with limit.permit(on_wait=own.append) as permit:
            waited = permit.waited
        await call(limit)
        return [(w.limiter, w.reason, w.seconds, w.ahead) for w in told], own == told[:1], waited

    told, own, waited = begun(main)
    assert told == [("openai/gpt", "requests", 40.0, 0), ("openai/gpt", "requests", 60.0, 0)]
    assert own
    assert waited == 40.0


def test_a_wait_says_how_many_are_ahead_and_which_limit_holds_it_up():
    async def main():
        told = []
        limit = limiter(tokens_per_minute=10, concurrency=1, on_wait=told.append)
        await asyncio.gather(*(call(limit, 1.0, 10) for _ in range(3)))
        await call(limit, tokens=10)
        return [(w.reason, w.seconds, w.ahead) for w in told]

    assert begun(main) == [("concurrency", None, 0), ("concurrency", None, 1), ("tokens", 59.0, 0)]


def test_a_listener_that_fails_harms_no_call(caplog):
    def broken(wait):
        raise ZeroDivisionError

    async def main():
        limit = limiter(1, name="openai/gpt", on_wait=broken)
        return await asyncio.gather(call(limit), call(limit))

    with caplog.at_level(logging.ERROR, "graphbit_nb"):
        assert begun(main) == [0.0, 60.0]
    assert "listener of the limiter 'openai/gpt'" in caplog.text


def test_time_and_sleep_are_arguments():
    async def main():
        clock, slept = [0.0], []

        async def sleep(seconds):
            slept.append(seconds)
            clock[0] += seconds

        limit = RateLimiter(1, clock=lambda: clock[0], sleep=sleep)
        for _ in range(3):
            async with limit.permit():
                pass
        return slept

    assert asyncio.run(main()) == [60.0, 60.0]


def test_a_sleep_that_fails_is_heard():
    async def main():
        async def sleep(seconds):
            raise ZeroDivisionError

        limit = limiter(1, sleep=sleep)
        await call(limit)
        with pytest.raises(ZeroDivisionError):
            await call(limit)

    asyncio.run(main())


def test_another_limiter_like_it_has_its_limits_and_nothing_in_use():
    async def main():
        limit = limiter(1, 10, 1)
        await call(limit)
        other = limit.like("other")
        assert (repr(other), other.name) == (repr(limit), "other")
        return await call(other)

    assert begun(main) == 0.0


def test_calls_from_two_event_loops_at_once_are_refused():
    limit = RateLimiter(concurrency=1)

    async def main():
        async with limit.permit():
            with pytest.raises(errors.UsageError, match="another event loop"):
                await asyncio.to_thread(run_in_virtual_time, call(limit))

    asyncio.run(main())
    asyncio.run(call(limit))


@st.composite
def workloads(draw):
    limits = {
        "requests_per_minute": draw(st.none() | st.integers(1, 5)),
        "tokens_per_minute": draw(st.none() | st.integers(20, 100)),
        "concurrency": draw(st.none() | st.integers(1, 3)),
    }
    one = st.tuples(
        st.floats(0, 200),  # comes
        st.integers(0, 60),  # tokens
        st.floats(0, 90),  # lasts
        st.none() | st.floats(0, 150),  # is cancelled after
        st.none() | st.floats(0, 1),  # share of the tokens that it used
    )
    return limits, draw(st.lists(one, min_size=1, max_size=25))


class Office:
    """Carries a workload out, and remembers who came, who began when with what, and how many there were at once."""

    def __init__(self, limits):
        self.limit = limiter(**limits)
        self.most_tokens = limits["tokens_per_minute"] or 10**9
        self.came, self.began = [], []
        self.running = self.most = 0

    async def one(self, number, comes, tokens, lasts, share):
        await asyncio.sleep(comes)
        self.came.append(number)
        async with self.limit.permit(tokens) as permit:
            record = [number, now(), min(tokens, self.most_tokens)]
            self.began.append(record)
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                await asyncio.sleep(lasts)
            finally:
                self.running -= 1
            if share is not None:
                record[2] *= share
                permit.used(record[2])

    async def perhaps_cancelled(self, number, comes, tokens, lasts, cancelled, share):
        task = asyncio.create_task(self.one(number, comes, tokens, lasts, share))
        if cancelled is not None:
            await asyncio.sleep(comes + cancelled)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def carry_out(self, work):
        await asyncio.gather(*(self.perhaps_cancelled(number, *what) for number, what in enumerate(work)))

    async def waits_when_idle(self, times):
        """How long calls wait that come at once, after everything is long over."""
        await asyncio.sleep(2 * MINUTE)
        before = now()
        return [begun_at - before for begun_at in await asyncio.gather(*(call(self.limit, 1.0) for _ in range(times)))]


@settings(max_examples=150, deadline=None)
@given(workloads())
def test_no_minute_has_more_than_its_limits_and_all_are_served_in_order(workload):
    limits, work = workload

    async def main():
        office = Office(limits)
        await office.carry_out(work)
        return office

    office = run_in_virtual_time(main())
    times = [start for _, start, _ in office.began]
    if (requests := limits["requests_per_minute"]) is not None:
        assert all(b - a >= MINUTE - 1e-6 for a, b in zip(times, times[requests:], strict=False))
    for start in times:
        spent = sum(tokens for _, t, tokens in office.began if start <= t < start + MINUTE - 1e-6)
        assert spent <= office.most_tokens + 1e-6
    assert office.most <= (limits["concurrency"] or len(work))
    served = [number for number, _, _ in office.began]
    assert served == [number for number in office.came if number in served]
    assert {number for number, what in enumerate(work) if what[3] is None} <= set(served)


@settings(max_examples=100, deadline=None)
@given(workloads())
def test_whoever_was_cancelled_no_permit_is_lost_and_nothing_goes_on(workload):
    limits, work = workload

    async def main():
        office = Office(limits)
        await office.carry_out(work)
        allowed = [limit for name, limit in limits.items() if limit is not None and name != "tokens_per_minute"]
        return await office.waits_when_idle(min(allowed, default=5)), len(asyncio.all_tasks())

    waits, tasks = run_in_virtual_time(main())
    assert set(waits) == {0.0}
    assert tasks == 1


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_minute", "concurrency"])
@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "60", float("inf")], ids=repr)
def test_a_senseless_limit_is_refused_by_its_name(name, wrong):
    with pytest.raises(errors.UsageError, match=name):
        RateLimiter(**{name: wrong})


@pytest.mark.parametrize("wrong", [-1, float("nan"), None, "many"], ids=repr)
def test_a_senseless_number_of_tokens_is_refused(wrong):
    async def main():
        limit = limiter(1)
        with pytest.raises(errors.UsageError, match="tokens"):
            async with limit.permit(wrong):
                pass
        async with limit.permit() as permit:
            with pytest.raises(errors.UsageError, match="tokens"):
                permit.used(wrong)

    begun(main)


def test_its_repr_names_the_limits_there_are():
    assert repr(RateLimiter(60, concurrency=4)) == "RateLimiter(requests_per_minute=60, concurrency=4)"
