"""The outline of a workflow says what views of a kept run need, and nothing that runs."""

import json
import random

import pytest

import graphbit_nb as gb
from graphbit_nb.drawing.pictures import svg
from graphbit_nb.errors import GraphbitError, StorageError
from graphbit_nb.files.outlines import read_outline, write_outline
from graphbit_nb.graph.workflow import Outline


def nested():
    inner = gb.WorkflowBuilder("inner")
    inner.add_node(gb.Node.prompt("score", "How good is {{ text }}?", output="int"))
    builder = gb.WorkflowBuilder("outer", "Everything there is.")
    builder.add_node(gb.Node.prompt("points", "Three points about {{ topic }}.", model="m", output="list[str]"))
    builder.add_node(gb.Node.prompt("each", "More of {{ p }}", for_each="p in points"))
    builder.add_node(gb.Node.condition("route", lambda points: "many" if len(points) > 2 else "few"))
    builder.add_node(gb.Node.python("size", len, inputs=["each"], when="route=many"))
    builder.add_node(gb.Node.human("approve", "Is {{ size }} enough?", output="yes|no"))
    builder.add_node(gb.Node.embed("vector", "{{ topic }}"))
    looped = gb.Node.workflow(
        "again", inner.build(), inputs={"text": "points[0]"}, repeat_until="score > 7", max_iterations=3
    )
    builder.add_node(looped)
    builder.add_node(gb.Node.python("either", lambda size=None, approve=None: size or approve, join="any"))
    return builder.build()


def test_a_workflow_is_drawn_from_its_outline_as_it_was():
    workflow = nested()
    assert svg(read_outline(write_outline(workflow))) == svg(workflow)


def test_edges_and_inputs_and_order_are_those_of_the_workflow():
    workflow = nested()
    again = read_outline(write_outline(workflow))
    assert again.edges == workflow.edges
    assert dict(again.inputs) == dict(workflow.inputs)
    assert again.plan.names == workflow.plan.names
    assert again.description == workflow.description


def test_functions_that_no_file_could_hold_are_no_hindrance():
    secret = object()
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("odd", lambda: secret))
    assert list(read_outline(write_outline(builder.build())).nodes) == ["odd"]


def test_the_cell_that_defined_a_node_is_kept():
    from graphbit_nb.graph.node import Origin, make_node

    origin = Origin(source="%%graphbit prompt a\nhello \ud800", place="In [3]", cell="c1", first_line=2)
    builder = gb.WorkflowBuilder("w")
    builder.add_node(make_node("prompt", "a", "hello", origin=origin))
    again = read_outline(write_outline(builder.build())).nodes["a"].origin
    assert (again.place, again.cell, again.first_line) == ("In [3]", "c1", 2)
    assert again.source.startswith("%%graphbit prompt a\nhello")


def test_a_class_of_the_users_is_known_by_its_name_alone():
    from pydantic import BaseModel

    class Person(BaseModel):
        name: str

    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("who", "Who?", output=Person))
    assert read_outline(write_outline(builder.build())).nodes["who"].output.label == "Person"


def test_an_outline_is_not_run():
    outline = read_outline(write_outline(nested()))
    assert isinstance(outline, Outline)
    with pytest.raises(gb.UsageError, match=r"only the outline of 'outer'.*define its nodes again"):
        gb.WorkflowExecutor().execute(outline, {"topic": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"name": 1, "nodes": []}',
        '{"name": "w", "nodes": [{"name": "a"}]}',
        '{"name": "w", "nodes": [], "edges": [{"source": "a", "target": "b"}]}',
        '{"name": "w", "nodes": [{"name": "a", "kind": "prompt", "code": "import os"}]}',
        '{"name": "w", "nodes": [{"name": "a", "kind": "prompt", "for_each": "x in __import__(1)"}]}',
        '{"name": "w", "nodes": [{"name": "a", "kind": "p"}], "edges": [{"source": "a", "target": "a"}]}',
    ],
)
def test_what_is_no_outline_is_refused(text):
    with pytest.raises(StorageError, match="the outline of the workflow"):
        read_outline(text)


def test_spoilt_outlines_are_read_or_refused():
    good = write_outline(nested())
    chance = random.Random(7)
    for _ in range(300):
        text = list(good)
        for _ in range(chance.randint(1, 6)):
            text[chance.randrange(len(text))] = chance.choice('{}[]",:x0-\\ ')
        try:
            read_outline("".join(text))
        except GraphbitError:
            continue


def test_an_outline_is_one_line_of_json():
    text = write_outline(nested())
    assert "\n" not in text
    assert json.loads(text)["name"] == "outer"
