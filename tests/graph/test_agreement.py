"""What a node reads must be what another gives: refused while building, all at once, with node and place."""

from dataclasses import dataclass

import pytest
from pydantic import BaseModel

import graphbit_nb as gb

prompt, python = gb.Node.prompt, gb.Node.python


class Person(BaseModel):
    name: str
    tags: list[str]


@dataclass
class Place:
    town: str


def find() -> Person:
    return Person(name="Ada", tags=[])


async def find_later() -> list[Place]:
    return [Place("Rome")]


def count(words: list[str]) -> int:
    return len(words)


def build(*nodes):
    builder = gb.WorkflowBuilder("w")
    for node in nodes:
        builder.add_node(node)
    return builder.build()


def told(*nodes):
    with pytest.raises(gb.ValidationError) as caught:
        build(*nodes)
    return [(p.code, p.node, p.place, p.message) for p in caught.value.problems]


INNER = build(prompt("draft", "x"), prompt("score", "{{ draft }}", output="int"))


@pytest.mark.parametrize(
    ("source", "template", "message"),
    [
        (prompt("a", "x"), "{{ a.people[0].name }}", "a is a text and has no 'people'"),
        (prompt("a", "x", output="int"), "{{ a.b }}", "a is a number and has no 'b'"),
        (prompt("a", "x", output=Person), "{{ a.nme }}", "a is Person and has no field 'nme'; did you mean 'name'?"),
        (prompt("a", "x", output="yes|no"), "{{ a.b }}", "a is one of 'yes', 'no' and has no 'b'"),
        (prompt("a", "x", for_each="i in [1, 2]"), "{{ a.b }}", "a is a list of texts and has no 'b'"),
        (gb.Node.human("a", "x?"), "{{ a.b }}", "a is a text and has no 'b'"),
        (python("a", find), "{{ a.x }}", "a is Person and has no field 'x'; there are 'name', 'tags'"),
        (python("a", find_later), "{{ a[0].twn }}", "a[0] is Place and has no field 'twn'; did you mean 'town'?"),
        (python("a", Place), "{{ a.twn }}", "a is Place and has no field 'twn'; did you mean 'town'?"),
        (
            gb.Node.workflow("a", INNER), "{{ a.scor }}",
            "a is the outputs of w and has no key 'scor'; did you mean 'score'?",
        ),
        (gb.Node.workflow("a", INNER, returns="draft"), "{{ a.b }}", "a is a text and has no 'b'"),
    ],
)  # fmt: skip
def test_a_path_that_leads_nowhere_is_refused(source, template, message):
    assert told(source, prompt("b", f"x\n{template}")) == [("type", "b", "line 2", message)]


@pytest.mark.parametrize(
    ("source", "template"),
    [
        (prompt("a", "x", output="json"), "{{ a.people[0].name }}"),
        (prompt("a", "x", output=Person), "{{ a.name }} {{ a.tags[0] }}"),
        (prompt("a", "x", for_each="i in [1, 2]"), "{{ a[0] }}"),
        (python("a", lambda: {"b": 1}), "{{ a.b.c }}"),
        (python("a", find_later), "{{ a[0].town }}"),
        (gb.Node.workflow("a", INNER), "{{ a.score }} {{ a.draft }}"),
        (prompt("a", "x"), "{{ a.b | default('none') }} {% if a.b is defined %}x{% endif %}"),
        (gb.Node.embed("a", "x"), "{{ a[0] }}"),
    ],
)  # fmt: skip
def test_a_path_that_may_lead_somewhere_is_taken(source, template):
    assert build(source, prompt("b", template)).plan.names == ("a", "b")


def test_a_parameter_that_cannot_take_what_is_given_is_refused():
    (problem,) = told(prompt("a", "x"), python("b", count, inputs={"words": "a"}))
    assert problem == ("type", "b", None, "its parameter words takes a list of texts, and a gives a text")


def test_a_parameter_by_position_and_path_is_checked_as_well():
    (problem,) = told(prompt("a", "x", output=Person), python("b", count, inputs=["a.name"]))
    assert problem[3] == "its parameter number 1 takes a list of texts, and a.name gives a text"


def test_a_fan_out_needs_something_to_go_over():
    (problem,) = told(prompt("a", "x"), prompt("b", "{{ p }}", for_each="p in a"))
    assert problem == ("type", "b", "for_each='p in a'", "a is a text, which has no items to go over")


def test_items_of_a_fan_out_are_not_taken_for_the_list():
    assert build(prompt("a", "x", output="list[str]"), python("b", count, inputs={"words": "a"})).edges
    node = python("b", lambda p: p, for_each="p in a", inputs={"p": "p"})
    assert build(prompt("a", "x", output="list[str]"), node).edges


def test_a_join_of_any_edge_may_be_given_none_and_is_not_held_to_types():
    assert build(prompt("a", "x"), python("b", count, inputs={"words": "a"}, join="any")).edges


def test_everything_is_told_at_once():
    found = told(
        prompt("a", "x"), prompt("b", "{{ a.x }} {{ a.y }}"), python("c", count, inputs={"words": "a"}),
        prompt("d", "x", when="a=b", after="nobody"),
    )  # fmt: skip
    assert [(code, node) for code, node, *_ in found] == [
        ("unknown-node", "d"), ("type", "b"), ("type", "b"), ("type", "c"),
    ]  # fmt: skip
