# ruff: noqa: E501 (tables of values)
"""Values are kept exactly, or refused with a reason; what is read runs nobody's code."""

import collections
import contextlib
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import sys
import types
import typing
import uuid
import zoneinfo

import numpy as np
import pandas as pd
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphbit_nb as gb
from graphbit_nb.core.encoding import (
    CannotKeepError,
    Unavailable,
    decode,
    decode_noting,
    dumps,
    encode,
    encode_leniently,
    loads,
    missing_in,
)
from graphbit_nb.errors import StorageError

calls = []


class Color(enum.Enum):
    RED = "red"
    BLUE = object()


class Level(enum.IntEnum):
    LOW = 1


class Flags(enum.Flag):
    A = 1
    B = 2


class Pair(typing.NamedTuple):
    left: object
    right: object = None


@dataclasses.dataclass
class Point:
    x: object
    y: object = 0

    def __post_init__(self):
        calls.append("Point")


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    x: object


class Note(pydantic.BaseModel):
    text: str
    points: list[int] = []

    @pydantic.field_validator("text")
    @classmethod
    def check(cls, value):
        calls.append("Note")
        return value


class Open(pydantic.BaseModel, extra="allow"):
    _secret: int = pydantic.PrivateAttr(default=1)
    x: int = 0


def private():
    found = Open(x=1, more="yes")
    found._secret = 9
    return found


VALUES = [
    None, True, 0, -1, 10**400, 0.1, -0.0, math.inf, -math.inf, "", "é\u202e\u200b", "\ud800", "\ud800\udc00", {"\ud800\udc00": "\ud800\udc00"}, "a\x00b",
    [], [1, [2.5, None]], (), (1, (2,)), {}, {"a": 1}, {"~": "int", "v": "0x1"}, {1: "a", (2, 3): "b", None: 0},
    set(), {1, "a", (2,)}, frozenset({frozenset()}), b"", b"\x00\xff", bytearray(b"ab"), 3 + 4j, range(1, 9, 2),
    slice(1, None, 2), ..., [0.5] * 40, (0.25,) * 40, ["a"] * 3,
    dt.datetime(2026, 1, 2, 3, 4, 5, 6),  # noqa: DTZ001
    dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.date(1, 1, 1), dt.time(23, 59, tzinfo=dt.timezone(dt.timedelta(hours=2), "X")),
    dt.timedelta(days=-3, microseconds=1), decimal.Decimal("1.10"), uuid.UUID(int=7),
    pathlib.Path("/a/b"), pathlib.PureWindowsPath("C:\\x"), pathlib.PurePosixPath("y"),
    collections.OrderedDict(b=1, a=2), collections.Counter("aab"), collections.deque([1, 2], maxlen=3),
    collections.defaultdict(list, {"a": [1]}),
    Color.RED, Color.BLUE, Level.LOW, Flags.A, Pair(1, Pair(2)), Point(1, Point(2)), Frozen([1]), Note(text="a"), private(),
    gb.Message("user", "hello"), gb.Usage(input_tokens=3, calls=1), gb.Image(data=b"\x89PNG", media_type="image/png"),
    gb.ToolCall("1", "look", {"a": [1]}),
]  # fmt: skip


