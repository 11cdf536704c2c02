"""Agents in files: their tools go along as code, are run when that is trusted, and mean the same afterwards."""

import functools
import importlib.util
import json
import sys

import pytest

import graphbit_nb as gb
from graphbit_nb.core.llm import GenerateResponse, ToolCall
from graphbit_nb.errors import UsageError
from graphbit_nb.files.mermaid import write_mermaid
from graphbit_nb.files.problems import Places
from graphbit_nb.files.reading import from_document, read_document
from graphbit_nb.files.schema import WorkflowDocument, plain_data
from graphbit_nb.files.script import write_script
from graphbit_nb.files.trust import UntrustedCodeError
from graphbit_nb.files.writing import to_document
from graphbit_nb.graph.tools import tool_of

FOUND = "found "


def search(query: str, limit: int = 3) -> str:
    """Search the archive.

    Args:
        query: What to look for.
    """
    return FOUND + query * limit


async def fetch(page: int) -> str:
    """Fetch a page."""
    return f"page {page}"


def one(*tools, **more):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.agent("a", "About {{ topic }}?", tools=list(tools), **more))
    return builder.build()


def again(workflow):
    """The workflow as it comes out of a file."""
    text = json.dumps(plain_data(to_document(workflow)))
    return from_document(WorkflowDocument.model_validate(json.loads(text)), trust=True)


def specs(workflow):
    return [tool.spec for tool in workflow.nodes["a"].settings.tools]


def asks(**arguments):
    return GenerateResponse(text="", tool_calls=(ToolCall("1", "search", arguments),))


def config():
    return gb.LlmConfig.scripted({"a": [asks(query="cats", limit=1), lambda request: request.messages[-1].content]})


def test_tools_are_the_names_of_functions_in_the_code():
    data = plain_data(to_document(one(search, fetch, max_turns=4, tool_timeout=2.5, system="Be exact.")))
    (node,) = data["nodes"]
    assert node == {
        "name": "a", "kind": "agent", "prompt": "About {{ topic }}?", "system": "Be exact.",
        "tools": ["search", "fetch"], "max_turns": 4, "tool_timeout": 2.5,
    }  # fmt: skip
    assert 'FOUND = "found "' in data["code"] or "FOUND = 'found '" in data["code"]
    assert "async def fetch(page: int)" in data["code"]


def test_an_agent_that_was_read_is_told_the_same_and_works():
    workflow = one(search, fetch, max_turns=4, output="str", examples=[("q", "x")])
    read = again(workflow)
    assert specs(read) == specs(workflow)
    assert (read.nodes["a"].settings.max_turns, read.nodes["a"].settings.tool_timeout) == (4, 60.0)
    assert gb.WorkflowExecutor(config()).execute(read, {"topic": "x"}).outputs == {"a": "found cats"}


def test_names_and_descriptions_of_its_own_are_kept():
    workflow = one(tool_of(search, name="look"), tool_of(fetch, description="Turns pages."))
    (node,) = plain_data(to_document(workflow))["nodes"]
    assert node["tools"] == [
        {"function": "search", "name": "look"},
        {"function": "fetch", "description": "Turns pages."},
    ]
    assert specs(again(workflow)) == specs(workflow)


def test_a_lambda_with_a_name_is_kept_as_code():
    workflow = one(tool_of(lambda word: word.upper(), name="shout"))
    (node,) = plain_data(to_document(workflow))["nodes"]
    assert node["tools"] == [{"function": "lambda word: word.upper()", "name": "shout"}]
    assert specs(again(workflow)) == specs(workflow)


def test_code_of_tools_is_shown_and_needs_trust():
    document = to_document(one(search))
    with pytest.raises(UntrustedCodeError) as caught:
        from_document(document)
    assert "w nodes[0].tools[0]" in str(caught.value) or "tools" in str(caught.value)
    assert "Search the archive." in str(caught.value)


def enclosed():
    word = "x"

    def inner(query: str) -> str:
        return word + query

    return inner


class Archive:
    def look(self, word: str) -> str:
        return word

    def __call__(self, word: str) -> str:
        return word


@pytest.mark.parametrize(
    ("tool", "told"),
    [
        (enclosed(), "a.tools: inner: the function 'enclosed.<locals>.inner' takes word from the function around it"),
        (functools.partial(search, limit=1), "a.tools: search: a functools.partial cannot be written to a file"),
        (Archive().look, "a.tools: look: Archive.look is a method of an object; write a function that calls it"),
        (Archive(), "a.tools: Archive: an object of Archive cannot be written to a file"),
    ],
)
def test_what_cannot_go_along_is_refused_with_its_name(tool, told):
    with pytest.raises(UsageError) as caught:
        to_document(one(tool))
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("tools", "told"),
    [
        (["serch"], "the code defines no function 'serch'; did you mean 'search'?"),
        ([], "an agent calls tools, and it has none"),
        (["search", "search"], "two tools are called 'search'"),
        (["1 + 1"], "'1 + 1' is neither a name of the code nor a lambda"),
        (["FOUND"], "the code defines no function 'FOUND'"),
        ([{"function": "search", "name": "a b"}], "providers refuse the name 'a b'"),
    ],
)
def test_bad_tools_in_a_file_are_refused_with_their_place(tools, told):
    data = plain_data(to_document(one(search)))
    data["nodes"][0]["tools"] = tools
    with pytest.raises(gb.ValidationError) as caught:
        from_document(WorkflowDocument.model_validate(data), trust=True)
    assert told in str(caught.value)
    assert "tools" in str(caught.value)


def test_a_wrong_key_of_a_tool_is_named_with_the_nearest():
    data = plain_data(to_document(one(search)))
    data["nodes"][0]["tools"] = [{"functoin": "search"}]
    with pytest.raises(gb.ValidationError) as caught:
        read_document(data, Places("w"))
    assert "w: nodes[0].tools[0].functoin: unknown key; did you mean 'function'?" in str(caught.value)


def test_a_script_has_the_tools_and_runs(tmp_path):
    workflow = one(search, tool_of(fetch, name="open_page"), max_turns=4)
    program = write_script(workflow, to_document(workflow))
    assert 'tools=[search, tool_of(fetch, name="open_page")]' in program
    assert "max_turns=4" in program
    path = tmp_path / "program_of_a_test.py"
    path.write_text(program)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        built = module.build()
    finally:
        del sys.modules[path.stem]
    assert specs(built) == specs(workflow)
    assert gb.WorkflowExecutor(config()).execute(built, {"topic": "x"}).outputs == {"a": "found cats"}


def test_a_flowchart_shows_an_agent_in_a_shape_of_its_own():
    assert '[/"a' in write_mermaid(one(search))
