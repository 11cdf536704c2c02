"""A plugin of twenty lines is a kind of node like the built-in ones."""

import logging

import pytest

import graphbit_nb as gb
from graphbit_nb.graph import registry


@pytest.fixture
def register():
    kinds = []

    def add(processor):
        gb.ProcessorRegistry.register(processor)
        kinds.append(processor.node_type)
        return processor

    yield add
    for kind in kinds:
        gb.ProcessorRegistry.unregister(kind)


class Shout(gb.NodeProcessor):
    """Writes a text in capitals."""

    node_type = "shout"
    options = ("marks",)

    def process(self, input):  # noqa: A002
        return input.rendered.upper() + "!" * input.node.settings.options.get("marks", 1)


class Wait(gb.NodeProcessor):
    node_type = "wait"

    async def process(self, input):  # noqa: A002
        return gb.NodeOutput(len(input.rendered))


class Ask(gb.NodeProcessor):
    node_type = "ask"
    asks_model = True

    async def process(self, input):  # noqa: A002
        messages = (gb.Message("user", input.rendered),)
        response = await input.services.generate(gb.GenerateRequest(messages=messages, node=input.node.name))
        return gb.NodeOutput(response.text, is_text=True)


def test_a_kind_works_as_constructor_in_validation_and_in_a_run(register):
    for processor in (Shout, Wait, Ask):
        register(processor)
    builder = gb.WorkflowBuilder("plugins")
    builder.add_node(gb.Node.shout("loud", "hello {{ name }}", marks=2))
    builder.add_node(gb.Node.wait("size", "{{ loud }}", output="int"))
    builder.add_node(gb.Node.ask("answer", "is {{ size }} much?", output="yes|no"))
    workflow = builder.build()
    assert [(edge.source, edge.target) for edge in workflow.edges] == [("loud", "size"), ("size", "answer")]
    assert list(workflow.inputs) == ["name"]
    result = gb.WorkflowExecutor(gb.LlmConfig.scripted({"answer": ["perhaps", "yes"]})).execute(workflow, {"name": "x"})
    assert result.outputs == {"loud": "HELLO X!!", "size": 9, "answer": "yes"}


def test_a_kind_shows_its_name_and_its_documentation(register):
    register(Shout)
    assert "shout" in dir(gb.Node)
    assert "shout" in gb.ProcessorRegistry.kinds()
    assert gb.Node.shout.__doc__ == "Writes a text in capitals."


def test_a_kind_checks_its_options_and_its_template(register):
    register(Shout())
    with pytest.raises(gb.UsageError, match="a: a shout node has no 'mark'; did you mean 'marks'"):
        gb.Node.shout("a", "x", mark=1)
    with pytest.raises(gb.TemplateError, match="a: line 1"):
        gb.Node.shout("a", "{{ f() }}")
    with pytest.raises(gb.UsageError, match="a: a shout node needs a text, not 5"):
        gb.Node.shout("a", 5)


def test_a_built_in_kind_that_was_replaced_comes_back():
    class Mine(gb.NodeProcessor):
        node_type = "python"

        def process(self, input):  # noqa: A002
            return "mine"

    gb.ProcessorRegistry.register(Mine)
    try:
        assert isinstance(gb.ProcessorRegistry.find("python"), Mine)
    finally:
        gb.ProcessorRegistry.unregister("python")
    assert gb.Node.python("a", lambda: 1).settings.is_async is False


@pytest.mark.parametrize("name", ["", "two words", "class", "_hidden", 5, None, "timeout", "output", "name"])
def test_a_kind_needs_a_name_that_can_be_written(name):
    with pytest.raises(gb.UsageError):
        gb.ProcessorRegistry.register(type("Kind", (gb.NodeProcessor,), {"node_type": name}))


@pytest.mark.parametrize("thing", [object(), type("Kind", (), {"node_type": "x"}), print])
def test_a_kind_derives_from_the_processor(thing):
    with pytest.raises(gb.UsageError, match="derives from NodeProcessor"):
        gb.ProcessorRegistry.register(thing)


def test_a_package_that_cannot_be_loaded_is_logged_and_hinders_nobody(monkeypatch, caplog):
    class Point:
        name, value = "broken", "package:Kind"

        @staticmethod
        def load():
            raise ImportError("no such module")

    monkeypatch.setattr(registry.ProcessorRegistry, "_searched", False)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point])
    with caplog.at_level(logging.ERROR):
        assert "prompt" in gb.ProcessorRegistry.kinds()
    assert "'broken' of the package package:Kind" in caplog.text


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(gb.UsageError, match="no kind of node 'pyton'; did you mean 'python'"):
        registry.processor_of("pyton")
    with pytest.raises(gb.UsageError, match="there are agent, condition, embed, human, prompt, python, workflow"):
        registry.processor_of("zzz")


def test_a_kind_that_says_not_what_it_does_fails_its_node(register):
    register(type("Idle", (gb.NodeProcessor,), {"node_type": "idle"}))
    builder = gb.WorkflowBuilder("w")
    builder.add_node(gb.Node.idle("a", "x"))
    result = gb.WorkflowExecutor().execute(builder.build())
    assert result.errors["a"].type == "NotImplementedError"
