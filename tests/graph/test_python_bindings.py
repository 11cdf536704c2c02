"""How the parameters of a function become the inputs of its node."""

import functools
import re
from typing import NamedTuple

import pytest

import graphbit_nb as gb
from graphbit_nb.graph.registry import processor_of

python = gb.Node.python


def read(node):
    return [(str(reference), reference.required) for reference in node.references]


def call(node, **values):
    """Call the node's function with what its bindings make of the values."""
    args, kwargs = processor_of("python").render(node, values)
    return node.settings.fn(*args, **kwargs)


def positional_only(a, b=2, c=3, /):
    return (a, b, c)


def variadic(a, *rest, **named):
    return (a, rest, named)


def keyword_only(a, *, b, c=3):
    return (a, b, c)


class Pair(NamedTuple):
    x: int
    y: int


class Callable:
    def __init__(self, x=0):
        self.x = x

    def __call__(self, y):
        return self.x + y

    def method(self, z):
        return z

    @classmethod
    def make(cls, z):
        return z


@pytest.mark.parametrize(
    ("fn", "inputs", "references", "values", "result"),
    [
        (lambda: 1, None, [], {}, 1),
        (lambda a, b: (a, b), None, [("a", True), ("b", True)], {"a": 1, "b": 2}, (1, 2)),
        (lambda a, b=2: (a, b), None, [("a", True), ("b", False)], {"a": 1}, (1, 2)),
        (lambda a, b=2: (a, b), None, [("a", True), ("b", False)], {"a": 1, "b": 5}, (1, 5)),
        (lambda a: a, {"a": "n.x[0]"}, [("n.x[0]", True)], {"n": {"x": [7]}}, 7),
        (lambda a, b: (a, b), {"b": "a"}, [("a", True), ("a", True)], {"a": 1}, (1, 1)),
        (lambda a, b: (a, b), ["y", "x.k"], [("y", True), ("x.k", True)], {"x": {"k": 1}, "y": 2}, (2, 1)),
        (lambda a: a, "y", [("y", True)], {"y": 2}, 2),
        (lambda a, b=9: (a, b), ["y"], [("y", True)], {"y": 2}, (2, 9)),
        (lambda *a: a, ["x", "y", "x"], [("x", True), ("y", True), ("x", True)], {"x": 1, "y": 2}, (1, 2, 1)),
        (variadic, None, [("a", True)], {"a": 1}, (1, (), {})),
        (variadic, ["x", "y"], [("x", True), ("y", True)], {"x": 1, "y": 2}, (1, (2,), {})),
        (variadic, {"a": "x", "more": "y"}, [("x", True), ("y", True)], {"x": 1, "y": 2}, (1, (), {"more": 2})),
        (keyword_only, None, [("a", True), ("b", True), ("c", False)], {"a": 1, "b": 2}, (1, 2, 3)),
        (positional_only, None, [("a", True), ("b", False), ("c", False)], {"a": 1, "c": 5}, (1, 2, 5)),
        (positional_only, ["x"], [("x", True)], {"x": 1}, (1, 2, 3)),
        (Callable(1), None, [("y", True)], {"y": 2}, 3),
        (Callable(1).method, None, [("z", True)], {"z": 2}, 2),
        (Callable.make, None, [("z", True)], {"z": 2}, 2),
        (len, ["x"], [("x", True)], {"x": [1, 2]}, 2),
        (Pair, None, [("x", True), ("y", True)], {"x": 1, "y": 2}, (1, 2)),
        (functools.partial(pow, 2), ["x"], [("x", True)], {"x": 3}, 8),
        (lambda self, fn, args: (self, fn, args), None, [("self", True), ("fn", True), ("args", True)],
         {"self": 1, "fn": 2, "args": 3}, (1, 2, 3)),
        (lambda e: e, {"e": "ﬁle"}, [("file", True)], {"file": 1}, 1),
    ],
)  # fmt: skip
def test_bindings(fn, inputs, references, values, result):
    node = python("node", fn, inputs=inputs)
    assert read(node) == references
    assert call(node, **values) == result


@pytest.mark.parametrize(
    ("fn", "inputs", "told"),
    [
        (None, None, "a python node needs a function, not NoneType"),
        ("text", None, "a python node needs a function, not str"),
        (int, None, "the parameters of <class 'int'> cannot be read"),
        (lambda first: 1, {"frist": "x"}, "the function has no parameter 'frist'; did you mean 'first'"),
        (lambda a: 1, ["x", "y"], "the function takes 1 inputs, and 2 are given"),
        (lambda a, b: 1, ["x"], "no input is given for the parameter 'b'"),
        (keyword_only, ["x"], "no input is given for the parameter 'b'"),
        (lambda a: 1, {"a": "x y"}, "node: "),
        (lambda a: 1, {"a": ""}, "node: "),
        (lambda a: 1, {"a": "x | upper"}, "'x | upper' is no input"),
        (lambda a: 1, {"a": "x.__class__"}, "__class__"),
        (lambda a: 1, {"a": "true"}, "'true' is no input"),
        (lambda a: 1, {"a": "x }} {{ y"}, "is no input"),
        (lambda a: 1, {"a": 5}, "5 is no input"),
        (lambda a: 1, [None], "None is no input"),
    ],
)
def test_bindings_that_are_refused(fn, inputs, told):
    with pytest.raises(gb.DefinitionError, match=re.escape(told)) as refused:
        python("node", fn, inputs=inputs)
    assert str(refused.value).startswith("node: ")


async def coroutine_function():
    return 1


class AsyncCallable:
    async def __call__(self):
        return 1


@pytest.mark.parametrize(
    ("fn", "is_async"),
    [
        (coroutine_function, True),
        (functools.partial(coroutine_function), True),
        (AsyncCallable(), True),
        (lambda: 1, False),
        (lambda: coroutine_function(), False),  # noqa: PLW0108
        (AsyncCallable, False),
    ],
)
def test_what_is_awaited_is_known_beforehand(fn, is_async):
    assert python("node", fn).settings.is_async is is_async
