"""Prompts: calls, streamed text, retries of calls, repairs of answers."""

import asyncio
from itertools import pairwise

import pytest
from simulation import OneClient, Simulation, python

import graphbit_nb as gb
from graphbit_nb.core.snapshot import RunSnapshot
from graphbit_nb.execution.engine import Engine
from graphbit_nb.execution.threads import ThreadPool
from graphbit_nb.providers.resilient import ResilientClient
from graphbit_nb.testing import run_in_virtual_time


class Model:
    """Answers from a list, with `pause` seconds before each word that it streams."""

    provider_name = "fake"

    def __init__(self, *answers, pause=0.0, structured_output="schema"):
        self.answers = list(answers)
        self.pause = pause
        self.requests = []
        self.structured_output = structured_output

    async def generate(self, request, listener=None):
        self.requests.append(request)
        answer = self.answers.pop(0)
        for word in answer if isinstance(answer, list) else [answer]:
            await asyncio.sleep(self.pause)
            if isinstance(word, BaseException):
                raise word
            listener.token(word)
        text = "".join(answer) if isinstance(answer, list) else answer
        return gb.GenerateResponse(text=text, usage=gb.Usage(input_tokens=1, output_tokens=2, calls=1))

    def model_info(self):
        return gb.ModelInfo(provider="fake", name="model", structured_output=self.structured_output)


def prompt(text="x", **more):
    return gb.Node.prompt("a", text, **more)


def test_a_prompt_is_rendered_asked_and_answered():
    model = Model("hello")
    run = Simulation(prompt("say {{ what }}", temperature=0.5), inputs={"what": "hi"}, client=model)
    assert run.outputs == {"a": "hello"}
    assert [event.kind for event in run.events] == [
        "run.started", "node.started", "prompt.rendered", "llm.requested", "llm.token", "llm.responded",
        "node.succeeded", "run.finished",
    ]  # fmt: skip
    assert run.snapshot.nodes["a"].prompt == "say hi"
    assert run.snapshot.nodes["a"].origins == (((4, 6, "what"),),)
    assert run.snapshot.nodes["a"].attempts[0].parameters == {"temperature": 0.5}
    assert run.snapshot.usage.total_tokens == 3
    assert model.requests[0].node == "a"


def test_streamed_text_is_told_a_few_times_a_second_in_order():
    words = [f"w{number} " for number in range(300)]
    run = Simulation(prompt(), client=Model(words, pause=0.01))
    tokens = run.told("llm.token")
    assert "".join(event.text for event in tokens) == "".join(words)
    assert 20 <= len(tokens) <= 31
    assert all(later.time - earlier.time > 0.099 for earlier, later in pairwise(tokens[:-1]))


def test_what_was_streamed_is_told_before_the_answer_and_the_failure():
    assert [e.kind for e in Simulation(prompt(), client=Model(["a", "b"])).events][-4:-2] == [
        "llm.token",
        "llm.responded",
    ]
    failed = Simulation(prompt(), client=Model(["a", ValueError("cut")]))
    assert [event.kind for event in failed.events][-3:] == ["llm.token", "node.failed", "run.finished"]


def test_what_was_streamed_is_taken_back_before_a_retry():
    model = Model(["half ", gb.ProtocolError("cut")], ["whole ", "answer"])
    client = ResilientClient(model, gb.RetryPolicy(max_attempts=2, base_delay=3.0, jitter=0.0))
    run = Simulation(prompt(), client=client)
    shown, folded = [], RunSnapshot()
    for event in run.events:
        folded.apply(event)
        shown.append(folded.nodes["a"].streamed)
    assert [text for text, _ in zip(shown, pairwise([*shown, ""]), strict=False) if text] == [
        "half ", "whole answer", "whole answer",
    ]  # fmt: skip
    assert run.outputs == {"a": "whole answer"}
    assert run.ended_at == 3
    first, second = run.snapshot.nodes["a"].attempts
    assert (first.error.type, first.delay, second.error) == ("ProtocolError", 3.0, None)


