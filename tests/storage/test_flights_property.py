"""Equal calls at the same time, whoever comes and goes: never two at once, and nobody is forgotten."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.errors import ServerError
from graphbit_nb.reliability.retry import RetryPolicy
from graphbit_nb.storage.flights import shared
from graphbit_nb.testing import run_in_virtual_time

TIMES = st.integers(0, 12)
ASKERS = st.lists(st.tuples(TIMES, st.none() | TIMES), min_size=1, max_size=8)


class Slots:
    """A few slots; an asker holds one while it waits, and gives it back while it waits for another attempt."""

    def __init__(self, count):
        self.semaphore = asyncio.Semaphore(count)
        self.wants_tokens = True
        self.holds = False

    async def retry(self, attempt, delay, error):
        self.semaphore.release()
        self.holds = False
        await asyncio.sleep(delay)
        await self.semaphore.acquire()
        self.holds = True

    def token(self, text):
        """It is of no interest."""


@given(ASKERS, st.lists(st.booleans(), max_size=4), st.integers(1, 3))
def test_there_is_one_call_at_a_time_and_everybody_gets_an_answer(askers, failures, slots):
    async def main():
        semaphore = asyncio.Semaphore(slots)
        waiting = list(failures)
        busy = most = 0

        async def attempt():
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            try:
                await asyncio.sleep(3)
            finally:
                busy -= 1
            if waiting and waiting.pop():
                raise ServerError("down")
            return "answer"

        async def call(listener):
            policy = RetryPolicy(max_attempts=9, base_delay=2, jitter=0)

            async def no_wait(delay):
                """The listener has waited."""

            return await policy.execute(attempt, sleep=no_wait, on_retry=listener.retry)

        async def asks(begin):
            await asyncio.sleep(begin)
            listener = Slots(slots)
            listener.semaphore = semaphore
            await semaphore.acquire()
            listener.holds = True
            try:
                answer, _ = await shared("key", listener, call)
                return answer
            finally:
                if listener.holds:
                    semaphore.release()

        async def cancelled(task, end):
            await asyncio.sleep(end)
            task.cancel()

        tasks = [asyncio.ensure_future(asks(begin)) for begin, _ in askers]
        ends = [
            asyncio.ensure_future(cancelled(task, end)) for task, (_, end) in zip(tasks, askers, strict=True) if end
        ]
        found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10_000)
        for task in ends:
            task.cancel()
        for answer, (_, end) in zip(found, askers, strict=True):
            assert answer == "answer" or (end and isinstance(answer, asyncio.CancelledError)), answer
        assert most <= 1
        assert busy == 0

    run_in_virtual_time(main())
