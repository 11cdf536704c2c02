"""Errors, retries, timeouts: what a node's own trouble looks like from outside."""

import asyncio
from contextvars import ContextVar

import pytest
from simulation import Simulation, python, raises

import graphbit_nb as gb
from graphbit_nb.execution.failures import contained, describe_error


class Unspeakable(Exception):  # noqa: N818
    def __str__(self):
        raise RuntimeError("no text")


def helper(number):
    return 1 / number  # the place that is named


async def divides():
    return helper(0)


def test_an_error_names_the_users_own_line():
    error = Simulation(python("a", divides)).snapshot.nodes["a"].error
    assert (error.type, error.message, error.attempts) == ("ZeroDivisionError", "division by zero", 1)
    assert error.place.startswith("test_engine_failures.py, line ")
    assert error.place.endswith(": return 1 / number  # the place that is named")
    lines = error.traceback.splitlines()
    assert lines[0].endswith("in divides")
    assert lines[2].endswith("in helper")
    assert not any("graphbit_nb" in line for line in lines)


def test_the_traceback_of_endless_recursion_is_short():
    def endless(n=0):
        return endless(n + 1)

    async def recurses():
        return endless()

    error = Simulation(python("a", recurses)).snapshot.nodes["a"].error
    assert error.type == "RecursionError"
    assert len(error.traceback) < 4_000


def test_a_long_text_is_cut():
    error = Simulation(python("a", raises(ValueError("x" * 100_000)))).snapshot.nodes["a"].error
    assert len(error.message) == 2_000


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException("odd")])
def test_exceptions_that_are_no_errors_fail_the_node_and_not_the_engine(error):
    run = Simulation(python("a", raises(error)), python("b", seconds=1))
    if isinstance(error, KeyboardInterrupt):  # on the main thread it is the user's own
        assert run.snapshot.status == "cancelled"
    else:
        assert run.states == {"a": "failed", "b": "succeeded"}
        assert type(error).__name__ in run.error()


def test_stop_iteration_fails_the_node():
    assert Simulation(python("a", raises(StopIteration()))).states == {"a": "failed"}


def test_an_exception_without_a_readable_text_fails_the_node():
    assert Simulation(python("a", raises(Unspeakable()))).error().startswith("Unspeakable: Unspeakable, whose text")


def test_cancelled_error_that_nobody_asked_for_is_a_failure():
    run = Simulation(python("a", raises(asyncio.CancelledError())), python("b", after="a"))
    assert run.states == {"a": "failed", "b": "skipped"}
    assert "it raised CancelledError, but nobody cancelled it" in run.error()
    assert run.snapshot.status == "failed"


def test_a_generator_is_refused_as_an_output():
    run = Simulation(python("a", lambda: (i for i in range(3))), python("b", lambda: [1]))
    assert "OutputError: the function gives a generator" in run.error()


def test_errors_are_kept_without_their_frames():
    error = ValueError("x")
    info = describe_error(error, node="a", attempts=2)
    assert str(info) == "ValueError: x (2 attempts)"
    assert (info.place, info.traceback) == (None, None)
    assert contained(error) is error


