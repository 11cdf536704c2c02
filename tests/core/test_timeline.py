"""What a run did when, and the chain of steps that its end waited for."""

import asyncio

import pytest
from simulation import Simulation, python, workflow

import graphbit_nb as gb
from graphbit_nb.core import events
from graphbit_nb.core.critical import retries_of, shares, timeline, waited
from graphbit_nb.core.events import ErrorInfo
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.core.states import RunStatus
from graphbit_nb.graph.order import before


def of(simulation):
    return timeline(simulation.snapshot, before(simulation.workflow))


def path(simulation):
    """The critical path: (step, what it did, seconds)."""
    return [(link.path, link.stretch.doing, round(link.stretch.seconds, 6)) for link in of(simulation).critical]


def bar(simulation, name):
    (found,) = [one for one in of(simulation).bars if one.path == name]
    return [(stretch.doing, round(stretch.seconds, 6)) for stretch in found.stretches]


def test_it_follows_the_input_that_came_last():
    run = Simulation(
        python("quick", seconds=1), python("slow", seconds=3), python("both", seconds=2, after=["quick", "slow"])
    )
    assert path(run) == [("slow", "code", 3.0), ("both", "code", 2.0)]


def test_what_ended_before_the_last_step_is_not_on_it():
    run = Simulation(python("a", seconds=1), python("b", seconds=5))
    assert of(run).on_path == {"b"}


def test_waiting_for_a_slot_is_a_stretch_of_the_step_that_waits():
    run = Simulation(python("a", seconds=2), python("b", seconds=3), max_concurrency=1)
    assert bar(run, "b") == [("slot", 2.0), ("code", 3.0)]
    assert path(run) == [("b", "slot", 2.0), ("b", "code", 3.0)]


def test_it_says_how_long_the_run_takes_at_least_without_a_wait():
    steps = [python(f"n{number}", seconds=2) for number in range(4)]
    found = of(Simulation(*steps, max_concurrency=2))
    assert found.seconds == 4.0
    assert found.without == {"slot": 2.0}


def told(*facts_told):
    """A snapshot of a run of one node, from (kind, time, what it says)."""
    snapshot = RunSnapshot()
    for seq, (kind, time, facts) in enumerate(facts_told, 1):
        snapshot.apply(getattr(events, kind)(run_id="r", seq=seq, time=time, **facts))
    return snapshot


ASK = {"node": "ask", "provider": "acme", "model": "m", "parameters": {}}
ANSWER = {
    "node": "ask", "text": "yes", "finish_reason": "stop", "usage": gb.Usage(calls=1), "model": "m", "request_id": None,
    "first_token": 1.5, "latency": 4.0, "cost": None,
}  # fmt: skip
DOWN = ErrorInfo("ServerError", "down")
RETRIED = (
    ("RunStarted", 0.0, {"workflow": "w", "nodes": ("ask",), "inputs": {}}),
    ("NodeStarted", 0.0, {"node": "ask"}),
    ("LlmRequested", 1.0, ASK),
    ("RetryScheduled", 3.0, {"node": "ask", "attempt": 1, "delay": 4.0, "error": DOWN}),
    ("NodeResumed", 9.0, {"node": "ask"}),
    ("LlmRequested", 9.0, ASK),
    ("RateLimited", 9.0, {"node": "ask", "limit": "60 a minute", "seconds": 2.0, "ahead": 0}),
    ("RateLimited", 11.0, {"node": "ask", "limit": "60 a minute", "seconds": 0.0, "ahead": 0}),
    ("LlmResponded", 15.0, ANSWER),
    ("ToolCalled", 17.0, {
        "node": "ask", "call_id": "1", "tool": "look", "arguments": {}, "result": "", "error": None, "started": 16.0,
    }),
    ("NodeSucceeded", 18.0, {"node": "ask", "output": "yes"}),
    ("RunFinished", 18.0, {"status": RunStatus.SUCCEEDED}),
)  # fmt: skip


