"""Conditions: which branches are taken, what is skipped and why, and where branches come together again."""

import enum

import pytest
from simulation import Model, Simulation, function, on_loop, python, raises

import graphbit_nb as gb


def condition(name, decide, **more):
    return gb.Node.condition(name, decide if isinstance(decide, str) else on_loop(decide), **more)


def route(label, **more):
    return condition("route", gives(label), **more)


def gives(label):
    async def fn():
        return label

    return fn


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 3


def test_only_the_branch_of_the_label_runs():
    run = Simulation(route("good"), python("yes", when="route=good"), python("no", when="route=bad"))
    assert run.states == {"route": "succeeded", "yes": "succeeded", "no": "skipped"}
    assert run.status == "succeeded"


def test_the_reason_says_what_was_given_and_what_was_wanted():
    run = Simulation(route("good"), python("no", when="route=bad|poor"))
    assert run.reason("no") == "route gave 'good', not 'bad' or 'poor'"


def test_what_needs_a_skipped_branch_is_skipped_and_says_so():
    run = Simulation(route("good"), python("no", when="route=bad"), python("c", after="no"), python("d", after="c"))
    assert run.reason("c") == "needs no, which was skipped"
    assert run.reason("d") == "needs c, which was skipped"
    assert run.status == "succeeded"


def test_either_of_two_labels_is_enough():
    run = Simulation(route("b"), python("a_or_b", when="route=a|b"), python("only_a", when="route=a"))
    assert run.states == {"route": "succeeded", "a_or_b": "succeeded", "only_a": "skipped"}


def test_a_list_of_conditions_must_hold_as_a_whole():
    nodes = [condition("left", gives("x")), condition("right", gives("y"))]
    both = python("both", when=["left=x", "right=y"])
    half = python("half", when=["left=x", "right=z"])
    run = Simulation(*nodes, both, half)
    assert (run.states["both"], run.states["half"]) == ("succeeded", "skipped")


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (True, "true"), (False, "false"), (Colour.RED, "red"), (Size.BIG, "3"), (7, "7"), (0, "0"),
        (" padded ", "padded"),
    ],
)  # fmt: skip
def test_labels_come_from_texts_numbers_truth_values_and_enums(given, label):
    run = Simulation(condition("route", gives(given)), python("taken", when=f"route={label}"))
    assert run.states["taken"] == "succeeded"


def test_the_output_of_a_condition_is_what_its_function_gave():
    run = Simulation(condition("route", gives(True)), function("taken", lambda route: route, when="route=true"))
    assert run.outputs["taken"] is True


def test_a_condition_may_be_a_template():
    text = "{% if score >= 8 %}good{% else %}poor{% endif %}"
    run = Simulation(condition("route", text), python("yes", when="route=good"), inputs={"score": 9})
    assert run.outputs["route"] == "good"
    assert run.states["yes"] == "succeeded"


@pytest.mark.parametrize("value", [None, [1], {"a": 1}])
def test_what_is_no_label_fails_the_condition(value):
    run = Simulation(condition("route", gives(value)), python("yes", when="route=good"))
    assert run.states == {"route": "failed", "yes": "skipped"}
    assert f"a label: a text, a number, true or false; this is {type(value).__name__}" in run.error("route")


def test_a_label_that_was_not_declared_fails_the_condition():
    run = Simulation(condition("route", gives("maybe"), output="yes|no"), python("a", when="route=yes"))
    assert run.states == {"route": "failed", "a": "skipped"}
    assert run.reason("a") == "needs route, which failed"


def test_any_node_can_decide():
    nodes = [python("count", value=3), python("three", when="count=3"), python("four", when="count=4")]
    assert Simulation(*nodes).states == {"count": "succeeded", "three": "succeeded", "four": "skipped"}


def test_a_model_can_decide():
    prompt = gb.Node.prompt("mood", "How?", output="positive|negative")
    run = Simulation(prompt, python("cheer", when="mood=positive"), client=Model("positive"))
    assert run.states["cheer"] == "succeeded"


def test_a_value_that_is_no_label_takes_no_branch():
    run = Simulation(python("data", value=[1, 2]), python("a", when="data=x"))
    assert run.states == {"data": "succeeded", "a": "skipped"}
    assert "data gave" in run.reason("a")


def test_a_fallback_value_decides_as_well():
    fails = condition("route", raises(ValueError("no")), output="good|bad", fallback="bad")
    run = Simulation(fails, python("no", when="route=bad"))
    assert run.states == {"route": "succeeded", "no": "succeeded"}


def test_a_node_can_read_the_node_that_decides():
    run = Simulation(route("good"), function("yes", lambda route: route + "!", when="route=good"))
    assert run.outputs["yes"] == "good!"


# ---- joins


def joined(label, **more):
    return Simulation(
        route(label),
        python("left", when="route=left"),
        python("right", when="route=right"),
        function("end", lambda left, right: [left, right], join="any"),
        **more,
    )


