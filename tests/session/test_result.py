"""What a run leaves behind."""

import builtins

import pytest

import graphbit_nb as gb


@pytest.fixture
def result(executor, workflow):
    return executor.execute(workflow, {"topic": "graphs"})


@pytest.fixture
def failed():
    builder = gb.WorkflowBuilder("w")

    def breaks():
        raise ValueError("no")

    builder.add_node(gb.Node.python("a", breaks))
    builder.add_node(gb.Node.python("b", breaks))
    builder.add_node(gb.Node.python("c", lambda a: a))
    return gb.WorkflowExecutor().execute(builder.build())


def test_a_run_that_succeeded(result):
    assert result.is_success()
    assert result.status == gb.RunStatus.SUCCEEDED == "succeeded"
    assert result.raise_for_status() is result
    assert result.errors == {}
    assert repr(result) == "<notes succeeded: 3 succeeded>"


def test_outputs_and_inputs(result):
    assert result.get_node_output("outline") == "one two three"
    assert result.get_variable("topic") == "graphs"
    assert result.get_variable("nothing") is None
    with pytest.raises(gb.UsageError, match="no node 'outlin' in this run; did you mean 'outline'"):
        result.get_node_output("outlin")


def test_everything_about_a_node(result):
    node = result.nodes["draft"]
    assert isinstance(node, gb.NodeResult)
    assert node.prompt == "Write it up: one two three"
    assert (node.state, node.model, len(node.attempts), node.error) == ("succeeded", "scripted", 1, None)
    assert node.started <= node.finished
    with pytest.raises(TypeError):
        result.nodes["draft"] = None


def test_tokens_are_added_up(result):
    assert result.usage.calls == 2
    assert result.usage.output_tokens == result.nodes["draft"].usage.output_tokens + 3
    assert result.cost is None


def test_the_context_has_variables_and_outputs(result):
    context = result.context
    assert context.substitute_template("{{ topic }}: {{ outline }}") == "graphs: one two three"
    assert context.metadata.run_id == result.run_id
    context.set_variable("more", 1)
    assert context.get_variable("more") == 1
    assert result.get_variable("more") is None


def test_a_run_that_failed(failed):
    assert not failed.is_success()
    assert failed.status == "failed"
    assert list(failed.errors) == ["a", "b"]
    assert failed.outputs == {}
    assert failed.get_node_output("c") is None
    assert repr(failed) == "<w failed: 2 failed, 1 skipped>"
    with pytest.raises(
        gb.RunFailedError, match=r"a failed \(and 1 more\): ValueError: no \(test_result.py, line"
    ) as raised:
        failed.raise_for_status()
    assert raised.value.result is failed


def test_as_a_table(result):
    frame = result.to_frame()
    assert list(frame["node"]) == ["outline", "draft", "size"]
    assert list(frame["kind"]) == ["prompt", "prompt", "python"]
    assert list(frame["attempts"]) == [1, 1, 0]


def test_a_table_needs_a_library_and_says_so(result, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name in ("pandas", "polars"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(gb.ConfigurationError, match="needs pandas or polars"):
        result.to_frame()
