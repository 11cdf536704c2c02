"""Questions to persons: the run waits without holding anything up, and no clock runs meanwhile."""

import asyncio
import logging

import pytest
from simulation import Simulation, function, python, workflow

import graphbit_nb as gb

human = gb.Node.human


def ask(question="good?", **more):
    return human("ask", question, **more)


def answers(*given):
    """Give answers at their times: (seconds from the one before, path, value). Keeps the errors."""
    errors = []

    async def script(run):
        for seconds, path, value in given:
            await asyncio.sleep(seconds)
            try:
                run.answer(path, value)
            except gb.GraphbitError as error:
                errors.append(error)

    script.errors = errors
    return script


# ---- asking


def test_the_question_is_filled_in_and_told():
    run = Simulation(python("draft", value="D"), ask("Send {{ draft }}?", output="yes|no"), answers={"ask": "yes"})
    told = run.told("node.waiting")[0]
    assert (told.node, told.question, told.options) == ("ask", "Send D?", ("yes", "no"))
    assert run.snapshot.nodes["ask"].question == "Send D?"
    assert run.snapshot.nodes["ask"].options == ("yes", "no")


def test_without_a_declared_output_any_text_will_do():
    run = Simulation(ask(), answers={"ask": "as you like"})
    assert run.told("node.waiting")[0].options == ()
    assert run.outputs["ask"] == "as you like"


def test_a_question_that_cannot_be_filled_in_fails_the_node():
    run = Simulation(python("draft", value={"a": 1}), ask("{{ draft.b }}?"), parks=True)
    assert run.states["ask"] == "failed"
    assert run.status == "failed"


def test_the_answer_is_read_as_the_declared_output():
    nodes = [ask(output="int"), function("more", lambda ask: ask + 1)]
    assert Simulation(*nodes, answers={"ask": "41"}).outputs == {"ask": 41, "more": 42}


def test_the_answer_decides():
    nodes = [ask(output="yes|no"), python("send", when="ask=yes"), python("drop", when="ask=no")]
    assert Simulation(*nodes, answers={"ask": "no"}).states == {
        "ask": "succeeded",
        "send": "skipped",
        "drop": "succeeded",
    }


def test_truth_values_can_be_asked_for():
    nodes = [ask(output="bool"), python("send", when="ask=true")]
    run = Simulation(*nodes, script=answers((1, "ask", "true")))
    assert run.outputs == {"ask": True, "send": "send"}


# ---- waiting


def test_a_run_parks_when_only_a_person_is_left():
    run = Simulation(ask(), python("after_ask", after="ask"), parks=True)
    assert run.status == "waiting"
    assert run.states == {"ask": "waiting", "after_ask": "pending"}
    assert run.told("run.finished") == []


def test_other_branches_go_on_before_the_run_parks():
    run = Simulation(ask(), python("a", seconds=3), python("b", seconds=3, after="a"), parks=True)
    assert run.states == {"ask": "waiting", "a": "succeeded", "b": "succeeded"}
    assert run.ended_at == 6


def test_the_run_is_not_waiting_while_something_works():
    seen = []

    async def script(run):
        for _ in range(3):
            seen.append(str(run.snapshot.status))
            await asyncio.sleep(2)
        run.answer("ask", "x")

    Simulation(ask(), python("a", seconds=3), script=script)
    assert seen == ["running", "running", "waiting"]


def test_a_failed_branch_does_not_keep_the_run_from_waiting():
    async def fails():
        raise ValueError("no")

    run = Simulation(ask(), function("bad", fails), parks=True)
    assert run.status == "waiting"


def test_a_waiting_run_is_not_parked_unless_it_is_to_be():
    run = Simulation(ask(), script=answers((60, "ask", "late")))
    assert (run.status, run.outputs, run.ended_at) == ("succeeded", {"ask": "late"}, 60)


def test_who_waits_holds_no_slot():
    run = Simulation(ask(), python("a", seconds=3), max_concurrency=1, script=answers((9, "ask", "x")))
    assert run.at("node.started", "a") == 0


def test_a_parked_run_takes_no_more_answers():
    async def script(run):
        await asyncio.sleep(5)
        with pytest.raises(gb.UsageError):
            run.answer("ask", "late")

    run = Simulation(ask(), python("after_ask", after="ask"), parks=True, script=script)
    assert run.states == {"ask": "waiting", "after_ask": "pending"}


