"""Models that stand in: another one is asked when a node's own has failed."""

import asyncio

import pytest
from simulation import Model, Simulation, python, workflow

import graphbit_nb as gb
from graphbit_nb.providers.resilient import ResilientClient

SPARE = gb.LlmConfig.openai("spare")
POLICY = gb.RetryPolicy(max_attempts=3, base_delay=1, jitter=0)


def prompt(**more):
    return gb.Node.prompt("a", "say {{ what }}", fallback=SPARE, **more)


def run_with(own, spare, *nodes, node=None, inputs=None, **more):
    return Simulation(
        node or prompt(), *nodes, client={"own": own, "spare": spare}, inputs=inputs or {"what": "hi"}, **more
    )


@pytest.mark.parametrize(
    "error", [gb.AuthenticationError("key"), gb.ServerError("down"), gb.ContextTooLongError("long")]
)
def test_it_is_asked_when_the_call_fails(error):
    run = run_with(Model(error), Model("spare"))
    assert run.outputs == {"a": "spare"}
    assert run.status == "succeeded"


def test_it_is_asked_when_no_answer_fits():
    own = Model("nonsense")
    run = run_with(own, Model("7"), node=prompt(output="int"))
    assert run.outputs == {"a": 7}
    assert len(own.requests) == 3


def test_it_is_asked_when_the_time_is_up_and_has_its_own():
    run = run_with(Model("late", seconds=50), Model("spare", seconds=4), node=prompt(timeout=5))
    assert run.outputs == {"a": "spare"}
    assert run.ended_at == 9


def test_it_is_asked_when_the_last_attempt_failed():
    own = Model(gb.ServerError("down"))
    run = run_with(ResilientClient(own, POLICY), Model("spare"))
    assert len(own.requests) == 3
    assert run.outputs == {"a": "spare"}


def test_it_is_asked_the_same_prompt():
    own, spare = Model(gb.ServerError("down")), Model("spare")
    run_with(own, spare)
    assert own.requests[0].messages == spare.requests[0].messages


def test_it_is_not_asked_for_the_model_that_the_node_names():
    own, spare = Model(gb.ServerError("down")), Model("spare")
    run_with(own, spare, node=prompt(model="mine"))
    assert (own.requests[0].model, spare.requests[0].model) == ("mine", None)


def test_it_is_not_asked_when_all_is_well():
    spare = Model("spare")
    run = run_with(Model("own"), spare)
    assert (run.outputs, spare.requests) == ({"a": "own"}, [])
    assert run.told("fallback.asked") == []


def test_that_it_is_asked_is_told_with_the_reason():
    run = run_with(Model(gb.ServerError("down")), Model("spare"))
    asked = run.told("fallback.asked")
    assert [(event.node, event.error.type, event.error.message) for event in asked] == [("a", "ServerError", "down")]


def test_the_attempts_show_both():
    run = run_with(Model(gb.ServerError("down")), Model("spare"))
    first, second = run.snapshot.nodes["a"].attempts
    assert (first.error.message, first.text) == ("down", "")
    assert (second.error, second.text) == (None, "spare")


def test_the_result_keeps_why_it_stood_in():
    run = run_with(Model(gb.ServerError("down")), Model("spare"))
    assert run.error("a") == "ServerError: down"
    assert run.told("node.succeeded")[0].fallback.message == "down"


def test_what_the_first_had_streamed_is_taken_back():
    class Streaming(Model):
        async def generate(self, request, listener=None):
            listener.token("half an ans")
            raise gb.BadRequestError("cut")

    seen = []

    async def script(run):
        await asyncio.sleep(3)
        seen.append(run.snapshot.nodes["a"].streamed)

    run_with(Streaming(), Model("spare", seconds=5), script=script)
    assert seen == [""]


def test_when_it_fails_as_well_the_node_fails_with_its_error():
    run = run_with(Model(gb.ServerError("down")), Model(gb.RateLimitError("full")), python("b", after="a"))
    assert run.states == {"a": "failed", "b": "skipped"}
    assert run.error("a") == "RateLimitError: full"
    assert len(run.told("fallback.asked")) == 1


def test_when_no_answer_of_its_fits_either_the_node_fails():
    run = run_with(Model("x"), Model("y"), node=prompt(output="int"))
    assert run.snapshot.nodes["a"].error.type == "OutputError"


def test_it_makes_attempts_of_its_own():
    spare = Model([gb.ServerError("down"), "spare"])
    run = run_with(Model(gb.BadRequestError("no")), ResilientClient(spare, POLICY))
    assert run.outputs == {"a": "spare"}
    assert len(spare.requests) == 2


def test_it_is_asked_when_the_time_is_up_between_two_attempts():
    own = Model(gb.RateLimitError("full", retry_after=60))
    spare = Model([gb.RateLimitError("full"), "spare"])
    run = run_with(ResilientClient(own, POLICY), ResilientClient(spare, POLICY), node=prompt(timeout=5), patience=1e6)
    assert run.outputs == {"a": "spare"}


def test_between_two_attempts_it_waits_for_a_slot():
    own = Model(gb.RateLimitError("full", retry_after=60))
    run = run_with(
        ResilientClient(own, POLICY), Model("spare"), python("b", seconds=50), node=prompt(timeout=5),
        max_concurrency=1,         patience=1e6,
    )  # fmt: skip
    assert run.outputs == {"a": "spare", "b": "b"}
    assert run.at("node.succeeded", "a") == 50


def test_it_is_not_asked_when_the_node_was_cancelled():
    async def script(run):
        await asyncio.sleep(1)
        run.cancel("a")

    spare = Model("spare")
    run = run_with(Model("own", seconds=5), spare, script=script)
    assert run.states == {"a": "cancelled"}
    assert spare.requests == []


