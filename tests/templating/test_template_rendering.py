"""What values look like in a prompt, and which of them are errors."""

import dataclasses
import enum
import types
from collections import OrderedDict
from decimal import Decimal
from typing import NamedTuple

import pydantic
import pytest
from markupsafe import Markup

from graphbit_nb.errors import MissingInputError, TemplateError
from graphbit_nb.templating import Template


class Person(pydantic.BaseModel):
    name: str
    age: int = 3

    @property
    def secret(self):
        raise AssertionError("a property must not be read")


class Words(pydantic.RootModel):
    root: str


@dataclasses.dataclass
class Point:
    x: int
    y: int


class Colour(enum.Enum):
    RED = "red"


class Shade(str, enum.Enum):  # noqa: UP042 (this very kind prints differently)
    DARK = "dark"


class Pair(NamedTuple):
    left: int
    right: int


def render(source, **values):
    return Template(source).render(values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (Markup("<b>"), "<b>"),
        (True, "true"),
        (1, "1"),
        (1.5, "1.5"),
        (Decimal("1.10"), "1.10"),
        ([1, "é", None], '[1, "é", null]'),
        ((1, 2), "[1, 2]"),
        ({"a": {"b": True}}, '{"a": {"b": true}}'),
        (OrderedDict(a=1), '{"a": 1}'),
        (types.MappingProxyType({"a": 1}), '{"a": 1}'),
        ({"b", "a"}, '["a", "b"]'),
        (Person(name="Ada"), '{"name": "Ada", "age": 3}'),
        ([Person(name="Ada")], '[{"name": "Ada", "age": 3}]'),
        ({"a": types.MappingProxyType({"b": Colour.RED})}, '{"a": {"b": "red"}}'),
        (Words("hello"), "hello"),
        (Point(1, 2), '{"x": 1, "y": 2}'),
        (Pair(1, 2), "[1, 2]"),
        (Colour.RED, "red"),
        (Shade.DARK, "dark"),
    ],
)
def test_values_are_written_as_text_or_json(value, text):
    assert render("{{ a }}", a=value) == text


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("{{ a.name }}", Person(name="Ada"), "Ada"),
        ("{{ a.x }}", Point(1, 2), "1"),
        ("{{ a.left }}{{ a[1] }}", Pair(1, 2), "12"),
        ("{{ a.items }}", {"items": "mine"}, "mine"),
        ("{{ a['__class__'] }}", {"__class__": "a key like any other"}, "a key like any other"),
    ],
)
def test_paths_lead_into_plain_data(source, value, text):
    assert render(source, a=value) == text


@pytest.mark.parametrize(
    ("source", "value", "told"),
    [
        ("{{ a.nam }}", Person(name="Ada"), "did you mean 'name'"),
        ("{{ a.secret }}", Person(name="Ada"), "no field 'secret'"),
        ("{{ a.model_dump }}", Person(name="Ada"), "no field 'model_dump'"),
        ("{{ a.ky }}", {"key": 1}, "a: no key 'ky'; did you mean 'key'"),
        ("{{ a.b.c }}", {"b": 1}, "a.b: a number has no 'c'"),
        ("{{ a.upper }}", "text", "a text has no 'upper'"),
        ("{{ a[3] }}", [1], "no item 3: there are 1"),
        ("{{ a }}", None, "a is none"),
        ("{{ a | upper }}", None, "none"),
        ("{{ a | replace('x', none) }}", "x", "none"),
        ("{{ a | join }}", [1, None], "none"),
        ("{{ a | join }}", "text", "join needs a list"),
        ("{{ a | first }}", [], "first of an empty list"),
        ("{{ a | last }}", [], "last of an empty list"),
        ("{{ a | length }}", 5, "len()"),
        ("{{ a | sort }}", [1, "x"], "not supported"),
        ("{{ a | round(1, 'x') }}", 1.5, "method"),
        ("{{ a | truncate(1) }}", "text " * 100, "expected length"),
        ("{{ a | replace('x') }}", "x", "argument"),
        ("{{ a | default(1, 2, 3) }}", "x", "argument"),
        ("{% if a < 'x' %}{% endif %}", 1, "not supported"),
        ("{% for i in a %}{% endfor %}", "text", "a text cannot be looped over"),
        ("{% for i in a %}{% endfor %}", 5, "a number cannot be looped over"),
        ("{% for i in a %}{% endfor %}", iter([1]), "cannot be looped over"),
        ("{% for i, j in a %}{% endfor %}", [1], "item 1 does not fit i, j"),
        ("{{ a }}", {(1, 2): 3}, "keys must be"),
        ("{{ a }}", [10**5000], "digits"),
    ],
)
def test_what_does_not_fit_is_an_error_with_its_line(source, value, told):
    with pytest.raises(TemplateError) as raised:
        render("\n" + source, a=value)
    assert told in str(raised.value)
    assert raised.value.line == 2


