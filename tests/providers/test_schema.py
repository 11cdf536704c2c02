import copy
from enum import Enum
from typing import Literal

from pydantic import BaseModel

from graphbit_nb.providers.schema import strict, tighten


class Colour(Enum):
    RED = "red"


class Item(BaseModel):
    title: str
    default: int = 3
    tags: list[str] = []


class Order(BaseModel):
    items: list[Item]
    colour: Colour
    kind: Literal["a", "b"] = "a"
    note: str | None = None
    counts: dict[str, int] = {}


class Tree(BaseModel):
    name: str
    children: list["Tree"]


ORDER = Order.model_json_schema()


def test_the_given_schema_is_not_changed():
    before = copy.deepcopy(ORDER)
    tighten(ORDER)
    strict(ORDER)
    assert before == ORDER


def test_tight_objects_are_closed_texts_and_lists_bounded():
    item = tighten(ORDER)["$defs"]["Item"]
    assert item["additionalProperties"] is False
    assert item["properties"]["title"] == {"type": "string", "maxLength": 120}
    assert item["properties"]["tags"]["maxItems"] == 8
    assert item["properties"]["tags"]["items"]["maxLength"] == 120


def test_properties_named_like_keywords_are_kept():
    assert set(tighten(ORDER)["$defs"]["Item"]["properties"]) == {"title", "default", "tags"}
    assert set(strict(Item.model_json_schema())["properties"]) == {"title", "default", "tags"}


def test_what_the_sampler_does_not_keep_to_is_left_out():
    tight = tighten({"type": "array", "uniqueItems": True, "title": "T", "items": {"type": "integer", "multipleOf": 5}})
    assert tight == {"type": "array", "items": {"type": "integer"}, "maxItems": 8}


def test_bounds_that_are_given_stay():
    text = {"type": "string", "pattern": "^[0-9]+$"}
    assert tighten(text) == text
    assert tighten({"type": "string", "maxLength": 4000})["maxLength"] == 4000
    assert tighten({"type": "string", "enum": ["default"]}) == {"type": "string", "enum": ["default"]}


def test_references_and_definitions_stay():
    tight = tighten(ORDER)
    assert tight["properties"]["items"]["items"] == {"$ref": "#/$defs/Item"}
    assert tight["properties"]["colour"] == {"$ref": "#/$defs/Colour"}
    assert tight["required"] == ["items", "colour"]


def test_alternatives_are_bounded_too():
    assert tighten(ORDER)["properties"]["note"]["anyOf"] == [{"type": "string", "maxLength": 120}, {"type": "null"}]


def test_an_object_with_properties_of_any_name_is_bounded_but_not_closed():
    counts = tighten(ORDER)["properties"]["counts"]
    assert (counts["maxProperties"], counts["additionalProperties"]) == (8, {"type": "integer"})


def test_strict_requires_every_property_of_every_object():
    closed = strict(Item.model_json_schema())
    assert closed["additionalProperties"] is False
    assert closed["required"] == ["title", "default", "tags"]
    assert "default" not in closed["properties"]["default"]


def test_strict_leaves_a_reference_alone_with_itself():
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A", "description": "d"}},
        "$defs": {"A": {"type": "string"}},
    }
    assert strict(schema)["properties"]["a"] == {"$ref": "#/$defs/A"}


def test_a_recursive_model_gets_a_root_that_is_an_object():
    closed = strict(Tree.model_json_schema())
    assert closed["type"] == "object"
    assert closed["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


def test_what_cannot_be_strict_says_so():
    assert strict(ORDER) is None
    assert strict({"type": "array", "items": {"type": "string"}}) is None
    assert strict({"type": "object"}) is None
