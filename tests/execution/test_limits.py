"""Limits: slots, providers, nodes, and the time of a run."""

import asyncio
import contextlib
from collections import Counter

import pytest
from simulation import Model, Simulation, function, python, raises, workflow

import graphbit_nb as gb
from graphbit_nb.errors import RunFailedError
from graphbit_nb.execution.result import ExecutionResult
from graphbit_nb.providers.clients import FACTORIES
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.testing import run_in_virtual_time

POLICY = gb.RetryPolicy(max_attempts=3, base_delay=1, jitter=0)


def prompts(count, provider="openai", **more):
    return [gb.Node.prompt(f"{provider}{n}", "x", provider=provider, model="m", **more) for n in range(count)]


def most_at_once(run, belongs=lambda path: True):
    """How many of these nodes held a slot at the same time, by the events. Composites hold none."""
    opened = {event.node for event in run.told("node.expanded")}
    busy, most = set(), 0
    for event in run.events:
        node = getattr(event, "node", None)
        if node is None or node in opened or not belongs(node):
            continue
        if event.kind in ("node.started", "node.resumed"):
            busy.add(node)
        elif event.kind in ("node.succeeded", "node.failed", "node.cancelled", "retry.scheduled"):
            busy.discard(node)
        most = max(most, len(busy))
    return most


# ---- one slot


def flaky(*, times=1):
    """Fails so often before it gives its argument; counted by argument."""
    failed = Counter()

    async def fn(x=0):
        await asyncio.sleep(1)
        failed[x] += 1
        if failed[x] <= times:
            raise ValueError("again")
        return x

    return fn


def test_nested_fan_outs_with_retries_end_in_one_slot():
    cell = function("cell", flaky(), for_each="x in [1, 2, 3]", retry=POLICY)
    middle = workflow(cell, python("end", after="cell"))
    node = gb.Node.workflow("each", workflow(gb.Node.workflow("m", middle)), for_each="y in [1, 2]")
    run = Simulation(node, max_concurrency=1, patience=1e6)
    assert run.status == "succeeded"
    assert most_at_once(run) == 1


def test_loops_with_fan_outs_end_in_one_slot():
    inner = workflow(
        function("each", flaky(), for_each="x in [1, 2]", retry=POLICY),
        function("n", lambda each, iteration: iteration),
    )  # fmt: skip
    node = gb.Node.workflow("again", inner, repeat_until="n >= 3", max_iterations=5)
    run = Simulation(node, max_concurrency=1)
    assert run.status == "succeeded"
    assert most_at_once(run) == 1


def test_limits_of_nodes_inside_limits_end_in_one_slot():
    inner = workflow(function("cell", flaky(), for_each="y in [1, 2, 3]", retry=POLICY, concurrency=1))
    node = gb.Node.workflow("each", inner, for_each="x in [1, 2, 3]", concurrency=2)
    run = Simulation(node, max_concurrency=1, patience=1e6)
    assert run.status == "succeeded"


def test_a_person_in_the_middle_does_not_hold_the_only_slot():
    inner = workflow(
        python("a", seconds=1), gb.Node.human("ask", "ok?", after="a"), python("b", seconds=1, after="ask")
    )
    run = Simulation(
        gb.Node.workflow("s", inner), python("other", seconds=5), max_concurrency=1, answers={"s.ask": "x"},
        patience=1e6,
    )  # fmt: skip
    assert run.status == "succeeded"


@pytest.mark.parametrize("slots", [1, 2, 3, 5])
def test_no_more_nodes_work_than_there_are_slots(slots):
    inner = workflow(function("cell", flaky(), for_each="y in [1, 2, 3]", retry=POLICY))
    node = gb.Node.workflow("each", inner, for_each="x in [1, 2, 3]")
    assert most_at_once(Simulation(node, max_concurrency=slots)) == slots


# ---- providers


@pytest.mark.parametrize("limit", [1, 2, 4])
def test_no_more_nodes_ask_a_provider_than_allowed(limit):
    model = Model(seconds=2)
    run = Simulation(*prompts(7), client=model, provider_limits={"openai": limit})
    assert model.most == limit
    assert most_at_once(run) == limit
    assert run.status == "succeeded"


def test_a_provider_without_a_limit_is_not_held_up():
    run = Simulation(*prompts(4), *prompts(4, "ollama"), client=Model(seconds=2), provider_limits={"openai": 1})
    assert {run.at("node.started", f"ollama{n}") for n in range(4)} == {0}
    assert [run.at("node.started", f"openai{n}") for n in range(4)] == [0, 2, 4, 6]