def test_a_call_that_waits_for_its_retry_holds_no_slot():
    client = ResilientClient(Model(gb.ServerError("no"), "yes"), gb.RetryPolicy(base_delay=5.0, jitter=0.0))
    client._client.answers[0] = [gb.ServerError("no")]
    run = Simulation(prompt(), python("b", seconds=1), client=client, max_concurrency=1)
    assert run.ended_at == 5
    assert [event.node for event in run.told("node.started", "node.resumed")] == ["a", "b", "a"]


def test_calls_of_one_node_are_made_one_at_a_time():
    class Many(gb.NodeProcessor):
        node_type = "many"
        asks_model = True

        async def process(self, input):  # noqa: A002
            request = gb.GenerateRequest(messages=(), node="a")
            answers = await asyncio.gather(*(input.services.generate(request) for _ in range(3)))
            return [answer.text for answer in answers]

    gb.ProcessorRegistry.register(Many)
    try:
        policy = gb.RetryPolicy(base_delay=1.0, jitter=0.0)
        client = ResilientClient(Model("1", [gb.ServerError("no")], "2", [gb.ServerError("no")], "3"), policy)
        run = Simulation(gb.Node.many("a", "x"), client=client)
    finally:
        gb.ProcessorRegistry.unregister("many")
    assert run.outputs == {"a": ["1", "2", "3"]}
    assert run.ended_at == 2


class TestRepairs:
    def test_an_answer_that_does_not_fit_is_asked_for_again_with_the_error(self):
        model = Model("many", "7")
        run = Simulation(prompt("how many?", output="int"), client=model)
        assert run.outputs == {"a": 7}
        asked = model.requests[1]
        assert [message.role for message in asked.messages] == ["user", "assistant", "user"]
        assert asked.messages[1].content == "many"
        assert "the answer is no int" in asked.messages[2].content
        assert asked.sample == 1
        assert len(run.told("output.rejected")) == 1

    def test_a_model_held_to_a_grammar_is_asked_for_another_sample(self):
        model = Model("many", "7", structured_output="grammar")
        Simulation(prompt("how many?", output="int"), client=model)
        assert model.requests[1].messages == model.requests[0].messages
        assert model.requests[1].sample == 1

    def test_repairs_are_bounded_and_then_it_is_an_error(self):
        model = Model(*["many"] * 9)
        run = Simulation(prompt(output="int"), client=model)
        assert len(model.requests) == 3
        assert run.error() == (
            "OutputError: the answer is no int: Input should be a valid integer, unable to parse string as an integer: "
            "'many' (3 attempts)"
        )

    def test_a_functions_value_is_not_asked_for_again(self):
        run = Simulation(python("a", lambda: "many", output="int"), python("b", lambda: "7", output="int"))
        assert "OutputError: the answer is no int" in run.error()
        assert run.outputs == {"b": 7}

    def test_a_fallback_stands_in_for_answers_that_do_not_fit(self):
        run = Simulation(prompt(output="int", fallback=0), client=Model(*["many"] * 9))
        assert run.outputs == {"a": 0}


@pytest.mark.parametrize("listened", [True, False])
def test_text_is_streamed_only_where_somebody_would_see_it(listened):
    wanted = []

    class Listening(Model):
        async def generate(self, request, listener=None):
            wanted.append(listener.wants_tokens)
            return await super().generate(request, listener)

    builder = gb.WorkflowBuilder("w")
    builder.add_node(prompt())
    workflow = builder.build()

    async def main():
        engine = Engine(clients=OneClient(Listening("x")), threads=ThreadPool())
        return await engine.prepare(workflow, views=(lambda event: None,) if listened else ()).execute()

    assert run_in_virtual_time(main()).status == "succeeded"
    assert wanted == [listened]


@pytest.mark.parametrize("error", [gb.AuthenticationError("key"), ValueError("odd")])
def test_a_call_that_fails_fails_the_node(error):
    run = Simulation(prompt(), client=Model([error]))
    assert run.error() == f"{type(error).__name__}: {error}" or run.error().startswith("ValueError: odd")
