"""A slip gets one line: what is wrong, where, the nearest right name, what to do; and it is an error for Run All."""

import pytest

from graphbit_nb import GraphbitError, LlmConfig

SETUP = [
    "%%graphbit prompt outline\nThree points about {{ topic }}.\n",
    "%%graphbit prompt route --output 'yes|no'\nIs it good? {{ outline }}\n",
    "%%graphbit prompt draft\nWrite {{ outline }}.\n",
]

FIRST = {
    "running": ("%graphbit run", "'workflow' has no nodes yet; define one with %%graphbit prompt NAME"),
    "a step": ("%graphbit step", "has no nodes yet"),
    "showing": ("%graphbit show", "has no nodes yet"),
    "writing it to a file": ("%graphbit export flow.yaml", "has no nodes yet"),
    "inspecting": ("%graphbit inspect x", "has not been run yet; say %graphbit run"),
    "answering": ("%graphbit answer x yes", "no run of workflow waits for an answer"),
    "cancelling": ("%graphbit cancel", "no run of workflow goes on"),
}

WORDS = {
    "unknown command": ("%graphbit rnu", "%graphbit: no command 'rnu'; did you mean 'run'?"),
    "unknown command, like none": ("%graphbit zzz", "no command 'zzz'; there are run, step, cancel"),
    "unknown kind": ("%%graphbit promt x\nhi\n", "no kind of node 'promt'; did you mean 'prompt'?"),
    "a kind in capitals": ("%%graphbit Prompt x\nhi\n", "no kind of node 'Prompt'; did you mean 'prompt'?"),
    "the name before the kind": ("%%graphbit x prompt\nhi\n", "the kind comes first: %%graphbit prompt x"),
    "nothing said": ("%graphbit", "say what to do"),
    "nothing said in a cell": ("%%graphbit\nhi\n", "say what to do: %%graphbit {agent, condition,"),
    "one percent sign": ("%graphbit prompt x", "write %%graphbit prompt NAME with two %"),
    "one percent sign and a slip": ("%graphbit promt x", "did you mean %%graphbit prompt with two %?"),
    "two percent signs": ("%%graphbit show\nhi\n", "write %graphbit show with one %"),
    "two percent signs and a slip": ("%%graphbit shwo\nhi\n", "no kind of node 'shwo'; did you mean 'show'?"),
    "a line above": ("# mine\n%%graphbit prompt x\nhi\n", "%%graphbit is the first line of its cell"),
    "no name": ("%%graphbit prompt\nhi\n", "NAME is missing; write %%graphbit prompt NAME"),
    "options alone": ("%%graphbit prompt --model m\nhi\n", "NAME is missing"),
    "no node": ("%graphbit inspect", "NODE is missing; write %graphbit inspect NODE"),
    "a word too many": ("%%graphbit prompt x y\nhi\n", "'y' is one word too many; put text with blanks in quotes"),
    "open quote": ("%%graphbit prompt x --system 'be\nhi\n", "no closing quotation"),
    "help on nothing": ("%graphbit help promt", "no kind of node and no command 'promt'; did you mean 'prompt'?"),
}  # fmt: skip

