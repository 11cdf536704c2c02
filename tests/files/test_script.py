"""An exported program gives what the notebook gives, and reads as if somebody had written it."""

import importlib.util
import json
import linecache
import subprocess
import sys
from pathlib import Path

import pytest

import graphbit_nb as gb
from graphbit_nb.errors import UsageError
from graphbit_nb.files.bodies import FileBody
from graphbit_nb.notebook.code import CellFunction
from graphbit_nb.session.files import export, load

RUFF = Path(sys.executable).with_name("ruff")


def one(*nodes):
    builder = gb.WorkflowBuilder("w")
    for node in nodes:
        builder.add_node(node)
    return builder.build()


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(path, *arguments):
    return subprocess.run([sys.executable, path, *arguments], capture_output=True, text=True, check=False, cwd="/")


def test_a_program_in_a_process_of_its_own_gives_the_same_outputs(library, tmp_path):
    workflow = library.code_workflow()
    inputs = {"text": "one two three four"}
    expected = gb.WorkflowExecutor().execute(workflow, inputs).raise_for_status().outputs
    path = export(workflow, tmp_path / "words.py", inputs=inputs)
    ran = run(path)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == expected


def test_the_command_line_gives_inputs_as_json_or_text(library, tmp_path):
    path = export(library.code_workflow(), tmp_path / "words.py", inputs={"text": "one"})
    ran = run(path, "--set", "text=a b c", "--set", 'tone="loud"')
    assert json.loads(ran.stdout)["twice"] == 6


def test_a_run_that_fails_says_so_and_ends_with_1(tmp_path):
    path = export(one(gb.Node.python("bad", lambda x: 1 / x)), tmp_path / "bad.py")
    ran = run(path, "--set", "x=0")
    assert ran.returncode == 1
    assert "bad: ZeroDivisionError" in ran.stderr
    missing = run(path)
    assert missing.returncode == 1
    assert "'x'" in missing.stderr


def test_build_gives_an_equal_workflow(library, tmp_path):
    workflow = library.text_workflow()
    module = imported(export(workflow, tmp_path / "notes.py"))
    assert module.build() == workflow


def test_main_runs_with_another_config(tmp_path, capsys):
    workflow = one(gb.Node.prompt("draft", "About {{ topic }}"), gb.Node.prompt("title", "Title of {{ draft }}"))
    module = imported(export(workflow, tmp_path / "notes.py", inputs={"topic": "graphs"}))
    scripted = gb.LlmConfig.scripted({"draft": "text", "title": "A title"})
    assert module.main([], scripted) == 0
    assert json.loads(capsys.readouterr().out) == {"draft": "text", "title": "A title"}


def test_the_model_is_named_without_its_key(tmp_path):
    config = gb.LlmConfig.openai("gpt-4o-mini", api_key="sk-secret")
    text = export(one(gb.Node.prompt("a", "x")), tmp_path / "a.py", config=config).read_text()
    assert 'CONFIG = gb.LlmConfig.openai("gpt-4o-mini")\n' in text
    assert "secret" not in text


BODY = '''\
kept = """a
 b"""
await asleep(0)
# done
return kept + text
'''
FUNCTION = '''
async def words(asleep, text):
    kept = """a
 b"""
    await asleep(0)
    # done
    return kept + text
'''


def test_a_body_of_a_cell_becomes_a_function(tmp_path):
    workflow = one(gb.Node.python("words", FileBody("words", BODY, {}, ["text", "asleep"], "t")))
    path = export(workflow, tmp_path / "a.py")
    assert FUNCTION in path.read_text()
    assert imported(path).build().edges == workflow.edges


def test_a_tool_that_is_also_a_node_is_a_parameter_with_a_default(tmp_path):
    body = FileBody("total", "return sum(numbers)", {}, ["numbers"], "t")
    workflow = one(gb.Node.prompt("sum", "{{ numbers }}"), gb.Node.python("total", body))
    text = export(workflow, tmp_path / "a.py").read_text()
    assert "def total(numbers, sum=sum):\n" in text
    assert imported(tmp_path / "a.py").build().edges == workflow.edges


