"""The body of a python cell is a function's body."""

import pytest

from graphbit_nb import DefinitionError


def test_free_names_that_are_nodes_are_their_outputs(scripted):
    shell = scripted({"names": '["Ada", "Bob"]'})
    shell("%%graphbit prompt names --output list[str]\nWho?\n")
    shell("%%graphbit python count\nreturn len(names)\n")
    assert "reads names" in shell.text
    assert shell("%graphbit run").outputs["count"] == 2


def test_other_names_are_the_notebooks_variables_as_they_are_when_it_runs(shell):
    shell("factor = 2")
    shell("%%graphbit python scaled\nreturn 10 * factor\n")
    shell("factor = 3")
    assert shell("%graphbit run").outputs["scaled"] == 30


def test_a_node_shadows_a_variable_of_its_name_and_that_is_said(shell):
    shell("base = 'variable'")
    shell("%%graphbit python base\nreturn 'node'\n")
    shell("%%graphbit python reader\nreturn base\n")
    assert "base is the node here, not what the notebook or Python calls base" in shell.text
    assert shell("%graphbit run").outputs["reader"] == "node"


def test_data_of_the_notebook_is_an_input_that_a_run_can_be_given_anew(shell):
    shell("factor = 2")
    shell("%%graphbit python scaled\nreturn 10 * factor\n")
    assert "takes the input factor" in shell.text
    assert shell("%graphbit run --set factor=5").outputs["scaled"] == 50
    assert shell("%graphbit run").inputs == {"factor": 2}


def test_functions_classes_and_modules_of_the_notebook_are_just_used(shell):
    shell("import math\ndef twice(n):\n    return 2 * n\nclass Box:\n    side = 3")
    shell("%%graphbit python area\nreturn twice(math.prod([Box.side, Box.side]))\n")
    assert "input" not in shell.text
    assert shell("%graphbit run").outputs["area"] == 18


def test_an_unknown_name_is_an_input_of_the_workflow(shell):
    shell("%%graphbit python words\nreturn len(article.split())\n")
    assert "takes the input article" in shell.text
    assert shell("%graphbit run --set 'article=three short words'").outputs["words"] == 3


def test_await_works_in_the_body(shell):
    shell("%%graphbit python waited\nimport asyncio\nawait asyncio.sleep(0)\nreturn 'done'\n")
    assert shell("%graphbit run").outputs["waited"] == "done"


def test_an_error_names_the_line_of_the_cell(shell):
    shell("%%graphbit python bad\nx = 0\n\nreturn 1 / x\n")
    error = shell("%graphbit run").errors["bad"]
    assert error.type == "ZeroDivisionError"
    assert "line 4: return 1 / x" in error.place


def test_a_body_that_gives_nothing_is_announced(shell):
    shell("%%graphbit python quiet\nx = 1\n")
    assert "there is no return" in shell.text


def test_comprehensions_functions_and_classes_keep_their_own_names(shell):
    shell(
        "%%graphbit python own\nclass Box:\n    size = 2\n    area = size * size\n"
        "def twice(n):\n    return n * 2\nreturn twice(Box.area) + sum(i for i in range(3))\n"
    )
    assert "takes the input" not in shell.text
    assert shell("%graphbit run").outputs["own"] == 11


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return (\n", "line 2: '\\(' was never closed"),
        ("x = 1\nreturn x +\n", "line 3: invalid syntax"),
        ("yield 1\n", "use return, not yield"),
        ("break\n", "line 2: 'break' outside loop"),
        ("# nothing\n", "the body is empty"),
    ],
)
def test_a_body_that_is_no_python_is_refused_with_its_line(shell, body, message):
    with pytest.raises(DefinitionError, match=message):
        shell(f"%%graphbit python broken\n{body}")
