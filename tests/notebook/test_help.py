"""Help by `?`, `--help` and `%graphbit help`: with examples, of all, of a kind, of a command."""

import pytest

import graphbit_nb as gb
from graphbit_nb.notebook.commands.command import COMMANDS

OF_RUN = "%graphbit run summary --set topic='the sea'"
OF_PROMPT = "Sum up in one sentence: {{ article }}"


@pytest.mark.parametrize("cell", ["%graphbit?", "%%graphbit?", "%gb?", "%%gb?", "?%graphbit", "?%%graphbit"])
def test_a_question_mark_behind_the_magic_shows_all_of_it_with_examples(shell, cell):
    shell(cell)
    assert "%%graphbit prompt summary\n" in shell.printed
    assert "%graphbit run --set article='...'" in shell.printed


@pytest.mark.parametrize("cell", ["%graphbit --help", "%graphbit -h", "%%graphbit --help\nx\n", "%graphbit help"])
def test_help_shows_all_of_it_with_examples(shell, cell):
    shell(cell)
    assert "%graphbit run --set article='...'" in shell.text


@pytest.mark.parametrize(
    "cell",
    [
        "%graphbit run?",
        "%graphbit run ?",
        "%gb run??",
        "?%graphbit run",
        "%graphbit run --help",
        "%graphbit run summary --help",
        "%graphbit run -h",
        "%graphbit help run",
        "if True:\n    %graphbit run?\n",
        "%%time\n%graphbit run?\n",
    ],
)
def test_help_on_a_command_has_its_example(shell, cell):
    shell(cell)
    assert OF_RUN in shell.text


@pytest.mark.parametrize(
    "cell",
    [
        "%graphbit prompt?",
        "%%graphbit prompt?",
        "%%graphbit prompt?\n\n",
        "%%graphbit prompt --help\n",
        "%%graphbit prompt x --help\nhi\n",
        "%graphbit help prompt",
    ],
)
def test_help_on_a_kind_of_node_has_its_example_and_defines_nothing(shell, cell):
    shell(cell)
    assert OF_PROMPT in shell.text
    assert shell.workspace.draft.names == ()


@pytest.mark.parametrize("name", [*COMMANDS])
def test_every_command_has_a_help_with_an_example(shell, name):
    shell(f"%graphbit {name}?")
    assert "For example:" in shell.text


def test_help_on_nothing_names_the_nearest(shell):
    with pytest.raises(gb.UsageError, match="no kind of node and no command 'rnu'; did you mean 'run'"):
        shell("%graphbit rnu?")


# ---- question marks that ask for no help


def test_an_answer_may_end_with_a_question_mark(scripted):
    shell = scripted({})
    shell("%%graphbit human ask\nWell?\n")
    shell("%graphbit run")
    result = shell("%graphbit answer ask why not?")
    assert result.outputs == {"ask": "why not?"}


def test_a_value_may_end_with_a_question_mark(scripted):
    shell = scripted({"*": "fine"})
    shell("%%graphbit prompt say\nSay: {{ text }}\n")
    shell("r = %graphbit run --set text=Why?")
    assert shell.ip.user_ns["r"].inputs == {"text": "Why?"}


def test_a_prompt_may_end_with_a_question_mark(shell):
    shell("%%graphbit prompt ask\nWhat is %graphbit run?\n%graphbit run?")
    assert shell.workspace.draft["ask"].origin.source.endswith("What is %graphbit run?\n%graphbit run?\n")


@pytest.mark.parametrize("quotes", ['"""', "'''"])
def test_a_text_of_several_lines_stays_as_it_is(shell, quotes):
    assert shell(f"{quotes}\n%graphbit run?\n%%graphbit x\n{quotes}") == "\n%graphbit run?\n%%graphbit x\n"


@pytest.mark.parametrize("cell", ["import os\nos?", "len?", "%time?"])
def test_other_questions_are_ipythons_business(shell, cell):
    shell(cell)
    assert "Docstring:" in shell.printed


def test_a_cell_may_be_indented_as_a_whole_or_in_its_first_line(shell):
    shell("  %%graphbit prompt a\n  x\n")
    shell("  %%graphbit prompt b\nx\n")
    assert shell.workspace.draft.names == ("a", "b")