def test_data_that_contains_itself_is_an_error():
    circle = []
    circle.append(circle)
    with pytest.raises(TemplateError, match="Circular"):
        render("{{ a }}", a=circle)


def test_data_nested_too_deeply_is_an_error():
    deep = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(TemplateError, match="deeply"):
        render("{{ a }}", a=deep)


def test_an_undefined_name_is_an_error_with_the_nearest_known():
    with pytest.raises(MissingInputError, match="'topc' has no value; did you mean 'topic'") as raised:
        render("{{ topc }}", topic="x")
    assert raised.value.names == ("topc",)


def test_substituted_text_is_never_expanded_again():
    assert render("{{ a }}|{{ b }}", a="{{ b }}{% if x %}", b="B") == "{{ b }}{% if x %}|B"


@pytest.mark.parametrize(
    ("source", "value", "text"),
    [
        ("upper", "aß", "ASS"),
        ("lower", "AB", "ab"),
        ("title", "a bc", "A Bc"),
        ("trim", "  a ", "a"),
        ("length", [1, 2], "2"),
        ("join(', ')", ["a", 1, True], "a, 1, true"),
        ("join('', attribute='x')", [{"x": 1}, {"x": 2}], "12"),
        ("join(',', 'p.q')", [{"p": {"q": 1}}], "1"),
        ("first", [1, 2], "1"),
        ("last", [1, 2], "2"),
        ("sort", [2, 1], "[1, 2]"),
        ("sort(attribute='x', reverse=true)", [{"x": 1}, {"x": 2}], '[{"x": 2}, {"x": 1}]'),
        ("unique", [1, 1, 2], "[1, 2]"),
        ("replace('a', 'b')", "aa", "bb"),
        ("replace('a', 'b', 1)", "aa", "ba"),
        ("default('x')", None, "x"),
        ("default('x', true)", "", "x"),
        ("default('x')", "", ""),
        ("tojson", {"a": "<é>"}, '{"a": "<é>"}'),
        ("tojson(indent=2)", {"a": 1}, '{\n  "a": 1\n}'),
        ("tojson", None, "null"),
        ("indent(2)", "a\nb", "a\n  b"),
        ("indent('> ', true)", "a\nb", "> a\n> b"),
        ("truncate(8)", "one two three four", "one..."),
        ("round(1)", 1.25, "1.2"),
        ("upper", 1.5, "1.5"),
    ],
)
def test_filters(source, value, text):
    assert render("{{ a | " + source + " }}", a=value) == text


def test_an_attribute_of_a_filter_looks_into_plain_data_only():
    with pytest.raises(TemplateError, match="no field '__class__'"):
        render("{{ a | sort(attribute='__class__') }}", a=[Person(name="Ada")])
    with pytest.raises(TemplateError, match="__class__"):
        render("{{ a | join(attribute='__class__') }}", a=["x"])
