"""An agent calls the tools that its model asks for, side by side, and goes on until the model answers."""

import asyncio
import gc
import pickle
import threading

import pytest
from simulation import Model, Simulation, python

import graphbit_nb as gb
from graphbit_nb.core.llm import ToolCall
from graphbit_nb.execution.tooling import LONGEST_RESULT
from graphbit_nb.graph.tools import tool_of
from graphbit_nb.providers.resilient import ResilientClient


class Asking(Model):
    """Gives each answer in turn: a text, or a list of calls ``(tool, arguments)`` that it asks for."""

    def __init__(self, *answers, structured_output="schema", **more):
        super().__init__(list(answers), **more)
        self.structured_output = structured_output
        self._asked = 0

    async def generate(self, request, listener=None):
        answer = await self._answer(request)
        usage = gb.Usage(input_tokens=1, output_tokens=1, calls=1)
        if isinstance(answer, str):
            return gb.GenerateResponse(text=answer, usage=usage)
        calls = []
        for name, arguments in answer:
            self._asked += 1
            calls.append(ToolCall(f"c{self._asked}", name, arguments))
        return gb.GenerateResponse(text="let me see", usage=usage, tool_calls=tuple(calls), native={"signed": "1"})

    def model_info(self):
        return gb.ModelInfo(provider="fake", name="model", structured_output=self.structured_output)

    @classmethod
    def of(cls, answer):
        """A model that answers every request by this function."""
        model = cls()
        model.answers = {"*": answer}
        return model

    def told(self, number=-1):
        """What a request tells of the results of tools."""
        return [message.content for message in self.requests[number].messages if message.role == "tool"]


class Clock:
    """An async tool that sleeps, and knows how often it was called and how it ended."""

    def __init__(self):
        self.calls = []
        self.ended = []

    async def wait(self, seconds: float) -> str:
        """Wait."""
        self.calls.append(seconds)
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        self.ended.append(seconds)
        return f"waited {seconds:g}"


async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def breaks(what: str) -> str:
    """Break."""
    raise KeyError(what)


def agent(*tools, text="x", **more):
    return gb.Node.agent("a", text, tools=tools or (add, breaks), **more)


# ---- what is said


def test_the_model_is_told_the_results_in_its_own_order_and_answers():
    model = Asking([("add", {"a": 1, "b": 2}), ("add", {"a": "3", "b": 4})], "7")
    run = Simulation(agent(text="sum {{ what }}", system="Be exact."), inputs={"what": "up"}, client=model)
    assert run.outputs == {"a": "7"}
    system, user, asked, *results = model.requests[1].messages
    assert (system.content, user.content) == ("Be exact.", "sum up")
    assert (asked.content, asked.native) == ("let me see", {"signed": "1"})
    assert [(result.role, result.content, result.tool_call_id) for result in results] == [
        ("tool", "3", "c1"),
        ("tool", "7", "c2"),
    ]
    assert asked.tool_calls == (
        ToolCall("c1", "add", {"a": 1, "b": 2}),
        ToolCall("c2", "add", {"a": "3", "b": 4}),
    )


def test_every_turn_says_everything_again_and_offers_the_tools():
    model = Asking([("add", {"a": 1, "b": 1})], [("add", {"a": 2, "b": 2})], "done")
    Simulation(agent(temperature=0.0, seed=7), client=model)
    first, _, last = model.requests
    assert [tool.name for tool in first.tools] == [tool.name for tool in last.tools] == ["add", "breaks"]
    assert (last.temperature, last.seed, last.node) == (0.0, 7, "a")
    assert last.messages[: len(first.messages)] == first.messages
    assert model.told() == ["2", "4"]


def test_what_a_tool_raises_is_told_to_the_model_and_in_the_event():
    model = Asking([("breaks", {"what": "leg"})], "sorry")
    run = Simulation(agent(), client=model)
    assert model.told() == ["error: KeyError: 'leg'"]
    (event,) = run.told("tool.called")
    assert (event.error.type, event.result) == ("KeyError", "error: KeyError: 'leg'")
    assert "breaks" in event.error.traceback
    assert run.outputs == {"a": "sorry"}


def test_a_tool_that_is_not_there_is_answered_with_those_that_are():
    model = Asking([("ad", {}), ("xyz", {})], "ok")
    run = Simulation(agent(), client=model)
    assert model.told() == [
        "error: there is no tool 'ad'; did you mean 'add'?",
        "error: there is no tool 'xyz'; there are add, breaks",
    ]
    assert [event.tool for event in run.told("tool.called")] == ["ad", "xyz"]


def test_arguments_that_do_not_fit_are_answered_with_what_is_wrong():
    model = Asking([("add", {"a": "one", "c": 2})], "ok")
    Simulation(agent(), client=model)
    (told,) = model.told()
    assert told.startswith("error: add: the arguments do not fit: a: Input should be a valid integer")
    assert "b is missing; there is no c" in told


