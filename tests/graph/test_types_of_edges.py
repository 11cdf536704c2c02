"""Which paths into a type may lead somewhere, and which types take each other's values."""
# ruff: noqa: F722, F821, RUF013, UP006, UP007, UP045 (old, odd and broken annotations are what is tested)

import collections
import dataclasses
import enum
import functools
import re
import typing
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, Protocol, TypeVar, Union

import numpy as np
import pandas as pd
import pydantic
import pytest
import typing_extensions
from hypothesis import given, settings
from hypothesis import strategies as st

from graphbit_nb.errors import TemplateError
from graphbit_nb.graph.annotations import (
    UNKNOWN,
    annotation_of_parameters,
    annotations_of_arguments,
    return_annotation,
)
from graphbit_nb.graph.types import accepts, check_path, describe, item_of, part_of
from graphbit_nb.templating import look_up

T = TypeVar("T")
K = TypeVar("K")
UserId = NewType("UserId", str)
Names = typing_extensions.TypeAliasType("Names", list[str])
Pages = typing_extensions.TypeAliasType("Pages", dict[str, T], type_params=(T,))
Tree = typing_extensions.TypeAliasType("Tree", "list[Tree]")
Broken = typing_extensions.TypeAliasType("Broken", "list[NotThere]")
JSON = Union[str, int, None, list["JSON"], dict[str, "JSON"]]