def test_calls_waits_and_tools_of_a_step_are_told_apart():
    found = timeline(told(*RETRIED), {})
    (one,) = found.bars
    assert [(stretch.doing, stretch.seconds) for stretch in one.stretches] == [
        ("code", 1.0), ("call", 2.0), ("retry", 4.0), ("slot", 2.0), ("limit", 2.0), ("call", 1.5), ("stream", 2.5),
        ("code", 1.0), ("tool", 1.0), ("code", 1.0),
    ]  # fmt: skip
    assert (one.retries, retries_of(found, "ask"), waited(found, "retry")) == (1, 1, 4.0)
    assert found.without == {"limit": 16.0, "retry": 14.0, "slot": 16.0}


def test_the_parts_of_a_call_are_one_share():
    assert [(share.doing, share.seconds) for share in shares(timeline(told(*RETRIED), {}))] == [
        ("call", 6.0), ("retry", 4.0), ("code", 3.0), ("slot", 2.0), ("limit", 2.0), ("tool", 1.0),
    ]  # fmt: skip


def test_items_of_a_fan_out_are_bars_below_it_and_the_last_one_is_on_the_path():
    async def work(item):
        await asyncio.sleep(item)

    run = Simulation(
        gb.Node.python("each", work, for_each="item in [1, 3, 2]"), python("after", seconds=1, after=["each"])
    )
    assert [(one.path, one.depth) for one in of(run).bars] == [
        ("each", 0), ("each[0]", 1), ("each[1]", 1), ("each[2]", 1), ("after", 0),
    ]  # fmt: skip
    assert path(run) == [("each[1]", "code", 3.0), ("after", "code", 1.0)]
    assert of(run).on_path == {"each", "each[1]", "after"}


def test_inside_a_sub_workflow_it_goes_on_with_its_steps():
    inner = workflow(
        python("first", seconds=1), python("second", seconds=2, after=["first"]), python("aside", seconds=1)
    )
    run = Simulation(gb.Node.workflow("sub", inner))
    assert path(run) == [("sub.first", "code", 1.0), ("sub.second", "code", 2.0)]


def test_iterations_follow_each_other():
    inner = workflow(python("draft", seconds=1), python("judge", seconds=1, value="no", after=["draft"]))
    run = Simulation(gb.Node.workflow("again", inner, repeat_until="judge == 'yes'", max_iterations=3))
    assert [name for name, _, _ in path(run)] == [
        "again#1.draft", "again#1.judge", "again#2.draft", "again#2.judge", "again#3.draft", "again#3.judge",
    ]  # fmt: skip
    assert [(share.name, share.seconds, share.times) for share in shares(of(run))] == [
        ("again.draft", 3.0, 3), ("again.judge", 3.0, 3),
    ]  # fmt: skip


def test_a_run_that_goes_on_is_cut_at_the_time_it_is_looked_at():
    found = []

    async def look(run):
        await asyncio.sleep(2.0)
        now = asyncio.get_running_loop().time()
        found.append(timeline(run.snapshot, {}, now))

    Simulation(python("a", seconds=5), script=look)
    (half,) = found
    assert half.seconds == pytest.approx(2.0)
    assert [(one.path, str(one.state), one.seconds) for one in half.bars] == [("a", "running", pytest.approx(2.0))]


def test_what_was_never_begun_has_no_bar():
    run = Simulation(gb.Node.python("a", _raises), python("b", after=["a"]))
    assert [one.path for one in of(run).bars] == ["a"]


async def _raises():
    raise ValueError


def test_a_run_without_steps_or_time_has_an_empty_path():
    assert timeline(RunSnapshot(), {}).critical == ()
    assert retries_of(timeline(RunSnapshot(), {}), "a") == 0
    assert waited(timeline(RunSnapshot(), {}), "slot") == 0