def test_a_result_that_is_very_long_is_cut_and_says_so():
    async def long() -> str:
        return "x" * (LONGEST_RESULT + 5)

    model = Asking([("long", {})], "ok")
    Simulation(agent(long), client=model)
    (told,) = model.told()
    assert told.endswith("\n… (cut: these are 100,000 of 100,005 characters)")
    assert told.startswith("x" * LONGEST_RESULT)


def test_a_result_that_cannot_be_written_is_told_as_an_error():
    async def lazy() -> object:
        return (number for number in range(3))

    model = Asking([("lazy", {})], "ok")
    Simulation(agent(lazy), client=model)
    assert model.told() == ["error: the tool gives a generator, which can be read once only; return a list"]


def test_an_error_without_a_readable_text_is_told_by_its_type():
    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError("no")

    async def mute() -> str:
        raise MuteError

    model = Asking([("mute", {})], "ok")
    Simulation(agent(mute), client=model)
    assert model.told() == ["error: MuteError: its text cannot be read"]


def test_a_tool_may_have_another_name_than_its_function():
    model = Asking([("plus", {"a": 1, "b": 2})], "ok")
    Simulation(agent(tool_of(add, name="plus", description="Adds.")), client=model)
    assert model.told() == ["3"]
    assert (model.requests[0].tools[0].name, model.requests[0].tools[0].description) == ("plus", "Adds.")


# ---- time


def test_what_is_asked_for_at_once_runs_at_the_same_time():
    clock = Clock()
    model = Asking([("wait", {"seconds": 5}), ("wait", {"seconds": 3}), ("wait", {"seconds": 4})], "ok")
    run = Simulation(agent(clock.wait), client=model)
    assert run.ended_at == 5
    assert model.told() == ["waited 5", "waited 3", "waited 4"]


def test_each_call_is_told_when_it_ends_with_the_time_it_began():
    clock = Clock()
    run = Simulation(agent(clock.wait), client=Asking([("wait", {"seconds": 5}), ("wait", {"seconds": 3})], "ok"))
    told = [(event.call_id, event.started, event.time, event.result) for event in run.told("tool.called")]
    assert told == [("c2", 0, 3, "waited 3"), ("c1", 0, 5, "waited 5")]
    first, second = run.snapshot.nodes["a"].attempts
    assert [(used.tool, used.arguments) for used in first.tools] == [("wait", {"seconds": 3}), ("wait", {"seconds": 5})]
    assert (second.tools, second.parameters["tools"]) == ([], ["wait"])


def test_a_call_that_takes_too_long_is_stopped_and_the_model_told():
    clock = Clock()
    model = Asking([("wait", {"seconds": 50}), ("wait", {"seconds": 1})], "ok")
    run = Simulation(agent(clock.wait, tool_timeout=4), client=model)
    assert model.told() == ["error: TimeoutError: no result within 4 s", "waited 1"]
    assert (run.ended_at, clock.ended) == (4, [1, "cancelled"])
    assert [event.error and event.error.type for event in run.told("tool.called")] == [None, "TimeoutError"]


def test_a_tool_that_does_not_heed_its_end_is_left_behind(caplog):
    async def stubborn() -> str:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            await asyncio.sleep(50)
        return "late"

    model = Asking([("stubborn", {})], "ok")
    run = Simulation(agent(stubborn, tool_timeout=4), client=model, grace=3)
    assert (run.ended_at, run.outputs, len(run.told("tool.called"))) == (7, {"a": "ok"}, 1)
    assert "a: its tool stubborn was told to stop and goes on; its result is dropped" in caplog.messages


def test_the_time_of_the_node_is_up_for_its_tools_as_well():
    clock = Clock()
    run = Simulation(agent(clock.wait, timeout=3), client=Asking([("wait", {"seconds": 50})], "ok"))
    assert (run.states, run.error(), run.ended_at) == ({"a": "failed"}, "TimeoutError: no result within 3 s", 3)
    assert (clock.ended, run.told("tool.called")) == (["cancelled"], [])


def test_cancelling_the_run_ends_every_call_and_leaves_no_task():
    clock, left = Clock(), []

    async def script(run):
        await asyncio.sleep(2)
        run.cancel()
        await asyncio.sleep(1)
        left.extend(task for task in asyncio.all_tasks() if "ToolTurn" in repr(task) and not task.done())

    model = Asking([("wait", {"seconds": 50}), ("wait", {"seconds": 60})], "ok")
    run = Simulation(agent(clock.wait), client=model, script=script)
    assert (run.states, clock.ended, left) == ({"a": "cancelled"}, ["cancelled"] * 2, [])
    assert run.told("tool.called") == []


