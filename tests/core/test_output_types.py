"""Declared outputs: how they are spelled, what a model is asked for, and how its answer becomes a value."""

import json
import re
from enum import Enum
from typing import Any, Literal, Optional

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphbit_nb.core.outputs import TEXT, output_type
from graphbit_nb.errors import OutputError, OutputTypeError


class Person(pydantic.BaseModel):
    name: str
    tags: list[str] = []


class Tree(pydantic.BaseModel):
    children: list["Tree"] = []


class Words(pydantic.RootModel):
    root: list[str]


class Colour(Enum):
    RED = "red"


NAMESPACE = {"Person": Person, "number": 5, "Words": Words}


@pytest.mark.parametrize(
    ("spec", "label", "annotation", "wrapper"),
    [
        ("text", "text", str, "value"),
        ("str", "text", str, "value"),
        (str, "text", str, "value"),
        ("json", "json", Any, None),
        ("int", "int", int, "value"),
        ("float", "float", float, "value"),
        ("bool", "bool", bool, "value"),
        (int, "int", int, "value"),
        (" int ", "int", int, "value"),
        ("positive|negative", "positive|negative", Literal["positive", "negative"], "value"),
        ("very good | bad", "very good|bad", Literal["very good", "bad"], "value"),
        ("list[str]", "list[str]", list[str], "items"),
        ("list[ list[int] ]", "list[list[int]]", list[list[int]], "items"),
        ("list[a | b]", "list[a|b]", list[Literal["a", "b"]], "items"),
        ("list[Person]", "list[Person]", list[Person], "items"),
        ("Person", "Person", Person, None),
        (Person, "Person", Person, None),
        (Tree, "Tree", Tree, None),
        (Words, "Words", Words, "items"),
        (list[int], "list[int]", list[int], "items"),
        (dict[str, int], "dict[str, int]", dict[str, int], None),
        (Literal["a", "b"], "Literal['a', 'b']", Literal["a", "b"], "value"),
        (int | None, "int | None", int | None, "value"),
        (Optional[Person], None, Optional[Person], "value"),  # noqa: UP045 (this spelling is another class)
        (Colour, "Colour", Colour, "value"),
    ],
)
def test_spellings(spec, label, annotation, wrapper):
    found = output_type(spec, NAMESPACE)
    assert found.annotation == annotation
    assert found.wrapper == wrapper
    assert label is None or str(found) == label
    assert output_type(found) is found
    if found.schema is not None:
        assert found.schema.get("type") == "object" or "$ref" in found.schema
        if wrapper:
            assert found.schema["required"] == [wrapper]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("txt", "did you mean 'text'"),
        ("Persn", "did you mean 'Person'"),
        ("number", "is a int, not a class"),
        ("", "no known type"),
        ("list[", "no known type"),
        ("list[]", "no known type"),
        ("list[persn]", "no known type"),
        ("a|a", "labels must be different"),
        ("a|", "labels must be different"),
        ("|", "labels must be different"),
        ("list[" * 3_000 + "int" + "]" * 3_000, "nested too deeply"),
        (5, "is no type"),
        (["text"], "is no type"),
        (lambda: 1, "is no type"),
        (type("Plain", (), {}), "cannot be asked of a model"),
    ],
)
def test_what_names_no_type_is_refused_at_once(spec, told):
    with pytest.raises(OutputTypeError, match=re.escape(told)):
        output_type(spec, NAMESPACE)


@pytest.mark.parametrize(
    ("spec", "text", "value"),
    [
        ("text", ' {"a": 1}\n', ' {"a": 1}\n'),
        ("json", '{"a": [1]}', {"a": [1]}),
        ("json", "```json\n[1]\n```", [1]),
        ("int", "42", 42),
        ("int", '{"value": 42}', 42),
        ("int", "```\n42\n```", 42),
        ("float", "1", 1.0),
        ("bool", "true", True),
        ("bool", "True", True),
        ("yes|no", "yes", "yes"),
        ("yes|no", '"yes"', "yes"),
        ("yes|no", '{"value": "yes"}', "yes"),
        ("yes|no", " ```\nyes\n``` ", "yes"),
        ("1|2", "1", "1"),
        ("true|false", "true", "true"),
        ("null|some", "null", "null"),
        ("list[int]", "[1, 2]", [1, 2]),
        ("list[int]", '{"items": ["1", 2]}', [1, 2]),
        ("Person", '```json\n{"name": "Ada"}\n```\n', Person(name="Ada")),
        (Tree, '{"children": [{}]}', Tree(children=[Tree()])),
        (dict[str, int], '{"value": 1}', {"value": 1}),
        (int | None, '{"value": null}', None),
    ],
)
def test_answers_are_read(spec, text, value):
    assert output_type(spec, NAMESPACE).parse(text) == value


@pytest.mark.parametrize(
    ("spec", "text", "told"),
    [
        ("json", "not json", "the answer is not JSON"),
        ("json", "", "the answer is not JSON"),
        ("json", "[" * 100_000, "the answer is not JSON"),
        ("list[int]", "1, 2", "the answer is not JSON"),
        ("list[int]", '[1, "x", "y"]', "at 1: Input should be a valid integer"),
        ("list[int]", '[1, "x", "y"]', "(and 1 more)"),
        ("int", "forty", "the answer is no int"),
        ("int", "", "the answer is no int"),
        ("yes|no", "Yes.", "the answer is no yes|no"),
        ("yes|no", "yes or no", "'yes or no'"),
        ("Person", '{"nam": "Ada"}', "at name: Field required"),
        ("Person", '{"name": "Ada", "tags": [1]}', "at tags.0"),
        ("Person", "[]", "the answer is no Person"),
        ("Person", "x" * 1_000, "…"),
    ],
)
def test_an_answer_that_does_not_fit_is_an_error_with_its_place(spec, text, told):
    with pytest.raises(OutputError) as raised:
        output_type(spec, NAMESPACE).parse(text)
    assert told in str(raised.value)
    assert raised.value.text == text
    assert len(str(raised.value)) < 500


def test_a_python_value_is_checked_without_being_spelled():
    class Shy(list):
        def __repr__(self):
            raise AssertionError("spelled")

    assert output_type("list[int]").check(Shy([1])) == [1]
    with pytest.raises(OutputError, match="no text"):
        TEXT.check(5)


def test_an_answer_encoded_is_read_back():
    assert output_type("list[int]").encode([1]) == '{"items": [1]}'
    assert TEXT.encode("x") == "x"
    with pytest.raises(OutputError):
        output_type("int").encode("x")
    with pytest.raises(OutputError, match="JSON"):
        output_type("json").encode(object())


VALUES = {
    "text": st.text(),
    "json": st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)),
    "int": st.integers(-(10**9), 10**9),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "1|two|null": st.sampled_from(["1", "two", "null"]),
    "list[str]": st.lists(st.text()),
    "list[list[int]]": st.lists(st.lists(st.integers())),
}


@given(st.sampled_from(sorted(VALUES)).flatmap(lambda spec: VALUES[spec].map(lambda value: (spec, value))))
def test_whatever_is_encoded_parses_to_itself(pair):
    spec, value = pair
    declared = output_type(spec)
    text = declared.encode(value)
    assert declared.parse(text) == value
    if declared.schema is not None:
        assert set(json.loads(text)) == set(declared.schema["required"])
