"""Texts become vectors."""

import math
from dataclasses import replace

import pytest
from simulation import Model, Simulation, python, workflow

import graphbit_nb as gb
from graphbit_nb.providers.resilient import ResilientClient


def embed(text="{{ passages }}", **more):
    return gb.Node.embed("a", text, **more)


def lengths(request):
    return tuple((float(len(text)),) for text in request.texts)


def run_with(value, text="{{ passages }}", answer=lengths, **more):
    model = Model({"*": answer})
    return Simulation(embed(text, **more), client=model, inputs={"passages": value}), model


def test_a_text_becomes_a_vector():
    run, model = run_with("abc")
    assert run.outputs["a"] == [3.0]
    assert model.requests[0].texts == ("abc",)


def test_a_list_of_texts_becomes_a_list_of_vectors_in_one_call():
    run, model = run_with(["a", "bb"])
    assert run.outputs["a"] == [[1.0], [2.0]]
    assert [request.texts for request in model.requests] == [("a", "bb")]


def test_a_tuple_is_a_list():
    assert run_with(("a", "bb"))[0].outputs["a"] == [[1.0], [2.0]]


def test_an_empty_list_asks_nobody():
    run, model = run_with([])
    assert (run.outputs["a"], model.requests) == ([], [])


def test_a_text_with_more_around_the_value_is_one_text():
    run, model = run_with(["a", "b"], "about: {{ passages }}")
    assert model.requests[0].texts == ('about: ["a", "b"]',)
    assert run.outputs["a"] == [17.0]


@pytest.mark.parametrize("text", ["{{ passages }}", "  {{passages}}\n", "{{ passages | sort }}"])
def test_one_value_may_have_blanks_and_filters_around_it(text):
    assert run_with(["a"], text)[0].outputs["a"] == [[1.0]]


def test_two_values_are_one_text():
    assert run_with(["a"], "{{ passages }}{{ passages }}")[1].requests[0].texts == ('["a"]["a"]',)


def test_an_item_that_is_no_text_is_named():
    run, model = run_with(["a", 7])
    assert "item 2 of the list is int, not a text to embed" in run.error()
    assert model.requests == []


def test_a_value_that_is_no_text_is_written_as_one():
    assert run_with({"k": 1})[1].requests[0].texts == ('{"k": 1}',)


def test_none_is_refused():
    run, model = run_with(None)
    assert run.states == {"a": "failed"}
    assert model.requests == []


def test_too_few_vectors_are_refused():
    run, _ = run_with(["a", "b"], answer=lambda request: ((1.0,),))
    assert "2 texts were sent and 1 vectors came back" in run.error()


def test_the_node_may_name_its_model():
    assert run_with("x", model="small")[1].requests[0].model == "small"


def test_the_call_is_told_and_counted():
    run, _ = run_with(["a", "b"])
    assert [event.kind for event in run.events] == [
        "run.started", "node.started", "llm.requested", "llm.responded", "node.succeeded", "run.finished",
    ]  # fmt: skip
    assert run.told("llm.requested")[0].parameters == {"texts": 2}
    assert run.snapshot.usage.calls == 1


class Priced(Model):
    """Each embedding costs as much as is told; each answer, 0.25."""

    def __init__(self, cost):
        super().__init__()
        self.cost = cost

    async def generate(self, request, listener=None):
        return replace(await super().generate(request, listener), cost=0.25)

    async def embed(self, request, listener=None):
        return replace(await super().embed(request, listener), cost=self.cost)


@pytest.mark.parametrize(("cost", "total"), [(0.5, 0.75), (0.0, 0.25), (None, None)])
def test_what_it_costs_is_part_of_what_the_run_costs(cost, total):
    run = Simulation(embed("two words"), gb.Node.prompt("b", "say something"), client=Priced(cost))
    assert run.snapshot.nodes["a"].cost == cost
    assert run.snapshot.cost == total
    assert run.snapshot.usage == gb.Usage(input_tokens=2, output_tokens=1, calls=2)


def test_a_failed_call_fails_the_node():
    run, _ = run_with("x", answer=gb.BadRequestError("no"))
    assert run.error() == "BadRequestError: no"


def test_a_fallback_value_stands_in():
    run, _ = run_with("x", answer=gb.BadRequestError("no"), fallback=[0.0])
    assert run.outputs["a"] == [0.0]


def test_its_time_is_limited():
    model = Model({"*": lengths}, seconds=50)
    run = Simulation(embed("x", timeout=5), client=model)
    assert run.error() == "TimeoutError: no result within 5 s"


def flaky(*answers):
    policy = gb.RetryPolicy(max_attempts=3, base_delay=10, max_delay=10, jitter=0)
    return ResilientClient(Model({"*": [*answers]}), policy)


def test_a_failed_call_is_tried_again():
    run = Simulation(embed("x"), client=flaky(gb.ServerError("down"), ((1.0,),)))
    assert run.outputs["a"] == [1.0]


def test_that_it_is_tried_again_is_told():
    run = Simulation(embed("x"), client=flaky(gb.ServerError("down"), ((1.0,),)))
    assert len(run.told("retry.scheduled")) == 1
    assert [attempt.error and attempt.error.message for attempt in run.snapshot.nodes["a"].attempts] == ["down", None]


def test_between_two_attempts_it_holds_no_slot():
    run = Simulation(embed("x"), python("b"), client=flaky(gb.ServerError("down"), ((1.0,),)), max_concurrency=1)
    assert run.at("node.started", "b") == 0


def test_the_output_may_be_declared():
    run, _ = run_with("x", output="list[float]")
    assert run.outputs["a"] == [1.0]


def test_the_scripted_provider_brings_texts_near_that_share_words():
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({}))
    texts = ["the red cat", "a red cat", "stock prices fell"]
    near, nearer, far = executor.execute(workflow(embed()), {"passages": texts}).outputs["a"]
    assert math.dist(near, nearer) < math.dist(near, far)


@pytest.mark.parametrize("config", [gb.LlmConfig.anthropic("claude", api_key="k"), gb.LlmConfig.local("x")], ids=str)
def test_that_a_model_gives_no_vectors_is_told_before_anything_is_called(config, tmp_path):
    called = []
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("first", lambda: called.append(1)))
    builder.add_node(gb.Node.embed("vector", "{{ text }}"))
    with pytest.raises(gb.ConfigurationError):
        gb.WorkflowExecutor(config).execute(builder.build(), {"text": "x"})
    assert called == []