def test_everybody_who_can_be_asked_is_asked_at_once():
    run = Simulation(human("a", "a?"), human("b", "b?"), human("c", "{{ a }}?"), parks=True)
    assert [event.node for event in run.told("node.waiting")] == ["a", "b"]


def test_the_next_person_is_asked_when_the_first_has_answered():
    run = Simulation(human("a", "a?"), human("b", "{{ a }}?"), script=answers((1, "a", "x"), (1, "b", "y")))
    assert run.outputs == {"a": "x", "b": "y"}
    assert run.told("node.waiting")[1].question == "x?"


# ---- answers


def test_answers_known_beforehand_are_taken_when_they_are_asked_for():
    run = Simulation(python("slow", seconds=5), ask(after="slow"), answers={"ask": "yes"}, parks=True)
    assert run.status == "succeeded"
    assert run.at("node.waiting", "ask") == run.at("node.succeeded", "ask") == 5


@pytest.mark.parametrize("answer", ["yess", "", 7, None])
def test_an_answer_that_is_none_of_the_labels_is_refused_and_the_node_goes_on_waiting(answer):
    script = answers((1, "ask", answer), (1, "ask", "yes"))
    run = Simulation(ask(output="yes|no"), script=script)
    assert [type(error).__name__ for error in script.errors] == ["OutputError"]
    assert run.outputs["ask"] == "yes"


def test_a_refused_answer_is_told_the_nearest_label():
    script = answers((1, "ask", "aprove"), (1, "ask", "reject"))
    Simulation(ask(output="approve|reject"), script=script)
    assert "'approve'" in str(script.errors[0])
    assert "did you mean 'approve'" in str(script.errors[0])


def test_an_answer_of_the_wrong_type_is_refused():
    script = answers((1, "ask", "many"), (1, "ask", "3"))
    run = Simulation(ask(output="int"), script=script)
    assert "no int" in str(script.errors[0])
    assert run.outputs["ask"] == 3


def test_a_bad_answer_known_beforehand_is_warned_about_and_the_node_waits(caplog):
    with caplog.at_level(logging.WARNING, "graphbit_nb"):
        run = Simulation(ask(output="int"), answers={"ask": "many"}, parks=True)
    assert run.status == "waiting"
    assert "ask: the answer given beforehand cannot be used" in caplog.text


def test_who_does_not_wait_cannot_be_answered_and_the_nearest_is_named():
    script = answers((1, "aks", "x"), (1, "ask", "x"), (0, "ask", "again"))
    Simulation(ask(), python("slow", seconds=9), script=script)
    first, second = map(str, script.errors)
    assert first == "'aks' does not wait for an answer; did you mean 'ask'?"
    assert second == "'ask' does not wait for an answer; no node does"


def test_a_person_inside_a_sub_workflow_is_answered_by_path():
    node = gb.Node.workflow("review", workflow(human("approve", "ok?")))
    run = Simulation(node, script=answers((1, "review.approve", "yes")))
    assert run.outputs["review"] == {"approve": "yes"}


def test_items_are_answered_in_any_order():
    node = human("ask", "{{ x }}?", for_each="x in ['a', 'b']")
    run = Simulation(node, script=answers((1, "ask[1]", "B"), (1, "ask[0]", "A")))
    assert run.outputs["ask"] == ["A", "B"]


def test_an_answer_for_a_fan_out_holds_for_each_item():
    node = human("ask", "{{ x }}?", for_each="x in ['a', 'b']")
    run = Simulation(node, answers={"ask": "same"}, parks=True)
    assert run.status == "succeeded"
    assert run.outputs["ask"] == ["same", "same"]


def test_an_answer_for_a_node_in_a_loop_holds_for_each_iteration():
    inner = workflow(human("ask", "ok?"), function("n", lambda ask, iteration: iteration))
    node = gb.Node.workflow("again", inner, repeat_until="n >= 2", max_iterations=3)
    run = Simulation(node, answers={"again.ask": "yes"}, parks=True)
    assert run.status == "succeeded"


# ---- time


def test_the_run_has_all_the_time_while_a_person_is_waited_for():
    run = Simulation(
        ask(), python("work", seconds=3, after="ask"), deadline=5, script=answers((1_000, "ask", "x")),
    )  # fmt: skip
    assert run.status == "succeeded"
    assert run.ended_at == 1_003


