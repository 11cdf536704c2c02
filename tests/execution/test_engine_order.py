"""When nodes start, what they are given, and what a failure does to the others."""

import asyncio
import threading
import time
from contextvars import ContextVar

import pytest
from simulation import Simulation, python, raises

import graphbit_nb as gb

words = ContextVar("words", default="nothing")


def test_a_node_starts_the_moment_its_own_inputs_are_there():
    run = Simulation(
        python("a1", seconds=0.2), python("a2", seconds=0.02, after="a1"),
        python("b1", seconds=0.02), python("b2", seconds=0.2, after="b1"),
    )  # fmt: skip
    assert run.ended_at == pytest.approx(0.220)
    assert run.snapshot.elapsed == pytest.approx(0.220)


def test_one_slot_runs_the_nodes_in_the_order_of_the_plan():
    graph = {"x": ["b"], "y": ["a"], "a": [], "b": [], "z": ["x", "y"]}
    run = Simulation(*(python(n, seconds=1, after=needs) for n, needs in graph.items()), max_concurrency=1)
    plan = run.workflow.plan
    assert [event.node for event in run.told("node.started")] == [plan.names[i] for i in plan.order]
    assert run.ended_at == 5


def test_a_node_that_starts_at_once_is_not_announced_as_ready():
    run = Simulation(python("a", seconds=1), python("b", seconds=1), max_concurrency=1)
    assert [event.node for event in run.told("node.ready")] == ["b"]


def test_a_long_chain_needs_no_recursion():
    length = 3_000
    run = Simulation(*(python(f"n{i}", after=[f"n{i - 1}"] if i else []) for i in range(length)))
    assert run.snapshot.done == length


def test_outputs_arrive_by_name_and_path():
    run = Simulation(
        python("a", lambda: {"k": [1, 2]}),
        gb.Node.python("b", lambda x, topic: (x, topic), inputs={"x": "a.k[1]", "topic": "topic"}),
        inputs={"topic": "graphs"},
    )
    assert run.outputs["b"] == (2, "graphs")


def test_none_is_an_output_like_any_other():
    run = Simulation(python("a", lambda: None), gb.Node.python("b", lambda a: a is None))
    assert run.outputs == {"a": None, "b": True}


def test_a_failure_keeps_other_branches_and_skips_what_needs_it():
    seen = []
    run = Simulation(
        python("a", raises(ValueError("no"))),
        gb.Node.python("b", seen.append, inputs=["a"]),
        gb.Node.python("c", seen.append, inputs=["b"]),
        python("d", seconds=1),
        python("e", after="d"),
    )
    assert run.states == {"a": "failed", "b": "skipped", "c": "skipped", "d": "succeeded", "e": "succeeded"}
    assert [run.snapshot.nodes[name].reason for name in "bc"] == [
        "needs a, which failed",
        "needs b, which was skipped",
    ]
    assert seen == []
    assert run.snapshot.status == "failed"


def test_fail_fast_stops_the_others_with_the_reason():
    run = Simulation(
        python("a", raises(ValueError("no"))), python("b", seconds=9), python("c", after="b"), fail_fast=True
    )
    assert run.states == {"a": "failed", "b": "cancelled", "c": "cancelled"}
    assert run.snapshot.nodes["b"].reason == "the run stopped when a failed"
    assert (run.ended_at, run.snapshot.status) == (0, "failed")


@pytest.mark.parametrize("value", ["instead", None, 0])
def test_a_fallback_stands_in_and_the_failure_stays_known(value):
    run = Simulation(
        python("a", raises(ValueError("no")), fallback=value), gb.Node.python("b", lambda a: [a]), fail_fast=True
    )
    assert run.outputs == {"a": value, "b": [value]}
    assert run.snapshot.status == "succeeded"
    assert run.snapshot.nodes["a"].error.message == "no"


def test_only_what_is_asked_for_and_what_it_needs_is_run():
    nodes = (python("a"), python("b", after="a"), python("c"), gb.Node.python("d", lambda missing: 1))
    run = Simulation(*nodes, nodes=["b"])
    assert run.states == {"a": "succeeded", "b": "succeeded"}
    assert Simulation(*nodes, nodes=[]).snapshot.status == "succeeded"


