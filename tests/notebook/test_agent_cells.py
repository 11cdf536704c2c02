"""An agent's cell: its tools are functions of the notebook, as they are when the cell is run."""

import pytest
from IPython.core.completer import provisionalcompleter

from graphbit_nb import Agent, DefinitionError, GenerateResponse, ToolCall, UsageError
from graphbit_nb.graph.tools import tool_of

FUNCTIONS = '''
def search(query: str) -> str:
    """Search the archive."""
    print("searching", query)
    return f"found {query}"

async def fetch(page: int) -> str:
    """Fetch a page."""
    return f"page {page}"

class Archive:
    def look(self, word: str) -> str:
        """Look a word up."""
        return word.upper()

archive, number = Archive(), 5
'''
ASKS = GenerateResponse(text="", tool_calls=(ToolCall("1", "search", {"query": "cats"}),))


def told(request):
    return request.messages[-1].content


@pytest.fixture
def functions(scripted):
    def begin(*answers):
        shell = scripted({"answer": list(answers) or "unused"})
        shell(FUNCTIONS)
        return shell

    return begin


def test_an_agent_cell_calls_functions_of_the_notebook(functions):
    shell = functions(ASKS, told)
    shell("%%graphbit agent answer --tools search,fetch --max-turns 3 --tool-timeout 2.5\nAbout {{ topic }}?\n")
    assert "answer (agent) · takes the input topic · calls search, fetch" in shell.text
    settings = shell.workspace.draft["answer"].settings
    assert (settings.max_turns, settings.tool_timeout) == (3, 2.5)
    assert shell("%graphbit run --set topic=cats").outputs["answer"] == "found cats"


def test_inspection_shows_what_was_called_with_what_and_what_it_gave(functions):
    shell = functions(ASKS, told)
    shell("%%graphbit agent answer --tools search --run\nx\n")
    shell("%graphbit inspect answer")
    assert "[tool search]\nsearch(query='cats') · took" in shell.text
    assert "found cats\n[attempt 2]" in shell.text
    assert "[printed]\nsearching cats" in shell.text
    assert "tools=['search']" in shell.text


def test_names_may_stand_apart_be_repeated_or_be_methods(functions):
    shell = functions()
    shell("%%graphbit agent answer --tools search, fetch --tools archive.look\nx\n")
    assert [tool.name for tool in shell.workspace.draft["answer"].settings.tools] == ["search", "fetch", "look"]


def test_a_system_prompt_an_output_and_an_agent_hold_as_for_prompts(functions):
    shell = functions()
    shell.ip.user_ns["clerk"] = Agent("clerk", "You look things up.", tools=[shell.ip.user_ns["search"]])
    shell("%%graphbit agent answer --agent clerk --output int --temperature 0\n@system\nBe exact.\n@user\nx\n")
    node = shell.workspace.draft["answer"]
    assert (node.settings.system.source, node.output.label) == ("You look things up.", "int")
    assert [tool.name for tool in node.settings.tools] == ["search"]


def test_a_tool_of_its_own_making_may_be_named(functions):
    shell = functions()
    shell.ip.user_ns["finder"] = tool_of(shell.ip.user_ns["search"], name="find")
    shell("%%graphbit agent answer --tools finder\nx\n")
    assert shell.workspace.draft["answer"].settings.tools[0].name == "find"


def test_a_function_is_the_one_that_was_there_when_the_cell_was_run(functions):
    shell = functions(ASKS, told, ASKS, told)
    cell = "%%graphbit agent answer --tools search\nx\n"
    shell(cell, "c1")
    shell("def search(query: str) -> str:\n    return 'new'\n")
    assert shell("%graphbit run").outputs["answer"] == "found cats"
    shell(cell, "c1")
    assert shell("%graphbit run").outputs["answer"] == "new"


def test_a_notebook_with_an_agent_is_written_and_loaded_again(functions, tmp_path):
    shell = functions(ASKS, told)
    shell("%%graphbit agent answer --tools search,fetch\nAbout {{ topic }}?\n")
    shell(f"%graphbit export {tmp_path / 'notes.yaml'}")
    shell(f"%graphbit export {tmp_path / 'notes.py'}")
    assert "tools=[search, fetch]" in (tmp_path / "notes.py").read_text()
    shell("del search, fetch")
    shell("%graphbit new other")
    shell(f"%graphbit load {tmp_path / 'notes.yaml'} --trust")
    assert shell("%graphbit run --set topic=cats").outputs["answer"] == "found cats"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("--tools serch", UsageError, "--tools: no function 'serch'; did you mean 'search'?"),
        ("--tools number", UsageError, "--tools number: that is a int, and a model can call functions only"),
        ("--tools archive.loook", UsageError, "--tools archive.loook: there is no 'loook'; did you mean 'look'?"),
        ("--tools Archive", DefinitionError, "the tool Archive: give a function, not a class"),
        ("--tools search,search", DefinitionError, "two tools are called 'search'"),
        ("", DefinitionError, "answer: an agent calls tools, and it has none; give it functions"),
        ("--tools search --max-turns 0", DefinitionError, "max_turns=0: give a whole number of at least 1"),
        ("--tools search --max-turns many", UsageError, "--max-turns 'many': give a whole number"),
        ("--tools search --tool-timout 3", UsageError, "no option --tool-timout; did you mean '--tool-timeout'?"),
    ],
)
def test_a_bad_agent_cell_says_what_is_wrong(functions, given, error, message):
    shell = functions()
    with pytest.raises(error) as caught:
        shell(f"%%graphbit agent answer {given}\nx\n")
    assert message in str(caught.value)
    assert len(shell.workspace.draft) == 0


@pytest.mark.parametrize(
    ("code", "offered"),
    [
        ("%%graphbit agent x --tools ¦", ["search", "fetch"]),
        ("%%graphbit agent x --tools se¦", ["search"]),
        ("%%graphbit agent x --tools search,f¦", ["fetch"]),
        ("%%graphbit agent x --tools search,¦", ["fetch"]),
        ("%%graphbit agent x --max¦", ["--max-tokens", "--max-turns"]),
        ("%%graphbit prompt x --too¦", []),
        ("%%graphbit ag¦", ["agent"]),
        ("%%graphbit agent x --agent ¦", ["clerk"]),
    ],
)
def test_tab_offers_functions_for_tools(functions, code, offered):
    shell = functions()
    shell.ip.user_ns["clerk"] = Agent("clerk")
    at = code.index("¦")
    with provisionalcompleter():
        found = list(shell.ip.Completer.completions(code.replace("¦", ""), at))
    assert [completion.text for completion in found if completion.type == "graphbit"] == offered


def test_help_on_agents_has_its_options_and_an_example(shell):
    shell("%graphbit help agent")
    assert "--tools F,G" in shell.printed + shell.text
    assert "%%graphbit agent answer --tools search,fetch" in shell.printed + shell.text
