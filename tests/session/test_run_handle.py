"""The handle of a run that goes on: watching it, waiting for it, cancelling it from anywhere."""

import asyncio
import threading

import pytest

import graphbit_nb as gb
from graphbit_nb.session.handle import RunHandle


def blocked(*names):
    """A workflow of async nodes, each waiting for its own event, and those events."""
    gates = {name: threading.Event() for name in names}

    def waits_for(name):
        async def fn():
            while not gates[name].is_set():
                await asyncio.sleep(0.001)
            return name

        return fn

    builder = gb.WorkflowBuilder("blocked")
    for before, name in zip((None, *names), names, strict=False):
        builder.add_node(gb.Node.python(name, waits_for(name), after=[before] if before else []))
    return builder.build(), gates


def wait_until_running(handle, node):
    started = threading.Event()
    while handle.snapshot is None or node not in handle.snapshot.nodes or handle.snapshot.nodes[node].started is None:
        started.wait(0.001)


async def test_events_come_from_the_first_to_the_last(executor, workflow):
    handle = executor.start(workflow, {"topic": "x"})
    live = [event async for event in handle.events()]
    result = await handle
    again = [event async for event in handle.events()]
    assert [event.seq for event in live] == list(range(1, len(live) + 1))
    assert (live[0].kind, live[-1].kind) == ("run.started", "run.finished")
    assert again == live
    folded = gb.RunSnapshot()
    for event in live:
        folded.apply(event)
    assert folded == result.snapshot


async def test_several_may_watch_and_one_may_leave(executor):
    workflow, gates = blocked("a", "b")
    handle = executor.start(workflow)

    async def first_only():
        async for event in handle.events():
            return event.kind
        return None

    async def everything():
        return [event.kind async for event in handle.events()]

    async def release():
        for gate in gates.values():
            await asyncio.sleep(0.01)
            gate.set()

    first, every, other, _ = await asyncio.gather(first_only(), everything(), everything(), release())
    assert first == "run.started"
    assert every == other
    assert every[-1] == "run.finished"


def test_cancelling_midway_keeps_what_is_finished(executor):
    workflow, gates = blocked("a", "b", "c")
    gates["a"].set()
    handle = executor.start(workflow)
    wait_until_running(handle, "b")
    threading.Thread(target=handle.cancel).start()
    result = handle.result(10)
    assert result.outputs == {"a": "a"}
    assert (result.status, handle.done()) == ("cancelled", True)
    assert gb.last.run_id == result.run_id
    with pytest.raises(gb.RunCancelled, match="blocked cancelled: 1 succeeded, 2 cancelled") as raised:
        result.raise_for_status()
    assert raised.value.result is result


def test_cancelling_before_it_begins_runs_nothing(executor):
    workflow, _ = blocked("a")
    stop = threading.Event()
    executor.execute(workflow_of(lambda: None))  # the engine's thread is there
    from graphbit_nb.session.engine_thread import engine_thread

    engine_thread().loop.call_soon_threadsafe(stop.wait, 10)  # holds the engine up
    handle = executor.start(workflow)
    handle.cancel()
    assert repr(handle) == "<RunHandle of blocked: not begun>"
    stop.set()
    assert handle.result(10).nodes["a"].state == "cancelled"


def workflow_of(fn):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("a", fn))
    return builder.build()


def test_cancelling_one_node(executor):
    workflow, _ = blocked("a", "b")
    handle = executor.start(workflow)
    wait_until_running(handle, "a")
    with pytest.raises(gb.UsageError, match="no node 'aa' in blocked; did you mean 'a'"):
        handle.cancel("aa")
    handle.cancel("a")
    result = handle.result(10)
    assert {name: str(node.state) for name, node in result.nodes.items()} == {"a": "cancelled", "b": "skipped"}


def test_cancelling_after_the_end_does_nothing(executor, workflow):
    handle = executor.start(workflow, {"topic": "x"})
    handle.result(10)
    handle.cancel()
    assert handle.result(10).is_success()


def test_waiting_can_be_limited_and_goes_on(executor):
    workflow, gates = blocked("a")
    handle = executor.start(workflow)
    with pytest.raises(TimeoutError, match="blocked is still running"):
        handle.result(0.01)
    gates["a"].set()
    assert handle.result(10).outputs == {"a": "a"}


async def test_whoever_stops_waiting_does_not_stop_the_run(executor):
    workflow, gates = blocked("a")
    handle = executor.start(workflow)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(handle, 0.01)
    gates["a"].set()
    assert (await handle).is_success()


async def test_cancelling_an_awaited_run_cancels_it(executor):
    workflow, gates = blocked("a", "b")
    gates["a"].set()
    seen = []
    task = asyncio.ensure_future(executor.run(workflow, views=(lambda event: seen.append(event.kind),)))
    while seen.count("node.started") < 2:
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gb.last.outputs == {"a": "a"}
    assert gb.last.status == "cancelled"


async def test_what_hinders_a_run_to_begin_is_raised_on_waiting(executor, workflow):
    handle = executor.start(workflow)
    with pytest.raises(gb.MissingInputError):
        handle.result(10)
    with pytest.raises(gb.MissingInputError):
        await handle
    assert [event async for event in handle.events()] == []


def test_a_handle_of_nothing_says_so(workflow):
    with pytest.raises(gb.GraphbitError, match="has not been started"):
        RunHandle(workflow).result()


def test_a_view_that_raises_hinders_nobody(executor, workflow, caplog):
    def broken(event):
        raise ValueError("broken view")

    assert executor.execute(workflow, {"topic": "x"}, views=(broken,)).is_success()
    assert "gets no more events" in caplog.text
