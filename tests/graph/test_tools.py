"""A function becomes a tool: what the model is told of it, what it may give, and what it gets back."""

import asyncio
import copy
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import json
import math
import pickle
import subprocess
import sys
import typing
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypeVar, Union

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

import graphbit_nb as gb
from graphbit_nb.core.llm import LlmClient, ToolSpec
from graphbit_nb.errors import OutputError
from graphbit_nb.graph.registry import NodeInput
from graphbit_nb.graph.tools import Tool, render_error, render_result, tool_of

T = TypeVar("T")
COMMON = {"title", "description", "default"}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class City(BaseModel):
    """A place."""

    name: str
    title: str = "city"
    twin: Optional["City"] = None


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: dt.date
    colour: Colour


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int = 1


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Options(TypedDict):
    deep: bool
    limit: NotRequired[int]


class Pair(NamedTuple):
    left: int
    right: str


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]


def taking(annotation, *default):
    """Return a function with one parameter, `x`, of this annotation."""

    def fn(x):
        return x

    if default:
        fn.__defaults__ = default
    fn.__annotations__ = {"x": annotation}
    return fn


def schema_of(annotation, *default):
    return tool_of(taking(annotation, *default)).spec.parameters["properties"]["x"]


def told_by(fn):
    properties = tool_of(fn).spec.parameters["properties"]
    return {name: one["description"] for name, one in properties.items() if "description" in one}


async def in_thread(fn):
    return await asyncio.to_thread(fn)


def here(fn):
    async def run():
        return fn()

    return run()


def weather(city: str, days: int = 3) -> str:
    """Tell the weather.

    It is often wrong.

    Args:
        city: Where.
        days: How far
            ahead.

    Returns:
        The weather: in words.

    Raises:
        ValueError: there is no such city.
    """
    return f"{city}: sun for {days} days"


