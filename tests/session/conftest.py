"""What the tests of the session share."""

import pytest

import graphbit_nb as gb


@pytest.fixture
def workflow():
    builder = gb.WorkflowBuilder("notes", description="two prompts and a function")
    builder.add_node(gb.Node.prompt("outline", "Three points about {{ topic }}."))
    builder.add_node(gb.Node.prompt("draft", "Write it up: {{ outline }}"))
    builder.add_node(gb.Node.python("size", lambda draft: len(draft)))  # noqa: PLW0108
    return builder.build()


@pytest.fixture
def config():
    return gb.LlmConfig.scripted({"outline": "one two three", "draft": lambda r: f"draft of {r.messages[-1].content}"})


@pytest.fixture
def executor(config):
    return gb.WorkflowExecutor(config)
