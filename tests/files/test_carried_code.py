"""Code goes into a file with everything it needs, or is refused with the name of what cannot go."""

import functools
import json
import re
import sys
import threading
import types
from pathlib import Path

import pytest

import graphbit_nb as gb
from graphbit_nb.errors import UsageError
from graphbit_nb.files.bodies import FileBody
from graphbit_nb.files.reading import from_document
from graphbit_nb.files.writing import to_document

LOCK = threading.Lock()
PATTERN = re.compile("a+", re.IGNORECASE)
PLACE = Path("here")
DATA = {"a": [1, (2, 3)], "b": {4}}


def one(node):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(node)
    return builder.build()


def code_of(fn):
    return to_document(one(gb.Node.python("node", fn))).code


def notebook(*cells):
    """Run cells as a notebook does: each compiled by itself, with its lines where tracebacks look for them."""
    import linecache

    module = types.ModuleType("__main__")
    namespace = module.__dict__
    namespace["In"] = [""]
    for number, cell in enumerate(cells, start=1):
        filename = f"<cell {number} of a test>"
        linecache.cache[filename] = (len(cell), None, cell.splitlines(keepends=True), filename)
        namespace["In"].append(cell)
        exec(compile(cell, filename, "exec"), namespace)  # noqa: S102
    return module


def uses_constants(x):
    return PATTERN, PLACE, DATA, x


def uses_a_lock(x):
    with LOCK:
        return x


def uses_nothing_known(x):
    return not_defined_anywhere(x)  # noqa: F821


def uses_modules(x):
    return json.dumps(x), functools.reduce(max, x)


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


@functools.lru_cache
def cached(x):
    return x


def wrapper(fn):
    @functools.wraps(fn)
    def inner(x):
        return fn(x)

    return inner


@wrapper
def decorated(x):
    return x


class Method:
    def method(self, x):
        return x


def test_constants_become_assignments():
    code = code_of(uses_constants)
    assert 'DATA = {"a": [1, (2, 3)], "b": {4}}\n' in code
    assert 'PATTERN = re.compile("a+", 2)\n' in code
    assert 'PLACE = Path("here")\n' in code


def test_modules_become_import_lines():
    assert code_of(uses_modules).startswith("import functools\nimport json\n\n\ndef uses_modules(x):\n")


def test_functions_that_call_each_other_come_along():
    code = code_of(even)
    assert "def odd(n):" in code
    assert "def even(n):" in code


@pytest.mark.parametrize("fn", [cached, decorated])
def test_decorators_come_along(fn):
    again = from_document(to_document(one(gb.Node.python("node", fn))), trust=True)
    assert again.nodes["node"].settings.fn(3) == 3


@pytest.mark.parametrize(("fn", "written"), [(len, "len"), (json.dumps, "dumps"), (sorted, "sorted")])
def test_functions_of_python_itself_are_named(fn, written):
    document = to_document(one(gb.Node.python("node", fn, inputs=["x"])))
    assert document.nodes[0].function == written
    assert from_document(document, trust=True).nodes["node"].settings.fn is fn


def test_a_lambda_is_found_among_others():
    made = [lambda x: x + 1, lambda x: x + 2]
    document = to_document(one(gb.Node.python("node", made[1])))
    assert document.nodes[0].function == "lambda x: x + 2"


def closure():
    taken = 1
    return lambda x: x + taken


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (uses_a_lock, "node: uses_a_lock uses LOCK, an object of _thread.lock, which cannot be written"),
        (uses_nothing_known, "uses 'not_defined_anywhere', which is not defined"),
        (closure(), "takes taken from the function around it"),
        (functools.partial(even), "a functools.partial cannot be written"),
        (Method().method, "is a method of an object"),
        (eval("lambda x: x"), "cannot be found|cannot be told"),  # noqa: S307
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(fn, message):
    with pytest.raises(UsageError, match=message):
        to_document(one(gb.Node.python("node", fn, inputs=["x"])))


def test_two_functions_of_one_name_are_refused():
    def same(x):
        return x

    first = same

    def same(x):
        return x, x

    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("a", first))
    builder.add_node(gb.Node.python("b", same))
    with pytest.raises(UsageError, match="b: two different things are called 'same'"):
        to_document(builder.build())


def test_a_function_whose_file_changed_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "changing.py"
    file.write_text("def fn(x):\n    return x\n")
    import changing

    file.write_text("def fn(x):\n    return x + 1\n")
    with pytest.raises(UsageError, match="is not what runs"):
        code_of(changing.fn)
    monkeypatch.delitem(sys.modules, "changing")


def test_functions_inside_of_functions_lose_their_indentation_and_keep_their_texts():
    def told(x):
        return f"""{x}
  two blanks"""

    again = from_document(to_document(one(gb.Node.python("node", told))), trust=True)
    assert again.nodes["node"].settings.fn(1) == "1\n  two blanks"


def test_what_a_notebook_defines_comes_along(monkeypatch):
    main = notebook(
        "from pydantic import BaseModel\nLEAST = 2",
        "class Person(BaseModel):\n    name: str\n    age: int = LEAST\n",
        "def older(x):\n    return Person(name=x).age + 1\n",
    )
    monkeypatch.setitem(sys.modules, "__main__", main)
    main.Person.__module__ = "__main__"
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.python("age", main.older, output="int"))
    builder.add_node(gb.Node.prompt("who", "Who is {{ age }}?", output=main.Person))
    document = to_document(builder.build())
    assert "class Person(BaseModel):\n    name: str\n    age: int = LEAST\n" in document.code
    again = from_document(document, trust=True)
    assert again.nodes["age"].settings.fn("Ada") == 3
    assert again.nodes["who"].output.parse('{"name": "Ada"}').age == 2


def test_a_body_comes_along_with_the_tools_that_it_uses():
    main = notebook("import math\nFACTOR = 2\ndef double(x):\n    return FACTOR * x\n")
    body = FileBody("node", "# half\nreturn math.floor(double(value)) + len('a')\n", main.__dict__, ["value"], "test")
    workflow = one(gb.Node.python("node", body))
    document = to_document(workflow)
    assert document.nodes[0].body == "# half\nreturn math.floor(double(value)) + len('a')\n"
    assert document.nodes[0].inputs == ("value",)
    assert "FACTOR = 2" in document.code
    again = from_document(document, trust=True)
    assert again.nodes["node"].references == workflow.nodes["node"].references
    result = gb.WorkflowExecutor().execute(again, {"value": 1.6}).raise_for_status()
    assert result.outputs == {"node": 4}


def test_a_traceback_through_loaded_code_shows_its_lines():
    def fails(x):
        return 1 / x

    again = from_document(to_document(one(gb.Node.python("node", fails))), trust=True)
    import traceback

    with pytest.raises(ZeroDivisionError) as caught:
        again.nodes["node"].settings.fn(0)
    assert "return 1 / x" in "".join(traceback.format_exception(caught.value))


def test_code_runs_in_the_namespace_that_is_given():
    namespace = {}
    from_document(to_document(one(gb.Node.python("node", even))), trust=True, namespace=namespace)
    assert namespace["odd"](3) is True
