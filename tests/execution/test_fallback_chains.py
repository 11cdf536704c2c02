"""Several models that stand in one after the other, and a value at the end."""

import runpy

import pytest

import graphbit_nb as gb
from graphbit_nb.errors import OverloadedError, UsageError
from graphbit_nb.graph.fallback import Fallbacks

DOWN = OverloadedError("down")
ONCE = gb.RetryPolicy(max_attempts=1)


def script(answer):
    return gb.LlmConfig.scripted({"*": answer})


def run(*fallback, own=DOWN, **node):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("a", "hello", provider=script(own), fallback=list(fallback), **node))
    builder.add_node(gb.Node.prompt("beside", "hello", provider=script("fine")))
    return gb.WorkflowExecutor(retry=ONCE).execute(builder.build())


def test_the_first_model_that_answers_gives_the_output():
    result = run(script(DOWN), script("second"), script("third"))
    assert result.outputs == {"a": "second", "beside": "fine"}
    assert len(result.nodes["a"].attempts) == 3


def test_what_is_told_of_a_node_that_was_stood_in_for_is_the_failure_of_its_own_model():
    result = run(script(OverloadedError("down as well")), script("second"))
    assert result.is_success()
    assert result.nodes["a"].error.message == "down"


def test_when_all_models_fail_the_value_at_the_end_stands_in():
    assert run(script(DOWN), script(DOWN), "nothing to say").outputs["a"] == "nothing to say"


def test_none_at_the_end_is_a_value():
    assert run(script(DOWN), None).outputs["a"] is None


def test_when_all_models_fail_and_there_is_no_value_the_node_fails_with_the_last_failure():
    result = run(script(DOWN), script(OverloadedError("the last")))
    assert result.errors["a"].message == "the last"
    assert result.outputs == {"beside": "fine"}


def test_a_list_of_values_is_a_value():
    assert run("x", "y", output="list[str]").outputs["a"] == ["x", "y"]


def test_one_model_in_a_list_is_that_model():
    config = script("x")
    assert gb.Node.prompt("a", "x", fallback=[config]).fallback == config


def test_the_value_must_fit_the_declared_output():
    chain = [script("1"), "7"]
    assert gb.Node.prompt("a", "x", output=int, fallback=chain).fallback == Fallbacks((chain[0],), 7)
    with pytest.raises(gb.OutputError, match="a: the answer is no int"):
        gb.Node.prompt("a", "x", output=int, fallback=[script("1"), "seven"])


def test_a_value_in_the_midst_of_models_is_refused():
    with pytest.raises(UsageError, match="a value only at its end"):
        gb.Node.prompt("a", "x", fallback=[script("1"), "7", script("2")])


def test_a_node_that_asks_no_model_takes_no_models():
    with pytest.raises(UsageError, match="asks none"):
        gb.Node.python("a", lambda: 1, fallback=[script("1"), script("2")])


@pytest.mark.parametrize("suffix", ["json", "yaml", "py"])
def test_a_chain_is_written_to_a_file_and_read_back(tmp_path, suffix):
    builder = gb.WorkflowBuilder("w")
    chain = [gb.LlmConfig.openai("one"), gb.LlmConfig.anthropic("two"), "nothing"]
    policy = gb.RetryPolicy(max_time=9.0, max_attempts_for={gb.RateLimitError: 9})
    builder.add_node(gb.Node.prompt("a", "hello", fallback=chain, retry=policy))
    path = tmp_path / f"w.{suffix}"
    gb.export(builder.build(), path)
    found = (runpy.run_path(str(path))["build"]() if suffix == "py" else gb.load(path)).nodes["a"]
    assert found.fallback == Fallbacks((chain[0], chain[1]), "nothing")
    assert found.retry == policy