@pytest.mark.parametrize(("label", "seen"), [("left", ["left", None]), ("right", [None, "right"])])
def test_a_branch_that_was_not_taken_is_none_where_any_is_enough(label, seen):
    assert joined(label).outputs["end"] == seen


def test_a_join_of_any_is_skipped_when_nothing_leads_to_it():
    run = joined("middle")
    assert run.states["end"] == "skipped"
    assert run.reason("end") == "no edge that leads here was taken"
    assert run.status == "succeeded"


def test_a_join_of_all_is_skipped_with_one_of_its_branches():
    nodes = [route("left"), python("left", when="route=left"), python("right", when="route=right")]
    run = Simulation(*nodes, python("end", after=["left", "right"]))
    assert run.reason("end") == "needs right, which was skipped"


def test_a_join_of_any_waits_until_every_branch_is_decided():
    nodes = [
        route("slow"), python("fast", seconds=1), python("slow", seconds=5, when="route=slow"),
        function("end", lambda fast, slow: (fast, slow), join="any"),
    ]  # fmt: skip
    run = Simulation(*nodes)
    assert run.at("node.started", "end") == 5
    assert run.outputs["end"] == ("fast", "slow")


def test_a_prompt_that_joins_finds_none():
    text = "{% if right is none %}left was {{ left }}{% endif %}"
    nodes = [route("left"), python("left", when="route=left"), python("right", when="route=right")]
    model = Model()
    Simulation(*nodes, gb.Node.prompt("end", text, join="any"), client=model)
    assert model.requests[0].messages[-1].content == "left was left"


def test_a_failed_branch_skips_a_join_of_any_as_well():
    nodes = [python("good"), function("bad", raises(ValueError("no")))]
    run = Simulation(*nodes, python("end", after=["good", "bad"], join="any"))
    assert run.states == {"good": "succeeded", "bad": "failed", "end": "skipped"}
    assert run.reason("end") == "needs bad, which failed"


def test_what_was_skipped_for_a_failure_skips_a_join_of_any_as_well():
    nodes = [python("good"), function("bad", raises(ValueError("no"))), python("after_bad", after="bad")]
    run = Simulation(*nodes, python("end", after=["good", "after_bad"], join="any"))
    assert run.reason("end") == "needs after_bad, which was skipped"


def test_a_failure_that_comes_late_skips_a_join_of_any_that_one_edge_had_reached():
    async def late():
        import asyncio

        await asyncio.sleep(5)
        raise ValueError("late")

    nodes = [python("good"), function("bad", late)]
    run = Simulation(*nodes, function("end", lambda good, bad: (good, bad), join="any"))
    assert run.states["end"] == "skipped"


def test_a_failure_inside_a_branch_that_is_taken_skips_the_join():
    nodes = [
        route("left"), function("left", raises(ValueError("no")), when="route=left"),
        python("right", when="route=right"),
        function("end", lambda left, right: (left, right), join="any"),
    ]  # fmt: skip
    run = Simulation(*nodes)
    assert (run.states["end"], run.status) == ("skipped", "failed")


def test_a_cancelled_branch_skips_a_join_of_any_as_well():
    async def script(run):
        run.cancel("slow")

    nodes = [python("good"), python("slow", seconds=9)]
    run = Simulation(*nodes, python("end", after=["good", "slow"], join="any"), script=script)
    assert run.states == {"good": "succeeded", "slow": "cancelled", "end": "skipped"}
    assert run.reason("end") == "needs slow, which was cancelled"


def test_joins_after_joins_find_what_was_taken():
    nodes = [
        route("b"), python("a", when="route=a"), python("b", when="route=b"),
        function("first", lambda a, b: a or b, join="any"), python("c", when="route=a"),
        function("second", lambda first, c: (first, c), join="any"),
    ]  # fmt: skip
    assert Simulation(*nodes).outputs["second"] == ("b", None)


def test_a_condition_can_stand_on_a_join():
    nodes = [
        route("x"), python("x", when="route=x"), python("y", when="route=y"),
        condition("next", lambda x, y: "on" if x else "off", join="any"), python("end", when="next=on"),
    ]  # fmt: skip
    assert Simulation(*nodes).states["end"] == "succeeded"


def test_a_fan_out_in_a_branch_that_is_not_taken_never_opens():
    run = Simulation(route("a"), function("each", lambda x: x, for_each="x in [1, 2]", when="route=b"))
    assert run.all_states == {"route": "succeeded", "each": "skipped"}


def test_a_person_in_a_branch_that_is_not_taken_is_never_asked():
    run = Simulation(route("a"), gb.Node.human("ask", "ok?", when="route=b"))
    assert run.told("node.waiting") == []
    assert run.status == "succeeded"


def test_only_the_nodes_that_are_asked_for_and_their_conditions_run():
    nodes = [route("a"), python("a", when="route=a"), python("b", when="route=b"), python("c")]
    run = Simulation(*nodes, nodes=["a"])
    assert run.states == {"route": "succeeded", "a": "succeeded"}
