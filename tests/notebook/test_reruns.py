"""Which results still stand after a change, and what is run again."""

import pytest
from story import workflow_of

import graphbit_nb as gb
from graphbit_nb.session.reruns import after, next_node, stale, standing


@pytest.fixture
def first():
    return workflow_of(a="{{ topic }}", b="{{ a }}", c="{{ b }}", d="{{ a }}")


@pytest.fixture
def result(first):
    executor = gb.WorkflowExecutor(gb.LlmConfig.scripted({"*": "x"}))
    return executor.execute(first, {"topic": "sea"})


def test_all_of_it_stands_while_nothing_changes(first, result):
    assert set(standing(first, result)) == {"a", "b", "c", "d"}
    assert stale(first, result) == frozenset()


def test_a_changed_node_and_what_follows_it_are_out_of_date(result):
    changed = workflow_of(a="{{ topic }}", b="other {{ a }}", c="{{ b }}", d="{{ a }}")
    assert stale(changed, result) == {"b", "c"}
    assert set(standing(changed, result)) == {"a", "d"}


def test_what_is_to_be_run_again_takes_what_follows_with_it(first, result):
    assert set(standing(first, result, again=["d"])) == {"a", "b", "c"}
    assert standing(first, result, again=["a"]) == {}


def test_another_input_reaches_all_that_read_it(first, result):
    assert standing(first, result, inputs={"topic": "hills"}) == {}
    assert set(standing(first, result, inputs={"topic": "sea"})) == {"a", "b", "c", "d"}


def test_values_that_cannot_be_compared_are_taken_for_changed(first, result):
    class Odd:
        def __eq__(self, other):
            raise ValueError

        __hash__ = None

    assert standing(first, result, inputs={"topic": Odd()}) == {}


def test_a_new_node_is_not_out_of_date_it_has_no_result(first, result):
    grown = workflow_of(a="{{ topic }}", b="{{ a }}", c="{{ b }}", d="{{ a }}", e="{{ d }}")
    assert stale(grown, result) == frozenset()
    assert next_node(grown, standing(grown, result)) == "e"


def test_a_node_that_reads_another_one_now_is_out_of_date(result):
    moved = workflow_of(a="{{ topic }}", b="{{ a }}", c="{{ b }}", d="{{ b }}")
    assert stale(moved, result) == {"d"}


def test_the_next_node_is_the_first_without_a_result(first):
    assert next_node(first, {}) == "a"
    assert next_node(first, {"a": 1, "b": 1}) == "d"
    assert next_node(first, dict.fromkeys("abcd")) is None


def test_everything_after_a_node_is_found_once(first):
    assert after(first, ["b"]) == {"b", "c"}


def test_a_slip_in_a_name_is_refused(first, result):
    with pytest.raises(gb.UsageError, match="no node 'bb' in w; did you mean 'b'"):
        standing(first, result, again=["bb"])
