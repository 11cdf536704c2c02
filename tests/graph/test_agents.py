"""An agent is a definition that nodes share."""

import pickle

import pytest

import graphbit_nb as gb

EDITOR = gb.Agent("editor", "You are strict about {{ topic }}.", model="m1", temperature=0.0)


def test_nodes_take_what_their_agent_says_unless_they_say_it_themselves():
    a = gb.Node.prompt("a", "Shorten {{ text }}", agent=EDITOR)
    b = gb.Node.prompt("b", "Shorten {{ text }}", agent=EDITOR, model="m2", temperature=1.0, system="Be kind.")
    assert (a.settings.model, a.settings.temperature, a.settings.system.source) == ("m1", 0.0, EDITOR.system)
    assert (b.settings.model, b.settings.temperature, b.settings.system.source) == ("m2", 1.0, "Be kind.")
    assert {reference.name for reference in a.references} == {"text", "topic"}


def test_an_agent_is_what_it_says_and_can_be_carried_about():
    assert pickle.loads(pickle.dumps(EDITOR)) == EDITOR
    assert gb.Agent("x", tools=[len]).tools == (len,)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((""), "an agent needs a name"),
        (("x", 5), "system=5: give a text"),
        (("x", None, "len"), "tools='len': give a list of functions"),
        (("x", None, [5]), "the tool 5 is no function"),
        (("x", None, (), 5), "model=5: give a text"),
        (("x", None, (), None, 5), "provider=5: give a name, or an LlmConfig"),
    ],
)
def test_a_bad_agent_is_refused(arguments, told):
    with pytest.raises(gb.DefinitionError, match=told):
        gb.Agent(*(arguments or ("",)))


def test_a_prompt_takes_an_agent_without_tools():
    with pytest.raises(gb.DefinitionError, match="a: the agent x has tools, and a prompt calls none"):
        gb.Node.prompt("a", "b", agent=gb.Agent("x", tools=[len]))
    with pytest.raises(gb.DefinitionError, match="a: agent='editor': give an Agent"):
        gb.Node.prompt("a", "b", agent="editor")
