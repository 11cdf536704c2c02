"""Edges drawn by hand have a type, and it means something."""

import pytest

import graphbit_nb as gb


def builder(text="x"):
    made = gb.WorkflowBuilder("w")
    made.add_node(gb.Node.prompt("a", "x", output="yes|no"))
    made.add_node(gb.Node.prompt("b", text))
    return made


def test_a_connection_that_is_not_read_is_for_the_order_only_and_announced():
    workflow = builder().connect("a", "b").build()
    assert workflow.edges == (gb.Edge("a", "b", "control"),)
    (warning,) = workflow.warnings
    assert str(warning) == "b, connect('a', 'b'): b does not read a: it only comes after it"


def test_an_order_that_was_asked_for_is_not_announced():
    assert builder().connect("a", "b", "control").build().warnings == ()


def test_data_that_is_insisted_on_must_be_read():
    assert builder("{{ a }}").connect("a", "b", "data").build().edges == (gb.Edge("a", "b", "data"),)
    with pytest.raises(gb.ValidationError, match=r"b does not read a; write {{ a }} into it"):
        builder().connect("a", "b", "data").build()


@pytest.mark.parametrize("edge", [("conditional", "yes"), (gb.Edge("a", "b", "conditional", "yes"),)])
def test_a_conditional_connection_is_a_condition_of_its_target(edge):
    workflow = builder().connect("a", "b", *edge).build()
    assert workflow.edges == (gb.Edge("a", "b", "conditional", "yes"),)
    assert [str(branch) for branch in workflow.nodes["b"].when] == ["a=yes"]


def test_a_label_that_is_never_given_is_refused_in_connections_too():
    with pytest.raises(gb.ValidationError, match="a never gives 'yess'; did you mean 'yes'"):
        builder().connect("a", "b", "conditional", "yess").build()


@pytest.mark.parametrize(
    ("edge", "told"),
    [
        (("conditonal", "x"), "edge='conditonal'; did you mean 'conditional'?"),
        (("conditional",), "a conditional edge has a label"),
        (("control", "x"), "no other has one"),
    ],
)
def test_a_connection_that_says_too_little_or_too_much_is_refused(edge, told):
    with pytest.raises(gb.UsageError, match=told.replace("?", r"\?")):
        builder().connect("a", "b", *edge)
