"""The executor: its doors, from plain Python, from loops and from threads."""

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import graphbit_nb as gb
from graphbit_nb.session import clients

OUTPUTS = {"outline": "one two three", "draft": "draft of Write it up: one two three", "size": 35}


def single(fn, **more):
    builder = gb.WorkflowBuilder("single")
    builder.add_node(gb.Node.python("a", fn, **more))
    return builder.build()


def test_execute_in_plain_python(executor, workflow):
    result = executor.execute(workflow, {"topic": "graphs"})
    assert result.outputs == OUTPUTS
    assert gb.last is result


async def test_execute_inside_a_running_loop(executor, workflow):
    assert executor.execute(workflow, {"topic": "graphs"}).outputs == OUTPUTS


async def test_run_is_awaited(executor, workflow):
    assert (await executor.run(workflow, {"topic": "graphs"})).outputs == OUTPUTS


async def test_many_runs_at_the_same_time(executor, workflow):
    results = await asyncio.gather(*(executor.run(workflow, {"topic": str(n)}) for n in range(20)))
    assert [result.get_variable("topic") for result in results] == [str(n) for n in range(20)]
    assert len({result.run_id for result in results}) == 20


def test_execute_from_many_threads(executor, workflow):
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: executor.execute(workflow, {"topic": str(n)}), range(20)))
    assert all(result.outputs == OUTPUTS for result in results)


async def test_the_callers_own_loop_runs_the_nodes_when_asked(executor):
    async def fn():
        return asyncio.get_running_loop()

    workflow = single(fn)
    own = asyncio.get_running_loop()
    assert (await executor.run(workflow, loop="current")).outputs["a"] is own
    assert (await executor.run(workflow)).outputs["a"] is not own


def test_the_current_loop_without_a_running_one(executor, workflow):
    assert executor.execute(workflow, {"topic": "x"}, loop="current").outputs == OUTPUTS


async def test_the_current_loop_that_runs_already_needs_the_notebook(executor, workflow, monkeypatch):
    monkeypatch.setattr(gb.WorkflowExecutor, "nested", staticmethod(gb.WorkflowExecutor.nested))
    if gb.WorkflowExecutor.nested.__module__ == "graphbit_nb.session.executor":
        with pytest.raises(gb.UsageError, match=r"await executor\.run"):
            executor.execute(workflow, {"topic": "x"}, loop="current")


def test_an_async_node_that_would_wait_for_itself_is_told_so(executor):
    inner = single(lambda: 1)

    async def fn():
        return executor.execute(inner)

    result = executor.execute(single(fn))
    assert result.errors["a"].type == "UsageError"
    assert "await executor.run" in result.errors["a"].message


def test_an_async_node_may_await_another_run(executor):
    inner = single(lambda: "inside")

    async def fn():
        return (await executor.run(inner)).outputs["a"]

    assert executor.execute(single(fn)).outputs == {"a": "inside"}


def test_a_script_starts_from_its_beginning_in_every_run():
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("a", "x"))
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"a": ["first"]}))
    assert [executor.execute(builder.build()).outputs["a"] for _ in range(2)] == ["first", "first"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"max_concurrency": 0}, "max_concurrency=0"),
        ({"max_concurrency": True}, "max_concurrency=True"),
        ({"max_concurrency": 1.5}, "max_concurrency=1.5"),
        ({"strategy": "paralel"}, "strategy='paralel'; did you mean 'parallel'"),
        ({"on_error": "stop"}, "on_error='stop'"),
        ({"cache": "off"}, "cache='off'"),
        ({"retry": 0}, "max_attempts"),
        ({"retry": "3"}, "retry='3'"),
        ({"config": "openai"}, "config='openai': give an LlmConfig"),
    ],
)
def test_arguments_that_are_wrong_are_refused(arguments, told):
    with pytest.raises(gb.UsageError, match=re.escape(told)):
        gb.WorkflowExecutor(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"inputs": {}}, gb.MissingInputError, "'topic' has no value (read by outline)"),
        ({"inputs": ["topic"]}, gb.UsageError, "inputs=['topic']: give a dict"),
        ({"inputs": {"topci": 1}}, gb.UsageError, "no input 'topci'; did you mean 'topic'"),
        ({"inputs": {"topic": 1}, "nodes": ["outlin"]}, gb.UsageError, "no node 'outlin'; did you mean 'outline'"),
        ({"inputs": {"topic": 1}, "nodes": "outline"}, gb.UsageError, "give a list of names, such as ['outline']"),
        ({"inputs": {"topic": 1}, "loop": "mine"}, gb.UsageError, "loop='mine'"),
        ({"inputs": {"topic": 1}, "cache": "off"}, gb.UsageError, "cache='off'"),
    ],
)
async def test_calls_that_are_wrong_are_refused_at_every_door(executor, workflow, arguments, error, told):
    with pytest.raises(error, match=re.escape(told)):
        executor.execute(workflow, **arguments)
    with pytest.raises(error, match=re.escape(told)):
        await executor.run(workflow, **arguments)


