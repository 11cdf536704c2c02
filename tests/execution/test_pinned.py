"""Outputs that are given beforehand: their nodes are not run, everything after them is."""

import pytest

import graphbit_nb as gb
from graphbit_nb.core.snapshot import RunSnapshot


@pytest.fixture
def calls():
    return []


@pytest.fixture
def chain(calls):
    builder = gb.WorkflowBuilder("chain")
    builder.add_node(gb.Node.python("a", lambda: calls.append("a") or "a"))
    builder.add_node(gb.Node.python("b", lambda a: calls.append("b") or f"b of {a}"))
    builder.add_node(gb.Node.python("c", lambda b: calls.append("c") or f"c of {b}"))
    return builder.build()


@pytest.fixture
def executor():
    return gb.WorkflowExecutor(gb.LlmConfig.scripted({}))


def test_what_is_pinned_is_not_run_and_what_reads_it_is(chain, executor, calls):
    result = executor.execute(chain, pinned={"a": "given", "b": "edited"})
    assert calls == ["c"]
    assert result.outputs == {"a": "given", "b": "edited", "c": "c of edited"}
    assert [node.state for node in result.nodes.values()] == ["cached", "cached", "succeeded"]
    assert (result.status, result.nodes["b"].source) == ("succeeded", "pinned")


def test_views_see_the_same_as_the_result(chain, executor):
    events, fold = [], RunSnapshot()
    result = executor.execute(chain, pinned={"b": "edited"}, views=(events.append,))
    for event in events:
        fold.apply(event)
    assert fold == result.snapshot


def test_a_pinned_label_chooses_the_branch(executor, calls):
    builder = gb.WorkflowBuilder("branches")
    builder.add_node(gb.Node.condition("route", lambda: "left"))
    builder.add_node(gb.Node.python("left", lambda: "left", when="route=left"))
    builder.add_node(gb.Node.python("right", lambda: "right", when="route=right"))
    result = executor.execute(builder.build(), pinned={"route": "right"})
    assert [str(node.state) for node in result.nodes.values()] == ["cached", "skipped", "succeeded"]


def test_a_pinned_person_is_not_asked_and_a_pinned_fan_out_not_opened(executor):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.human("approve", "Fine?"))
    builder.add_node(gb.Node.python("each", lambda x: x + 1, for_each="x in numbers"))
    result = executor.execute(builder.build(), {"numbers": [1, 2]}, pinned={"approve": "yes", "each": [7]})
    assert result.outputs == {"approve": "yes", "each": [7]}
    assert result.nodes["each"].parts == {}


def test_a_run_with_pinned_nodes_can_be_gone_on_with(executor, calls):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("a", lambda: calls.append("a") or 1))
    builder.add_node(gb.Node.human("approve", "Fine, {{ a }}?"))
    waiting = executor.execute(builder.build(), pinned={"a": 5})
    result = executor.resume(waiting, answers={"approve": "yes"})
    assert (result.outputs, calls) == ({"a": 5, "approve": "yes"}, [])
    assert result.nodes["a"].state == "cached"


def test_a_slip_in_a_name_is_refused(chain, executor):
    with pytest.raises(gb.UsageError, match="pinned: no node 'bb' in chain; did you mean 'b'"):
        executor.execute(chain, pinned={"bb": 1})
