"""A file that is not right is refused, and the message says where and what to do."""

import json

import pytest

import graphbit_nb as gb
from graphbit_nb.errors import GraphbitError, UsageError, ValidationError
from graphbit_nb.files.trust import UntrustedCodeError
from graphbit_nb.session.files import export, load

HEAD = "format: graphbit-workflow\nversion: 1\nname: w\n"
NODE = HEAD + "nodes:\n  - name: a\n    kind: prompt\n    prompt: x\n"


def loading(tmp_path, text, name="flow.yaml", **how):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(GraphbitError) as caught:
        load(path, **how)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "flow.yaml is empty"),
        ("  \n", "flow.yaml is empty"),
        ("- a", "it holds a list where keys"),
        ("name: w\n", "flow.yaml: format (line 1): there is no format"),
        (HEAD.replace("graphbit-workflow", "other"), "format is 'other'"),
        (HEAD.replace("version: 1", "version: 7"), "version 7, and this graphbit_nb"),
        (HEAD.replace("version: 1", "version: '1'"), "version is '1'"),
        (HEAD.replace("version: 1", "version: true"), "version is True"),
        (HEAD, "flow.yaml: nodes (line 1): this is missing"),
        (HEAD + "nodes: []", "the workflow has no nodes"),
        (NODE + "    promt: y\n", "flow.yaml: nodes[0].promt (line 8): unknown key; did you mean 'prompt'?"),
        (NODE.replace("prompt: x", "promt: x"), "flow.yaml: nodes[0].prompt (line 5): this is missing"),
        (NODE.replace("prompt: x", "prompt: [x]"), "nodes[0].prompt (line 7): a text is needed, not ['x']"),
        (NODE.replace("prompt: x", "prompt: 'a\n\n      {{ b'"), "nodes[0].prompt (line 7): a: line 2: "),
        (NODE.replace("kind: prompt", "kind: promt"), "nodes[0].kind"),
        (NODE.replace("name: a", "name: '{{'"), "nodes[0].name"),
        (NODE + "    timeout: soon\n", "nodes[0].timeout (line 8): a number is needed, not 'soon'"),
        (NODE + "    timeout: -1\n", "nodes[0].timeout (line 8): a: timeout=-1: give seconds"),
        (NODE + "    retry: {max_attempts: 2, base_dely: 1}\n", "retry.base_dely (line 8): unknown key; did you mean"),
        (NODE + "    join: most\n", "nodes[0].join (line 8): 'most' is not allowed; give 'all' or 'any'"),
        (NODE + "    after: [b]\n", "nodes[0].after (line 8): a: after: no node 'b'; there are a"),
        (NODE + "    when: [a]\n", "nodes[0].when (line 8): a: when='a': write it as"),
        (NODE + "    fallback: {}\n", "nodes[0].fallback (line 8): 'value' or 'ask' is needed"),
        (NODE + "    output: {type: 'dict[str, Foo]'}\n", "nodes[0].output (line 8)"),
        (NODE + "    output: {type: '__import__(1)'}\n", "is no type"),
        (NODE + "connections: [[a, c]]\n", "connections (line 8): connect('a', 'c'): no node 'c'"),
        (NODE + "name: x\n", "line 8: the key 'name' is there twice"),
        (NODE + "1: x\n", "line 8: the key 1 is no text"),
        (NODE + "description: .nan\n", "line 8: .nan is no number"),
        (NODE + "description: 1e999\n", "line 8: 1e999 is no finite number"),
        (NODE + "description: " + "9" * 5000, "line 8: the number has more than 1,000 digits"),
        (NODE + "description: !!python/object/apply:os.system ['x']\n", "tags such as"),
        (NODE + "description: *a\n", "*a stands for nothing"),
        (NODE + "description: &a [*a]\n", "*a stands for nothing"),
        (NODE + "---\na: b\n", "line 8: a second document"),
        (NODE + "x: [", "this is no YAML"),
        (NODE + "x: " + "[" * 50_000, "nested more than"),
        (NODE + "x: " + "{a: " * 500, "nested more than"),
        (NODE.encode() + b"# \xff\xfe\n", "line 8: this is no UTF-8"),
    ],
)  # fmt: skip
def test_yaml_is_refused_with_the_place(tmp_path, text, message):
    assert message in loading(tmp_path, text)


def test_aliases_are_read_but_bombs_are_not(tmp_path):
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    assert "more than 100,000 values" in loading(tmp_path, HEAD + bomb)
    path = tmp_path / "fine.yaml"
    path.write_text(NODE + "    stop: &s [x]\n  - {name: b, kind: prompt, prompt: y, stop: *s}\n")
    assert load(path).nodes["b"].settings.stop == ("x",)


def test_yes_and_dates_and_octal_numbers_are_texts(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(NODE + "    stop: [yes, off, 2024-01-01, 0o17, 1:30, =]\n")
    assert load(path).nodes["a"].settings.stop == ("yes", "off", "2024-01-01", "0o17", "1:30", "=")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1, column 2: this is no JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": 1e999}', "1e999 is no finite number"),
        ('{"a": ' + "9" * 5000 + "}", "more than 1,000 digits"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 100 + "]" * 100, "nested more than 60 deep"),
        ('{"a": "\\ud800"}', "surrogate"),
    ],
)
def test_json_is_refused_with_the_place(tmp_path, text, message):
    told = loading(tmp_path, text, "flow.json")
    assert told.startswith("flow.json: ")
    assert message in told


