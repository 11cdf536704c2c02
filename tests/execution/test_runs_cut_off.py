"""A run that was cut off anywhere, as if its process had been killed, is gone on with from the events kept."""

import asyncio
import random
from types import SimpleNamespace

import pytest
from simulation import Model, Simulation, function, python, workflow

import graphbit_nb as gb

POLICY = gb.RetryPolicy(max_attempts=3, base_delay=1, jitter=0)
ANSWERS = {"ask": "yes", "again.sure": "sure"}


def everything():
    """One of each: branches taken and not, retries, items, a loop, people, a model that stands in."""
    failures = []

    async def flaky():
        await asyncio.sleep(1)
        if not failures:
            failures.append(1)
            raise ValueError("again")
        return "left"

    async def item(x):
        await asyncio.sleep(x)
        return x

    loop = workflow(function("n", lambda iteration: iteration), gb.Node.human("sure", "{{ n }}?"))
    deep = workflow(python("d", seconds=1), gb.Node.python("e", item, for_each="x in [7, 8]", after="d"))
    return [
        gb.Node.condition("route", "left"),
        gb.Node.python("left", flaky, when="route=left", retry=POLICY),
        python("right", when="route=right"),
        gb.Node.python("each", item, for_each="x in [1, 2, 3]", concurrency=2),
        gb.Node.workflow("again", loop, repeat_until="n >= 3", max_iterations=5, returns="n"),
        gb.Node.workflow("deep", workflow(gb.Node.workflow("t", deep))),
        gb.Node.human("ask", "{{ left }}?", join="any"),
        gb.Node.prompt("p", "x", fallback=gb.LlmConfig.openai("spare")),
        function("end", lambda left, right, each, again, ask: [left, right, each, again, ask], join="any"),
    ]


def options():
    client = {"own": Model(gb.ServerError("down"), seconds=1), "spare": Model("spare", seconds=1)}
    return {"client": client, "answers": ANSWERS, "max_concurrency": 3, "patience": 1e6}


def folded(events):
    snapshot = gb.RunSnapshot()
    for event in events:
        snapshot.apply(event)
    return snapshot


def go_on(whole, events):
    """Go on from these events of a run, and return the simulation of the rest."""
    kept = SimpleNamespace(workflow=whole.workflow, snapshot=folded(events))
    return Simulation(resumes=kept, **options())


@pytest.fixture(scope="module")
def whole():
    run = Simulation(*everything(), **options())
    assert run.status == "succeeded"
    return run


def test_from_every_event_on_it_ends_as_it_would_have(whole):
    for count in range(1, len(whole.events)):
        rest = go_on(whole, whole.events[:count])
        assert (rest.status, rest.outputs) == ("succeeded", whole.outputs), whole.events[count - 1]


def test_what_had_its_output_is_not_begun_again(whole):
    for count in range(1, len(whole.events)):
        kept = folded(whole.events[:count])
        done = {path for path, node in kept.index.items() if node.state.has_output}
        begun = {event.node for event in go_on(whole, whole.events[:count]).told("node.started", "node.waiting")}
        assert not begun & done, whole.events[count - 1]


def test_cut_off_several_times_the_fold_of_all_events_is_where_it_stands(whole):
    chance = random.Random(1)
    for _ in range(30):
        events = list(whole.events)
        for _ in range(4):
            events = events[: chance.randrange(1, len(events))]
            rest = go_on(whole, events)
            events += rest.events
            assert folded(events) == rest.snapshot
            assert folded(events).index == rest.snapshot.index
        snapshot = rest.snapshot
        assert (snapshot.total, snapshot.done) == (whole.snapshot.total, whole.snapshot.done)
        assert (snapshot.busy, snapshot.asking) == (0, 0)