OPTIONS = {
    "unknown option": ("%%graphbit prompt x --temprature 1\nhi\n", "no option --temprature; did you mean '--temp"),
    "one dash": ("%%graphbit prompt x -model m\nhi\n", "no option -model; did you mean '--model'?"),
    "a typographic dash": ("%%graphbit prompt x \u2014model m\nhi\n", "a typographic dash; write --model"),
    "option of another kind": ("%%graphbit python x --model m\nreturn 1\n", "no option --model"),
    "option of a run": ("%graphbit run --st a=1", "no option --st; did you mean '--set'?"),
    "option of a cell on a run": ("%graphbit run --model m", "no option --model; there are --set, --inputs"),
    "value missing": ("%%graphbit prompt x --model\nhi\n", "--model needs a value behind it"),
    "values missing": ("%%graphbit prompt x --after\nhi\n", "--after needs a value behind it"),
    "no number": ("%%graphbit prompt x --temperature warm\nhi\n", "--temperature 'warm': give a number"),
    "no whole number": ("%%graphbit prompt x --max-tokens 1.5\nhi\n", "--max-tokens '1.5': give a whole number"),
    "negative attempts": ("%%graphbit prompt x --retry -1\nhi\n", "retry=-1: give the number of attempts in all"),
    "no time": ("%%graphbit prompt x --timeout 0\nhi\n", "timeout=0.0: give seconds, more than 0"),
    "no slots": ("%%graphbit prompt x --concurrency 0\nhi\n", "concurrency=0: give a number of at least 1"),
    "unknown join": ("%%graphbit prompt x --join some\nhi\n", "join='some'; one of 'all', 'any'"),
    "unknown cache mode": ("%%graphbit prompt x --cache off\nhi\n", "cache='off'"),
    "unknown choice": ("%graphbit run --on-error stop", "--on-error: no 'stop'; there are continue, fail_fast"),
    "unknown output": ("%%graphbit prompt x --output lst[str]\nhi\n", "did you mean 'list[str]'?"),
    "output that is no type": ("%%graphbit prompt x --output words\nhi\n", "output 'words' is a str, not a class"),
    "doubled label": ("%%graphbit prompt x --output 'yes|yes'\nhi\n", "labels must be different"),
    "loop without in": ("%%graphbit prompt x --for-each outline\nhi\n", "'outline' is not a loop, such as 'point in"),
    "loop without quotes": ("%%graphbit prompt x --for-each p in outline\nhi\n", "put text with blanks in quotes"),
    "loop over a part of a text": ("%%graphbit prompt x --for-each 'p in outline.points'\nhi\n", "has no 'points'"),
    "when without a label": ("%%graphbit prompt x --when route\nhi\n", "when='route': write it as 'node=label'"),
    "when with a wrong label": ("%%graphbit prompt x --when route=maybe\nhi\n", "it gives 'yes', 'no'"),
    "unknown examples": ("%%graphbit prompt x --examples exmples\nhi\n", "no variable 'exmples'; did you mean 'exa"),
    "examples no list": ("%%graphbit prompt x --examples words\nhi\n", "examples must be a list of pairs"),
    "unknown tool": ("%%graphbit agent x --tools helpr\nhi\n", "no function 'helpr'; did you mean 'helper'?"),
    "tool that is no function": ("%%graphbit agent x --tools words\nhi\n", "a model can call functions only"),
    "agent without tools": ("%%graphbit agent x\nhi\n", "in a cell with --tools NAME,NAME, or make it a prompt"),
    "into a function": ("%%graphbit prompt x --into helper\nhi\n", "helper is a function and would be lost"),
    "into no name": ("%%graphbit prompt x --into 'a b'\nhi\n", "--into 'a b': that is no name for a variable"),
    "no workflow inside": ("%%graphbit workflow x\na = b\n", "say which workflow runs inside: --of WORKFLOW"),
    "unknown workflow inside": ("%%graphbit workflow x --of nope\na = b\n", "--of nope: no workflow of that name"),
    "itself inside": ("%%graphbit workflow x --of workflow\na = b\n", "workflow would hold itself"),
}  # fmt: skip