def test_everything_wrong_is_said_at_once(tmp_path):
    path = tmp_path / "flow.json"
    inner = {"name": "i", "nodes": [{"name": "d", "kind": "embed", "text": ""}]}
    nodes = [
        {"name": "a", "kind": "prompt", "prompt": "{{ x"},
        {"name": "b", "kind": "human", "question": "{% set %}"},
        {"name": "c", "kind": "workflow", "workflow": inner},
    ]  # fmt: skip
    path.write_text(json.dumps({"format": "graphbit-workflow", "version": 1, "name": "w", "nodes": nodes}))
    with pytest.raises(ValidationError) as caught:
        load(path)
    places = [problem.place for problem in caught.value.problems]
    assert places == [
        "flow.json: nodes[0].prompt",
        "flow.json: nodes[1].question",
        "flow.json: nodes[2].workflow.nodes[0].text",
    ]


CODE = """\
code: |
  import os


  def fn(x):
      return os.name
nodes:
  - {name: a, kind: python, function: fn}
  - {name: b, kind: condition, body: "return \\"\\u202e\\" + a", inputs: [a]}
"""


def test_code_is_shown_and_not_run_without_trust(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(HEAD + CODE.replace("import os\n", "import os; raise SystemExit\n"))
    with pytest.raises(UntrustedCodeError, match="trust=True") as caught:
        load(path)
    told = str(caught.value)
    assert "flow.yaml: code (line 4):\n    import os; raise SystemExit\n" in told
    assert "flow.yaml: nodes[0].function (line 11):\n    fn\n" in told
    assert "\u202e" not in told
    assert list(caught.value.code) == [
        "flow.yaml: code (line 4)", "flow.yaml: nodes[0].function (line 11)", "flow.yaml: nodes[1].body (line 12)",
    ]  # fmt: skip


def test_an_address_that_prompts_go_to_needs_trust_too(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(NODE + "    provider: {provider: openai, model: m, base_url: 'https://elsewhere.example'}\n")
    with pytest.raises(UntrustedCodeError, match=r"https://elsewhere\.example"):
        load(path)
    assert load(path, trust=True).nodes["a"].settings.provider.base_url == "https://elsewhere.example"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("import os", "import nothing_like_it", "flow.yaml: code (line 4): the code needs 'nothing_like_it'"),
        ("import os", "import os; 1 / 0", "the code does not run: ZeroDivisionError"),
        ("import os", "raise SystemExit", "the code does not run: SystemExit"),
        ("import os", "import (", "code, line 1: "),
        ("function: fn", "function: fnn", "function: the code defines no function 'fnn'; did you mean 'fn'?"),
        ("function: fn", "function: fn()", "neither a name of the code nor a lambda"),
        ("function: fn", "function: '(lambda: __import__(1))()'", "neither a name of the code nor a lambda"),
        ("function: fn", "function: fn, body: x", "one of function, body is needed, and function and body is there"),
        ("function: fn", "inputs: [x]", "one of function, body is needed, and none is there"),
        ("function: fn", "body: 'return ('", "nodes[0].body (line 11): a: body: line 1 of the body"),
        ("function: fn", "body: 'return 1', inputs: [z]", "the body does not read 'z'"),
        ("function: fn", "function: fn, inputs: {y: a}", "the function has no parameter 'y'"),
    ],
)  # fmt: skip
def test_trusted_code_that_is_wrong_is_told_with_its_place(tmp_path, old, new, message):
    assert message in loading(tmp_path, HEAD + CODE.replace(old, new), trust=True)


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "flow.yaml").write_text(NODE)
    with pytest.raises(UsageError, match=r"there is no file .*flwo\.yaml; did you mean 'flow\.yaml'"):
        load(tmp_path / "flwo.yaml")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("flow.yml.txt", "the suffix '.txt' is not known"),
        ("flow.jsn", "did you mean 'flow.json'"),
        ("flow", "there is no suffix"),
        ("flow.py", "a program: run it"),
        ("flow.svg", "is a picture"),
        ("", "is no path"),
        (None, "None is no path"),
        (5, "5 is no path"),
        ("a\0.json", "cannot be read"),
    ],
)
def test_paths_that_cannot_be_loaded(path, message):
    with pytest.raises(UsageError, match=message):
        load(path)


def test_directories_are_refused(tmp_path):
    (tmp_path / "flow.yaml").mkdir()
    with pytest.raises(UsageError, match="is a directory"):
        load(tmp_path / "flow.yaml")
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.prompt("a", "x"))
    with pytest.raises(UsageError, match="is a directory"):
        export(builder.build(), tmp_path / "flow.yaml")
    with pytest.raises(UsageError, match="there is no directory"):
        export(builder.build(), tmp_path / "none" / "flow.yaml")
    with pytest.raises(UsageError, match=r"call \.build\(\)"):
        export(builder, tmp_path / "flow.json")
    with pytest.raises(UsageError, match=r"did you mean 'flow\.yaml'"):
        export(builder.build(), tmp_path / "flow.yamll")
    with pytest.raises(UsageError, match="inputs and config go into a program"):
        export(builder.build(), tmp_path / "flow.json", inputs={})
    assert [entry.name for entry in tmp_path.iterdir()] == ["flow.yaml"]