@pytest.mark.parametrize("thing", [None, "notes", {"nodes": []}])
def test_only_a_workflow_is_run(executor, thing):
    with pytest.raises(gb.UsageError, match="a Workflow is run, not"):
        executor.execute(thing)
    with pytest.raises(gb.UsageError, match=r"Call .build\(\) on it first"):
        executor.execute(gb.WorkflowBuilder("w"))


def test_inputs_are_those_of_the_moment_the_run_was_started(executor, workflow):
    inputs = {"topic": "graphs"}
    handle = executor.start(workflow, inputs)
    inputs["topic"] = "changed"
    inputs["more"] = 1
    assert handle.result(10).get_variable("topic") == "graphs"


def test_only_what_is_named_and_what_it_needs_is_run(executor, workflow):
    assert list(executor.execute(workflow, {"topic": "x"}, nodes=["outline"]).nodes) == ["outline"]


def test_one_at_a_time_when_the_strategy_is_sequential():
    most, active, lock = [], [], threading.Lock()

    def fn():
        with lock:
            active.append(1)
            most.append(len(active))
        with lock:
            active.pop()

    builder = gb.WorkflowBuilder("w")
    for name in "abcd":
        builder.add_node(gb.Node.python(name, fn))
    assert gb.WorkflowExecutor(strategy="sequential").execute(builder.build()).is_success()
    assert max(most) == 1


class TestNothingConfigured:
    """A key that lies around chooses nothing; what is missing is said once, before anything runs."""

    @pytest.fixture(autouse=True)
    def _without_local(self, monkeypatch):
        monkeypatch.setattr(clients, "is_available", lambda: False)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-paid")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-paid")

    def test_one_error_names_the_ways_on(self, workflow):
        with pytest.raises(gb.ConfigurationError) as raised:
            gb.WorkflowExecutor().execute(workflow, {"topic": "x"})
        for way in ("graphbit-nb[local]", "LlmConfig.openai", "LlmConfig.ollama", "LlmConfig.scripted", "%graphbit"):
            assert way in str(raised.value)
        assert "sk-paid" not in str(raised.value)

    def test_functions_need_no_model(self):
        assert gb.WorkflowExecutor().execute(single(lambda: 1)).outputs == {"a": 1}

    def test_a_provider_by_name_needs_a_model(self):
        builder = gb.WorkflowBuilder("w")
        builder.add_node(gb.Node.prompt("a", "x", provider="openai"))
        with pytest.raises(gb.ConfigurationError, match="a: provider 'openai' needs a model"):
            gb.WorkflowExecutor().execute(builder.build())

    def test_a_node_may_bring_its_own_model(self):
        builder = gb.WorkflowBuilder("w")
        builder.add_node(gb.Node.prompt("a", "x", provider=gb.LlmConfig.scripted({"*": "mine"})))
        assert gb.WorkflowExecutor().execute(builder.build()).outputs == {"a": "mine"}


def test_the_embedded_model_is_what_is_asked_when_it_is_there(monkeypatch):
    monkeypatch.setattr(clients, "is_available", lambda: True)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-paid")
    assert clients.default_config() == gb.LlmConfig.local()


def test_the_opening_example_of_graphbits_overview_runs(config, workflow):
    import graphbit_nb as graphbit

    graphbit.init()
    builder = graphbit.PyWorkflowBuilder("My Workflow")
    for node in workflow.nodes.values():
        builder.add_node(node)
    workflow = builder.build()
    executor = graphbit.PyWorkflowExecutor(config)
    result = executor.execute(workflow, {"topic": "graphs"})
    assert isinstance(result, graphbit.PyExecutionResult)
    assert result.is_success()