def spelled(value):
    """What a case is called: the same in each process, so without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


class Person(pydantic.BaseModel):
    name: str
    age: int = 0
    friends: "list[Person]" = []
    boss: Optional["Person"] = None


class Employee(Person):
    salary: float = 0.0


class Lonely(pydantic.BaseModel):
    name: str


class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]
    number: int = 1


class Unfinished(pydantic.BaseModel):
    known: int
    later: "NotThere"


class Scores(pydantic.RootModel[list[int]]):
    pass


@dataclasses.dataclass
class Point:
    x: int
    y: "float"
    other: "Point | None" = None
    unit: typing.ClassVar[str] = "m"


@dataclasses.dataclass
class Box(Generic[T]):
    content: T
    more: "list[T]"
    odd: "NotThere" = None


class Pair(NamedTuple):
    first: str
    second: "int"


class Movie(typing.TypedDict):
    title: str
    year: int


class Film(typing_extensions.TypedDict, total=False):
    title: typing_extensions.Required[str]
    cast: "typing_extensions.NotRequired[list[Person]]"
    length: typing_extensions.ReadOnly[int]


class Loose(typing_extensions.TypedDict, extra_items=int):
    title: str


class Allowing(typing_extensions.TypedDict):
    __pydantic_config__ = pydantic.ConfigDict(extra="allow")  # type: ignore[misc]
    title: str


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Tone(enum.StrEnum):
    WARM = "warm"


class Plain:
    def __init__(self, size: int, name: str = "x") -> None:
        self.size = size


class Figure:
    """Base of dataclasses, as of a sum type."""


@dataclasses.dataclass
class Circle(Figure):
    radius: float


class HasName(Protocol):
    name: str


@typing.runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Store(dict[str, int]):
    pass


class Untyped(Any):
    pass


STRANGE = [
    Any, object, T, "Person", typing.ForwardRef("Nobody"), Optional["Nobody"], 5, "][", ..., print, typing.Optional,
    typing.Union, typing.Self, typing.NoReturn, typing.Never, typing.Protocol, HasName, Closes, Untyped,
    Callable, Callable[[int], str], Callable[..., Any], type[Person], typing.Type, Iterable[str], Collection, Tree,
    Broken, list["Nobody"] | Any, typing.ParamSpec("P"), typing.TypeVarTuple("Ts"), typing.Hashable, pydantic.BaseModel,
    pydantic.EmailStr, pydantic.Json, pydantic.JsonValue | Any, pd.DataFrame, Store, dict, Mapping, collections.Counter,
    Annotated[Any, 1], Annotated[T, "x"], typing.Final, typing.ClassVar, typing.Concatenate, typing.Literal,
    [1, 2], {"a": int}, (int, str), lambda: 0, float("nan"), typing.TypeGuard[int], tuple,
]  # fmt: skip


# --- paths ---


@pytest.mark.parametrize(
    ("annotation", "key", "part"),
    [
        (Person, "name", str),
        (Person, "friends", list[Person]),
        (Employee, "age", int),
        (Optional[Person], "name", str),
        (Person | str, "name", str),
        (Person | Movie, "year", int),
        (Person | Lonely, "name", str),
        (Person | Point, "x", int),
        (Union[Pair, Point], "first", str),
        (Annotated[Person, "doc"], "name", str),
        (Annotated[Optional[Person], "doc"], "name", str),
        (Page[Person], "items", list[Person]),
        (Page[int], "number", int),
        (Scores, "root", list[int]),
        (Point, "x", int),
        (Point, "y", float),
        (Point, "other", Optional[Point]),
        (Box[int], "content", int),
        (Box[Person], "more", list[Person]),
        (Pair, "first", str),
        (Pair, "second", int),
        (Pair, 0, str),
        (Pair, -1, int),
        (Movie, "title", str),
        (Film, "title", str),
        (Film, "cast", list[Person]),
        (Film, "length", typing_extensions.ReadOnly[int]),
        (dict[str, Person], "anybody", Person),
        (dict[int, str], 3, str),
        (dict[float, str], 3, str),
        (Mapping[str, int], "x", int),
        (MutableMapping[str, int], "x", int),
        (typing.Dict[str, int], "x", int),
        (collections.OrderedDict[str, int], "x", int),
        (dict[Literal["a", "b"], int], "a", int),
        (dict[UserId, int], "a", int),
        (dict[Tone, int], "warm", int),
        (dict[Union[Literal["a"], UserId], int], "b", int),
        (list[Person], 0, Person),
        (list[Person], -1, Person),
        (typing.List[Person], 7, Person),
        (Sequence[str], 0, str),
        (collections.deque[int], 0, int),
        (tuple[int, str], 1, str),
        (tuple[int, ...], 9, int),
        (range, 0, int),
        (bytearray, 0, int),
        (NewType("People", list[Person]), 0, Person),
        (Names, 0, str),
        (Pages[int], "x", int),
    ],
)
def test_a_part_has_the_annotation_of_its_field_key_or_item(annotation, key, part):
    assert part_of(annotation, key) == part


@pytest.mark.parametrize(
    ("annotation", "key"),
    [
        *((annotation, "anything") for annotation in STRANGE),
        (list, 0),
        (tuple, 0),
        (tuple, "first"),  # a named tuple is one
        (Sequence, 0),
        (Sequence, "name"),
        (Store, "x"),
        (Box, "content"),
        (Box[int], "odd"),
        (Unfinished, "later"),
        (dict[Any, int] | Any, "x"),
        (Person | Any, "nothing"),
        (Loose, "rating"),
        (Allowing, "rating"),
        (np.ndarray, 0),
        (pd.Series, 0),
        (pd.DataFrame, 0),
        (list["Nobody"], 0),
        (Person, "salary"),  # an Employee is a Person
        (Figure, "radius"),
        (tuple[int, *tuple[str, ...]], 5),
    ],
)
def test_what_may_be_there_is_unknown(annotation, key):
    assert part_of(annotation, key) is UNKNOWN


@pytest.mark.parametrize(
    ("annotation", "key", "sentence"),
    [
        (str, "people", "a text has no 'people'"),
        (str, 0, "a text has no item 0"),
        (int, "x", "a number has no 'x'"),
        (bool, "x", "a boolean has no 'x'"),
        (None, "x", "none has no 'x'"),
        (type(None), "x", "none has no 'x'"),
        (bytes, 0, "bytes has no item 0"),
        (Person, "nme", "Person has no field 'nme'; did you mean 'name'?"),
        (Lonely, "zzz", "Lonely has no field 'zzz'; there are 'name'"),
        (Lonely, 0, "Lonely has no field 0; there are 'name'"),
        (Point, "unit", "Point has no field 'unit'; there are 'x', 'y', 'other'"),
        (Box[int], "kontent", "Box has no field 'kontent'; did you mean 'content'?"),
        (Pair, "frist", "Pair has no field 'frist'; did you mean 'first'?"),
        (Pair, 2, "Pair has no item 2: there are 2"),
        (Movie, "yeer", "Movie has no key 'yeer'; did you mean 'year'?"),
        (Film, "zzz", "Film has no key 'zzz'; there are 'title', 'cast', 'length'"),
        (list[str], "name", "a list of texts has no 'name'"),
        (list, "name", "a list has no 'name'"),
        (
            list[Person],
            "name",
            "a list of Person has no 'name', but its items have: take one, as in [0], or loop over them",
        ),
        (set[str], 0, "a set of texts has no item 0"),
        (tuple[int, str], 2, "a tuple of a number and a text has no item 2: there are 2"),
        (tuple[int, str], -3, "a tuple of a number and a text has no item -3: there are 2"),
        (tuple[int, str], "first", "a tuple of a number and a text has no 'first'"),
        (dict[str, int], 0, "a dict of numbers has no key 0"),
        (dict[int, str], "0", "a dict from numbers to texts has no key '0'"),
        (dict[Literal["a", "b"], int], "c", "a dict from 'a' or 'b' to numbers has no key 'c'; there are 'a', 'b'"),
        (Optional[str], "x", "a text or none has no 'x'"),
        (str | int, "x", "a text or a number has no 'x'"),
        (Lonely | None, "nam", "Lonely or none has no field 'nam'; did you mean 'name'?"),
        (Literal["a", "b"], "x", "one of 'a', 'b' has no 'x'"),
        (Colour, "value", "Colour has no 'value'"),
        (Plain, "size", "Plain has no 'size'"),
        (datetime, "year", "datetime has no 'year'"),
        (UserId, "x", "a text has no 'x'"),
        (typing.LiteralString, "x", "a text has no 'x'"),
        (Decimal, "real", "Decimal has no 'real'"),
        (np.ndarray, "shape", "ndarray has no 'shape'"),
    ],
)
def test_what_cannot_be_there_is_refused_in_a_sentence(annotation, key, sentence):
    with pytest.raises(TemplateError) as refused:
        part_of(annotation, key)
    assert str(refused.value) == sentence
    assert check_path(annotation, (key,)) == sentence


@pytest.mark.parametrize(
    ("annotation", "path", "sentence"),
    [
        (Person, (), None),
        (Person, ("friends", 0, "boss", "name"), None),
        (Any, ("a", 0, "b"), None),
        (str, ("people",), "facts is a text and has no 'people'"),
        (Person, ("name", "first"), "facts.name is a text and has no 'first'"),
        (list[Person], (0, "nme"), "facts[0] is Person and has no field 'nme'; did you mean 'name'?"),
        (dict[str, list[int]], ("a", 0, "b"), "facts.a[0] is a number and has no 'b'"),
        (Person, ("boss", "name", "x"), "facts.boss.name is a text and has no 'x'"),
    ],
)
def test_a_sentence_says_where_a_path_ends(annotation, path, sentence):
    assert check_path(annotation, path, "facts") == sentence


def test_a_path_without_a_name_is_told_from_its_first_key():
    assert check_path(Person, ("friends", 0, "age", "x")) == "friends[0].age is a number and has no 'x'"


def test_a_field_that_a_class_defined_anew_has_is_not_refused(monkeypatch):
    """As when the cell of the class was run again, but not that of the function annotated with it."""

    class Changed(pydantic.BaseModel):
        name: str
        colour: str

    old = type("Thing", (pydantic.BaseModel,), {"__module__": __name__, "__annotations__": {"name": str}})
    old.__qualname__ = "Thing"
    with pytest.raises(TemplateError):
        part_of(old, "colour")
    monkeypatch.setitem(globals(), "Thing", Changed)
    assert part_of(old, "colour") is UNKNOWN


@pytest.mark.parametrize(
    ("annotation", "item"),
    [
        (list[Person], Person),
        (tuple[int, ...], int),
        (tuple[int, int], int),
        (set[str], str),
        (dict[str, int], str),
        (Optional[list[str]], str),
        (Sequence[str], str),
        (list, UNKNOWN),
        (Any, UNKNOWN),
        (Iterable[int], int),
        (pd.DataFrame, UNKNOWN),
        (np.ndarray, UNKNOWN),
        (Movie, UNKNOWN),
    ],
)
def test_a_loop_gives_the_items(annotation, item):
    assert item_of(annotation) == item


@pytest.mark.parametrize(
    ("annotation", "what"),
    [
        (str, "a text"),
        (Literal["a", "b"], "one of 'a', 'b'"),
        (int | None, "a number or none"),
        (Lonely, "Lonely"),
        (bytes, "bytes"),
        (Colour, "Colour"),
    ],
)
def test_what_cannot_be_looped_over_is_refused(annotation, what):
    with pytest.raises(TemplateError) as refused:
        item_of(annotation)
    assert str(refused.value) == f"{what} cannot be looped over"


# --- taking values ---


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (str, str), (float, int), (int, bool), (float, bool), (complex, float), (str, Literal["a", "b"]),
        (Literal["a", "b"], Literal["a"]), (int, Literal[1, 2]), (str, UserId), (UserId, str), (str, Tone),
        (Person, Employee), (Any, str), (object, Person), (Optional[str], str), (Optional[str], None), (str | int, int),
        (float | str, str | int), (list[float], list[int]), (list, list[int]), (Sequence[int], list[int]),
        (Iterable[str], list[str]), (Iterable[str], dict[str, int]), (Collection[str], set[str]),
        (Mapping[str, float], dict[str, int]), (Mapping, Movie), (dict, Movie), (tuple[int, ...], tuple[int, int]),
        (tuple[float, str], tuple[int, str]), (tuple, Pair), (Sequence, Pair), (AbstractSet[str], set[str]),
        (Annotated[str, "x"], str), (list[Annotated[int, 1]], list[int]), (Names, list[str]),
        (Pages[int], dict[str, int]),
        (Box[int], Box[int]), (Page[int], Page[int]), (date, datetime), (np.ndarray, np.ndarray),
        (float, np.float64), (Figure, Circle), (typing.LiteralString, str), (list[Any], list[int]),
        (list[str | None], list[str]), (typing.List[int], list[int]), (Page[Any], Page[int]),
        (type[Person], type[Employee]), (Movie, Movie), (Closes, Closes),
    ],
)  # fmt: skip
def test_a_value_that_fits_is_taken(wanted, given):
    assert accepts(wanted, given) is True


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (str, int), (str, float), (str, bool), (str, list), (str, dict), (str, Person), (str, None), (str, bytes),
        (int, str), (float, str), (bool, str), (list, str), (dict, str), (Person, str), (None, str), (bytes, str),
        (int, Literal["a"]), (Literal["a", "b"], int), (Literal["a", "b"], Literal["c"]),
        (list[int], list[str]), (list[int], str), (list[list[str]], list[str]), (Sequence[int], str),
        (Iterable[Person], str), (Sequence[int], list[str]), (Sequence[int], tuple[str, ...]), (set[int], list[str]),
        (Mapping[str, int], dict[str, str]), (dict[str, int], dict[str, list[int]]), (Mapping, list), (list, dict),
        (Sequence, dict), (Iterable, int), (Mapping[str, int], str), (tuple[int, str], tuple[int, int]),
        (tuple[int, str], tuple[int]), (tuple[int, ...], tuple[str, ...]), (Person, Lonely), (Person, dict),
        (dict, Person), (Person, Movie), (Person, list[Person]), (list[Person], Person), (Optional[int], str),
        (int | float | None, str), (int, str | list[str]), (UserId, int), (Names, list[int]), (Box[int], Box[str]),
        (Page[int], Page[str]), (Colour, int), (Path, str), (datetime, str), (np.ndarray, str), (pd.DataFrame, str),
        (pd.DataFrame, dict), (str, pd.DataFrame), (Movie, str), (Movie, Film), (Movie, Person), (Point, Pair),
        (Plain, Lonely), (Annotated[int, 1], Annotated[str, 2]), (list[Literal["a"]], list[Literal["b"]]),
        (Plain, str), (Decimal, str),
    ],
)  # fmt: skip
def test_a_clear_contradiction_is_refused(wanted, given):
    assert accepts(wanted, given) is False


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (str, Any), (Literal["a", "b"], str), (Literal["a"], Literal["a", "b"]), (Employee, Person), (int, float),
        (bool, int), (str, Optional[str]), (int, int | str), (Sequence[str], str), (Iterable, str),
        (list[int], list), (list[int], list[Any]), (list[str], Sequence[str]), (list[int], tuple[int, ...]),
        (list[str], set[str]), (tuple[int, int], list[int]), (list[float], np.ndarray), (np.ndarray, list[float]),
        (float, np.float32), (Decimal, float), (datetime, date), (Pair, tuple[str, int]), (Movie, dict[str, Any]),
        (Callable, str), (Callable[[int], str], str), (HasName, Person), (HasName, str), (Closes, str), (T, str),
        (list[T], list[str]), ("Person", str), (pydantic.EmailStr, str), (str, pydantic.EmailStr),
        (Colour, Tone | Colour),
        (Tone, str), (Box[int], Box), (Page[int], Page[Any]), (dict[str, int], Movie),
        (Untyped, str), (str, typing.Never), (list["Nobody"], list[str]), (Person, pydantic.BaseModel),
        (Tree, list[str]),
        (HasName, Any), (Literal[1], Literal[True]), (Literal[Tone.WARM], Literal["warm"]), (Mapping[str, int], Store),
    ],
)  # fmt: skip
def test_what_may_fit_is_not_known(wanted, given):
    assert accepts(wanted, given) is None


@pytest.mark.parametrize("strange", STRANGE, ids=spelled)
@pytest.mark.parametrize("other", [str, Person, list[int]])
def test_a_strange_annotation_is_never_an_error(strange, other):
    for verdict in (accepts(strange, other), accepts(other, strange), accepts(strange, strange)):
        assert verdict in (True, False, None)
    assert describe(strange)


def test_a_class_defined_anew_takes_values_of_the_old_one():
    def define():
        class Thing(pydantic.BaseModel):
            name: str

        return Thing

    assert accepts(define(), define()) is None
    assert accepts(list[define()], list[define()]) is None


def test_a_deep_annotation_ends_in_not_known():
    wanted, given = str, int
    for _ in range(200):
        wanted, given = list[wanted], list[given]
    assert accepts(wanted, given) is None
    assert describe(wanted).startswith("a list of lists of lists")


# --- functions ---


def typed(a: int, b: str = "x", *rest: float, c: "Person", d: list[str] = None, **named: bool) -> "list[Person]": ...


def untyped(a, b=1):
    return a


def partly(a, b: "NotThere", c: "int") -> "NotThere": ...


def of_text(a: "list['Person']", b: "][", c: "1 / 0", d: "print"): ...


class Callee:
    def __call__(self, text: str) -> int: ...

    def method(self, text: "str") -> "Callee": ...

    @classmethod
    def make(cls, size: int) -> Person: ...

    @staticmethod
    def free(size: float) -> None: ...


@functools.cache
def cached(a: int) -> str: ...


def wrapping(fn):
    @functools.wraps(fn)
    def inner(*args):
        return (fn(*args), "time")

    return inner


@wrapping
def wrapped(a: int) -> str: ...


@pydantic.validate_call
def converting(a: int) -> str: ...


@typing.no_type_check
def unchecked(a: "is text") -> "anything": ...


@pytest.mark.parametrize(
    ("fn", "annotations"),
    [
        (typed, {"a": int, "b": str, "c": Person, "d": Optional[list[str]], "*rest": float, "**named": bool}),
        (untyped, {"a": UNKNOWN, "b": UNKNOWN}),
        (partly, {"a": UNKNOWN, "b": UNKNOWN, "c": int}),
        (of_text, {"a": list[Person], "b": UNKNOWN, "c": UNKNOWN, "d": print}),
        (lambda a: a, {"a": UNKNOWN}),
        (
            functools.partial(typed, 1),
            {"b": str, "*rest": float, "c": Person, "d": Optional[list[str]], "**named": bool},
        ),
        (Callee(), {"text": str}),
        (Callee().method, {"text": str}),
        (Callee.make, {"size": int}),
        (Callee.free, {"size": float}),
        (cached, {"a": int}),
        (wrapped, {}),
        (converting, {}),
        (unchecked, {}),
        (Plain, {"size": int, "name": str}),
        (Point, {"x": int, "y": float, "other": Optional[Point]}),
        (Pair, {"first": str, "second": int}),
        (Person, {}),  # pydantic converts what it is given
        (Colour, {}),
        (len, {}),
        (print, {}),
        (str, {}),
        (str.upper, {}),
        (None, {}),
        (5, {}),
    ],
    ids=spelled,
)
def test_parameters_have_the_annotations_of_the_function(fn, annotations):
    assert annotation_of_parameters(fn) == annotations


@pytest.mark.parametrize(
    ("fn", "parameters", "annotations"),
    [
        (typed, ["b", "a"], [str, int]),
        (typed, [None, None, None, None, "c", "other"], [int, str, float, float, Person, bool]),
        (untyped, [None, "b", None], [UNKNOWN] * 3),
        (len, [None], [UNKNOWN]),
    ],
)
def test_arguments_find_their_annotations_by_name_and_by_position(fn, parameters, annotations):
    assert annotations_of_arguments(fn, parameters) == annotations


async def awaited() -> int: ...


async def awaiting() -> Awaitable[int]: ...


def coroutine() -> Coroutine[Any, Any, "Person"]: ...


def maybe_awaited() -> int | Awaitable[str]: ...


def nothing() -> None: ...


def generator() -> Iterable[int]:
    yield 1


@pytest.mark.parametrize(
    ("fn", "annotation"),
    [
        (typed, list[Person]),
        (untyped, UNKNOWN),
        (partly, UNKNOWN),
        (nothing, type(None)),
        (awaited, int),
        (awaiting, int),
        (coroutine, Person),
        (maybe_awaited, int | str),
        (generator, UNKNOWN),
        (cached, str),
        (wrapped, UNKNOWN),
        (converting, UNKNOWN),
        (unchecked, UNKNOWN),
        (functools.partial(typed, 1), list[Person]),
        (functools.partial(functools.partial(cached), 1), str),
        (functools.partial(Point, 1), Point),
        (Callee(), int),
        (Callee().method, Callee),
        (Callee.make, Person),
        (Callee.free, type(None)),
        (Person, Person),
        (Page[int], Page[int]),
        (Pair, Pair),
        (str, str),
        (UserId, UserId),
        (list[int], list[int]),
        (type, UNKNOWN),
        (len, UNKNOWN),
        (None, UNKNOWN),
    ],
    ids=spelled,
)
def test_a_function_gives_what_its_annotation_says(fn, annotation):
    assert return_annotation(fn) == annotation


def test_a_class_of_an_outer_function_is_found():
    class Local(pydantic.BaseModel):
        size: int

    def make(other: "Local") -> "list[Local]":
        return [Local(size=1)]

    assert return_annotation(make) == list[Local]
    assert annotation_of_parameters(make) == {"other": Local}


def test_a_name_that_is_defined_later_is_found_then():
    names = {}
    exec("def f(a: 'Later') -> 'Later': ...", names)  # noqa: S102
    assert return_annotation(names["f"]) is UNKNOWN
    names["Later"] = Person
    assert return_annotation(names["f"]) is Person
    assert annotation_of_parameters(names["f"]) == {"a": Person}


# --- words ---


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "a text"),
        (int, "a number"),
        (float, "a number"),
        (int | float, "a number"),
        (bool, "a boolean"),
        (None, "none"),
        (Any, "any value"),
        ("Nobody", "any value"),
        (list, "a list"),
        (list[Any], "a list"),
        (list[str], "a list of texts"),
        (list[list[int]], "a list of lists of numbers"),
        (list[str | int], "a list of texts or numbers"),
        (list[Literal["a", "b"]], "a list of 'a' or 'b'"),
        (list[Person], "a list of Person"),
        (set[str], "a set of texts"),
        (Sequence[str], "a sequence of texts"),
        (tuple[int, str], "a tuple of a number and a text"),
        (tuple[int, ...], "a tuple of numbers"),
        (dict, "a dict"),
        (dict[str, Any], "a dict"),
        (dict[str, int], "a dict of numbers"),
        (dict[int, Person], "a dict from numbers to Person"),
        (Person, "Person"),
        (Box[int], "Box"),
        (Optional[str], "a text or none"),
        (Literal["a", "b"], "one of 'a', 'b'"),
        (Literal["a"], "'a'"),
        (Literal["a"] | None, "none or 'a'"),
        (Literal[Colour.RED], "'red'"),
        (type[Person], "a class"),
        (UserId, "a text"),
        (Annotated[list[str], 1], "a list of texts"),
        (pd.DataFrame, "DataFrame"),
    ],
)
def test_a_type_is_described_in_words(annotation, words):
    assert describe(annotation) == words


# --- what is true of all types ---

SCALARS = st.sampled_from(
    [(str, "a"), (int, 1), (float, 1.5), (bool, True), (None, None), (bytes, b"x"), (Decimal, Decimal(1)),
     (date, date(2024, 1, 1)), (Colour, Colour.RED), (Tone, Tone.WARM), (Literal["a", "b"], "a"), (Literal[1], 1),
     (Any, {"any": ["thing"]}), (object, (1, 2)), (UserId, "u"), (Annotated[int, "doc"], 3), (range, range(3)),
     (Plain, Plain(1)), (Person, Employee(name="e")), (Figure, Circle(2.0)), (T, [1]), (tuple, Pair("a", 1)),
     ("Nobody", {"a": 1}), (Optional[Person], Person(name="p", friends=[Person(name="q")])), (Store, Store(a=1))]
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "name", "items", "x1"])


def nested(parts):
    """Types made of others, each with a value of it."""

    def of_fields(make):
        return st.dictionaries(NAMES, parts, min_size=1, max_size=3).map(make)

    def as_model(fields):
        kind = pydantic.create_model(
            "Model",
            __config__={"arbitrary_types_allowed": True},
            **{name: (annotation, ...) for name, (annotation, _) in fields.items() if annotation != "Nobody"},
        )
        return kind, kind.model_construct(**{name: value for name, (_, value) in fields.items()})

    def as_dataclass(fields):
        kind = dataclasses.make_dataclass("Record", [(name, note) for name, (note, _) in fields.items()])
        return kind, kind(**{name: value for name, (_, value) in fields.items()})

    def as_named_tuple(fields):
        kind = NamedTuple("Row", [(name, note) for name, (note, _) in fields.items()])
        return kind, kind(**{name: value for name, (_, value) in fields.items()})

    def as_typed_dict(fields):
        kind = typing_extensions.TypedDict("Entry", {name: note for name, (note, _) in fields.items()})
        return kind, {name: value for name, (_, value) in fields.items()}

    def as_generic(part):
        return Box[part[0]], Box(part[1], [part[1]])

    def as_list(part):
        return list[part[0]], [part[1], part[1]]

    return st.one_of(
        of_fields(as_model),
        of_fields(as_dataclass),
        of_fields(as_named_tuple),
        of_fields(as_typed_dict),
        parts.map(as_generic),
        parts.map(as_list),
        parts.map(lambda part: (Sequence[part[0]], (part[1],))),
        parts.map(lambda part: (collections.deque[part[0]], collections.deque([part[1]]))),
        parts.map(lambda part: (tuple[part[0], ...], (part[1], part[1]))),
        st.tuples(parts, parts).map(lambda two: (tuple[two[0][0], two[1][0]], (two[0][1], two[1][1]))),
        st.tuples(NAMES, parts).map(lambda two: (dict[str, two[1][0]], {two[0]: two[1][1]})),
        st.tuples(NAMES, parts).map(lambda two: (Mapping[str, two[1][0]], {two[0]: two[1][1]})),
        parts.map(lambda part: (dict[int, part[0]], {0: part[1], 5: part[1]})),
        st.tuples(parts, parts).map(lambda two: (Union[two[0][0], two[1][0]], two[1][1])),
        parts.map(lambda part: (Optional[part[0]], part[1])),
        parts.map(lambda part: (Annotated[part[0], "doc"], part[1])),
    )


TYPES = st.recursive(SCALARS, nested, max_leaves=5)
KEYS = [
    "a",
    "b",
    "name",
    "items",
    "x1",
    "x",
    "content",
    "more",
    "first",
    "radius",
    "salary",
    "friends",
    "any",
    0,
    1,
    -1,
    5,
]


def paths_into(value, depth=3):
    """Every path that `look_up` really follows."""
    for key in KEYS if depth else ():
        try:
            part = look_up(value, key)
        except TemplateError:
            continue
        yield (key,)
        yield from ((key, *rest) for rest in paths_into(part, depth - 1))


@given(TYPES)
@settings(deadline=None, max_examples=300)
def test_a_path_that_leads_somewhere_in_a_value_of_the_type_is_never_refused(typed_value):
    annotation, value = typed_value
    for path in paths_into(value):
        assert check_path(annotation, path) is None


@given(TYPES, TYPES)
@settings(deadline=None, max_examples=300)
def test_a_type_that_takes_a_value_as_pydantic_sees_it_is_never_refused(wanted_value, given_value):
    (wanted, _), (given_type, value) = wanted_value, given_value
    try:
        adapter = pydantic.TypeAdapter(wanted, config=pydantic.ConfigDict(arbitrary_types_allowed=True))
    except (pydantic.PydanticUserError, TypeError):  # a model has its own config; a text is no annotation
        adapter = pydantic.TypeAdapter(wanted) if hasattr(wanted, "model_fields") else None
    try:
        fits = adapter is not None and adapter.validate_python(value, strict=True) is not None
        if isinstance(value, dict) and hasattr(wanted, "model_fields"):
            fits = False  # pydantic would make a model of it; a function that wants one would get a dict
    except (pydantic.ValidationError, pydantic.PydanticUserError):
        fits = False
    if fits:
        assert accepts(wanted, given_type) is not False


@given(TYPES, TYPES)
@settings(deadline=None, max_examples=300)
def test_a_type_takes_its_own_values_and_a_wider_type_does_too(one, other):
    narrow, more = one[0], other[0]
    for wide in (narrow, Optional[narrow], Union[more, narrow], Annotated[narrow, "x"], Any, object):
        assert accepts(wide, narrow) is not False
    assert accepts(Sequence[Union[more, narrow]], list[narrow]) is not False
    assert accepts(Mapping[str, Optional[narrow]], dict[str, narrow]) is not False
    assert accepts(narrow, Union[more, narrow]) is not False


@given(TYPES, TYPES)
@settings(deadline=None)
def test_describing_and_comparing_any_types_gives_an_answer(one, other):
    assert isinstance(describe(one[0]), str)
    assert accepts(one[0], other[0]) in (True, False, None)