def test_nodes_of_another_provider_overtake_those_that_wait_for_a_full_one():
    nodes = [*prompts(4), *prompts(2, "ollama"), python("plain", seconds=1)]
    run = Simulation(*nodes, client=Model(seconds=2), provider_limits={"openai": 1, "ollama": 1}, max_concurrency=3)
    assert [run.at("node.started", name) for name in ("openai0", "ollama0", "plain")] == [0, 0, 0]


def test_items_and_inner_nodes_count_for_their_provider():
    model = Model(seconds=1)
    inner = workflow(
        *prompts(2), gb.Node.prompt("each", "{{ x }}", provider="openai", model="m", for_each="x in [1, 2]")
    )
    nodes = [gb.Node.workflow("s", inner), gb.Node.workflow("t", inner), *prompts(2)]
    run = Simulation(*nodes, client=model, provider_limits={"openai": 3})
    assert model.most == 3
    assert run.status == "succeeded"


def test_who_waits_for_an_attempt_leaves_the_provider_to_others():
    model = Model({"openai0": [gb.RateLimitError("no"), "ok"], "*": "ok"}, seconds=2)
    client = ResilientClient(model, gb.RetryPolicy(max_attempts=2, base_delay=60, max_delay=60, jitter=0))
    run = Simulation(*prompts(2), client=client, provider_limits={"openai": 1})
    assert run.at("node.started", "openai1") == 2
    assert model.most == 1
    assert run.status == "succeeded"


def test_the_limits_of_provider_and_node_hold_together():
    model = Model(seconds=1)
    each = gb.Node.prompt("each", "{{ x }}", provider="openai", model="m", for_each="x in [1, 2, 3, 4]", concurrency=2)
    run = Simulation(each, *prompts(4), client=model, provider_limits={"openai": 3})
    assert most_at_once(run, lambda path: path.startswith("each")) == 2
    assert model.most == 3
    assert run.status == "succeeded"


def test_a_failure_leaves_its_room_to_the_next():
    model = Model({"openai0": gb.BadRequestError("no"), "*": "ok"}, seconds=1)
    run = Simulation(*prompts(3), client=model, provider_limits={"openai": 1})
    assert list(run.states.values()) == ["failed", "succeeded", "succeeded"]


def test_who_is_cancelled_leaves_its_room_to_the_next():
    async def script(run):
        await asyncio.sleep(1)
        run.cancel("openai0")

    run = Simulation(*prompts(2), client=Model(seconds=5), provider_limits={"openai": 1}, script=script)
    assert run.states == {"openai0": "cancelled", "openai1": "succeeded"}
    assert run.ended_at == 6


def test_who_is_cancelled_while_it_waits_is_passed_over():
    async def script(run):
        await asyncio.sleep(1)
        run.cancel("openai1")

    run = Simulation(*prompts(3), client=Model(seconds=5), provider_limits={"openai": 1}, script=script)
    assert run.at("node.started", "openai2") == 5


def test_a_model_that_stands_in_counts_for_its_own_provider():
    good = Model(seconds=5, provider="ollama")
    bad = Model({"openai0": gb.BadRequestError("no"), "openai1": gb.BadRequestError("no"), "*": "ok"})
    nodes = prompts(2, fallback=gb.LlmConfig.ollama("m2"))
    run = Simulation(*nodes, client={"own": bad, "m2": good}, provider_limits={"ollama": 1})
    assert run.status == "succeeded"
    assert good.most == 1


# ---- the time of a run


def test_when_the_time_is_up_what_works_fails_and_says_so():
    run = Simulation(python("slow", seconds=50), python("fast", seconds=1), deadline=5)
    assert run.states == {"slow": "failed", "fast": "succeeded"}
    assert run.error("slow") == "TimeoutError: the run's time of 5 s was up"
    assert run.ended_at == 5


def test_what_has_not_begun_is_cancelled_for_that_reason():
    run = Simulation(python("slow", seconds=50), python("queued"), python("later", after="slow"), deadline=5,
                     max_concurrency=1)  # fmt: skip
    assert run.states == {"slow": "failed", "queued": "cancelled", "later": "cancelled"}
    assert {run.reason(name) for name in ("queued", "later")} == {"the run's time of 5 s was up"}


def test_the_run_has_failed_and_says_why():
    run = Simulation(python("slow", seconds=50), deadline=5)
    assert run.status == "failed"
    assert run.snapshot.reason == "the run's time of 5 s was up"