class TestRetries:
    policy = gb.RetryPolicy(max_attempts=4, base_delay=1.0, backoff_multiplier=2.0, jitter=0.0)

    def flaky(self, failures):
        calls = []

        async def fn():
            calls.append(1)
            if len(calls) <= failures:
                raise ValueError(f"attempt {len(calls)}")
            return len(calls)

        return fn

    def test_a_function_is_tried_again_with_growing_pauses(self):
        run = Simulation(python("a", self.flaky(3), retry=self.policy))
        assert run.outputs == {"a": 4}
        assert run.ended_at == 1 + 2 + 4
        assert [(e.attempt, e.delay, e.error.message) for e in run.told("retry.scheduled")] == [
            (1, 1.0, "attempt 1"),
            (2, 2.0, "attempt 2"),
            (3, 4.0, "attempt 3"),
        ]

    def test_the_last_error_is_kept_with_the_number_of_attempts(self):
        run = Simulation(python("a", self.flaky(9), retry=self.policy))
        assert run.snapshot.nodes["a"].error.attempts == 4
        assert run.snapshot.nodes["a"].error.message == "attempt 4"

    def test_a_number_is_the_attempts_in_all(self):
        assert Simulation(python("a", self.flaky(2), retry=3)).outputs == {"a": 3}
        assert Simulation(python("a", self.flaky(1), retry=1)).states == {"a": "failed"}

    def test_a_function_is_not_tried_again_unasked(self):
        assert Simulation(python("a", self.flaky(1))).states == {"a": "failed"}

    def test_a_pause_holds_no_slot(self):
        run = Simulation(python("a", self.flaky(1), retry=self.policy), python("b", seconds=0.5), max_concurrency=1)
        assert [event.node for event in run.told("node.started", "node.resumed")] == ["a", "b", "a"]
        assert run.ended_at == 1

    def test_a_node_started_in_anothers_pause_has_the_context_of_the_run(self):
        word = ContextVar("word", default="run's")

        async def fn():
            word.set("node's")
            raise ValueError("no")

        async def other():
            return word.get()

        run = Simulation(python("a", fn, retry=2), python("b", other), max_concurrency=1)
        assert run.outputs == {"b": "run's"}

    def test_a_node_cancelled_in_its_pause_is_cancelled(self):
        async def script(run):
            await asyncio.sleep(0.5)
            run.cancel("a")

        run = Simulation(python("a", self.flaky(9), retry=self.policy), script=script)
        assert (run.states, run.ended_at) == ({"a": "cancelled"}, 0.5)

    def test_a_cancelled_node_is_not_tried_again_whatever_it_makes_of_it(self):
        calls = []

        async def fn():
            calls.append(1)
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                raise OSError("connection lost") from None

        async def script(run):
            run.cancel()

        run = Simulation(python("a", fn, retry=self.policy), script=script)
        assert (len(calls), run.states, run.ended_at) == (1, {"a": "cancelled"}, 0)


class TestTimeouts:
    def test_a_node_that_takes_too_long_fails(self):
        run = Simulation(python("a", seconds=9, timeout=2), python("b", after="a"))
        assert run.error() == "TimeoutError: no result within 2 s"
        assert (run.states["b"], run.ended_at) == ("skipped", 2)

    def test_a_node_in_time_is_left_alone(self):
        assert Simulation(python("a", seconds=1, timeout=2), python("b", seconds=5)).outputs == {"a": "a", "b": "b"}

    def test_the_limit_covers_every_attempt_and_pause(self):
        policy = gb.RetryPolicy(max_attempts=9, base_delay=10.0, max_delay=10.0, jitter=0.0)
        run = Simulation(python("a", raises(ValueError("no")), retry=policy, timeout=25, fallback="instead"))
        assert (run.outputs, run.ended_at) == ({"a": "instead"}, 25)
        assert run.snapshot.nodes["a"].error.type == "TimeoutError"

    def test_a_timeout_of_the_users_own_is_his(self):
        async def fn():
            async with asyncio.timeout(1):
                await asyncio.sleep(9)

        run = Simulation(python("a", fn, timeout=5))
        assert (run.error().startswith("TimeoutError: TimeoutError"), run.ended_at) == (True, 1)

    def test_whatever_a_node_makes_of_its_timeout_it_is_one(self):
        async def fn():
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                raise OSError("connection lost") from None

        assert Simulation(python("a", fn, timeout=2)).error() == "TimeoutError: no result within 2 s"

    def test_what_a_node_still_gives_within_the_grace_counts(self):
        async def fn():
            try:
                await asyncio.sleep(9)
            except asyncio.CancelledError:
                return "what I have"

        assert Simulation(python("a", fn, timeout=2)).outputs == {"a": "what I have"}
