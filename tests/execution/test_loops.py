"""Bounded loops: a sub-workflow that is done again until its outputs are good enough."""

import asyncio

import pytest
from simulation import Model, Simulation, function, on_loop, python, raises, workflow

import graphbit_nb as gb


def counting(*, until="count >= 3", most=5, inner=None, **more):
    inner = inner or workflow(function("count", lambda iteration: iteration))
    return gb.Node.workflow("again", inner, repeat_until=until, max_iterations=most, **more)


def improving(**more):
    inner = workflow(
        function("revise", lambda text: text + "!"), function("score", lambda revise: revise.count("!")),
    )  # fmt: skip
    return counting(
        inner=inner, until="score >= 3", inputs={"text": "draft"}, carry={"text": "revise"}, returns="revise", **more
    )


def test_a_loop_ends_when_its_condition_holds():
    run = Simulation(counting())
    assert run.outputs["again"] == {"count": 3}
    assert run.snapshot.nodes["again"].iterations == 3


def test_a_loop_ends_after_its_iterations_though_the_condition_does_not_hold():
    run = Simulation(counting(until="count >= 99", most=4))
    assert run.outputs["again"] == {"count": 4}
    assert run.status == "succeeded"


def test_a_condition_that_holds_at_once_makes_one_iteration():
    run = Simulation(counting(until="count >= 0"))
    assert [event.parts for event in run.told("node.expanded")] == [("again#1.count",)]


def test_what_is_carried_goes_into_the_next_iteration():
    run = Simulation(improving(), inputs={"draft": "so"})
    assert run.outputs["again"] == "so!!!"


def test_inputs_that_are_not_carried_stay_as_they_are():
    inner = workflow(function("sum", lambda total, step: total + step))
    node = counting(inner=inner, until="sum >= 10", most=9, inputs={"total": "0"}, carry={"total": "sum"})
    assert Simulation(node, inputs={"step": 4}).outputs["again"] == {"sum": 12}


def test_each_iteration_can_be_looked_at():
    run = Simulation(improving(), inputs={"draft": "so"})
    index = run.snapshot.index
    assert [index[f"again#{n}.revise"].output for n in (1, 2, 3)] == ["so!", "so!!", "so!!!"]
    assert list(index["again"].parts) == [f"again#{n}.{name}" for n in (1, 2, 3) for name in ("revise", "score")]


def test_each_iteration_is_told():
    run = Simulation(improving(), inputs={"draft": "so"})
    assert [(event.what, event.iteration) for event in run.told("node.expanded")] == [
        ("nodes", 1), ("nodes", 2), ("nodes", 3),
    ]  # fmt: skip


def test_steps_of_all_iterations_count():
    run = Simulation(improving(), inputs={"draft": "so"})
    assert (run.snapshot.total, run.snapshot.done) == (6, 6)


def test_the_condition_may_read_the_inputs():
    inner = workflow(function("count", lambda iteration, goal: iteration))
    assert Simulation(counting(inner=inner, until="count == goal"), inputs={"goal": 2}).outputs["again"] == {"count": 2}


def test_the_condition_may_read_the_iteration():
    inner = workflow(function("count", lambda iteration: iteration * 10))
    assert Simulation(counting(inner=inner, until="iteration == 2")).outputs["again"] == {"count": 20}


def test_a_condition_that_cannot_be_read_fails_the_node():
    run = Simulation(counting(until="count.score > 3"))
    assert run.states["again"] == "failed"
    assert "score" in run.error("again")


def test_a_condition_over_a_skipped_node_fails_the_node():
    inner = workflow(gb.Node.condition("route", "a"), python("b", when="route=b"))
    run = Simulation(counting(inner=inner, until="b == 1"))
    assert run.states["again"] == "failed"
    assert "'b'" in run.error("again")


def test_carrying_a_skipped_node_fails_the_node():
    inner = workflow(
        gb.Node.condition("route", on_loop(lambda text: "a")), function("b", lambda text: text, when="route=b"),
    )  # fmt: skip
    node = counting(inner=inner, until="route == 'z'", inputs={"text": "'x'"}, carry={"text": "b"})
    assert "carry: b was skipped and gave nothing" in Simulation(node).error("again")


def test_a_failure_in_a_later_iteration_is_told_with_its_number():
    async def fails(iteration):
        if iteration == 2:
            raise ValueError("second")
        return iteration

    run = Simulation(counting(inner=workflow(function("count", fails))))
    assert "again#2.count failed: second" in run.error("again")
    assert "again#3.count" not in run.snapshot.index


def test_the_time_of_a_loop_is_that_of_all_its_iterations():
    inner = workflow(python("slow", seconds=2, value=0))
    run = Simulation(counting(inner=inner, until="slow == 1", timeout=5))
    assert run.error("again") == "TimeoutError: no result within 5 s"
    assert run.snapshot.nodes["again"].iterations == 3


def test_a_loop_can_be_cancelled_between_its_iterations():
    async def script(run):
        await asyncio.sleep(3)
        run.cancel("again")

    inner = workflow(python("slow", seconds=2, value=0))
    run = Simulation(counting(inner=inner, until="slow == 1"), script=script)
    assert run.all_states == {"again": "cancelled", "again#1.slow": "succeeded", "again#2.slow": "cancelled"}


def test_loops_nest():
    inner = workflow(counting(until="count >= 2"), function("round", lambda iteration, again: iteration))
    run = Simulation(gb.Node.workflow("outer", inner, repeat_until="round >= 3", max_iterations=5))
    assert run.outputs["outer"] == {"again": {"count": 2}, "round": 3}
    assert run.snapshot.index["outer#3.again#2.count"].output == 2


def test_a_fan_out_inside_a_loop():
    inner = workflow(function("each", lambda x, iteration: x * iteration, for_each="x in [1, 2]"))
    run = Simulation(counting(inner=inner, until="each[1] >= 6"))
    assert run.outputs["again"] == {"each": [3, 6]}
    assert "again#3.each[1]" in run.snapshot.index


def test_loops_as_items_of_a_fan_out():
    inner = workflow(function("sum", lambda x, iteration: x * iteration))
    node = counting(inner=inner, until="sum >= 4", returns="sum", for_each="x in [1, 2, 4]")
    run = Simulation(node)
    assert run.outputs["again"] == [4, 4, 4]
    assert "again[0]#4.sum" in run.snapshot.index


def test_a_script_answers_each_iteration_anew():
    inner = workflow(gb.Node.prompt("p", "again"))
    model = Model({"again.p": ["1", "2", "3"]})
    assert Simulation(counting(inner=inner, until="p == '3'"), client=model).outputs["again"] == {"p": "3"}


def test_a_person_is_asked_in_each_iteration():
    inner = workflow(gb.Node.human("ask", "good?", output="yes|no"))
    answers = {"again#1.ask": "no", "again#2.ask": "yes"}
    run = Simulation(counting(inner=inner, until="ask == 'yes'"), answers=answers)
    assert run.outputs["again"] == {"ask": "yes"}


def test_limits_hold_over_iterations_in_one_slot():
    run = Simulation(improving(), inputs={"draft": "so"}, max_concurrency=1, patience=None)
    assert run.status == "succeeded"


@pytest.mark.parametrize("fallback", ["instead", None])
def test_a_fallback_stands_in_for_a_loop(fallback):
    inner = workflow(function("bad", raises(ValueError("no"))))
    run = Simulation(counting(inner=inner, until="bad == 1", fallback=fallback))
    assert run.outputs == {"again": fallback}