def test_raising_for_the_status_names_the_time():
    run = Simulation(python("slow", seconds=50), deadline=5)
    with pytest.raises(RunFailedError, match="slow failed: TimeoutError: the run's time of 5 s was up"):
        ExecutionResult(run.workflow, run.snapshot).raise_for_status()


def test_a_run_that_only_waited_for_its_next_attempt_has_failed_as_well():
    policy = gb.RetryPolicy(max_attempts=3, base_delay=60, max_delay=60, jitter=0)
    run = Simulation(function("bad", raises(ValueError("no")), retry=policy), deadline=5)
    assert run.error("bad") == "TimeoutError: the run's time of 5 s was up"
    assert (run.status, run.ended_at) == ("failed", 5)


def test_what_is_inside_others_fails_as_well():
    inner = workflow(python("slow", seconds=50), python("later", after="slow"))
    run = Simulation(gb.Node.workflow("s", inner), deadline=5)
    assert run.all_states["s.slow"] == "failed"
    assert run.all_states["s.later"] == "cancelled"
    assert "the run's time of 5 s was up" in run.error("s.slow")
    assert run.status == "failed"


def test_a_run_that_ends_in_time_is_left_alone():
    run = Simulation(python("a", seconds=4), deadline=5)
    assert (run.status, run.ended_at) == ("succeeded", 4)


def test_a_fallback_value_still_stands_in_when_the_time_is_up():
    run = Simulation(python("slow", seconds=50, fallback="instead"), deadline=5)
    assert run.outputs == {"slow": "instead"}
    assert run.status == "failed"  # somebody who set a deadline wants to know that it was not kept
    assert run.snapshot.reason == "the run's time of 5 s was up"


def test_who_does_not_heed_the_deadline_is_given_up(caplog):
    async def stubborn():
        for _ in range(2):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(20)

    run = Simulation(function("a", stubborn), deadline=5, grace=2)
    assert run.states == {"a": "failed"}
    assert run.ended_at == 7
    assert "it is given up" in caplog.text


def test_time_that_is_up_while_the_run_is_being_cancelled_changes_nothing():
    async def heeds_slowly():
        try:
            await asyncio.sleep(50)
        except asyncio.CancelledError:
            await asyncio.sleep(1.5)
            raise

    async def script(run):
        await asyncio.sleep(4)
        run.cancel()

    run = Simulation(function("a", heeds_slowly), deadline=5, script=script)
    assert (run.status, run.states) == ("cancelled", {"a": "cancelled"})
    assert run.snapshot.reason == "the run was cancelled"


# ---- at the door


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), True, "5"])
def test_a_deadline_is_seconds(deadline):
    with pytest.raises(gb.UsageError, match="deadline"):
        gb.WorkflowExecutor(deadline=deadline)


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "2", {"openai": 0}, {"openai": "2"}])
def test_the_limit_of_a_provider_is_a_number(limit):
    with pytest.raises(gb.UsageError, match=r"provider_concurrency.*at least 1"):
        gb.WorkflowExecutor(provider_concurrency=limit)


def test_the_limit_of_a_provider_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(gb.UsageError, match="no provider 'opnai'; did you mean 'openai'"):
        gb.WorkflowExecutor(provider_concurrency={"opnai": 2})


@pytest.mark.parametrize("limit", [1, {"scripted": 1}])
def test_the_executor_hands_its_limits_on(limit):
    busy = most = 0

    async def answer(request):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        for _ in range(5):
            await asyncio.sleep(0)
        busy -= 1
        return "ok"

    built = workflow(*(gb.Node.prompt(f"p{n}", "x") for n in range(5)))
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": answer}), provider_concurrency=limit)
    executor.execute(built).raise_for_status()
    assert most == 1


def test_one_number_for_all_providers_holds_for_those_that_stand_in(monkeypatch):
    spare = Model("spare", seconds=1)
    monkeypatch.setitem(FACTORIES, "openai", lambda config, manager: Model(gb.BadRequestError("no")))
    monkeypatch.setitem(FACTORIES, "ollama", lambda config, manager: spare)
    built = workflow(*prompts(3, fallback=gb.LlmConfig.ollama("m2")))
    executor = gb.WorkflowExecutor(gb.LlmConfig.openai("m"), provider_concurrency=1, storage="memory")
    result = run_in_virtual_time(executor.run(built, loop="current"))
    assert result.is_success()
    assert spare.most == 1