def test_a_tool_that_raises_cancelled_by_itself_has_failed_and_nothing_else():
    async def odd() -> str:
        raise asyncio.CancelledError

    async def suicidal() -> str:
        asyncio.current_task().cancel()
        await asyncio.sleep(1)
        return "never"

    model = Asking([("odd", {}), ("suicidal", {})], "ok")
    run = Simulation(agent(odd, suicidal), client=model)
    assert model.told() == ["error: RuntimeError: it raised CancelledError, but nobody cancelled it"] * 2
    assert run.outputs == {"a": "ok"}


def test_a_workflow_that_was_stopped_inside_of_a_tool_ends_the_node():
    clock = Clock()

    async def inner() -> str:
        raise gb.RunCancelled("stopped", result=None)

    model = Asking([("inner", {}), ("inner", {}), ("wait", {"seconds": 50})], "ok")
    run = Simulation(agent(inner, clock.wait), client=model)
    assert (run.states, len(model.requests), clock.ended) == ({"a": "failed"}, 1, ["cancelled"])
    assert run.error() == "RunCancelled: stopped"
    gc.collect()  # nothing is reported as forgotten: warnings are errors here


@pytest.mark.parametrize("error", [SystemExit(3), StopIteration(), GeneratorExit()])
def test_what_would_end_the_event_loop_is_a_failure_of_the_tool(error):
    async def leaves() -> str:
        raise error

    model = Asking([("leaves", {})], "ok")
    run = Simulation(agent(leaves), python("b", value=1), client=model)
    assert model.told()[0].startswith("error: RuntimeError: ")
    assert run.outputs == {"a": "ok", "b": 1}


# ---- turns


def test_it_ends_when_the_last_turn_still_asks_for_tools_which_are_not_called():
    clock = Clock()
    model = Asking(*[[("wait", {"seconds": 1}), ("look", {})]] * 9)
    run = Simulation(agent(clock.wait, max_turns=3), client=model)
    assert run.error() == (
        "OutputError: after 3 turns the model still asks for tools (wait, look) and gives no answer; "
        "raise max_turns, or say in the prompt when it knows enough"
    )
    assert (len(model.requests), len(clock.calls)) == (3, 2)


def test_the_last_turn_may_answer():
    model = Asking([("add", {"a": 1, "b": 1})], [("add", {"a": 1, "b": 1})], "2")
    assert Simulation(agent(max_turns=3), client=model).outputs == {"a": "2"}


def test_one_turn_is_enough_for_an_answer_and_for_nothing_else():
    assert Simulation(agent(max_turns=1), client=Asking("2")).outputs == {"a": "2"}
    run = Simulation(agent(max_turns=1), client=Asking([("add", {})]))
    assert "after its only turn the model still asks for tools (add)" in run.error()


# ---- together with retries, repairs, fallbacks, items


def test_a_call_to_the_model_that_is_tried_again_calls_no_tool_again():
    clock = Clock()
    own = Asking([("wait", {"seconds": 1})], gb.ServerError("down"), "ok")
    client = ResilientClient(own, gb.RetryPolicy(max_attempts=3, base_delay=5, jitter=0))
    run = Simulation(agent(clock.wait), client=client)
    assert (run.outputs, clock.calls, run.ended_at) == ({"a": "ok"}, [1], 6)
    assert own.told(1) == own.told(2) == ["waited 1"]


def test_an_answer_that_does_not_fit_is_repaired_in_the_same_conversation():
    clock = Clock()
    model = Asking([("wait", {"seconds": 1})], "many", [("wait", {"seconds": 2})], "lots", "7")
    run = Simulation(agent(clock.wait, output="int"), client=model)
    assert (run.outputs, clock.calls) == ({"a": 7}, [1, 2])
    said = [(message.role, message.content.partition(":")[0]) for message in model.requests[-1].messages]
    assert said == [
        ("user", "x"),
        ("assistant", "let me see"), ("tool", "waited 1"),
        ("assistant", "many"), ("user", "That answer cannot be used"),
        ("assistant", "let me see"), ("tool", "waited 2"),
        ("assistant", "lots"), ("user", "That answer cannot be used"),
    ]  # fmt: skip
    assert all(request.schema for request in model.requests)


def test_a_grammar_holds_only_the_answer_and_never_a_turn_that_may_ask_for_tools():
    clock = Clock()
    model = Asking([("wait", {"seconds": 1})], "seven, I think", "7", structured_output="grammar")
    run = Simulation(agent(clock.wait, output="int"), client=model)
    assert (run.outputs, clock.calls, run.told("output.rejected")) == ({"a": 7}, [1], [])
    assert [(bool(request.schema), bool(request.tools)) for request in model.requests] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    said = [(message.role, message.content) for message in model.requests[-1].messages]
    assert said[-2:] == [
        ("assistant", "seven, I think"),
        ("user", "Now give this answer again, alone and in the form that was asked for."),
    ]


