"""An agent node is a prompt with tools; what cannot be called is refused when it is defined."""

import pickle

import pytest

import graphbit_nb as gb
from graphbit_nb.graph.tools import tool_of


def search(query: str) -> str:
    """Search the archive."""
    return f"found {query}"


async def fetch(page: int) -> str:
    """Fetch a page."""
    return f"page {page}"


def named(node):
    return [tool.name for tool in node.settings.tools]


def test_an_agent_node_takes_functions_and_tools_in_their_order():
    node = gb.Node.agent("a", "find {{ what }}", tools=[fetch, tool_of(search, name="look")])
    assert (node.kind, named(node)) == ("agent", ["fetch", "look"])
    assert (node.settings.max_turns, node.settings.tool_timeout) == (10, 60.0)


def test_it_takes_everything_that_a_prompt_takes():
    node = gb.Node.agent(
        "a", "find {{ what }}", tools=[search], system="For {{ whom }}.", model="m", temperature=0.5, stop="x",
        max_tokens=5, examples=[("q", "4")], output="int", max_turns=3, tool_timeout=2,
    )  # fmt: skip
    assert {reference.name for reference in node.references} == {"what", "whom"}
    assert node.settings.parameters() == {"temperature": 0.5, "max_tokens": 5, "stop": ("x",)}
    assert (node.settings.max_turns, node.settings.tool_timeout) == (3, 2)


def test_it_takes_the_tools_of_its_agent_unless_it_has_its_own():
    clerk = gb.Agent("clerk", "You look things up.", tools=[search, tool_of(fetch)], model="m")
    assert named(gb.Node.agent("a", "x", agent=clerk)) == ["search", "fetch"]
    own = gb.Node.agent("a", "x", agent=clerk, tools=[fetch])
    assert (named(own), own.settings.model, own.settings.system.source) == (["fetch"], "m", "You look things up.")


def test_a_node_with_tools_can_be_pickled():
    node = gb.Node.agent("a", "x", tools=[search])
    assert pickle.loads(pickle.dumps(node)) == node


def other():
    def search(place: str) -> str:
        return place

    return search


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, r"a: an agent calls tools, and it has none; give it functions with tools=\[...\]"),
        ({"tools": []}, "it has none"),
        ({"agent": gb.Agent("x")}, "it has none"),
        ({"agent": "x"}, "agent='x': give an Agent"),
        ({"tools": search}, r"give a list: tools=\[search\]"),
        ({"tools": "search"}, "tools='search': give a list of functions"),
        ({"tools": {"search": search}}, "give a list of functions"),
        ({"tools": [5]}, "the tool 5: give a function, not int"),
        ({"tools": [dict]}, "the tool dict: give a function, not a class"),
        ({"tools": [lambda x: x]}, "a lambda has no name"),
        (
            {"tools": [search, other()]},
            (
                r"two tools are called 'search': test_agent_nodes.search \(line \d+\) and "
                r"test_agent_nodes.other.<locals>.search \(line \d+\); leave one out"
            ),
        ),
        ({"tools": [search], "max_turns": 0}, "max_turns=0: give a whole number of at least 1"),
        ({"tools": [search], "max_turns": True}, "max_turns=True"),
        ({"tools": [search], "max_turns": 2.5}, r"max_turns=2\.5"),
        ({"tools": [search], "tool_timeout": 0}, "tool_timeout=0: give a number of seconds above 0"),
        ({"tools": [search], "tool_timeout": float("inf")}, "tool_timeout=inf"),
        ({"tools": [search], "tool_timeout": float("nan")}, "tool_timeout=nan"),
        ({"tools": [search], "tool_timeout": "5"}, "tool_timeout='5'"),
        ({"tools": [search], "turns": 5}, "an agent node has no 'turns'|a agent node has no 'turns'"),
    ],
)
def test_a_bad_agent_node_is_refused_and_says_what_to_do(given, told):
    with pytest.raises(gb.DefinitionError, match=told):
        gb.Node.agent("a", "x", **given)


def test_an_agent_may_have_tools_that_are_made_already():
    assert gb.Agent("x", tools=[tool_of(search)]).tools == (tool_of(search),)