def same(one, other):
    """Whether values are equal and of the same types, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(same(a, c) and same(b, d) for (a, b), (c, d) in pairs)
    if isinstance(one, list | tuple | collections.deque):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize(
    "value", VALUES, ids=[f"{number}-{type(value).__name__}" for number, value in enumerate(VALUES)]
)
def test_is_kept_exactly(value):
    text = dumps(value)
    text.encode()
    assert same(loads(text), value)
    assert missing_in(value) == ()


keys = st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.binary(), st.dates())
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(), st.decimals(allow_nan=False),
    st.datetimes(), st.timedeltas(), st.uuids(), st.complex_numbers(allow_nan=False), st.characters(),
    st.text(st.characters(codec=None, categories=["Cs", "Cf", "Cc"])),
)  # fmt: skip
nested = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(keys, inner), st.frozensets(keys),
        st.builds(Point, inner, inner), st.builds(Pair, inner, inner),
    ),
    max_leaves=20,
)  # fmt: skip


@given(nested)
def test_whatever_is_made_of_such_values_is_kept_exactly(value):
    assert same(loads(dumps(value)), value)


@given(st.frozensets(st.text()))
def test_equal_sets_are_written_alike(value):
    assert dumps(value) == dumps(frozenset(sorted(value, reverse=True)))


def test_not_a_number_is_kept():
    assert math.isnan(loads(dumps(math.nan)))


def test_one_value_twice_is_two_equal_values():
    part = [1]
    assert loads(dumps([part, part])) == [[1], [1]]


# ---- libraries


FRAMES = [
    np.arange(6).reshape(2, 3), np.array([1.5, np.inf], dtype="f4"), np.array(["a", "bc"]), np.array([], dtype="i8"),
    np.array(7), np.array([True]), np.array([1 + 2j]), np.array(["2026-01-01"], dtype="M8[D]"),
    np.array([1, "a", None, [2]], dtype=object), np.asfortranarray(np.ones((2, 2))), np.array([1, 2], dtype=">i4"),
]  # fmt: skip


@pytest.mark.parametrize("value", FRAMES, ids=str)
def test_arrays_are_kept(value):
    back = loads(dumps(value))
    assert (back.dtype, back.shape) == (value.dtype, value.shape)
    assert np.array_equal(back, value)
    assert back.flags.writeable


@pytest.mark.parametrize(
    "value", [np.float32(1.5), np.int64(-3), np.bool_(1), np.str_("a"), np.datetime64("2026-01-01")]
)
def test_numbers_of_numpy_stay_what_they_are(value):
    back = loads(dumps(value))
    assert (type(back), back) == (type(value), value)


TABLES = [
    pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, np.nan]}),
    pd.DataFrame({"t": pd.to_datetime(["2026-01-01", None]), "z": pd.to_datetime(["2026-01-01", "2026-02-01"], utc=True)}),
    pd.DataFrame({"c": pd.Categorical(["a", "b"]), "n": pd.array([1, None], dtype="Int64")}),
    pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([("x", 1)], names=["p", "q"])),
    pd.DataFrame(), pd.DataFrame({"o": [{"x": 1}, [2]]}), pd.DataFrame([[1, 2]], columns=["a", "a"]),
]  # fmt: skip


@pytest.mark.parametrize("value", TABLES, ids=lambda value: str(list(value.columns)))
def test_tables_are_kept_or_refused_but_never_changed(value):
    try:
        back = loads(dumps(value))
    except CannotKeepError:
        return
    pd.testing.assert_frame_equal(back, value)


def test_plain_tables_are_kept():
    for value in TABLES[:3]:
        assert loads(dumps(value)).equals(value)


def test_a_series_keeps_name_and_index():
    value = pd.Series([1, 2], index=["a", "b"], name="n")
    pd.testing.assert_series_equal(loads(dumps(value)), value)


# ---- refused


class Plain:
    pass


class Closer:
    def __del__(self):
        calls.append("closed")


@dataclasses.dataclass
class Closing:
    x: int

    def __del__(self):
        calls.append("closed")


def inner_class():
    @dataclasses.dataclass
    class Inner:
        x: int

    return Inner(1)


class Sub(dict):
    pass


loop = []
loop.append(loop)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Plain(), r"a \S*Plain is no plain data"),
        (Plain, "Plain is a class, not a value"),
        (len, "len is a function, not a value"),
        (lambda: 1, "<lambda> is a function"),
        (sys, "a module is no plain data"),
        ((n for n in ()), "a generator is no plain data"),
        (loop, r"at \[0\]: it holds itself"),
        ({"rows": [1, {"a": Plain()}]}, r"at \['rows'\]\[1\]\['a'\]: a \S*Plain is no plain data"),
        ({Plain: 1}, "Plain is a class"),
        (inner_class(), "is not at the top of a module"),
        (Closing(1), "has a __del__"),
        (Sub(a=1), r"a \S*Sub is no plain data"),
        (collections.defaultdict(lambda: 1), "whose default is no plain type"),
        (Flags.A | Flags.B, "is a combination of members"),
        (np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]), "is not kept"),
        (memoryview(b"a"), "a memoryview is no plain data"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_is_refused_with_the_place_and_the_reason(value, message):
    with pytest.raises(CannotKeepError, match=message):
        encode(value)


def test_what_is_nested_too_deeply_is_refused():
    value = []
    for _ in range(3000):
        value = [value]
    with pytest.raises(CannotKeepError, match="nested too deeply"):
        encode(value)


def test_what_is_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("graphbit_nb.core.encoding.MOST_ITEMS", 1000)
    with pytest.raises(CannotKeepError, match="more than 1,000 items"):
        encode([[1] * 40] * 40)
    monkeypatch.setattr("graphbit_nb.core.encoding.LONGEST", 2_000_000)
    with pytest.raises(CannotKeepError, match="larger than 2 MB"):
        encode("x" * 2_000_001)


def test_an_instance_whose_class_was_replaced_is_refused(monkeypatch):
    value = Point(1)
    monkeypatch.setattr(sys.modules[__name__], "Point", dataclasses.make_dataclass("Point", ["x"]))
    with pytest.raises(CannotKeepError):
        encode(value)


# ---- kept as far as it can be


def test_what_cannot_be_kept_is_named_in_its_place():
    value = loads(json.dumps(encode_leniently({"good": 1, "bad": [Plain()]})))
    assert value["good"] == 1
    (bad,) = value["bad"]
    assert isinstance(bad, Unavailable)
    assert (bad.type, bad.reason) == ("Plain", f"a {__name__}.Plain is no plain data")
    assert "Plain object" in str(bad)
    assert missing_in(value) == (bad,)


def test_it_can_be_kept_again():
    value = decode(encode_leniently([Plain()]))
    assert decode(encode(value)) == value


class Rude:
    def __repr__(self):
        raise SystemError("no")


def test_a_repr_that_raises_does_no_harm():
    assert decode(encode_leniently(Rude())).text.startswith("<Rude instance at ")


# ---- read without running anything


def test_no_constructor_and_no_validator_is_called():
    text = dumps([Point(1), Note(text="a")])
    calls.clear()
    assert loads(text) == [Point(1), Note(text="a")] or calls
    calls.clear()
    loads(text)
    assert calls == []


def test_a_class_that_is_not_there_is_unavailable(monkeypatch):
    text = dumps({"p": Point(1), "q": 2})
    monkeypatch.delattr(sys.modules[__name__], "Point")
    value, missing = decode_noting(json.loads(text))
    assert value["q"] == 2
    assert value["p"].reason == f"there is no dataclass {__name__}:Point in this process"
    assert missing == (value["p"],)
    monkeypatch.undo()
    assert loads(dumps(value))["p"] == Point(1)


def test_a_class_that_has_other_fields_now_is_unavailable(monkeypatch):
    text = dumps(Point(1))
    other = dataclasses.make_dataclass("Point", ["x", "z"])
    other.__module__ = __name__
    monkeypatch.setattr(sys.modules[__name__], "Point", other)
    assert loads(text).reason == "Point has other fields now"


def test_no_module_is_imported():
    assert "antigravity" not in sys.modules
    assert isinstance(loads('{"~": "data", "c": "antigravity:X", "f": {}}'), Unavailable)
    assert "antigravity" not in sys.modules


def test_attribute_hooks_are_not_asked(monkeypatch):
    module = types.ModuleType("tricky")
    module.__getattr__ = calls.append
    monkeypatch.setitem(sys.modules, "tricky", module)
    calls.clear()
    assert isinstance(loads('{"~": "data", "c": "tricky:X", "f": {}}'), Unavailable)
    assert calls == []


@pytest.mark.parametrize(
    "address",
    ["subprocess:Popen", "os:system", "builtins:eval", "builtins:object", "pathlib:Path", "__main__:", ":", "a:b:c", "threading:Thread"],
)  # fmt: skip
@pytest.mark.parametrize("tag", ["data", "enum", "named", "model"])
def test_only_classes_of_data_are_made(tag, address):
    data = {"~": tag, "c": address, "f": {}, "v": "x", "s": []}
    with contextlib.suppress(StorageError):
        assert isinstance(decode(data), Unavailable)


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "NaN", "[Infinity]", '{"~": "nothing"}', '{"~": 1}', '{"~": []}', '{"~": "int"}', '{"~": "int", "v": 3}',
        '{"~": "set", "v": [[1]]}', '{"~": "dict", "v": [[[], 1]]}', '{"~": "bytes", "v": "é"}', '{"~": "decimal", "v": "x"}',
        '{"~": "range", "v": [1.5, 2, 3]}', '{"~": "datetime", "v": "x", "z": null, "f": 0}', '{"~": "record", "c": "Path", "f": {}}',
        '{"~": "record", "c": "Usage", "f": {"input_tokens": "x"}}', '{"~": "record", "c": "Usage", "f": {"x": 1}}',
        '{"~": "numpy array", "d": "O8", "s": [1], "v": ""}', '{"~": "numpy array", "d": "f8", "s": [-1], "v": ""}',
        '{"~": "lost", "type": 1, "text": "", "why": ""}', '{"~": "time", "v": "10:00", "z": "../../etc/passwd", "f": 0}',
        "[" * 5000 + "]" * 5000, '{"~": "tuple", "v": 1}', '{"~": "deque", "v": [], "n": -5}', '{"~":"timedelta","v":[1e999,0,0]}',
    ],
)  # fmt: skip
def test_what_nobody_wrote_is_a_storage_error(text):
    with pytest.raises(StorageError):
        loads(text)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    | st.sampled_from(["Usage", "Message", "f8", "O", "data", f"{__name__}:Point", f"{__name__}:Color"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    | st.builds(
        lambda tag, rest: {"~": tag, **rest},
        st.sampled_from(["int", "float", "floats", "tuple", "set", "dict", "bytes", "complex", "range", "slice", "datetime",
                         "date", "time", "timedelta", "decimal", "uuid", "path", "record", "enum", "named", "data", "model",
                         "numpy array", "numpy scalar", "pandas frame", "pandas series", "pandas index", "pandas Timestamp",
                         "lost", "str", "deque", "Counter", "OrderedDict", "defaultdict"]),
        st.dictionaries(st.sampled_from(["v", "c", "f", "s", "d", "n", "z", "u", "x", "p", "why", "type", "text", "index", "columns", "name", "attrs"]), inner, max_size=6),
    ),
    max_leaves=15,
)  # fmt: skip


@given(json_like)
def test_any_json_is_a_value_or_a_storage_error(data):
    try:
        value = decode(data)
    except StorageError:
        return
    dumps(value) if not isinstance(value, float) else None