TEXTS = {
    "empty body": ("%%graphbit prompt x\n", "x: the prompt is empty"),
    "empty body of code": ("%%graphbit python x\n", "x: the body is empty"),
    "blank body": ("%%graphbit prompt x\n   \n", "x: the prompt is empty"),
    "name with a blank": ("%%graphbit prompt 'a b'\nhi\n", "'a b' is no name for a node; use letters, digits and _"),
    "name with a dash": ("%%graphbit prompt a-b\nhi\n", "'a-b' is no name for a node"),
    "name that is a keyword": ("%%graphbit prompt class\nhi\n", "'class' is a word of the language"),
    "name that templates use": ("%%graphbit prompt loop\nhi\n", "'loop' is a word of the language"),
    "cycle": ("%%graphbit prompt outline\n{{ draft }}\n", "outline → draft → outline"),
    "itself": ("%%graphbit prompt me\n{{ me }}\n", "me → me"),
    "open braces": ("%%graphbit prompt x\n{{ outline\n", "x: line 2: '{{' begins a template, but"),
    "one brace": ("%%graphbit prompt x\nfine\n{{ outline }\n", "x: line 3: '{{' begins a template"),
    "nothing in braces": ("%%graphbit prompt x\n{{ }}\n", "x: line 2: '{{' begins a template, but"),
    "open block": ("%%graphbit prompt x\n{% if outline %}\n", "x: line 2: '{%' begins a template, but"),
    "call": ("%%graphbit prompt x\n{{ f() }}\n", "x: line 2: calling a function is not allowed"),
    "arithmetic": ("%%graphbit prompt x\n{{ 1 + 1 }}\n", "arithmetic is not allowed"),
    "statement": ("%%graphbit prompt x\n{% set y = 1 %}\n", "set is not allowed"),
    "unknown tag": ("%%graphbit prompt x\n{% fro a in b %}\n", "unknown tag 'fro'"),
    "unknown filter": ("%%graphbit prompt x\n{{ outline | uper }}\n", "no filter 'uper'; did you mean 'upper'?"),
    "system prompt": ("%%graphbit prompt x --system '{{'\nhi\n", "in the system prompt"),
    "code that does not parse": ("%%graphbit python x\na = 1\nreturn (a\n", "x: line 3: '(' was never closed"),
    "code that is indented": ("%%graphbit python x\n  return 1\n", "x: line 2: unexpected indent"),
    "yield": ("%%graphbit python x\nyield 1\n", "use return, not yield"),
    "a shell line in code": ("%%graphbit python x\n!ls\nreturn 1\n", "shell and magic lines do not work in a node"),
}  # fmt: skip

RUNS = {
    "run of an unknown node": ("%graphbit run drfat", "no node 'drfat'; did you mean 'draft'?"),
    "run from an unknown node": ("%graphbit run --from drfat", "no node 'drfat'; did you mean 'draft'?"),
    "unknown input": ("%graphbit run --set topc=1", "no input 'topc'; did you mean 'topic'?"),
    "no assignment": ("%graphbit run --set topic", "--set 'topic': write it as name=value"),
    "blanks around =": ("%graphbit run --set topic = sea", "--set 'topic': write it as name=value"),
    "blanks without quotes": ("%graphbit run --set topic=the sea", "--set 'sea': write it as name=value"),
    "missing input": ("%graphbit run", "'topic' has no value (read by outline); give it with --set NAME=VALUE"),
    "inputs no dict": ("%graphbit run --inputs words", "--inputs words: that is a str, not a dict"),
    "unknown inputs": ("%graphbit run --inputs wrds", "--inputs: no variable 'wrds'; did you mean 'words'?"),
    "no nodes at a time": ("%graphbit run --max-concurrency 0", "max_concurrency=0: give a number of at least 1"),
    "unknown workflow": ("%graphbit use workflw", "no workflow 'workflw'; did you mean 'workflow'?"),
    "inspect before a run": ("%graphbit inspect draft", "has not been run yet"),
    "removal of an unknown node": ("%graphbit rm drft", "no node 'drft'; did you mean 'draft'?"),
    "preview of an unknown node": ("%graphbit preview drft --set topic=x", "no node 'drft'; did you mean 'draft'?"),
    "preview without inputs": ("%graphbit preview outline", "'topic' has no value; give it with --set"),
    "answer to nobody": ("%graphbit answer draft yes", "no run of workflow waits for an answer"),
    "file without suffix": ("%graphbit export flow", "flow: there is no suffix; .py, .json"),
    "file of an unknown kind": ("%graphbit export flow.docx", "the suffix '.docx' is not known; did you mean"),
    "file in no folder": ("%graphbit export nowhere/flow.yaml", "there is no directory nowhere; make it first"),
    "file that is not there": ("%graphbit load nowhere.yaml", "there is no file nowhere.yaml"),
    "file that cannot be read": ("%graphbit load flow.py", "flow.py is a program: run it"),
}  # fmt: skip

