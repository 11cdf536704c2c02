"""%graphbit cost: what a run would cost."""

import pytest

import graphbit_nb as gb

CONFIG = "%graphbit config --provider openai --model gpt-4o-mini"


def defined(shell):
    shell("%graphbit new w")
    shell(CONFIG)
    shell("%%graphbit prompt a --max-tokens 100\nTell of {{ topic }}.")
    shell("%%graphbit prompt b --max-tokens 50\nShorter: {{ a }}")


def test_a_row_for_each_node_that_asks_and_a_total(shell):
    defined(shell)
    shell("%graphbit cost --set topic=graphs")
    lines = shell.text.splitlines()
    assert lines[0] == "what w would cost"
    assert [line.split()[0] for line in lines[2:5]] == ["a", "b", "total"]
    assert "prompt known" in lines[2]
    assert "$" in lines[4]
    assert "<table" in shell.outputs[0]["text/html"]


def test_inputs_need_not_be_known(shell):
    defined(shell)
    shell("%graphbit cost")
    assert "size of topic unknown" in shell.text


def test_only_some_nodes(shell):
    defined(shell)
    shell("%graphbit cost a")
    assert "total" not in shell.text


def test_a_slip_is_refused(shell):
    defined(shell)
    with pytest.raises(gb.UsageError, match="aa"):
        shell("%graphbit cost aa")