def test_the_time_before_the_question_counts():
    nodes = [python("first", seconds=3), ask(after="first"), python("last", seconds=3, after="ask")]
    run = Simulation(*nodes, deadline=5, script=answers((1_000, "ask", "x")))
    assert run.states == {"first": "succeeded", "ask": "succeeded", "last": "failed"}
    assert run.ended_at == 1_002


def test_the_sub_workflow_around_has_all_the_time_as_well():
    inner = workflow(
        python("first", seconds=3), human("ask", "ok?", after="first"), python("last", seconds=1, after="ask")
    )
    node = gb.Node.workflow("s", inner, timeout=5)
    run = Simulation(node, script=answers((1_000, "s.ask", "x")))
    assert run.status == "succeeded"
    assert run.ended_at == 1_001


def test_so_have_all_sub_workflows_around_it():
    inner = workflow(human("ask", "ok?"))
    node = gb.Node.workflow("s", workflow(gb.Node.workflow("t", inner, timeout=2)), timeout=5)
    assert Simulation(node, script=answers((1_000, "s.t.ask", "x"))).status == "succeeded"


def test_a_sub_workflow_beside_it_has_not():
    beside = gb.Node.workflow("s", workflow(python("slow", seconds=50)), timeout=5)
    run = Simulation(ask(), beside, script=answers((1_000, "ask", "x")))
    assert run.at("node.failed", "s") == 5


def test_after_the_answer_the_clock_goes_on_where_it_stood():
    inner = workflow(human("ask", "ok?"), python("last", seconds=9, after="ask"))
    run = Simulation(gb.Node.workflow("s", inner, timeout=5), script=answers((1_000, "s.ask", "x")))
    assert run.at("node.failed", "s") == 1_005


def test_the_clock_stands_until_the_last_of_several_has_answered():
    node = human("ask", "{{ x }}?", for_each="x in ['a', 'b']")
    inner = workflow(node, python("last", seconds=4, after="ask"))
    script = answers((100, "s.ask[0]", "x"), (100, "s.ask[1]", "y"))
    run = Simulation(gb.Node.workflow("s", inner, timeout=5), script=script)
    assert (run.status, run.ended_at) == ("succeeded", 204)


def test_a_bad_answer_does_not_start_the_clock():
    node = gb.Node.workflow("s", workflow(human("ask", "ok?", output="int")), timeout=5)
    run = Simulation(node, script=answers((1, "s.ask", "many"), (100, "s.ask", "3")))
    assert run.status == "succeeded"


# ---- cancelling


def cancels(path=None):
    async def script(run):
        await asyncio.sleep(5)
        run.cancel(path)

    return script


def test_a_waiting_node_can_be_cancelled():
    run = Simulation(ask(), python("after_ask", after="ask"), python("other"), script=cancels("ask"))
    assert run.states == {"ask": "cancelled", "after_ask": "skipped", "other": "succeeded"}
    assert run.status == "cancelled"


def test_a_waiting_run_can_be_cancelled():
    run = Simulation(ask(), python("after_ask", after="ask"), script=cancels())
    assert run.states == {"ask": "cancelled", "after_ask": "cancelled"}
    assert run.status == "cancelled"


def test_the_clock_goes_on_when_the_question_was_cancelled():
    run = Simulation(ask(), python("slow", seconds=50), deadline=10, script=cancels("ask"))
    assert run.at("node.failed", "slow") == 15


def test_a_sub_workflow_with_a_waiting_node_can_be_cancelled():
    run = Simulation(gb.Node.workflow("s", workflow(ask())), script=cancels("s"))
    assert run.all_states == {"s": "cancelled", "s.ask": "cancelled"}


def test_fail_fast_cancels_a_question():
    async def fails():
        await asyncio.sleep(1)
        raise ValueError("no")

    run = Simulation(ask(), function("bad", fails), fail_fast=True)
    assert run.states == {"ask": "cancelled", "bad": "failed"}
    assert run.status == "failed"


def test_who_was_cancelled_cannot_be_answered():
    script = answers((6, "ask", "late"))

    async def both(run):
        await asyncio.gather(cancels("ask")(run), script(run))

    Simulation(ask(), python("slow", seconds=9), script=both)
    assert "does not wait for an answer" in str(script.errors[0])