def test_an_answer_that_fits_without_a_grammar_is_not_asked_for_again():
    model = Asking([("add", {"a": 3, "b": 4})], "7", structured_output="grammar")
    assert (Simulation(agent(output="int"), client=model).outputs, len(model.requests)) == ({"a": 7}, 2)


def test_with_a_grammar_an_answer_is_repaired_by_another_sample_of_it():
    model = Asking([("add", {"a": 3, "b": 4})], "seven", "x", "7", structured_output="grammar")
    run = Simulation(agent(output="int"), client=model)
    assert (run.outputs, len(run.told("output.rejected"))) == ({"a": 7}, 1)
    third, fourth = model.requests[2:]
    assert (fourth.sample, fourth.tools, fourth.messages) == (1, (), third.messages)


def test_a_model_that_stands_in_begins_anew():
    clock = Clock()
    own = Asking([("wait", {"seconds": 1})], gb.ServerError("down"))
    spare = Asking([("wait", {"seconds": 2})], "spare")
    run = Simulation(agent(clock.wait, fallback=gb.LlmConfig.openai("spare")), client={"own": own, "spare": spare})
    assert (run.outputs, clock.calls, len(spare.requests[0].messages)) == ({"a": "spare"}, [1, 2], 1)


def test_each_item_has_a_conversation_of_its_own():
    def answers(request):
        tools = [message.content for message in request.messages if message.role == "tool"]
        return tools[0] if tools else [("add", {"a": int(request.messages[0].content), "b": 10})]

    node = gb.Node.agent("a", "{{ n }}", tools=[add], for_each="n in numbers")
    run = Simulation(node, inputs={"numbers": [1, 2, 3]}, client=Asking.of(answers))
    assert run.outputs == {"a": ["11", "12", "13"]}
    assert [event.node for event in run.told("tool.called")] == ["a[0]", "a[1]", "a[2]"]


# ---- plain functions, printing


def executed(*tools, script, **more):
    answers = list(script)
    config = gb.LlmConfig.scripted({"a": answers})
    builder = gb.WorkflowBuilder("w")
    builder.add_node(agent(*tools, **more))
    return gb.WorkflowExecutor(config).execute(builder.build())


def calls(*asked):
    return gb.GenerateResponse(
        text="", tool_calls=tuple(ToolCall(str(number), *each) for number, each in enumerate(asked))
    )


def test_plain_functions_run_in_threads_at_the_same_time():
    meet = threading.Barrier(2, timeout=20)

    def arrive(name: str) -> str:
        """Arrive, and wait for the other."""
        meet.wait()
        return f"{name} {threading.current_thread() is threading.main_thread()}"

    seen = []

    def last(request):
        seen.extend(message.content for message in request.messages if message.role == "tool")
        return "ok"

    result = executed(arrive, script=[calls(("arrive", {"name": "a"}), ("arrive", {"name": "b"})), last])
    assert result.outputs == {"a": "ok"}
    assert seen == ["a False", "b False"]


def test_what_tools_print_is_kept_with_the_node(capsys):
    def plain() -> None:
        """Print."""
        print("from a thread")

    async def other() -> None:
        print("from the loop")

    result = executed(plain, other, script=[calls(("plain", {})), calls(("other", {})), "ok"])
    assert result.nodes["a"].printed == "from a thread\nfrom the loop\n"


def test_what_a_plain_function_raises_is_told():
    def leave() -> None:
        """Leave."""
        raise SystemExit(2)

    result = executed(leave, script=[calls(("leave", {})), "ok"])
    (used,) = result.nodes["a"].attempts[0].tools
    assert used.result == "error: RuntimeError: it raised SystemExit: 2"


def test_a_plain_function_that_takes_too_long_is_left_to_its_thread():
    free = threading.Event()

    def hang() -> str:
        """Hang."""
        free.wait(20)
        return "late"

    try:
        result = executed(hang, script=[calls(("hang", {})), "ok"], tool_timeout=0.01)
    finally:
        free.set()
    (used,) = result.nodes["a"].attempts[0].tools
    assert (result.outputs, used.result) == ({"a": "ok"}, "error: TimeoutError: no result within 0.01 s")


def test_a_result_with_calls_of_tools_can_be_pickled_and_gone_on_with():
    first = executed(add, script=[calls(("add", {"a": 1, "b": 2})), ValueError("down")])
    kept = pickle.loads(pickle.dumps(first))
    config = gb.LlmConfig.scripted({"a": [calls(("add", {"a": 2, "b": 2})), "4"]})
    again = gb.WorkflowExecutor(config).resume(kept)
    assert again.outputs == {"a": "4"}
    assert [[used.result for used in attempt.tools] for attempt in again.nodes["a"].attempts] == [["3"], [], ["4"], []]
