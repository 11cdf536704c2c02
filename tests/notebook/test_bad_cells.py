"""A slip gets one line: what is wrong, where, the nearest right name; and it is an error, so that Run All stops."""

import pytest

from graphbit_nb import GraphbitError

SETUP = [
    "%%graphbit prompt outline\nThree points about {{ topic }}.\n",
    "%%graphbit prompt draft\nWrite {{ outline }}.\n",
]

SLIPS = {
    "unknown command": ("%graphbit rnu", "no command 'rnu'; did you mean 'run'?"),
    "unknown kind": ("%%graphbit promt x\nhi\n", "no kind of node 'promt'; did you mean 'prompt'?"),
    "nothing said": ("%graphbit", "say what to do"),
    "no name": ("%%graphbit prompt\nhi\n", "the following arguments are required: NAME"),
    "unknown option": ("%%graphbit prompt x --temprature 1\nhi\n", "no option --temprature; did you mean '--temp"),
    "option of another kind": ("%%graphbit python x --model m\nreturn 1\n", "no option --model"),
    "option of a run": ("%graphbit run --st a=1", "no option --st; did you mean '--set'?"),
    "a word too many": ("%%graphbit prompt x y\nhi\n", "'y' is one word too many"),
    "no number": ("%%graphbit prompt x --temperature warm\nhi\n", "--temperature: invalid float value: 'warm'"),
    "value missing": ("%%graphbit prompt x --model\nhi\n", "--model: expected one argument"),
    "open quote": ("%%graphbit prompt x --system 'be\nhi\n", "no closing quotation"),
    "empty body": ("%%graphbit prompt x\n", "x: the prompt is empty"),
    "empty body of code": ("%%graphbit python x\n", "x: the body is empty"),
    "blank body": ("%%graphbit prompt x\n   \n", "x: the prompt is empty"),
    "name with a blank": ("%%graphbit prompt 'a b'\nhi\n", "'a b' is no name for a node"),
    "name with a dash": ("%%graphbit prompt a-b\nhi\n", "'a-b' is no name for a node"),
    "name that is a keyword": ("%%graphbit prompt class\nhi\n", "'class' is a word of the language"),
    "cycle": ("%%graphbit prompt outline\n{{ draft }}\n", "outline → draft → outline"),
    "itself": ("%%graphbit prompt me\n{{ me }}\n", "me → me"),
    "open brace": ("%%graphbit prompt x\nfine\n{{ outline }\n", "x: line 3: '{{' begins a template"),
    "call": ("%%graphbit prompt x\n{{ f() }}\n", "x: line 2: calling a function is not allowed"),
    "arithmetic": ("%%graphbit prompt x\n{{ 1 + 1 }}\n", "arithmetic is not allowed"),
    "statement": ("%%graphbit prompt x\n{% set y = 1 %}\n", "set is not allowed"),
    "unknown tag": ("%%graphbit prompt x\n{% fro a in b %}\n", "unknown tag 'fro'"),
    "unknown filter": ("%%graphbit prompt x\n{{ outline | uper }}\n", "no filter 'uper'; did you mean 'upper'?"),
    "system prompt": ("%%graphbit prompt x --system '{{'\nhi\n", "in the system prompt"),
    "unknown output": ("%%graphbit prompt x --output lst[str]\nhi\n", "did you mean 'list[str]'?"),
    "doubled label": ("%%graphbit prompt x --output 'yes|yes'\nhi\n", "labels must be different"),
    "unknown examples": ("%%graphbit prompt x --examples exmples\nhi\n", "no variable 'exmples'; did you mean 'exa"),
    "examples no list": ("%%graphbit prompt x --examples topic_text\nhi\n", "examples must be a list of pairs"),
    "no attempts": ("%%graphbit prompt x --retry 0\nhi\n", "retry=0"),
    "no time": ("%%graphbit prompt x --timeout 0\nhi\n", "timeout=0"),
    "unknown cache mode": ("%%graphbit prompt x --cache off\nhi\n", "cache='off'"),
    "one percent sign": ("%graphbit prompt x", "write %%graphbit prompt NAME with two %"),
    "two percent signs": ("%%graphbit show\nhi\n", "write %graphbit show with one %"),
    "run of an unknown node": ("%graphbit run drfat", "no node 'drfat'; did you mean 'draft'?"),
    "unknown input": ("%graphbit run --set topc=1", "no input 'topc'; did you mean 'topic'?"),
    "no assignment": ("%graphbit run --set topic", "write it as name=value"),
    "missing input": ("%graphbit run", "'topic' has no value (read by outline)"),
    "inputs no dict": ("%graphbit run --inputs topic_text", "not a dict"),
    "unknown workflow": ("%graphbit use workflw", "no workflow 'workflw'; did you mean 'workflow'?"),
    "inspect before a run": ("%graphbit inspect draft", "has not been run yet"),
    "preview of an unknown node": ("%graphbit preview drft --set topic=x", "no node 'drft'; did you mean 'draft'?"),
    "preview without inputs": ("%graphbit preview outline", "'topic' has no value"),
    "a key in a cell": ("%graphbit config --api-key sk-1", "a key does not belong into a cell"),
    "unknown provider": ("%graphbit config --provider opnai --model m", "no provider 'opnai'; did you mean 'openai'?"),
    "provider without model": ("%graphbit config --provider openai", "needs --model"),
    "no config": ("%graphbit config --config topic_text", "not an LlmConfig"),
}  # fmt: skip


@pytest.mark.parametrize("slip", SLIPS, ids=[name.replace(" ", "-") for name in SLIPS])
def test_a_slip_gets_one_clear_line(shell, slip):
    cell, message = SLIPS[slip]
    shell.ip.user_ns.update(topic_text="graphs", examples=[])
    for definition in SETUP:
        shell(definition)
    with pytest.raises(GraphbitError) as caught:
        shell(cell)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(caught.value._render_traceback_()) == 1
