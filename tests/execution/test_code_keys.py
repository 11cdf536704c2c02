"""What a function depends on besides its arguments: what counts, what does not, and what cannot be said."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import math
import os
import pathlib
import random
import re
import sys
import textwrap
import time
import types
import uuid

import numpy as np
import pydantic
import pytest

import graphbit_nb as gb
from graphbit_nb.execution.code_keys import code_parts
from graphbit_nb.execution.code_reads import reads_of
from graphbit_nb.execution.node_keys import asked_of
from graphbit_nb.execution.told_values import NotComparableError
from graphbit_nb.graph.registry import NodeOutput, NodeProcessor, ProcessorRegistry, processor_of
from graphbit_nb.notebook.code import CellFunction

_loaded = [dataclasses, dt, functools, json, math, os, pathlib, random, re, time, uuid, np, pydantic]


def define(text, name="f", **more):
    """Run code as a notebook does, and return what is called `name`."""
    names = {"__name__": "__main__", **more}
    exec(compile(textwrap.dedent(text), "<cell>", "exec"), names)  # noqa: S102
    return names[name]


def same(one, other, **more):
    return code_parts(define(one, **more)) == code_parts(define(other, **more))


def refused(text, **more):
    with pytest.raises(NotComparableError) as told:
        code_parts(define(text, **more))
    return told.value.reason


# ---- changes that do not count


@pytest.mark.parametrize(
    "other",
    [
        "def f(x):\n\n    # why\n    return x + 1\n",
        'def f(x):\n    """What it does."""\n    return x + 1\n',
        "def f( x ):\n    return (x+1)\n",
        "Y = 3\ndef f(x):\n    return x + 1\n",
        "def g(): return 2\ndef f(x):\n    return x + 1\n",
        "def f(x: int) -> int:\n    return x + 1\n",
    ],
)
def test_what_changes_nothing_of_what_it_does_does_not_count(other):
    assert same("def f(x):\n    return x + 1\n", other)


def test_two_docstrings_are_the_same():
    assert same('def f(x):\n    "one"\n    return x\n', 'def f(x):\n    "other"\n    return x\n')


def test_two_names_of_one_value_are_told_alike_wherever_it_comes_from():
    assert same(
        "A = 'x y'\nB = A\ndef f(x): return A + B", "A = 'x y'\nB = ' '.join(('x', 'y'))\ndef f(x): return A + B"
    )


def test_a_function_that_has_been_called_often_is_the_same():
    fn = define("def f(x): return [y + 1 for y in range(x)][-1] if x else 0")
    before = code_parts(fn)
    for number in range(10_000):
        fn(number % 5)
    reads_of.cache_clear()
    assert code_parts(fn) == before


def test_where_a_function_stands_does_not_count():
    text = "def f(x):\n    class C:\n        n = 1\n        def m(self): return 2\n    return C().m()"
    assert same(text, "\n" * 7 + text)


# ---- changes that do


@pytest.mark.parametrize(
    "other",
    [
        "def f(x):\n    return x + 2\n",
        "def f(x):\n    return x - 1\n",
        "def f(x, y=0):\n    return x + 1\n",
        "async def f(x):\n    return x + 1\n",
        "def f(x):\n    return (lambda: x + 1)()\n",
    ],
)
def test_another_code_counts(other):
    assert not same("def f(x):\n    return x + 1\n", other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LIMIT = 3\ndef f(x): return x[:LIMIT]", "LIMIT = 4\ndef f(x): return x[:LIMIT]"),
        ("LIMIT = 1\ndef f(x): return x[:LIMIT]", "LIMIT = True\ndef f(x): return x[:LIMIT]"),
        ("def f(x, n=3): return x[:n]", "def f(x, n=4): return x[:n]"),
        ("def f(x, *, n=3): return x[:n]", "def f(x, *, n=4): return x[:n]"),
        ("def g(x): return x\ndef f(x): return g(x)", "def g(x): return -x\ndef f(x): return g(x)"),
        (
            "def h(x): return x\ndef g(x): return h(x)\ndef f(x): return g(x)",
            "def h(x): return -x\ndef g(x): return h(x)\ndef f(x): return g(x)",
        ),
        (
            "def make(n):\n    def f(x): return x + n\n    return f\nf = make(1)",
            "def make(n):\n    def f(x): return x + n\n    return f\nf = make(2)",
        ),
        ("f = lambda x: 'a'", "f = lambda x: 'b'"),
        ("def f(x): return [y + 1 for y in x]", "def f(x): return [y + 2 for y in x]"),
        ("D = {'a': [1]}\ndef f(x): return D[x]", "D = {'a': [2]}\ndef f(x): return D[x]"),
        ("class C:\n    def m(self): return 1\ndef f(x): return C().m()",
         "class C:\n    def m(self): return 2\ndef f(x): return C().m()"),
        ("class C:\n    n = 1\ndef f(x): return C.n", "class C:\n    n = 2\ndef f(x): return C.n"),
        ("class B:\n    def m(self): return 1\nclass C(B): pass\ndef f(x): return C().m()",
         "class B:\n    def m(self): return 2\nclass C(B): pass\ndef f(x): return C().m()"),
        ("class C:\n    @property\n    def m(self): return 1\ndef f(x): return C().m",
         "class C:\n    @property\n    def m(self): return 2\ndef f(x): return C().m"),
        ("class C:\n    @staticmethod\n    def m(): return 1\ndef f(x): return C.m()",
         "class C:\n    @staticmethod\n    def m(): return 2\ndef f(x): return C.m()"),
        ("import re\nP = re.compile('a')\ndef f(x): return P.match(x)",
         "import re\nP = re.compile('b')\ndef f(x): return P.match(x)"),
        ("import functools\ndef g(n, x): return n\nf = functools.partial(g, 1)",
         "import functools\ndef g(n, x): return n\nf = functools.partial(g, 2)"),
        ("import functools\n@functools.lru_cache\ndef f(x): return 1", "import functools\n@functools.lru_cache\ndef f(x): return 2"),  # noqa: E501
        ("def deco(n):\n    def inner(fn):\n        def called(x): return fn(x) + n\n        return called\n    return inner\n@deco(1)\ndef f(x): return x",  # noqa: E501
         "def deco(n):\n    def inner(fn):\n        def called(x): return fn(x) + n\n        return called\n    return inner\n@deco(2)\ndef f(x): return x"),  # noqa: E501
        ("def deco(fn):\n    def called(x): return fn(x)\n    return called\n@deco\ndef f(x): return 1",
         "def deco(fn):\n    def called(x): return fn(x)\n    return called\n@deco\ndef f(x): return 2"),
        ("import numpy as np\nW = np.array([1.0])\ndef f(x): return W * x", "import numpy as np\nW = np.array([2.0])\ndef f(x): return W * x"),  # noqa: E501
        ("def f(x): return x in {1, 2}", "def f(x): return x in {1, 3}"),
        ("def f(x): return 1", "def f(x): return 1.0"),
    ],
)  # fmt: skip
def test_whatever_it_reads_counts_all_the_way_down(one, other):
    assert same(one, one)
    assert not same(one, other)


def test_fields_and_defaults_of_data_classes_count():
    text = "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int = {}\ndef f(x): return C()"
    assert same(text.format(1), text.format(1))
    assert not same(text.format(1), text.format(2))
    assert not same(text.format(1), text.replace("int", "float").format(1))


def test_fields_and_methods_of_pydantic_models_count():
    text = (
        "import pydantic\nclass C(pydantic.BaseModel):\n    n: {}\n    def m(self): return {}\ndef f(x): return C(n=x)"
    )
    assert same(text.format("int", 1), text.format("int", 1))
    assert not same(text.format("int", 1), text.format("float", 1))
    assert not same(text.format("int", 1), text.format("int", 2))


def test_members_of_an_enum_count():
    text = "import enum\nclass E(enum.Enum):\n    A = {}\ndef f(x): return E.A.value"
    assert not same(text.format(1), text.format(2))


def test_functions_that_call_each_other_are_followed_once():
    text = "def f(x): return g(x) if x else 0\ndef g(x): return f(x - {})"
    assert same(text.format(1), text.format(1))
    assert not same(text.format(1), text.format(2))


def test_a_variable_that_is_set_again_counts_although_the_function_is_the_same():
    names = {"__name__": "__main__"}
    exec("N = 1\ndef f(x): return N", names)  # noqa: S102
    before = code_parts(names["f"])
    names["N"] = 2
    assert code_parts(names["f"]) != before


def test_a_function_of_a_module_of_the_user_s_own_is_followed():
    module = types.ModuleType("helpers_of_mine")
    module.__file__ = "/home/me/helpers_of_mine.py"
    sys.modules["helpers_of_mine"] = module
    try:
        exec("def clean(x): return x.strip()", vars(module))  # noqa: S102
        text = "import helpers_of_mine\ndef f(x): return helpers_of_mine.clean(x)"
        before = code_parts(define(text))
        exec("def clean(x): return x.lower()", vars(module))  # noqa: S102
        assert code_parts(define(text)) != before
        inside = "def f(x):\n    from helpers_of_mine import clean\n    return clean(x)"
        before = code_parts(define(inside))
        exec("def clean(x): return x.upper()", vars(module))  # noqa: S102
        assert code_parts(define(inside)) != before
        whole = "import helpers_of_mine\ndef f(x): return str(helpers_of_mine)"
        assert "as a whole" in refused(whole)
    finally:
        del sys.modules["helpers_of_mine"]


def test_a_package_is_told_by_its_version(monkeypatch):
    text = "import numpy as np\ndef f(x): return np.mean(x)"
    parts = code_parts(define(text))
    assert parts["package numpy"] == np.__version__


def test_a_package_that_is_imported_inside_is_told_by_its_version():
    assert (
        code_parts(define("def f(x):\n    import numpy\n    return numpy.mean(x)"))["package numpy"] == np.__version__
    )


@pytest.mark.parametrize(
    "text",
    [
        "def f(x): return len(sorted(x))",
        "import json\ndef f(x): return json.dumps(x)",
        "import math\ndef f(x): return math.sqrt(x)",
        "import os\ndef f(x): return os.path.join(x, 'a')",
        "import random\ndef f(x): return random.Random(x)",
        "import uuid\ndef f(x): return uuid.uuid5(uuid.NAMESPACE_DNS, x)",
        "from datetime import timedelta\ndef f(x): return timedelta(days=x)",
        "from pathlib import Path\nP = Path('a')\ndef f(x): return P / x",
        "import logging\nlog = logging.getLogger('x')\ndef f(x):\n    log.info('x')\n    return x",
        "def f(x):\n    print(x)\n    return x",
        "def f(x): return x.upper()",
        "def f(x): return not_there(x)",
        "import collections\ndef f(x): return collections.Counter(x)",
        "import re\ndef f(x): return re.sub('a', 'b', x)",
        "def f(x):\n    try:\n        return int(x)\n    except ValueError:\n        return None",
    ],
)
def test_what_gives_the_same_each_time_is_compared(text):
    assert same(text, text)


# ---- what changes by itself


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import time\ndef f(x): return time.time()", "the clock"),
        ("from time import time\ndef f(x): return time()", "the clock"),
        ("def f(x):\n    import time\n    return time.time()", "the clock"),
        ("def f(x):\n    from time import perf_counter as now\n    return now()", "the clock"),
        ("import datetime\ndef f(x): return datetime.datetime.now()", "the clock"),
        ("from datetime import datetime\ndef f(x): return datetime.now()", "the clock"),
        ("from datetime import date\ndef f(x): return date.today()", "the clock"),
        ("import random\ndef f(x): return random.random()", "random numbers"),
        ("from random import choice\ndef f(x): return choice(x)", "random numbers"),
        ("import numpy as np\ndef f(x): return np.random.rand()", "random numbers"),
        ("import uuid\ndef f(x): return uuid.uuid4()", "random numbers"),
        ("def f(x): return open(x).read()", "files"),
        ("from pathlib import Path\ndef f(x): return Path(x).read_text()", "files"),
        ("from pathlib import Path\nP = Path('a')\ndef f(x): return P.read_text()", "files"),
        ("from pathlib import Path\ndef f(x):\n    with Path(x).open() as file: return file.read()", "files"),
        ("import pandas as pd\ndef f(x): return pd.read_csv(x)", "files"),
        ("def f(x):\n    import pandas as pd\n    return pd.read_csv(x)", "files"),
        ("import os\ndef f(x): return os.listdir(x)", "files"),
        ("import os\ndef f(x): return os.environ['A']", "its environment"),
        ("from os import environ\ndef f(x): return environ['A']", "its environment"),
        ("import subprocess\ndef f(x): return subprocess.run(x)", "other programs"),
        ("import urllib.request\ndef f(x): return urllib.request.urlopen(x)", "the network"),
        ("from urllib.request import urlopen\ndef f(x): return urlopen(x)", "the network"),
        ("import httpx\ndef f(x): return httpx.get(x)", "the network"),
        ("import socket\ndef f(x): return socket.create_connection(x)", "the network"),
        ("def f(x): return input(x)", "a person's input"),
        ("def f(x): return eval(x)", "code that it is given"),
        ("def g(x): return open(x)\ndef f(x): return g(x)", "files"),
        ("class C:\n    def m(self): return open('x')\ndef f(x): return C().m()", "files"),
        ("def f(x):\n    def g(): return open(x)\n    return g()", "files"),
        ("def f(x): return [open(y) for y in x]", "files"),
        ("def f(x):\n    global N\n    N = 1\n    return x", "changes the variable N"),
    ],
)
def test_what_changes_by_itself_is_not_remembered_and_the_reason_says_so(text, reason):
    assert reason in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        "import openai\ndef f(x): return openai.OpenAI()",
        "import graphbit_nb as gb\ndef f(x): return gb.WorkflowExecutor().execute(x)",
        "from graphbit_nb import WorkflowExecutor\ndef f(x): return WorkflowExecutor()",
        "import graphbit_nb as gb\ne = gb.WorkflowExecutor()\ndef f(x): return e.execute(x)",
    ],
)
def test_what_asks_a_model_itself_is_not_remembered(text, monkeypatch):
    if "openai" in text:
        monkeypatch.setitem(sys.modules, "openai", types.ModuleType("openai"))
    assert "a model itself" in refused(text)
    with pytest.raises(NotComparableError, match="a model itself"):
        code_parts(define(text), is_trusted=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def g(): yield 1\nG = g()\ndef f(x): return next(G)", "G cannot be compared"),
        ("import threading\nL = threading.Lock()\ndef f(x):\n    with L: return x", "L cannot be compared"),
        ("class C:\n    pass\nc = C()\ndef f(x): return c", "c cannot be compared"),
        ("class C:\n    def __call__(self, x): return x\nf = C()", "cannot be compared"),
        ("import numpy as np\nW = np.zeros(3_000_000)\ndef f(x): return W", "W is too large"),
        ("T = 'x' * 20_000_000\ndef f(x): return T", "T is too large"),
        ("def f(x):\n    import not_a_module_at_all\n    return x", "not loaded yet"),
    ],
)
def test_what_cannot_be_compared_is_not_remembered_and_the_reason_names_it(text, reason):
    assert reason in refused(text)


def test_who_is_trusted_is_not_asked_about_files_and_the_clock():
    fn = define("import time\ndef f(x): return (time.time(), open(x))")
    assert code_parts(fn, is_trusted=True) == code_parts(fn, is_trusted=True)


def test_a_bound_method_counts_with_its_object():
    counted = define(
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int\n    def m(self, x): return x", "C"
    )
    sys.modules["__main__"].C = counted
    try:
        assert code_parts(counted(1).m) == code_parts(counted(1).m)
        assert code_parts(counted(1).m) != code_parts(counted(2).m)
    finally:
        del sys.modules["__main__"].C


def test_too_many_things_are_not_compared():
    many = "\n".join(f"def f{n}(): return f{n + 1}()" for n in range(600)) + "\ndef f600(): return 1"
    assert "more than 500" in refused(many, name="f0")


def test_sets_in_code_are_told_in_one_order():
    text = "def f(x): return x in {'a', 'b', 'c', 'd', 'e', 'f', 'g'}"
    (told,) = code_parts(define(text)).values()
    assert told == next(iter(code_parts(define(text)).values()))


# ---- nodes


def key(node, values=None, ignored=frozenset()):
    return json.dumps(asked_of(node, processor_of(node.kind), values or {}, ignored), sort_keys=True)


def plus(x, n=1):
    return x + n


def test_what_a_node_is_given_counts_by_value_and_type():
    node = gb.Node.python("a", plus)
    assert key(node, {"x": 1}) == key(node, {"x": 1})
    assert len({key(node, {"x": value}) for value in (1, 2, 1.0, True, "1", None, [1], (1,))}) == 8


def test_the_name_of_a_node_and_where_its_values_come_from_do_not_count():
    one = gb.Node.python("a", plus, inputs={"x": "first"})
    other = gb.Node.python("b", plus, inputs={"x": "second.y"})
    assert key(one, {"first": 1}) == key(other, {"second": {"y": 1}})


def test_an_optional_parameter_that_is_given_counts():
    node = gb.Node.python("a", plus)
    assert key(node, {"x": 1, "n": 1}) != key(node, {"x": 1})


def test_the_declared_output_counts():
    assert key(gb.Node.python("a", plus, output="int"), {"x": 1}) != key(gb.Node.python("a", plus), {"x": 1})


def test_what_an_ignored_node_gives_does_not_count():
    node = gb.Node.python("a", plus)
    assert key(node, {"x": object()}, frozenset({"x"})) == key(node, {"x": 2}, frozenset({"x"}))
    assert key(node, {"x": 2}, frozenset({"x"})) != key(node, {"x": 2})


def test_a_value_that_cannot_be_compared_is_named():
    with pytest.raises(NotComparableError, match=r"^x cannot be compared"):
        key(gb.Node.python("a", plus), {"x": object()})


def test_the_methods_of_a_value_of_a_class_of_one_s_own_count():
    text = "import dataclasses\n@dataclasses.dataclass\nclass C:\n    n: int\n    def m(self): return {}"
    node = gb.Node.python("a", plus)
    keys = []
    for number in (1, 2, 1):
        cls = define(text.format(number), "C")
        sys.modules["__main__"].C = cls
        try:
            keys.append(key(node, {"x": cls(1)}))
        finally:
            del sys.modules["__main__"].C
    assert keys[0] == keys[2] != keys[1]


def test_a_long_value_is_told_by_its_digest():
    node = gb.Node.python("a", plus)
    told = key(node, {"x": "y" * 100_000})
    assert len(told) < 2000
    assert told != key(node, {"x": "y" * 99_999 + "z"})


def test_a_condition_that_is_a_template_counts_by_its_text():
    node = gb.Node.condition("c", "{% if x > 1 %}a{% else %}b{% endif %}")
    assert key(node, {"x": 2}) == key(node, {"x": 3})
    assert key(node, {"x": 2}) != key(node, {"x": 0})


def cell(body, **names):
    return CellFunction("a", body, {"__name__": "__main__", **names}, "In [1]")


def test_the_body_of_a_cell_counts_as_a_function_does():
    node, other = (gb.Node.python("a", cell(body)) for body in ("y = x + 1\nreturn y", "# more\n\ny = x + 1\nreturn y"))
    assert key(node, {"x": 1}) == key(other, {"x": 1}) != key(node, {"x": 2})
    assert key(gb.Node.python("a", cell("y = x + 2\nreturn y")), {"x": 1}) != key(node, {"x": 1})


def test_what_the_body_of_a_cell_uses_of_the_notebook_counts():
    def node(text):
        return gb.Node.python("a", cell("return g(x)", g=define(text, "g")))

    one, other = "def g(x): return x", "def g(x): return -x"
    assert key(node(one), {"x": 1}) == key(node(one), {"x": 1}) != key(node(other), {"x": 1})


@pytest.mark.parametrize("cache", ["default", "3h", "recompute"])
def test_a_node_that_asks_for_it_itself_is_taken_at_its_word(cache):
    fn = define("def f(x): return open(x)")
    with pytest.raises(NotComparableError):
        key(gb.Node.python("a", fn), {"x": "1"})
    assert key(gb.Node.python("a", fn, cache=cache), {"x": "1"})


class Shout(NodeProcessor):
    node_type = "shout"
    options = ("times",)

    def process(self, input):  # noqa: A002
        return NodeOutput(input.rendered.upper() * len(input.values))


@pytest.fixture
def shout():
    made = type("Shout", (Shout,), {"__module__": "__main__"})
    ProcessorRegistry.register(made)
    yield made
    ProcessorRegistry.unregister("shout")


def test_a_kind_of_one_s_own_counts_with_its_code_its_text_and_its_options(shout):
    def node(text="{{ x }}", times=1):
        return gb.Node.shout("s", text, times=times)

    assert key(node(), {"x": "1"}) == key(node("{{x}}"), {"x": "1"})
    others = [key(node(), {"x": "2"}), key(node("{{ x }}!"), {"x": "1"}), key(node(times=2), {"x": "1"})]
    assert key(node(), {"x": "1"}) not in others
    before = key(node(), {"x": "1"})
    shout.process = lambda self, input: input.rendered  # noqa: A006
    assert key(node(), {"x": "1"}) != before


def test_a_kind_of_one_s_own_that_asks_a_model_is_not_remembered(shout):
    async def process(self, input):  # noqa: A002
        return await input.services.generate(input.rendered)

    shout.process = process
    with pytest.raises(NotComparableError, match="a model itself"):
        key(gb.Node.shout("s", "x"))
