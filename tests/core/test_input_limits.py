"""How large things may be, and how large they are."""

import dataclasses

import pytest
from pydantic import BaseModel

import graphbit_nb as gb
from graphbit_nb.core.limits import InputLimits, size_of


class Point(BaseModel):
    name: str


@dataclasses.dataclass
class Line:
    text: str


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("x" * 1000, 1000, 1000),
        ("ä" * 1000, 2000, 2000),
        (b"x" * 1000, 1000, 1000),
        (["x" * 1000] * 3, 3000, 3100),  # the same text counts each time
        ({"a": {"b": ["x" * 1000]}}, 1000, 1100),
        (Point(name="x" * 1000), 1000, 1100),
        (Line("x" * 1000), 1000, 1100),
        (range(10**9), 1, 100),
        (None, 1, 100),
        (object(), 1, 100),
    ],
)
def test_sizes_are_about_right(value, least, most):
    assert least <= size_of(value) <= most


def test_arrays_and_tables_say_their_own_size():
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    assert size_of(numpy.zeros(1000)) == 8000
    assert size_of(pandas.DataFrame({"a": numpy.zeros(1000)})) >= 8000


def test_a_value_that_holds_itself_is_measured():
    mine = ["x" * 100]
    mine.append(mine)
    assert 100 <= size_of(mine) < 300


def test_counting_ends_when_it_is_enough():
    class Endless(list):
        def __iter__(self):
            while True:
                yield "x" * 1000

    assert size_of(["x" * 1000 for _ in range(1000)], enough=5000) < 1_000_000 + 10_000


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "many"])
def test_a_limit_is_a_whole_number_from_1(value):
    with pytest.raises(gb.UsageError, match=r"InputLimits: max_nodes=.*: give a whole number from 1, or None"):
        InputLimits(max_nodes=value)


def test_what_is_over_a_limit_is_refused_with_both_numbers_and_the_way_out():
    with pytest.raises(gb.InputTooLarge) as refused:
        InputLimits(max_nodes=10).refuse("max_nodes", "w has {size} nodes", 1234)
    assert str(refused.value) == (
        "w has 1,234 nodes, over the limit of 10; make it smaller, or allow more with "
        "WorkflowExecutor(limits=InputLimits(max_nodes=...)) or graphbit_nb.init(limits=...)"
    )


def test_none_is_no_limit():
    InputLimits(max_nodes=None).refuse("max_nodes", "{size}", 10**12)
