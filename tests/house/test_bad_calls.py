"""Whatever is given to a public call, a mistake comes back as a GraphbitError and as nothing else.

``python -m tests.house.test_bad_calls 10000`` makes that many calls; the suite makes a few thousand.
"""

import asyncio
import datetime as dt
import decimal
import pathlib
import random
import sys
import time
from collections import Counter

import pytest

import graphbit_nb as gb
from graphbit_nb.graph.arguments import COMMON
from graphbit_nb.graph.node import make_node
from graphbit_nb.graph.registry import processor_of
from graphbit_nb.session.files import export, load

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # coroutines that are given as values


class Ambiguous:
    """Compares like an array: to something that is neither true nor false."""

    def __eq__(self, other):
        return Ambiguous()

    def __bool__(self):
        raise ValueError("the truth value is ambiguous")

    __hash__ = None


class Silent:
    """Has no text of its own."""

    def __repr__(self):
        return "<silent>"

    def __len__(self):
        return 3


def function(a, b=1, *rest, c, **more):
    return a


async def coroutine(a):
    return a


def recursive():
    made = []
    made.append(made)
    return made


NODE = gb.Node.prompt("a", "{{ x }}")
WORKFLOW = gb.WorkflowBuilder("w")
WORKFLOW.add_node(gb.Node.python("a", lambda x: x))
WORKFLOW = WORKFLOW.build()
JUNK = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**70,
    10**400,
    1.5,
    -0.0,
    float("nan"),
    float("inf"),
    -float("inf"),
    1j,
    decimal.Decimal(1),
    "",
    " ",
    "a",
    "b",
    "a=b",
    "a=",
    "=",
    "a|b",
    "a||b",
    "x in y",
    "x in",
    "{{",
    "{{ x }}",
    "{% if %}",
    "@system\n",
    "\0",
    "\ud800",
    "\U0001f600",
    "list[",
    "list[" * 200 + "]" * 200,
    "dict[str, int]",
    "all",
    "any",
    "fail",
    "default",
    "engine",
    "parallel",
    "a" * 10_000,
    b"",
    b"a",
    [],
    [None],
    ["a"],
    ["a", 1],
    [[]],
    (),
    ("a", "b"),
    {},
    {"a": 1},
    {"a": "b"},
    {1: 2},
    {None: None},
    set(),
    {1},
    frozenset({"a"}),
    range(3),
    object(),
    Ambiguous(),
    Silent(),
    type,
    int,
    list[int],
    dict[str, "Nothing"],  # noqa: F821
    Exception("x"),
    Exception,
    function,
    coroutine,
    len,
    print,
    lambda: 0,
    (n for n in range(2)),
    dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    pathlib.Path("x"),
    NODE,
    gb.Node,
    WORKFLOW,
    gb.WorkflowBuilder("w"),
    gb.RetryPolicy(),
    gb.RetryPolicy,
    gb.LlmConfig.openai("m"),
    gb.LlmConfig.scripted({"*": "x"}),
    gb.LlmConfig,
    recursive(),
    ...,
    NotImplemented,
]
KINDS = ("prompt", "python", "condition", "human", "embed", "workflow")
GOOD = {
    "prompt": "{{ x }}",
    "python": function,
    "condition": "yes",
    "human": "?",
    "embed": "{{ x }}",
    "workflow": WORKFLOW,
}


def few(rng, names, most=3):
    return {name: rng.choice(JUNK) for name in rng.sample(sorted(names), rng.randrange(min(most, len(names)) + 1))}


def call_kind(rng):
    kind = rng.choice(KINDS)
    name = "n" if rng.random() < 0.8 else rng.choice(JUNK)
    body = GOOD[kind] if rng.random() < 0.6 else rng.choice(JUNK)
    options = few(rng, (*COMMON, *(name for name in processor_of(kind).options if name != "of"), "nonsense"))
    return getattr(gb.Node, kind)(name, body, **options)


def call_make_node(rng):
    return make_node(rng.choice([*KINDS, *JUNK]), rng.choice(["n", *JUNK]), rng.choice(JUNK), **few(rng, COMMON))


def call_builder(rng):
    builder = gb.WorkflowBuilder("w" if rng.random() < 0.7 else rng.choice(JUNK), rng.choice([None, *JUNK]))
    for _ in range(rng.randrange(4)):
        if rng.random() < 0.5:
            builder.add_node(call_kind(rng) if rng.random() < 0.8 else rng.choice(JUNK))
        else:
            builder.connect(rng.choice(["n", *JUNK]), rng.choice(["n", *JUNK]), rng.choice([None, "control", *JUNK]))
    return builder.build()


def call_executor(rng):
    names = ("max_concurrency", "strategy", "on_error", "retry", "cache", "provider_concurrency", "deadline")
    return gb.WorkflowExecutor(rng.choice([None, *JUNK]), **few(rng, names))


def call_execute(rng):
    workflow = WORKFLOW if rng.random() < 0.7 else rng.choice(JUNK)
    inputs = {"x": rng.choice(JUNK)} if rng.random() < 0.4 else rng.choice(JUNK)
    given = few(rng, ("nodes", "cache", "loop", "answers"), most=1)
    if rng.random() < 0.5:
        return gb.WorkflowExecutor().execute(workflow, inputs, **given)
    return asyncio.run(gb.WorkflowExecutor().run(workflow, inputs, **given))


def call_config(rng):
    provider = rng.choice(["openai", "ollama", "anthropic", "scripted", "local"])
    return getattr(gb.LlmConfig, provider)(rng.choice(JUNK))


def call_retry(rng):
    names = ("max_attempts", "base_delay", "max_delay", "backoff_multiplier", "jitter")
    return gb.RetryPolicy(**few(rng, names))


def call_files(rng):
    if rng.random() < 0.5:
        return load(rng.choice(JUNK), **few(rng, ("trust", "namespace")))
    return export(rng.choice(JUNK), rng.choice(["", "/nowhere/a.json", *JUNK[:50]]), **few(rng, ("inputs", "config")))


CALLS = (
    call_kind, call_kind, call_kind, call_make_node, call_builder, call_executor, call_execute, call_config, call_retry,
    call_files,
)  # fmt: skip


def run(count, calls, seed=0):
    """Make that many calls; return how often they went well and how often they were refused."""
    ends = Counter()
    for number in range(seed, seed + count):
        rng = random.Random(number)
        call = rng.choice(calls)
        try:
            call(rng)
            ends["accepted"] += 1
        except gb.GraphbitError as error:
            if not str(error).strip():
                raise AssertionError(f"seed {number} of {call.__name__}: no message") from error
            ends["refused"] += 1
        except Exception as error:
            raise AssertionError(f"seed {number} of {call.__name__}: {type(error).__name__}: {error}") from error
    return ends


@pytest.mark.parametrize("call", sorted(set(CALLS), key=lambda call: call.__name__))
def test_bad_calls_are_refused_by_a_graphbit_error(call):
    ends = run(100 if call is call_execute else 400, (call,))
    assert ends["refused"] > 0


if __name__ == "__main__":
    started = time.perf_counter()
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(dict(run(wanted, CALLS)), f"{time.perf_counter() - started:.1f} s")