class TestWhatTheModelIsTold:
    def test_name_description_and_schema_come_from_the_function(self):
        tool = tool_of(weather)
        assert tool.spec == ToolSpec(
            "weather",
            "Tell the weather.\n\nIt is often wrong.\n\nReturns: The weather: in words.",
            {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "Where."},
                    "days": {"type": "integer", "default": 3, "description": "How far ahead."},
                },
                "required": ["city"],
                "additionalProperties": False,
            },
        )
        assert (tool.name, tool.description) == (tool.spec.name, tool.spec.description)
        assert (tool.fn, tool.is_async) == (weather, False)

    def test_name_and_description_can_be_given(self):
        tool = tool_of(lambda: 1, name="one-1", description="Give one.")
        assert (tool.name, tool.description) == ("one-1", "Give one.")

    def test_a_function_without_parameters_takes_an_empty_object(self):
        assert tool_of(lambda: 1, name="f").spec.parameters == {
            "type": "object",
            "properties": {},
            "additionalProperties": False,
        }

    @pytest.mark.parametrize(
        ("annotation", "expected"),
        [
            (int, {"type": "integer"}),
            (list[int], {"type": "array", "items": {"type": "integer"}}),
            (set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
            (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
            (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
            (Union[int, None], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP007
            (Optional[list[int]], {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}),  # noqa: UP045 (as people write it)
            (dict[str, City], {"type": "object", "additionalProperties": {"$ref": "#/$defs/City"}}),
            (Annotated[int, Field(ge=1, le=9)], {"type": "integer", "minimum": 1, "maximum": 9}),
            (Annotated[str, Field(max_length=3)], {"type": "string", "maxLength": 3}),
            (Annotated[int, "a remark"], {"type": "integer"}),
            (Annotated[float, Field(le=math.inf)], {"type": "number"}),
            (dt.date, {"type": "string", "format": "date"}),
            (Colour, {"$ref": "#/$defs/Colour"}),
            (T, {}),
            (Any, {}),
            (object, {}),
            ("list[Point]", {"type": "array", "items": {"$ref": "#/$defs/Point"}}),
            (list["Point"], {"type": "array", "items": {"$ref": "#/$defs/Point"}}),
            (None, {"type": "null"}),
        ],
    )
    def test_an_annotation_becomes_its_schema(self, annotation, expected):
        assert schema_of(annotation) == expected

    @pytest.mark.parametrize(
        ("annotation", "default", "expected"),
        [
            (int, None, {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None}),
            (int, 3, {"type": "integer", "default": 3}),
            (dt.date, dt.date(2020, 1, 2), {"type": "string", "format": "date", "default": "2020-01-02"}),
            (Colour, Colour.RED, {"$ref": "#/$defs/Colour", "default": "red"}),
            (float, math.inf, {"type": "number"}),
            (Any, object(), {}),
            (int, Field(3, ge=1, description="So many."), {"type": "integer", "default": 3, "minimum": 1}),
            (list[int], Field(default_factory=list), {"type": "array", "items": {"type": "integer"}}),
        ],
    )
    def test_a_default_is_told_where_json_can_write_it(self, annotation, default, expected):
        tool = tool_of(taking(annotation, default))
        told = dict(tool.spec.parameters["properties"]["x"])
        told.pop("description", None)
        assert told == expected
        assert "required" not in tool.spec.parameters

    def test_optional_without_a_default_is_required_and_may_be_null(self):
        tool = tool_of(taking(Optional[int]))  # noqa: UP045 (as people write it)
        assert tool.spec.parameters["required"] == ["x"]
        assert tool.validate({"x": None}) == {"x": None}
        with pytest.raises(OutputError, match="x is missing"):
            tool.validate({})

    @pytest.mark.parametrize(
        "annotation", [City, Point, Options, list[City], dict[str, Cat | Dog], Strict, Pair, Colour, City | None]
    )
    def test_references_lead_somewhere_objects_are_closed_and_nothing_has_a_title(self, annotation):
        parameters = tool_of(taking(annotation)).spec.parameters
        Draft202012Validator.check_schema(parameters)
        json.dumps(parameters, allow_nan=False)
        for schema in all_schemas(parameters):
            assert not isinstance(schema.get("title"), str)
            if "properties" in schema:
                assert schema["additionalProperties"] is False
            if "$ref" in schema:
                assert schema["$ref"].removeprefix("#/$defs/") in parameters["$defs"]

    def test_a_property_called_title_stays(self):
        assert "title" in tool_of(taking(City)).spec.parameters["$defs"]["City"]["properties"]

    def test_a_model_that_takes_more_stays_open(self):
        assert tool_of(taking(Open)).spec.parameters["$defs"]["Open"]["additionalProperties"] is True
        assert tool_of(taking(Open)).validate({"x": {"b": 2}})["x"].model_extra == {"b": 2}

    @pytest.mark.parametrize("name", ["json", "copy", "schema", "model_config", "_x", "__y", "self_", "p0", "class_"])
    def test_a_parameter_may_have_any_name(self, name):
        tool = tool_of(eval(f"lambda {name}: {name}"), name="f")  # noqa: S307 (of the names above)
        assert tool.validate({name: 5}) == {name: 5}

    def test_names_in_annotations_are_those_of_where_the_function_was_written(self):
        class Inner(BaseModel):
            a: int

        def fn(x: "Inner") -> Inner:
            return x if isinstance(x, Inner) else None

        assert tool_of(fn).validate({"x": {"a": 1}}) == {"x": Inner(a=1)}

    def test_pydantic_is_loaded_with_the_first_tool(self):
        code = "import sys, graphbit_nb.graph.tools; sys.exit('pydantic.json_schema' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def google(a, b, c=1, **_):
    """Add.

    Arguments:
        a (dict[str, list(int)], optional): The first:
            with more.

            And a paragraph.
        b: The second, which is
            note: long.
        zzz: No parameter.
            More of it.
        c (int):
            On a line of its own.

    Example:
        >>> add(1, 2)

    Said after the sections.
    """


def numpy_style(a, b, c=1):
    """Add.

    Parameters
    ----------
    a, b : int, optional
        The first.
        And the second.
    c
        Third: a number.

        Still the third.

    Returns
    -------
    int
        The sum.

    Notes
    -----
    Nothing.
    """


def sphinx(a, b, c=1):
    """Add.

    :param a: The first
        with more.
    :param int b: The second.
    :type b: int
    :keyword c: Third: a number.
    :raises ValueError: never.
    :returns: The sum.
    :rtype: int

    Said after the fields.
    """


def epydoc(a, b, c=1):
    """Add.

    @param a: The first
        with more.
    @type a: int
    @param b: The second.
    @return: The sum.
    @rtype: int
    """


class TestDocstrings:
    @pytest.mark.parametrize(
        ("fn", "summary", "described"),
        [
            (
                google,
                "Add.",  # what stands after the sections is left out
                {
                    "a": "The first: with more. And a paragraph.",
                    "b": "The second, which is note: long.",
                    "c": "On a line of its own.",
                },
            ),
            (
                numpy_style,
                "Add.\n\nReturns: int The sum.",
                {
                    "a": "The first. And the second.",
                    "b": "The first. And the second.",
                    "c": "Third: a number. Still the third.",
                },
            ),
            (
                sphinx,
                "Add.\n\nReturns: The sum.",
                {"a": "The first with more.", "b": "The second.", "c": "Third: a number."},
            ),
            (
                epydoc,
                "Add.\n\nReturns: The sum.",
                {"a": "The first with more.", "b": "The second."},
            ),
        ],
    )
    def test_parameters_are_described_in_each_of_the_styles(self, fn, summary, described):
        def named(a, b, c=1):
            pass

        named.__doc__ = fn.__doc__
        assert tool_of(named).description == summary
        assert told_by(named) == described

    @pytest.mark.parametrize(
        ("doc", "returns"),
        [
            ("Do.\n\nReturns:\n    int: The sum.", "int: The sum."),
            ("Do.\n\nReturns:\n    The sum\n    of both.", "The sum of both."),
            ("Do.\n\nReturns\n-------\na : int\n    One.\nb : str\n    Two.", "a : int One. b : str Two."),
            ("Do.\n\nReturns\n-------\nint", "int"),
            ("Do.\n\n:returns: The sum.", "The sum."),
        ],
    )
    def test_what_it_returns_is_told_as_it_is_written(self, doc, returns):
        fn = taking(int)
        fn.__doc__ = doc
        assert tool_of(fn).description == f"Do.\n\nReturns: {returns}"

    def test_a_docstring_of_parameters_only_has_no_description(self):
        fn = taking(int)
        fn.__doc__ = "\n    Args:\n        x: It.\n    "
        assert (tool_of(fn).description, told_by(fn)) == ("", {"x": "It."})

    def test_what_the_annotation_says_wins_over_the_docstring(self):
        def fn(a: Annotated[int, Field(description="Annotated.")], b: int = Field(description="Field."), c: int = 1):
            """Do.

            Args:
                a: Doc.
                b: Doc.
                c: Doc.
            """

        assert told_by(fn) == {"a": "Annotated.", "b": "Field.", "c": "Doc."}

    def test_no_docstring_describes_nothing(self):
        assert tool_of(taking(int)).description == ""

    @pytest.mark.parametrize(
        "doc",
        [
            "Args:",
            "Args:\n",
            "Args:\n    x",
            "Args:\n    : y",
            "Parameters\n----------",
            ":param",
            ":param:",
            ":param x:",
            ": : x",
        ],
    )
    def test_a_docstring_that_breaks_off_is_no_error(self, doc):
        fn = taking(int)
        fn.__doc__ = doc
        assert told_by(fn) == {}

    def test_a_sentence_that_only_begins_like_a_section_is_prose(self):
        fn = taking(int)
        fn.__doc__ = "Do it.\n\nNote: x matters.\nReturns what it likes."
        assert tool_of(fn).description == fn.__doc__

    @pytest.mark.parametrize(
        "line", [":class:`City` of it, or None.", ":-) and so on.", "@weather\nas a decorator: yes."]
    )
    def test_a_line_of_prose_that_only_begins_like_a_field_is_prose(self, line):
        fn = taking(int)
        fn.__doc__ = f"Return the\n{line}\n\nAnd more."
        assert tool_of(fn).description == fn.__doc__

    @given(st.text(alphabet="Args:xParm \n-()pretuns*@"))
    def test_any_docstring_can_be_read(self, doc):
        fn = taking(int)
        fn.__doc__ = doc
        tool_of(fn)


class Station:
    """A station."""

    def __init__(self, offset=0):
        self.offset = offset

    def read(self, at: int) -> int:
        """Read it."""
        return at + self.offset

    async def slow(self, at: int) -> int:
        return at + self.offset

    def __call__(self, at: int) -> int:
        return at * 2

    @classmethod
    def made(cls, at: int) -> int:
        return at

    @staticmethod
    def plain(at: int) -> int:
        return at


class AsyncCallable:
    async def __call__(self, at: int) -> int:
        """Wait for it."""
        return at


def searching(text: str, site: str, limit: int = 10):
    """Search."""
    return [text, site, limit]


def logged(fn):
    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    return wrapper


class TestWhatCanBeATool:
    @pytest.mark.parametrize(
        ("fn", "name", "description", "is_async", "result"),
        [
            (Station(1).read, "read", "Read it.", False, "6"),
            (Station(1).slow, "slow", "", True, "6"),
            (Station(), "Station", "A station.", False, "10"),
            (Station.made, "made", "", False, "5"),
            (Station.plain, "plain", "", False, "5"),
            (AsyncCallable(), "AsyncCallable", "Wait for it.", True, "5"),
            (functools.partial(Station(1).slow), "slow", "", True, "6"),
            (functools.lru_cache(Station(2).read), "read", "Read it.", False, "7"),
        ],
    )
    async def test_methods_objects_and_partials_are_tools(self, fn, name, description, is_async, result):
        tool = tool_of(fn)
        assert (tool.name, tool.description, tool.is_async) == (name, description, is_async)
        assert await tool.call({"at": 5}, in_thread) == result

    def test_what_a_partial_binds_is_not_told_and_cannot_be_given(self):
        tool = tool_of(functools.partial(searching, site="s"), name="search_s")
        assert list(tool.spec.parameters["properties"]) == ["text", "limit"]
        assert (tool.name, tool.description) == ("search_s", "Search.")
        with pytest.raises(OutputError, match="there is no site"):
            tool.validate({"text": "a", "site": "b"})

    async def test_a_partial_that_was_made_to_look_like_its_function_is_still_one(self):
        bound = functools.update_wrapper(functools.partial(searching, "t", site="s"), searching)
        tool = tool_of(bound)
        assert list(tool.spec.parameters["properties"]) == ["limit"]
        assert await tool.call({}, in_thread) == '["t", "s", 10]'

    def test_a_partial_may_have_a_name_of_its_own(self):
        bound = functools.partial(searching, site="s")
        bound.__name__ = "mine"
        assert tool_of(bound).name == "mine"

    async def test_a_wrapped_function_is_told_as_the_one_inside(self):
        tool = tool_of(logged(searching))
        assert list(tool.spec.parameters["properties"]) == ["text", "site", "limit"]
        assert await tool.call({"text": "a", "site": "b"}, in_thread) == '["a", "b", 10]'

    def test_a_tool_is_taken_as_it_is_and_can_be_renamed(self):
        tool = tool_of(weather, description="Short.")
        assert tool_of(tool) is tool
        renamed = tool_of(tool, name="other")
        assert (renamed.name, renamed.description, renamed.fn) == ("other", "Short.", weather)

    def test_a_tool_can_be_compared_hashed_copied_and_carried_about(self):
        tool = tool_of(weather, name="w")
        assert tool == tool_of(weather, name="w") != tool_of(weather)
        assert hash(tool) == hash(tool_of(weather, name="w"))
        assert copy.deepcopy(tool) == tool
        carried = pickle.loads(pickle.dumps(tool))
        assert carried == tool
        assert carried.validate({"city": "x"}) == {"city": "x"}

    def test_a_tool_cannot_be_changed(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            tool_of(weather).fn = len

    def test_what_it_shows_is_what_the_model_is_told(self):
        assert "_model" not in repr(tool_of(weather))
        assert isinstance(tool_of(weather), Tool)


def numbers():
    yield 1


async def numbers_async():
    yield 1


def rest(*values: int):
    pass


def named(**values: int):
    pass


def by_position(a, /):
    pass


def misspelled(x: "Stattion"):  # noqa: F821
    pass


def nowhere(x: "a.b.c"):  # noqa: F821
    pass


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("fn", "told"),
        [
            (5, "the tool 5: give a function, not int"),
            ("len", "the tool 'len': give a function, not str"),
            (None, "the tool None: give a function, not NoneType"),
            (City, "the tool City: give a function, not a class"),
            (lambda x: x, "a lambda has no name for the model to call it by; give name="),
            (functools.partial(lambda x: x), "a lambda has no name"),
            (rest, r"the tool rest: a model cannot be told what \*values takes; wrap it"),
            (named, r"the tool named: a model cannot be told what \*\*values takes; wrap it"),
            (by_position, "the tool by_position: its parameter a cannot be given by name.*without '/'"),
            (len, "the tool len: its parameter obj cannot be given by name"),
            (Station.read, "the tool read is a method without its object; give that of an object: x.read"),
            (numbers, "the tool numbers is a generator.*return a list"),
            (numbers_async, "the tool numbers_async is a generator"),
            (misspelled, "misspelled: the annotation 'Stattion' of its parameter x cannot be read.*mean 'Station'"),
            (nowhere, "nowhere: the annotation 'a.b.c' of its parameter x .*import or define what it names"),
            (taking("1 +"), "its parameter x cannot be read"),
            (taking("1 / 0"), "its parameter x cannot be read: division by zero"),
            (taking(NodeInput), "its parameter x takes a NodeInput, which no model can give"),
            (taking(list[NodeInput] | None), "takes a NodeInput"),
            (taking(LlmClient), "takes a LlmClient"),
            (taking(Station), "the tool fn: its parameter x cannot be described to a model: .*pydantic model"),
            (taking(type(len)), "its parameter x cannot be described"),
            (taking(5), "its parameter x cannot be "),
            (taking(Annotated[int, Field(alias="y")]), "its parameter x has an alias; rename the parameter"),
            (taking(int, Field(validation_alias="y")), "its parameter x has an alias"),
            (taking(typing.ClassVar[int]), "x cannot be described to a model: its annotation has a meaning in classes"),
            (taking(list[typing.Self]), "its annotation has a meaning in classes only"),
            (taking(typing.Required[int]), "its parameter x cannot be described"),
            (taking(typing.Never), "pydantic-core schema for typing.Never; annotate it with what JSON has"),
            (dict.fromkeys, "the tool fromkeys"),
        ],
    )
    def test_what_no_model_could_call(self, fn, told):
        with pytest.raises(gb.DefinitionError, match=told):
            tool_of(fn)

    def test_a_callable_has_no_schema(self):
        with pytest.raises(gb.DefinitionError, match="its parameter y cannot be described"):
            tool_of(with_callback(Callable[[int], int]))

    @pytest.mark.parametrize("name", ["", "a b", "a.b", "größe", "x" * 65, "a\n", 5])
    def test_a_name_that_providers_refuse(self, name):
        with pytest.raises(gb.DefinitionError, match=r"the tool weather: providers refuse the name .*give one such as"):
            tool_of(weather, name=name)

    def test_a_name_is_proposed(self):
        with pytest.raises(gb.DefinitionError, match="such as name='look_up'"):
            tool_of(weather, name="look up!")

    def test_a_function_whose_own_name_providers_refuse(self):
        fn = taking(int)
        fn.__name__ = "größe"
        with pytest.raises(gb.DefinitionError, match="such as name='gr_e'"):
            tool_of(fn)
        assert tool_of(fn, name="size").name == "size"

    def test_a_description_that_is_no_text(self):
        with pytest.raises(gb.DefinitionError, match="the tool weather: description=5: give a text"):
            tool_of(weather, description=5)

    def test_a_typed_dict_of_an_old_python_names_the_one_to_use(self):
        old = typing.TypedDict("old", {"a": int})  # noqa: UP013
        if sys.version_info < (3, 12):
            with pytest.raises(gb.DefinitionError, match=r"typing_extensions\.TypedDict"):
                tool_of(taking(old))
        else:
            assert tool_of(taking(old)).validate({"x": {"a": 1}}) == {"x": {"a": 1}}


def with_callback(annotation):
    def fn(x, y):
        pass

    fn.__annotations__ = {"y": annotation}
    return fn


class TestArguments:
    @pytest.mark.parametrize(
        ("annotation", "given", "expected"),
        [
            (int, "5", 5),
            (int, 5.0, 5),
            (float, 5, 5.0),
            (list[int], [1, "2"], [1, 2]),
            (tuple[int, str], [1, "a"], (1, "a")),
            (set[int], [1, 1], {1}),
            (City, {"name": "a", "twin": {"name": "b"}}, City(name="a", twin=City(name="b"))),
            (dict[str, City], {"k": {"name": "a"}}, {"k": City(name="a")}),
            (Point, {"x": 1}, Point(1)),
            (Options, {"deep": True}, {"deep": True}),
            (Pair, [1, "a"], Pair(1, "a")),
            (Strict, {"day": "2020-01-02", "colour": "red"}, Strict(day=dt.date(2020, 1, 2), colour=Colour.RED)),
            (Cat | Dog, {"kind": "dog"}, Dog(kind="dog")),
            (Annotated[Cat | Dog, Field(discriminator="kind")], {"kind": "cat"}, Cat(kind="cat")),
            (Colour, "blue", Colour.BLUE),
            (Level, 2, Level.HIGH),
            (Literal[1, "a"] | None, None, None),
            (dt.datetime, "2020-01-02T03:04:05", dt.datetime(2020, 1, 2, 3, 4, 5)),  # noqa: DTZ001
            (dt.timedelta, "PT1H", dt.timedelta(hours=1)),
            (decimal.Decimal, "1.50", decimal.Decimal("1.50")),
            (uuid.UUID, "0" * 32, uuid.UUID(int=0)),
            (bytes, "ab", b"ab"),
            (int | str, "5", "5"),
            (Any, {"a": [1]}, {"a": [1]}),
            (Annotated[int, AfterValidator(lambda x: x + 1)], 1, 2),
        ],
    )
    def test_they_arrive_as_what_the_function_is_annotated_with(self, annotation, given, expected):
        value = tool_of(taking(annotation)).validate({"x": given})["x"]
        assert value == expected
        assert type(value) is type(expected)

    @pytest.mark.parametrize(
        ("arguments", "told"),
        [
            ({}, "weather: the arguments do not fit: city is missing"),
            ({"city": 5}, "city: Input should be a valid string, not 5"),
            ({"city": "a", "day": 1}, "there is no day; did you mean 'days'?"),
            ({"city": "a", "days": None}, "days: Input should be a valid integer, not None"),
            ({"city": "a", "days": "x" * 999}, "not 'xxx"),
            ([], r"weather: the arguments are no JSON object: \[\]"),
            (None, "no JSON object: None"),
            ({"city": object()}, "weather: the arguments are not JSON: "),
            ({"city": "\ud800"}, "weather: the arguments do not fit: Invalid JSON"),
        ],
    )
    def test_the_model_is_told_in_short_what_does_not_fit(self, arguments, told):
        with pytest.raises(OutputError, match=told) as caught:
            tool_of(weather).validate(arguments)
        assert len(str(caught.value)) < 250
        assert "pydantic" not in str(caught.value)

    def test_many_mistakes_are_counted(self):
        with pytest.raises(OutputError, match=r"; and 95 more$"):
            tool_of(taking(list[int])).validate({"x": [f"a{n}" for n in range(100)]})

    def test_a_mistake_deep_inside_is_told_with_its_place(self):
        with pytest.raises(OutputError, match=r"x\.k\.0\.name is missing"):
            tool_of(taking(dict[str, list[City]])).validate({"x": {"k": [{}]}})

    def test_what_is_not_given_is_left_to_the_function(self):
        default = object()
        tool = tool_of(taking(Any, default))
        assert tool.validate({}) == {}
        assert tool.fn() is default

    @pytest.mark.parametrize(
        "fn",
        [
            taking(int, Field(7, gt=0)),
            taking(int, Field(default_factory=lambda: 7)),
            taking(Annotated[int, Field(default=7)]),
        ],
    )
    def test_a_default_that_a_field_names_is_filled_in(self, fn):
        assert tool_of(fn).validate({}) == {"x": 7}

    def test_the_function_s_default_wins_over_the_field_s(self):
        assert tool_of(taking(Annotated[int, Field(default=7)], 8)).validate({}) == {}


class TestCalling:
    async def test_a_plain_function_is_run_in_a_thread_and_an_async_one_is_awaited(self):
        used = []

        async def run(fn):
            used.append(fn)
            return fn()

        async def slow(x: int):
            return x

        assert await tool_of(weather).call({"city": "Oslo"}, run) == "Oslo: sun for 3 days"
        assert len(used) == 1
        assert await tool_of(slow).call({"x": 1}, run) == "1"
        assert len(used) == 1

    async def test_what_a_plain_function_hands_out_is_awaited(self):
        async def slow(x):
            return x

        def fn(x):
            return slow(x)

        tool = tool_of(fn)
        assert not tool.is_async
        assert await tool.call({"x": 1}, in_thread) == "1"

    @pytest.mark.parametrize("error", [ValueError("no such city"), KeyError("k"), gb.DefinitionError("x")])
    async def test_its_exception_is_raised_as_it_is(self, error):
        def fn():
            raise error

        with pytest.raises(type(error)) as caught:
            await tool_of(fn).call({}, here)
        assert caught.value is error

    async def test_nothing_is_called_with_arguments_that_do_not_fit(self):
        def run(fn):
            raise AssertionError

        with pytest.raises(OutputError):
            await tool_of(weather).call({}, run)

    async def test_calls_may_run_side_by_side(self):
        both = asyncio.Barrier(2)

        async def meet(x: int) -> int:
            await both.wait()
            return x

        tool = tool_of(meet)
        assert await asyncio.gather(tool.call({"x": 1}, here), tool.call({"x": 2}, here)) == ["1", "2"]

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("a\nb", "a\nb"),
            ("", ""),
            (None, "null"),
            (True, "true"),
            (1.5, "1.5"),
            ([1, None, "é"], '[1, null, "é"]'),
            ({"a": {1}}, '{"a": [1]}'),
            (City(name="a"), '{"name": "a", "title": "city", "twin": null}'),
            ([Point(1)], '[{"x": 1, "y": 0}]'),
            (Colour.RED, "red"),
            (dt.date(2020, 1, 2), "2020-01-02"),
        ],
    )
    def test_results_are_text_or_json(self, value, text):
        assert render_result(value) == text

    def test_a_result_that_cannot_be_written_says_so(self):
        loop = []
        loop.append(loop)
        with pytest.raises(OutputError, match="the result, a list, cannot be written as text"):
            render_result(loop)
        with pytest.raises(OutputError, match=r"the tool gives a generator.*return a list"):
            render_result(x for x in "ab")

    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (ValueError("no such city"), "error: ValueError: no such city"),
            (ValueError(), "error: ValueError"),
            (OutputError("weather: x is missing"), "error: weather: x is missing"),
        ],
    )
    def test_an_exception_is_written_for_the_model(self, error, text):
        assert render_error(error) == text

    def test_a_long_exception_is_cut(self):
        assert len(render_error(ValueError("x" * 10_000))) < 2100