@pytest.mark.parametrize(
    ("inputs", "error", "told"),
    [
        ({}, gb.MissingInputError, "'topic' has no value .read by a, b.; 'style' has no value"),
        ({"topic": 1}, gb.MissingInputError, "'style' has no value"),
        ({"topic": 1, "stile": 2}, gb.UsageError, "no input 'stile'; did you mean 'style'"),
        ({"topic": 1, "style": 2, "zzz": 3}, gb.UsageError, "no input 'zzz'; there are topic, size, style"),
        ({"topic": 1, "style": 2, "a": 3}, gb.UsageError, "no input 'a'"),
    ],
)
def test_inputs_are_checked_before_anything_runs(inputs, error, told):
    nodes = (
        gb.Node.python("a", lambda topic, size=1: 1),
        gb.Node.python("b", lambda topic, style: 1),
    )
    with pytest.raises(error, match=told):
        Simulation(*nodes, inputs=inputs)


def test_an_unknown_node_is_named_with_the_nearest():
    with pytest.raises(gb.UsageError, match="no node 'outlin'; did you mean 'outline'"):
        Simulation(python("outline"), nodes=["outlin"])


class TestPlainFunctions:
    """Functions that are not async run in threads of their own."""

    def run(self, fn, **more):
        builder = gb.WorkflowBuilder("w")
        builder.add_node(gb.Node.python("a", fn, **more))
        return gb.WorkflowExecutor().execute(builder.build())

    def test_off_the_event_loop(self):
        loops = []

        def fn():
            try:
                loops.append(asyncio.get_running_loop())
            except RuntimeError:
                loops.append(None)
            return threading.current_thread()

        thread = self.run(fn).outputs["a"]
        assert loops == [None]
        assert (thread.name, thread.daemon) == ("graphbit-function", True)

    def test_side_by_side(self):
        meeting = threading.Barrier(3, timeout=10)
        builder = gb.WorkflowBuilder("w")
        for name in "abc":
            builder.add_node(gb.Node.python(name, lambda: meeting.wait() >= 0))
        assert gb.WorkflowExecutor().execute(builder.build()).is_success()

    def test_in_a_copy_of_the_callers_context(self):
        def fn():
            value = words.get()
            words.set("changed")
            return value

        token = words.set("hello")
        try:
            assert self.run(fn).outputs["a"] == "hello"
            assert words.get() == "hello"
        finally:
            words.reset(token)

    def test_what_they_return_may_be_awaited(self):
        async def later():
            return threading.current_thread().name

        assert self.run(lambda: later()).outputs["a"] == "graphbit-engine"  # noqa: PLW0108

    def test_a_late_result_of_an_abandoned_function_is_dropped(self, caplog):
        release, ended = threading.Event(), threading.Event()

        def fn():
            release.wait(10)
            ended.set()
            return "late"

        result = self.run(fn, timeout=0.05)
        release.set()
        assert ended.wait(10)
        assert result.errors["a"].type == "TimeoutError"
        assert result.nodes["a"].output is None
        assert "a: its function runs on in its thread; its result is dropped" in caplog.text

    def test_an_abandoned_function_keeps_nobody_waiting(self):
        release = threading.Event()
        builder = gb.WorkflowBuilder("w")
        builder.add_node(gb.Node.python("a", lambda: release.wait(10), timeout=0.05))
        builder.add_node(gb.Node.python("b", lambda: "done"))
        began = time.monotonic()
        result = gb.WorkflowExecutor(strategy="sequential").execute(builder.build())
        assert time.monotonic() - began < 5
        release.set()
        assert result.outputs == {"b": "done"}

    @pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit])
    def test_what_would_end_the_loop_fails_the_node_alone(self, error):
        def fn():
            raise error("so")

        result = self.run(fn)
        assert result.errors["a"].message == f"it raised {error.__name__}: so"
        assert "test_engine_order.py" in result.errors["a"].place
        assert self.run(lambda: 1).is_success()

    def test_a_function_that_runs_the_same_executor_again_does_not_wait_for_itself(self):
        executor = gb.WorkflowExecutor(strategy="sequential")

        def nested():
            inner = gb.WorkflowBuilder("inner")
            inner.add_node(gb.Node.python("x", lambda: "inside"))
            return executor.execute(inner.build()).outputs["x"]

        builder = gb.WorkflowBuilder("outer")
        builder.add_node(gb.Node.python("a", nested))
        assert executor.execute(builder.build()).outputs == {"a": "inside"}