def main(x):
    return plain(x)


def plain(x):
    return x


def test_names_of_the_program_give_way_to_those_of_the_workflow(tmp_path):
    path = export(one(gb.Node.python("build", main, inputs=["x"])), tmp_path / "a.py", inputs={"x": 1})
    ran = run(path)
    assert json.loads(ran.stdout) == {"build": 1}


@pytest.mark.parametrize("make", ["text_workflow", "code_workflow"])
def test_programs_are_formatted_and_pass_the_compiler(library, tmp_path, make):
    inputs = {"text": "one", "topic": ["a long list of topics", "that does not fit", "on one line", "of a program"]}
    workflow = getattr(library, make)()
    path = export(workflow, tmp_path / "flow.py", inputs={k: v for k, v in inputs.items() if k in workflow.inputs})
    formatted = subprocess.run(
        [RUFF, "format", "--isolated", "--diff", path], capture_output=True, text=True, check=False
    )
    assert formatted.stdout == ""
    assert subprocess.run([sys.executable, "-m", "py_compile", path], check=False).returncode == 0


@pytest.mark.parametrize("description", ['ends with "quotes"', '"""', "back\\slash\\", "  \n\nlines\n", "\x1b[31m"])
def test_any_description_makes_a_program(tmp_path, description):
    builder = gb.WorkflowBuilder('na"me', description)
    builder.add_node(gb.Node.prompt("a", "x"))
    path = export(builder.build(), tmp_path / "a.py")
    assert imported(path).build() == builder.build()


def test_inputs_that_are_none_are_refused_with_the_nearest(tmp_path):
    with pytest.raises(UsageError, match="'w' has no input 'topik'; did you mean 'topic'"):
        export(one(gb.Node.prompt("a", "{{ topic }}")), tmp_path / "a.py", inputs={"topik": 1})


def test_inputs_that_are_no_plain_data_are_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match=r"inputs\['topic'\]: a object cannot be written"):
        export(one(gb.Node.prompt("a", "{{ topic }}")), tmp_path / "a.py", inputs={"topic": object()})
    assert list(tmp_path.iterdir()) == []


def test_a_kind_that_only_this_process_knows_is_refused(tmp_path, monkeypatch):
    class Search(gb.NodeProcessor):
        node_type = "search"

    gb.ProcessorRegistry.register(Search)
    try:
        with pytest.raises(UsageError, match="put Search into a module"):
            export(one(gb.Node.search("found", "x")), tmp_path / "a.py")
    finally:
        gb.ProcessorRegistry.unregister("search")


CELL = """\
import re
LIMIT = 2

def words(text):
    return re.findall(r"[a-z]+", text)[:LIMIT]
"""


def test_cells_of_a_notebook_give_the_same_outputs_in_a_program(tmp_path):
    namespace = {"__name__": "__main__"}
    filename = "<a cell of the notebook>"
    linecache.cache[filename] = (len(CELL), None, CELL.splitlines(keepends=True), filename)
    exec(compile(CELL, filename, "exec"), namespace)  # noqa: S102
    found = CellFunction("found", "# the first\nreturn words(text)", namespace, "In [2]")
    total = CellFunction("total", "count = len(found)\nif count:\n    return count\nreturn -1", namespace, "In [3]")
    workflow = one(gb.Node.python("found", found), gb.Node.condition("total", total))
    expected = gb.WorkflowExecutor().execute(workflow, {"text": "one two three"}).raise_for_status().outputs
    ran = run(export(workflow, tmp_path / "cells.py", inputs={"text": "one two three"}))
    assert (ran.stderr, json.loads(ran.stdout)) == ("", expected)
    again = load(export(workflow, tmp_path / "cells.yaml"), trust=True)
    assert gb.WorkflowExecutor().execute(again, {"text": "one two three"}).outputs == expected