def all_schemas(schema):
    """Give a schema and every schema in it."""
    yield schema
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            parts = list(value.values())
        elif key in ("anyOf", "oneOf", "prefixItems"):
            parts = value
        else:
            parts = [value] if key in ("items", "additionalProperties") else []
        for part in parts:
            if isinstance(part, dict):
                yield from all_schemas(part)


def values_of(schema, root):
    """Return what a schema allows."""
    if schema is True:
        schema = {}
    if "$ref" in schema:
        return st.deferred(lambda: values_of(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        return st.one_of([values_of(each, root) for each in choices])
    match schema.get("type"):
        case "integer":
            return st.integers(schema.get("minimum", -(2**70)), schema.get("maximum", 2**70))
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            return texts_of(schema)
        case "array" if "prefixItems" in schema:
            return st.tuples(*[values_of(each, root) for each in schema["prefixItems"]]).map(list)
        case "array":
            unique = (lambda x: json.dumps(x, sort_keys=True)) if schema.get("uniqueItems") else None
            return st.lists(values_of(schema["items"], root), max_size=3, unique_by=unique)
        case "object" if "properties" in schema:
            fields = {name: values_of(each, root) for name, each in schema["properties"].items()}
            required = schema.get("required", ())
            return st.fixed_dictionaries(
                {name: fields[name] for name in required},
                optional={name: fields[name] for name in fields if name not in required},
            )
        case "object":
            return st.dictionaries(st.text(max_size=4), values_of(schema["additionalProperties"], root), max_size=3)
        case None:
            assert schema.keys() <= COMMON
            return st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
    raise AssertionError(schema)


def texts_of(schema):
    match schema.get("format"):
        case "date":
            return st.dates().map(str)
        case "date-time":
            return st.datetimes().map(dt.datetime.isoformat)
        case "uuid":
            return st.uuids().map(str)
        case None:
            return st.text(min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 9))
    raise AssertionError(schema)


LEAVES = st.sampled_from(
    [
        *(int, float, bool, str, None, Any, "City", dt.date, dt.datetime, uuid.UUID, Colour, Level),
        *(City, Point, Options, Pair, Strict, Cat, Literal["a", 1]),
        *(Annotated[int, Field(ge=-3, le=3)], Annotated[str, Field(min_length=2)]),
    ]
)
ANNOTATIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(lambda a: list[a]),
        inner.map(lambda a: dict[str, a]),
        inner.map(lambda a: Optional[a]),  # noqa: UP045 (as people write it)
        st.tuples(inner, inner).map(lambda ab: Union[ab]),  # noqa: UP007
        st.tuples(inner, inner).map(lambda ab: tuple[ab]),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.lists(st.tuples(ANNOTATIONS, st.booleans()), max_size=3))
def test_whatever_the_schema_allows_is_taken(data, parameters):
    """The schema is a promise to the model: what keeps to it is no mistake."""
    ordered = sorted(parameters, key=lambda each: each[1])  # what has a default comes last
    names = [f"a{number}" for number in range(len(ordered))]
    given = (name + "=None" * optional for name, (_, optional) in zip(names, ordered, strict=True))
    fn = eval(f"lambda {', '.join(given)}: 1")  # noqa: S307 (of the names above)
    fn.__annotations__ = {name: annotation for name, (annotation, _) in zip(names, ordered, strict=True)}
    tool = tool_of(fn, name="f")
    schema = tool.spec.parameters
    Draft202012Validator.check_schema(schema)
    arguments = data.draw(values_of(schema, schema))
    Draft202012Validator(schema).validate(arguments)
    assert tool.validate(json.loads(json.dumps(arguments))).keys() == arguments.keys()
