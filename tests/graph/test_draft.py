"""A draft is what cells write to: a node is defined again in place, or nothing changes."""

import pytest

import graphbit_nb as gb
from graphbit_nb.graph.builder import Draft
from graphbit_nb.graph.node import Origin


def prompt(name, text="x", cell=None, **more):
    return gb.Node.prompt(name, text, origin=Origin(source=text, cell=cell), **more)


def draft(*nodes):
    made = Draft("w")
    for node in nodes:
        made.define(node)
    return made


def names(made):
    return [node.name for node in made.nodes]


def test_defining_returns_the_workflow_as_it_is_now():
    made = draft(prompt("a"))
    workflow, replaced = made.define(prompt("b", "{{ a }}"))
    assert list(workflow.nodes) == ["a", "b"]
    assert replaced is None
    assert (len(made), "a" in made, "z" in made, made["b"].name) == (2, True, False, "b")


def test_a_node_defined_again_keeps_its_place():
    made = draft(prompt("a", "old"), prompt("b"))
    workflow, replaced = made.define(prompt("a", "new"))
    assert names(made) == ["a", "b"]
    assert replaced.settings.template.source == "old"
    assert workflow.nodes["a"].settings.template.source == "new"


def test_the_same_cell_under_a_new_name_replaces_its_node():
    made = draft(prompt("a", cell="1"), prompt("b", cell="2"))
    _, replaced = made.define(prompt("c", cell="1"))
    assert names(made) == ["c", "b"]
    assert replaced.name == "a"


def test_the_same_cell_under_the_name_of_another_node_leaves_one():
    made = draft(prompt("a", cell="1"), prompt("b", cell="2"))
    made.define(prompt("b", cell="1"))
    assert names(made) == ["b"]


def test_nodes_without_a_cell_are_told_apart_by_name():
    assert names(draft(prompt("a"), prompt("b"), prompt("a"))) == ["a", "b"]


@pytest.mark.parametrize(
    "node",
    [
        prompt("a", "{{ b }}", cell="1"),
        prompt("a", after="nobody"),
        prompt("c", "{{ c }}"),
        prompt("z", "{{ z }}", "1"),
    ],
)
def test_a_definition_that_is_refused_changes_nothing(node):
    made = draft(prompt("a", cell="1"), prompt("b", "{{ a }}", cell="2"))
    before = made.nodes
    with pytest.raises(gb.ValidationError):
        made.define(node)
    assert made.nodes == before
    assert all(now is then for now, then in zip(made.nodes, before, strict=True))


def test_a_refusal_tells_what_concerns_the_node():
    made = draft(prompt("a"))
    made._nodes.append(prompt("old", after="gone"))  # as left behind by a removed node
    with pytest.raises(gb.ValidationError) as refused:
        made.define(prompt("b", after="missing"))
    assert [problem.node for problem in refused.value.problems] == ["b"]


def test_removing_takes_connections_along():
    made = draft(prompt("a"), prompt("b"), prompt("c"))
    made.connect("a", "b").connect("b", "c")
    made.remove(["b"])
    assert names(made) == ["a", "c"]
    assert made.build().edges == ()


def test_removing_an_unknown_name_removes_nothing():
    made = draft(prompt("outline"), prompt("b"))
    with pytest.raises(gb.UsageError, match="no node 'outlin'; did you mean 'outline'"):
        made.remove(["b", "outlin"])
    assert names(made) == ["outline", "b"]


def test_asking_for_an_unknown_node_names_the_nearest():
    with pytest.raises(gb.UsageError, match="did you mean 'outline'"):
        _ = draft(prompt("outline"))["outlin"]
