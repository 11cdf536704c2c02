"""Two runs are laid beside each other: what differs, and only that."""

import pytest

import graphbit_nb as gb
from graphbit_nb.session.comparing import compared, is_same


def flow(prompt="Three points about {{ topic }}.", *, more=False):
    builder = gb.WorkflowBuilder("notes")
    builder.add_node(gb.Node.prompt("outline", prompt))
    builder.add_node(gb.Node.prompt("draft", "Write: {{ outline }}"))
    if more:
        builder.add_node(gb.Node.python("size", lambda draft: len(draft)))  # noqa: PLW0108
    return builder.build()


def run(workflow, topic="sea", **answers):
    script = gb.LlmConfig.scripted({"outline": "a b c", "draft": "text", **answers})
    return gb.WorkflowExecutor(script).execute(workflow, {"topic": topic})


def differences(one, other):
    return {pair.name: pair.differs_in for pair in compared(one, other).changed}


def test_equal_runs_differ_in_nothing():
    assert differences(run(flow()), run(flow())) == {}


def test_another_answer_is_a_difference_of_its_node_and_of_the_prompt_that_reads_it():
    assert differences(run(flow()), run(flow(), outline="x")) == {"outline": ("output",), "draft": ("prompt",)}


def test_another_prompt_is_a_difference():
    assert differences(run(flow()), run(flow("Four points about {{ topic }}."))) == {"outline": ("prompt",)}


def test_a_failure_is_a_difference_of_state_and_error():
    failed = run(flow(), draft=gb.BadRequestError("no"))
    assert differences(run(flow()), failed) == {"draft": ("state", "output", "error")}


def test_a_node_of_one_run_alone_is_named():
    comparison = compared(run(flow()), run(flow(more=True)))
    (pair,) = comparison.changed
    assert (pair.name, pair.before, pair.differs_in) == ("size", None, ("presence",))


def test_inputs_that_differ_are_told_with_both_values():
    assert compared(run(flow()), run(flow(), topic="air")).inputs == {"topic": ("sea", "air")}


def test_tables_are_compared_by_what_is_in_them():
    pandas = pytest.importorskip("pandas")
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("table", lambda n: pandas.DataFrame({"a": [n]})))
    workflow = builder.build()
    one, other, again = (gb.WorkflowExecutor(cache="disable").execute(workflow, {"n": n}) for n in (1, 2, 1))
    assert differences(one, other) == {"table": ("output",)}
    assert differences(one, again) == {}


class Unlike:
    def __eq__(self, other):
        raise TypeError("they cannot be compared")

    __hash__ = None


def test_values_that_can_neither_be_compared_nor_kept_differ():
    assert not is_same(Unlike(), Unlike())


def test_its_repr_names_what_differs():
    assert repr(compared(run(flow()), run(flow(), outline="x"))).endswith(": outline, draft>")
