"""Cancelling: at any moment, the run or one node, also those that do not want to hear it."""

import asyncio
import logging
from contextlib import suppress

import pytest
from simulation import Simulation, python

import graphbit_nb as gb
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.testing import run_in_virtual_time


def cancels(at=None, node=None):
    async def script(run):
        if at is not None:
            await asyncio.sleep(at)
        run.cancel(node)

    return script


def chain():
    return (python("a", seconds=1), python("b", seconds=1, after="a"), python("c", seconds=1, after="b"))


def test_what_is_finished_is_kept():
    run = Simulation(*chain(), script=cancels(1.5))
    assert run.states == {"a": "succeeded", "b": "cancelled", "c": "cancelled"}
    assert run.outputs == {"a": "a"}
    assert (run.snapshot.status, run.ended_at) == ("cancelled", 1.5)
    assert run.snapshot.nodes["c"].reason == "the run was cancelled"


def test_before_the_first_step_of_any_node():
    ran = []
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("a", lambda: ran.append(1)))
    workflow = builder.build()

    async def main():
        engine = Engine(clients=None, threads=ThreadPool())
        run = engine.prepare(workflow, sinks=(lambda event: event.kind == "run.started" and run.cancel(),))
        return await run.execute()

    snapshot = run_in_virtual_time(main())
    assert snapshot.nodes["a"].state == "cancelled"
    assert ran == []


def test_one_node_stops_alone_and_what_needs_it_is_skipped():
    run = Simulation(*chain(), python("d", seconds=5), script=cancels(1.5, "b"))
    assert run.states == {"a": "succeeded", "b": "cancelled", "c": "skipped", "d": "succeeded"}
    assert run.snapshot.nodes["c"].reason == "needs b, which was cancelled"
    assert run.snapshot.status == "cancelled"


@pytest.mark.parametrize("node", ["a", "unknown"])
def test_a_node_that_has_ended_or_does_not_take_part_is_not_cancelled(node):
    assert Simulation(*chain(), script=cancels(1.5, node)).snapshot.status == "succeeded"


def test_after_the_end_it_does_nothing():
    run = Simulation(python("a"), script=cancels(5))
    assert run.snapshot.status == "succeeded"
    assert run.events[-1].kind == "run.finished"


def test_cancelling_the_call_cancels_the_run_and_waits_for_its_end():
    builder = gb.WorkflowBuilder("w")
    for node in chain():
        builder.add_node(node)
    workflow = builder.build()

    async def main():
        run = Engine(clients=None, threads=ThreadPool()).prepare(workflow)
        task = asyncio.ensure_future(run.execute())
        await asyncio.sleep(1.5)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return run.snapshot

    snapshot = run_in_virtual_time(main())
    assert [str(node.state) for node in snapshot.nodes.values()] == ["succeeded", "cancelled", "cancelled"]
    assert snapshot.status == "cancelled"


class Stubborn:
    """An async function that does not heed being cancelled, for ten hours."""

    def __init__(self):
        self.ended = False

    async def __call__(self):
        for _ in range(10):
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                continue
        self.ended = True
        return "late"


def test_a_node_that_ignores_it_is_given_up_after_the_grace(caplog):
    fn, after = Stubborn(), []

    async def script(run):
        await asyncio.sleep(1)
        run.cancel("a")
        await asyncio.sleep(36_000)
        after.append(run.snapshot.nodes["a"].output)

    with caplog.at_level(logging.WARNING):
        run = Simulation(python("a", fn), python("b", after="a"), python("c"), script=script, grace=3)
    assert run.states == {"a": "cancelled", "b": "skipped", "c": "succeeded"}
    assert run.ended_at == 4
    assert [record.message for record in caplog.records] == [
        "a was told to stop and goes on; it is given up, and its result is dropped"
    ]
    assert (fn.ended, after) == (True, [None])


def test_a_node_that_ignores_its_timeout_is_given_up_as_well():
    run = Simulation(python("a", Stubborn(), timeout=2, fallback="instead"), grace=3)
    assert (run.outputs, run.ended_at) == ({"a": "instead"}, 5)
    assert run.snapshot.nodes["a"].error.type == "TimeoutError"


def test_being_told_again_and_again_does_not_prolong_the_grace():
    async def script(run):
        for _ in range(10):
            run.cancel()
            await asyncio.sleep(1)

    run = Simulation(python("a", Stubborn()), script=script, grace=3)
    assert (run.states, run.ended_at) == ({"a": "cancelled"}, 3)


def test_what_a_given_up_node_still_says_is_dropped():
    async def cancels_and_waits(run):
        await asyncio.sleep(2.5)
        run.cancel()
        await asyncio.sleep(60)

    class Ask(gb.NodeProcessor):
        node_type = "ask_for_ever"
        asks_model = True

        async def process(self, input):  # noqa: A002
            for _ in range(10):
                try:
                    await asyncio.sleep(1)
                    await input.services.generate(gb.GenerateRequest(messages=(), node="a"))
                except asyncio.CancelledError:
                    continue
            return gb.NodeOutput("late", is_text=True)

    class Talks:
        async def generate(self, request, listener):
            listener.token("word")
            for _ in range(3):
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(2)
            listener.token("late")
            return gb.GenerateResponse(text="word")

        def model_info(self):
            return gb.ModelInfo(provider="fake", name="fake")

    gb.ProcessorRegistry.register(Ask)
    try:
        run = Simulation(gb.Node.ask_for_ever("a", "x"), script=cancels_and_waits, grace=2, client=Talks())
    finally:
        gb.ProcessorRegistry.unregister("ask_for_ever")
    assert run.states == {"a": "cancelled"}
    assert [event.kind for event in run.events][-3:] == ["llm.token", "node.cancelled", "run.finished"]
    assert len(run.told("llm.requested")) == 1


def test_a_node_that_loops_on_its_cancelled_services_cannot_block_the_loop():
    class Spin(gb.NodeProcessor):
        node_type = "spin"
        asks_model = True

        async def process(self, input):  # noqa: A002
            for _ in range(100_000):
                try:
                    await input.services.generate(gb.GenerateRequest(messages=(), node="a"))
                except asyncio.CancelledError:
                    continue

    class Slow:
        async def generate(self, request, listener):
            await asyncio.sleep(9)

        def model_info(self):
            return gb.ModelInfo(provider="fake", name="fake")

    gb.ProcessorRegistry.register(Spin)
    try:
        run = Simulation(gb.Node.spin("a", "x"), python("b", seconds=2), script=cancels(1, "a"), client=Slow())
    finally:
        gb.ProcessorRegistry.unregister("spin")
    assert run.states["b"] == "succeeded"


def test_a_fault_of_the_engine_ends_the_run_with_that_error():
    async def script(run):
        def broken(stimulus):
            raise RuntimeError("a fault of ours")

        run.scheduler.handle = broken

    with pytest.raises(RuntimeError, match="a fault of ours"):
        Simulation(python("a", seconds=1), python("b", seconds=5), script=script)
