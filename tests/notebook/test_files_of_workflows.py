"""`%graphbit export` and `%graphbit load`."""

import json
import subprocess
import sys

import pytest

import graphbit_nb as gb


@pytest.fixture
def here(shell, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return shell


@pytest.fixture
def flow(here):
    here("factor = 3\ndef double(x):\n    return 2 * x\n")
    here("%%graphbit python a\nprint('doubling')\nreturn double(number) * factor\n")
    here("%%graphbit condition route\nreturn 'high' if a > 9 else 'low'\n")
    here("%%graphbit python b --when route=high\nreturn a + 1\n")
    return here


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_workflow_goes_to_a_file_and_back(flow, suffix):
    flow(f"%graphbit export flow.{suffix}")
    assert flow.text == f"workflow is in flow.{suffix}"
    flow("%graphbit new other")
    flow(f"%graphbit load flow.{suffix} --trust")
    assert flow.workspace.current == "workflow"
    assert flow("%graphbit run --set number=5").outputs == {"a": 30, "route": "high", "b": 31}


def test_a_program_gives_the_outputs_of_the_notebook(flow, tmp_path):
    flow("number = 5")
    there = flow("%graphbit run").outputs
    flow("%graphbit export flow.py")
    ended = subprocess.run([sys.executable, "flow.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == there


@pytest.mark.parametrize("suffix", ["mmd", "dot", "svg", "py"])
def test_it_is_written_as_the_suffix_says(flow, tmp_path, suffix):
    flow(f"%graphbit export flow.{suffix}")
    assert (tmp_path / f"flow.{suffix}").stat().st_size > 100


def test_a_program_takes_the_values_along_that_a_run_would_take(flow, tmp_path):
    flow.ip.user_ns["number"] = object()
    flow("%graphbit export flow.py")
    assert "with the values of factor; to be given: number" in flow.text


def test_a_program_asks_the_model_of_the_notebook(flow, tmp_path):
    flow("%graphbit config --provider openai --model small")
    flow("%graphbit export flow.py")
    assert "small" in (tmp_path / "flow.py").read_text()


def test_a_script_of_answers_stays_in_the_notebook_and_that_is_said(scripted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shell = scripted({"*": "x"})
    shell("%%graphbit prompt p\nhi\n")
    shell("%graphbit export flow.py")
    assert "the program asks the embedded model" in shell.text


def test_an_unknown_suffix_is_refused(flow):
    with pytest.raises(gb.UsageError, match=r"did you mean 'flow\.yml'"):
        flow("%graphbit export flow.yml2")


def test_code_in_a_file_is_shown_and_does_not_run_before_it_is_trusted(here, tmp_path):
    here("%%graphbit python a\nreturn __import__('sys').modules.setdefault('ran_before_trust', 1)\n")
    here("%graphbit export flow.yaml")
    here("%graphbit reset")
    with pytest.raises(gb.UsageError) as caught:
        here("%graphbit load flow.yaml")
    assert "ran_before_trust" in str(caught.value)
    assert "load it with --trust" in str(caught.value)
    assert "ran_before_trust" not in sys.modules
    assert here.workspace.draft.names == ()


def test_a_file_without_code_needs_no_trust(here):
    here("%%graphbit prompt p\n{{ topic }}\n")
    here("%graphbit export flow.yaml")
    here("%graphbit load flow.yaml")
    assert here.workspace.draft.names == ("p",)


def test_what_a_loaded_workflow_replaces_is_said(here):
    here("%%graphbit prompt p\n{{ topic }}\n")
    here("%graphbit export flow.yaml")
    here("%graphbit load flow.yaml")
    assert "it takes the place of the workflow that was here" in here.text


def test_cells_go_on_with_a_loaded_workflow(here):
    here("%%graphbit prompt p\n{{ topic }}\n")
    here("%graphbit export flow.yaml")
    here("%graphbit reset")
    here("%graphbit load flow.yaml")
    here("%%graphbit python words\nreturn len(p.split())\n")
    assert "words (python) · reads p" in here.text


def test_an_order_that_nothing_says_but_the_workflow_is_kept(here):
    builder = gb.WorkflowBuilder("ordered")
    builder.add_node(gb.Node.python("first", lambda: 1))
    builder.add_node(gb.Node.python("second", lambda: 2))
    builder.connect("first", "second")
    here.workspace.adopt(builder.build())
    assert [(edge.source, edge.target) for edge in here.workspace.sketched().edges] == [("first", "second")]


def test_a_file_that_is_not_there_is_refused_with_the_nearest(here):
    here("%%graphbit prompt p\nhi\n")
    here("%graphbit export flow.yaml")
    with pytest.raises(gb.UsageError, match=r"did you mean 'flow\.yaml'"):
        here("%graphbit load flow.yml")


def test_a_workflow_that_is_not_complete_is_not_written(here, tmp_path):
    here("%%graphbit prompt p --after nothing\nhi\n")
    with pytest.raises(gb.ValidationError, match="no node 'nothing'"):
        here("%graphbit export flow.yaml")
    assert list(tmp_path.iterdir()) == []
