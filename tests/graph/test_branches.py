"""What is said about conditions when a workflow is built: labels that never come, nodes that are not there."""

import enum
from typing import Literal

import pytest

import graphbit_nb as gb
from graphbit_nb.graph.arguments import Branch

python = gb.Node.python


def build(*nodes):
    builder = gb.WorkflowBuilder("branches")
    for node in nodes:
        builder.add_node(node)
    return builder.build()


def problem(*nodes):
    with pytest.raises(gb.ValidationError) as caught:
        build(*nodes)
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def route(**more):
    return gb.Node.condition("route", lambda: "good", **more)


def end(when, **more):
    return python("end", lambda: 1, when=when, **more)


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def test_a_condition_is_an_edge_with_its_labels():
    workflow = build(route(), end("route=good|fine"))
    assert [(e.source, e.target, e.kind, e.label) for e in workflow.edges] == [
        ("route", "end", "conditional", "good|fine")
    ]


def test_an_edge_that_is_read_as_well_stays_conditional():
    workflow = build(route(), python("end", lambda route: route, when="route=good"))
    assert [(e.kind, e.label) for e in workflow.edges] == [("conditional", "good")]


def test_a_label_that_never_comes_is_refused_with_the_nearest():
    found = problem(route(output="positive|negative"), end("route=negativ"))
    assert (found.code, found.node, found.place) == ("unknown-label", "end", "when='route=negativ'")
    assert str(found) == (
        "end, when='route=negativ': route never gives 'negativ'; did you mean 'negative'?; "
        "it gives 'positive', 'negative'"
    )


def test_one_wrong_label_of_several_is_enough():
    assert "never gives 'c'" in problem(route(output="a|b"), end("route=a|c")).message


@pytest.mark.parametrize(
    ("output", "good", "bad"),
    [("bool", "true", "True"), (Literal["a", 2], "2", "3"), ("a|b", "b", "B")],
)
def test_what_the_declared_output_can_give_is_known(output, good, bad):
    assert build(route(output=output), end(f"route={good}"))
    assert problem(route(output=output), end(f"route={bad}")).code == "unknown-label"


def test_the_labels_of_an_enum_are_known():
    assert build(route(output=Colour), end("route=red"))
    assert problem(route(output=Colour), end("route=green")).code == "unknown-label"


def test_labels_of_an_undeclared_output_are_not_checked():
    assert build(route(), end("route=whatever"))


def test_labels_of_a_prompt_are_checked():
    mood = gb.Node.prompt("mood", "How?", output="positive|negative")
    assert "did you mean 'positive'" in problem(mood, end("mood=positiv")).message


def test_a_condition_on_a_node_that_is_not_there_is_refused_with_the_nearest():
    found = problem(route(), end("rout=good"))
    assert (found.code, found.message) == ("unknown-node", "no node 'rout'; did you mean 'route'?")


def test_when_nothing_is_near_the_nodes_that_are_there_are_named():
    assert problem(route(), end("zzz=good")).remedy == "there are route, end"


def test_two_conditions_on_the_same_node_are_refused():
    with pytest.raises(gb.ValidationError) as caught:
        build(route(), end(["route=good", "route=bad"]))
    assert {found.code for found in caught.value.problems} == {"condition-twice"}
    assert "write one, such as 'route=a|b'" in caught.value.problems[0].remedy


def test_two_conditions_on_the_same_node_are_told_once():
    assert problem(route(), end(["route=good", "route=bad"])).code == "condition-twice"


def test_a_list_of_results_is_no_label():
    each = python("each", lambda x: x, for_each="x in [1]")
    found = problem(each, end("each=1"))
    assert (found.code, found.remedy) == ("no-label", "put a condition between them")


def test_a_node_cannot_be_its_own_condition():
    assert problem(end("end=1")).code == "cycle"


def test_conditions_count_for_cycles():
    first = gb.Node.condition("first", lambda second: second)
    assert problem(first, python("second", lambda: 1, when="first=x")).code == "cycle"


def test_the_plan_knows_branches_joins_composites_and_people():
    nodes = [
        route(), python("a", lambda: 1, when="route=x|y"), python("b", lambda: 1, after=["route", "a"], join="any"),
        python("c", lambda x: x, for_each="x in [1]"), gb.Node.human("d", "ok?"),
    ]  # fmt: skip
    plan = build(*nodes).plan
    assert plan.branches == {0: {1: frozenset({"x", "y"})}}
    assert (plan.any_joins, plan.composites, plan.people) == ({2}, {3}, {4})


def test_the_plan_of_a_part_keeps_its_branches():
    nodes = [python("z", lambda: 1), route(), end("route=good"), python("other", lambda: 1, when="route=bad")]
    plan = build(*nodes).plan.needed_for(["end"])
    assert plan.names == ("route", "end")
    assert plan.branches == {0: {1: frozenset({"good"})}}


def test_spaces_around_labels_do_not_count():
    assert end(" route = good | fine ").when == (Branch("route", ("good", "fine")),)


def test_two_equal_signs_are_read_as_one():
    assert end("route==good").when == (Branch("route", ("good",)),)