MODELS = {
    "a key in a cell": ("%graphbit config --api-key sk-1", "a key does not belong into a cell"),
    "unknown provider": ("%graphbit config --provider opnai --model m", "no provider 'opnai'; did you mean 'openai'?"),
    "unknown provider of a cell": ("%%graphbit prompt x --provider opnai\nhi\n", "no provider 'opnai'; did you mean"),
    "provider without model": ("%graphbit config --provider openai", "--provider openai needs --model as well"),
    "provider without dashes": ("%graphbit config openai", "'openai' is one word too many"),
    "no config": ("%graphbit config --config words", "--config words: that is a str, not an LlmConfig"),
    "weights of nothing": ("%graphbit local instal", "no 'instal'; did you mean 'install'?"),
}  # fmt: skip

SLIPS = {**WORDS, **OPTIONS, **TEXTS, **RUNS, **MODELS}


def check(shell, cell, message):
    with pytest.raises(GraphbitError) as caught:
        shell(cell)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(caught.value._render_traceback_()) == 1
    assert shell.outputs == []
    assert shell.printed.count("\n") <= 1  # the line itself


@pytest.mark.parametrize("slip", FIRST, ids=[name.replace(" ", "-") for name in FIRST])
def test_before_any_cell_a_command_says_what_comes_first(shell, slip):
    check(shell, *FIRST[slip])


@pytest.mark.parametrize("slip", SLIPS, ids=[name.replace(" ", "-") for name in SLIPS])
def test_a_slip_gets_one_clear_line(shell, slip):
    def helper(text: str) -> str:
        return text

    shell.ip.user_ns.update(words="graphs", examples=[], helper=helper)
    for definition in SETUP:
        shell(definition)
    before = dict(shell.workspace.built().nodes)
    check(shell, *SLIPS[slip])
    assert dict(shell.workspace.built().nodes) == before


RUN_SLIPS = {
    "unknown node": ("%graphbit inspect drft", "no node 'drft'"),
    "item of a node that has none": ("%graphbit inspect 'draft[3]'", "so there is no draft[3]"),
    "answer to one who does not ask": ("%graphbit answer draft yes", "draft waits for no answer, it is succeeded; "),
    "answer to a name": ("%graphbit answer my yes", "no node 'my' waits for an answer; did you mean 'may'?"),
    "answer without a name": ("%graphbit answer yes", "no node 'yes' waits for an answer; may does"),
    "answer that is none": ("%graphbit answer may ys", "may: 'ys' is none of the answers; did you mean 'yes'?"),
}  # fmt: skip


@pytest.mark.parametrize("slip", RUN_SLIPS, ids=[name.replace(" ", "-") for name in RUN_SLIPS])
def test_a_slip_about_a_run_gets_one_clear_line(scripted, slip):
    shell = scripted({"*": "fine"})
    shell("%%graphbit prompt draft\nx\n")
    shell("%%graphbit human may --output 'yes|no'\n{{ draft }}?\n")
    shell("%graphbit run")
    check(shell, *RUN_SLIPS[slip])


def test_a_provider_without_a_key_says_where_the_key_comes_from(shell, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    shell("%%graphbit prompt x --provider openai --model gpt-4o-mini\nhi\n")
    check(shell, "%graphbit run", "openai needs a key: set OPENAI_API_KEY in the environment")


def test_a_misspelt_model_names_the_nearest(shell):
    shell("%graphbit config --provider local --model smolm2")
    shell("%%graphbit prompt x\nhi\n")
    check(shell, "%graphbit run", "no model file 'smolm2'; did you mean 'smollm2'?")


def test_a_name_that_is_nowhere_is_taken_for_an_input_and_said(shell):
    shell("%%graphbit prompt outline\nx\n")
    shell("%%graphbit prompt x\n{{ outlin }}\n")
    assert "'outlin' is no node, so it is an input of the workflow; did you mean 'outline'?" in shell.text
    check(shell, "%graphbit run", "'outlin' has no value (read by x); did you mean 'outline'?")


def test_a_workflow_whose_script_is_a_provider_says_how_it_is_chosen(shell):
    shell.ip.user_ns["script"] = LlmConfig.scripted({})
    check(shell, "%graphbit config --provider scripted", "a script is a variable: script = LlmConfig.scripted({...})")