def test_it_is_not_asked_when_the_run_was_cancelled():
    async def script(run):
        await asyncio.sleep(1)
        run.cancel()

    spare = Model("spare")
    run = run_with(Model("own", seconds=5), spare, script=script)
    assert (run.status, spare.requests) == ("cancelled", [])


def test_it_is_not_asked_when_the_time_of_the_run_is_up():
    spare = Model("spare")
    run = run_with(Model("own", seconds=50), spare, deadline=5)
    assert (run.status, spare.requests) == ("failed", [])
    assert "the run's time of 5 s was up" in run.error("a")


def test_it_can_be_cancelled_itself():
    async def script(run):
        await asyncio.sleep(2)
        run.cancel("a")

    run = run_with(Model(gb.ServerError("down")), Model("spare", seconds=9), script=script)
    assert run.states == {"a": "cancelled"}


def test_it_stands_in_for_each_item_by_itself():
    own = Model({"a[1]": gb.ServerError("down"), "*": "own"})
    run = run_with(own, Model("spare"), node=prompt(for_each="what in them"), inputs={"them": [1, 2, 3]})
    assert run.outputs["a"] == ["own", "spare", "own"]
    assert [event.node for event in run.told("fallback.asked")] == ["a[1]"]


def test_it_stands_in_inside_sub_workflows():
    node = gb.Node.workflow("s", workflow(prompt()))
    run = run_with(Model(gb.ServerError("down")), Model("spare"), node=node)
    assert run.outputs["s"] == {"a": "spare"}


def test_with_it_a_failure_does_not_stop_a_run_that_fails_fast():
    run = run_with(Model(gb.ServerError("down")), Model("spare", seconds=3), python("b", seconds=9), fail_fast=True)
    assert run.status == "succeeded"


def test_it_stands_in_for_an_embedding_as_well():
    node = gb.Node.embed("a", "{{ what }}", fallback=SPARE, model="mine")
    spare = Model({"*": lambda request: ((1.0, 2.0),)})
    run = run_with(Model(gb.ServerError("down")), spare, node=node)
    assert run.outputs == {"a": [1.0, 2.0]}
    assert spare.requests[0].model is None


def test_one_of_a_provider_without_a_key_is_refused_before_the_run(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "x"}))
    with pytest.raises(gb.ConfigurationError, match="OPENAI_API_KEY"):
        executor.execute(workflow(gb.Node.prompt("a", "x", fallback=SPARE)))


def test_scripts_can_stand_in():
    spare = gb.LlmConfig.scripted({"*": "spare"})
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": gb.ServerError("down")}), retry=1)
    result = executor.execute(workflow(gb.Node.prompt("a", "x", fallback=spare)))
    assert result.outputs == {"a": "spare"}


# ---- waiting for a slot of its own


def waiting_for_a_slot(script=None, **more):
    """The node's time is up while it waits for its next attempt, and another node has the only slot by then."""
    own = Model(gb.RateLimitError("full", retry_after=60))
    return run_with(
        ResilientClient(own, POLICY), Model("spare"), python("b", seconds=50), node=prompt(timeout=5),
        max_concurrency=1,         script=script, patience=1e6, **more,
    )  # fmt: skip


def cancels_at(seconds, node=None):
    async def script(run):
        await asyncio.sleep(seconds)
        run.cancel(node)

    return script


def test_it_can_be_cancelled_while_it_waits_for_a_slot():
    run = waiting_for_a_slot(cancels_at(9, "a"))
    assert run.states == {"a": "cancelled", "b": "succeeded"}


def test_the_run_can_be_cancelled_while_it_waits_for_a_slot():
    run = waiting_for_a_slot(cancels_at(9))
    assert (run.status, run.states) == ("cancelled", {"a": "cancelled", "b": "cancelled"})


def test_the_time_of_the_run_can_be_up_while_it_waits_for_a_slot():
    run = waiting_for_a_slot(deadline=9)
    assert run.states == {"a": "failed", "b": "failed"}
    assert "the run's time of 9 s was up" in run.error("a")


def test_the_time_of_a_sub_workflow_can_be_up_while_it_waits_for_a_slot():
    own = Model(gb.RateLimitError("full", retry_after=60))
    node = gb.Node.workflow("s", workflow(prompt(timeout=5)), timeout=9)
    clients = {"own": ResilientClient(own, POLICY), "spare": Model("spare")}
    run = Simulation(
        python("first"), node, python("b", seconds=50, after="first"), client=clients, inputs={"what": "hi"},
        max_concurrency=1, patience=1e6,
    )  # fmt: skip
    assert run.at("fallback.asked", "s.a") == 5
    assert run.all_states == {"first": "succeeded", "s": "failed", "s.a": "cancelled", "b": "succeeded"}


def test_it_leaves_the_queue_of_the_provider_that_failed():
    own = Model({"a": gb.RateLimitError("full", retry_after=1), "b": "b"}, seconds=0)
    slow = Model({"a": gb.RateLimitError("full", retry_after=1), "b": "b"}, seconds=100)

    class Own:
        provider_name = "openai"

        async def generate(self, request, listener=None):
            return await (own if request.node == "a" else slow).generate(request, listener)

        def model_info(self):
            return own.model_info()

    spare = gb.LlmConfig.ollama("spare")
    nodes = [gb.Node.prompt("a", "x", timeout=5, fallback=spare), gb.Node.prompt("b", "x")]
    run = Simulation(
        *nodes, client={"own": ResilientClient(Own(), POLICY), "spare": Model("spare")},
        provider_limits={"openai": 1, "ollama": 1}, patience=1e6,
    )  # fmt: skip
    assert run.outputs == {"a": "spare", "b": "b"}
    assert run.at("node.succeeded", "a") == 5
