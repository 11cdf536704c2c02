"""What a node is made of, and what is refused when it is defined."""

import copy
import dataclasses
import pickle
import re

import pytest

import graphbit_nb as gb
from graphbit_nb.core.outputs import output_type
from graphbit_nb.graph.missing import MISSING

Node = gb.Node


def test_a_node_is_frozen():
    node = Node.prompt("a", "x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.settings.model = "m"


def test_a_node_can_be_copied_and_pickled():
    node = Node.prompt("a", "{{ b }}", system="be {{ c }}", output="yes|no")
    for again in (copy.deepcopy(node), pickle.loads(pickle.dumps(node))):
        assert again == node
        assert again.fallback is MISSING
        assert again.settings.template.render({"b": 1}) == "1"


@pytest.mark.parametrize("name", ["a", "_a", "summary_2", "len", "print", "match", "self", "été", "变量", "cache"])
def test_identifiers_are_names(name):
    assert Node.prompt(name, "x").name == name


@pytest.mark.parametrize("name", ["ﬁle", "e\u0301te\u0301"])
def test_a_name_is_kept_as_python_reads_it(name):
    assert Node.prompt(name, "x").name in ("file", "\u00e9t\u00e9")


@pytest.mark.parametrize("name", ["", " ", "a b", "1a", "a-b", "a.b", "a\n", "{{ a }}", None, 5, ("a",)])
def test_what_is_no_identifier_is_refused(name):
    with pytest.raises(gb.DefinitionError, match="is no name for a node"):
        Node.prompt(name, "x")


@pytest.mark.parametrize(
    "name", ["class", "None", "True", "import", "loop", "true", "none", "and", "not", "in", "is", "if", "for", "__x__"]
)
def test_words_of_the_language_are_refused(name):
    with pytest.raises(gb.DefinitionError, match=re.escape(f"try '{name.strip('_')}_'")):
        Node.prompt(name, "x")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"temprature": 1}, "a: a prompt node has no 'temprature'; did you mean 'temperature'"),
        ({"retry": 0}, "a: retry=0"),
        ({"retry": True}, "a: retry=True"),
        ({"retry": "3"}, "a: retry='3'"),
        ({"timeout": 0}, "a: timeout=0"),
        ({"timeout": -1}, "a: timeout=-1"),
        ({"timeout": float("nan")}, "a: timeout=nan"),
        ({"timeout": "1"}, "a: timeout='1'"),
        ({"cache": "defualt"}, "a: cache='defualt'; did you mean 'default'"),
        ({"cache": 5}, "a: cache=5"),
        ({"after": 5}, "a: after=5"),
        ({"after": ["b", 5]}, "a: after=5"),
        ({"output": "txt"}, "a: output 'txt' is no known type; did you mean 'text'"),
        ({"stop": 5}, "a: stop=5"),
        ({"system": 5}, "a template is a text"),
        ({"system": "@user\nx"}, "the system prompt cannot have turns"),
        ({"system": "{{ f() }}"}, "in the system prompt"),
        ({"model": 5}, "a: model=5"),
        ({"provider": 5}, "a: provider=5"),
        ({"examples": "x"}, "a: examples must be a list of pairs"),
        ({"examples": [("x",)]}, "a: example 1 must be a pair"),
        ({"examples": [("x", "y"), "xy"]}, "a: example 2 must be a pair"),
        ({"examples": [(5, "y")]}, "a: example 1: what is asked"),
    ],
)
def test_an_argument_that_is_wrong_is_refused_with_the_nodes_name(arguments, told):
    with pytest.raises(gb.DefinitionError) as refused:
        Node.prompt("a", "x", **arguments)
    assert told in str(refused.value)
    assert str(refused.value).startswith("a: ")


@pytest.mark.parametrize(("body", "told"), [("", "empty"), (" \n", "empty"), (None, "must be a text"), (5, "a text")])
def test_a_prompt_needs_a_text(body, told):
    with pytest.raises(gb.DefinitionError, match=told):
        Node.prompt("a", body)


def test_a_template_that_is_refused_names_node_and_line():
    with pytest.raises(gb.TemplateError, match=r"^a: line 2: calling a function is not allowed"):
        Node.prompt("a", "x\n{{ f() }}")


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(AttributeError, match="no kind of node 'promt'; did you mean 'prompt'"):
        _ = Node.promt
    assert {"prompt", "python"} <= set(dir(Node))


def test_common_arguments_are_kept():
    policy = gb.RetryPolicy(max_attempts=2)
    first = Node.prompt("first", "x")
    node = Node.prompt(
        "a", "x", after=["b", first], output="int", retry=policy, timeout=1.5, fallback=None, cache="disable",
    )  # fmt: skip
    assert node.after == ("b", "first")
    assert (node.output, node.retry, node.timeout, node.fallback) == (output_type("int"), policy, 1.5, None)
    assert Node.prompt("a", "x", after="b").after == ("b",)
    assert Node.prompt("a", "x", after=first).after == ("first",)


def test_nothing_that_was_not_given_is_sent():
    assert Node.prompt("a", "x").settings.parameters() == {}
    node = Node.prompt("a", "x", temperature=0, stop="END", seed=7)
    assert node.settings.parameters() == {"temperature": 0, "stop": ("END",), "seed": 7}


class TestRenderedPrompt:
    def render(self, node, **values):
        return node_messages(node, values)

    def test_system_examples_and_turns_come_in_this_order(self):
        node = Node.prompt(
            "a",
            "@system\nmore rules\n@user\nclassify {{ text }}",
            system="be {{ mood }}",
            examples=[("hi", "greeting"), {"user": "bye", "assistant": "farewell"}, ({"text": "?"}, "question")],
        )
        assert self.render(node, text="this", mood="kind") == [
            ("system", "be kind"),
            ("system", "more rules"),
            ("user", "hi"),
            ("assistant", "greeting"),
            ("user", "bye"),
            ("assistant", "farewell"),
            ("user", "classify ?"),
            ("assistant", "question"),
            ("user", "classify this"),
        ]

    def test_an_example_is_answered_as_the_model_should_answer(self):
        node = Node.prompt("a", "x", output="list[int]", examples=[("1 and 2", [1, 2]), ("3", '{"items": [3]}')])
        assert self.render(node)[:4:2] == [("user", "1 and 2"), ("user", "3")]
        assert self.render(node)[1:4:2] == [("assistant", '{"items": [1, 2]}'), ("assistant", '{"items": [3]}')]

    def test_an_example_that_does_not_fit_the_output_is_an_error(self):
        with pytest.raises(gb.DefinitionError, match="example 1: the answer is no int"):
            self.render(Node.prompt("a", "x", output="int", examples=[("q", "many")]))


def node_messages(node, values):
    from graphbit_nb.graph.registry import processor_of

    prompt = processor_of(node.kind).render(node, values)
    assert len(prompt.messages) == len(prompt.origins)
    return [(message.role, message.content) for message in prompt.messages]
