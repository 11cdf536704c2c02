"""What is exported and loaded again is the same workflow."""

import sys
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphbit_nb as gb
from graphbit_nb.errors import UsageError
from graphbit_nb.files.reading import from_document
from graphbit_nb.files.writing import to_document
from graphbit_nb.session.files import export, load

SUFFIXES = ("json", "yaml", "yml")


def one(node):
    builder = gb.WorkflowBuilder("w")
    builder.add_node(node)
    return builder.build()


def there_and_back(workflow, **how):
    return from_document(to_document(workflow), **how)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_workflow_without_code_is_equal_again(library, tmp_path, suffix):
    workflow = library.text_workflow()
    again = load(export(workflow, tmp_path / f"flow.{suffix}"))
    assert again == workflow
    assert list(again.nodes) == list(workflow.nodes)
    assert again.plan.names == workflow.plan.names


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_a_loaded_workflow_is_the_same_text(library, tmp_path, suffix):
    first = export(library.code_workflow(), tmp_path / f"one.{suffix}")
    second = export(load(first, trust=True), tmp_path / f"two.{suffix}")
    assert second.read_text() == first.read_text()


def test_only_the_functions_are_new_when_a_workflow_has_code(library):
    workflow = library.code_workflow()
    again = there_and_back(workflow, trust=True)
    assert again.edges == workflow.edges
    assert again.inputs == workflow.inputs
    for name, node in workflow.nodes.items():
        assert again.nodes[name].settings.bindings == node.settings.bindings


def test_loaded_code_gives_what_the_notebook_gives(library):
    workflow = library.code_workflow()
    executor = gb.WorkflowExecutor()
    given = {"text": "one two three four"}
    expected = executor.execute(workflow, given).raise_for_status().outputs
    assert executor.execute(there_and_back(workflow, trust=True), given).outputs == expected
    assert expected["route"] == "many"


def test_no_fallback_and_a_fallback_of_none_are_told_apart():
    without, with_none = one(gb.Node.prompt("a", "x")), one(gb.Node.prompt("a", "x", fallback=None))
    assert there_and_back(without) == without
    assert there_and_back(with_none) == with_none
    assert without != with_none


@pytest.mark.parametrize(
    ("output", "fallback"),
    [("int", 3), ("json", '"text"'), ("yes|no", "no"), ("list[int]", [1]), (dict[str, int], {"a": 1}), ("float", 1.5)],
)
def test_fallbacks_are_read_back_by_the_declared_type(output, fallback):
    workflow = one(gb.Node.prompt("a", "x", output=output, fallback=fallback))
    assert there_and_back(workflow) == workflow


@pytest.mark.parametrize(
    "output",
    ["text", "list[list[str]]", "a|b c", int, dict[str, int], int | None, list[dict[str, Any]], Literal["a", 1]],
)
def test_types_of_outputs_come_back_with_their_labels(output):
    workflow = one(gb.Node.prompt("a", "x", output=output))
    again = there_and_back(workflow)
    assert again == workflow
    assert again.nodes["a"].output.label == workflow.nodes["a"].output.label


def test_a_class_is_imported_again(library):
    workflow = one(gb.Node.prompt("a", "x", output=list[library.Person], fallback=[{"name": "Ada"}]))
    document = to_document(workflow)
    assert document.code == "from library import Person\n"
    assert from_document(document, trust=True) == workflow


def test_an_example_may_answer_with_an_object_of_the_output(library):
    node = gb.Node.prompt("a", "x", output=library.Person, examples=[("who?", library.Person(name="Ada"))])
    assert there_and_back(one(node), trust=True) == one(node)


def test_a_key_is_never_written(tmp_path):
    config = gb.LlmConfig.openai("gpt", api_key="sk-very-secret")
    workflow = one(gb.Node.prompt("a", "x", provider=config, fallback=config))
    for suffix in ("json", "yaml", "py"):
        assert "secret" not in export(workflow, tmp_path / f"flow.{suffix}").read_text()
    assert there_and_back(workflow).nodes["a"].settings.provider == gb.LlmConfig.openai("gpt")


@pytest.mark.parametrize(
    "config",
    [
        gb.LlmConfig.openai("gpt", headers={"Authorization": "Bearer x"}),
        gb.LlmConfig.openai("gpt", headers={"X-Api-Key": "x"}),
        gb.LlmConfig.openai("gpt", options={"api_key": "x"}),
        gb.LlmConfig.openai("gpt", base_url="https://me:pass@example.com/v1"),
        gb.LlmConfig.openai("gpt", base_url="https://example.com/v1?key=abc"),
    ],
)
def test_other_secrets_are_refused(config):
    with pytest.raises(UsageError, match=r"^a\.provider\.?.* key"):
        to_document(one(gb.Node.prompt("a", "x", provider=config)))


def test_scripted_answers_are_written_unless_they_are_code():
    plain = one(gb.Node.prompt("a", "x", provider=gb.LlmConfig.scripted({"a": ["1", {"b": 2}]})))
    assert there_and_back(plain) == plain
    with pytest.raises(UsageError, match=r"a\.provider\.responses\.a: .*for tests"):
        to_document(one(gb.Node.prompt("a", "x", provider=gb.LlmConfig.scripted({"a": str}))))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fallback": (1, 2)}, r"a\.fallback: a tuple .* use a list"),
        ({"fallback": float("nan")}, r"a\.fallback: nan is no number"),
        ({"temperature": "hot"}, r"nodes\[0\]\.temperature.*number is needed"),
        ({"examples": [("a", object())]}, r"a\.examples\[0\]\.answered: a object cannot"),
        ({"examples": [({"x": "\ud800"}, "b")]}, r"a\.examples\[0\]\.asked\.x: .*surrogate"),
        ({"fallback": 10**2000}, "more than 1,000 digits"),
    ],
)
def test_what_would_change_is_refused_with_its_place(arguments, message):
    with pytest.raises(gb.GraphbitError, match=message):
        to_document(one(gb.Node.prompt("a", "{{ x }}", **arguments)))


texts = st.text(
    st.one_of(st.sampled_from(" \n\t:-#'\"|>{}[]%&*!?,~.01e\\@"), st.characters(exclude_categories=["Cs"]))
).filter(lambda text: text.strip() and "\0" not in text and "{{" not in text and "{%" not in text)


@settings(max_examples=100, deadline=None)
@given(prompt=texts, system=texts, name=texts)
def test_every_text_is_exact(tmp_path_factory, prompt, system, name):
    directory = tmp_path_factory.mktemp("texts")
    try:
        node = gb.Node.prompt("a", prompt, system=system)
    except gb.GraphbitError:  # lines such as @user
        return
    builder = gb.WorkflowBuilder(name, description=system)
    builder.add_node(node)
    workflow = builder.build()
    for suffix in ("json", "yaml"):
        assert load(export(workflow, directory / f"flow.{suffix}")) == workflow


def test_long_prompts_are_blocks_in_yaml(tmp_path):
    prompt = 'First line,  \n\n  indented "quotes": #no\n\tand a tab\n\n'
    text = export(one(gb.Node.prompt("a", prompt)), tmp_path / "flow.yaml").read_text()
    assert '    prompt: |+\n      First line,  \n\n        indented "quotes": #no\n      \tand a tab\n\n' in text


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "flow.json"
    path.write_text("x" * 10_000)
    export(one(gb.Node.prompt("a", "x")), path)
    assert path.read_text().endswith("}\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["flow.json"]


def test_deep_workflows_are_refused_and_not_a_crash():
    workflow = one(gb.Node.prompt("a", "x"))
    for _ in range(20):
        workflow = one(gb.Node.workflow("inner", workflow))
    with pytest.raises(UsageError, match="deep"):
        to_document(workflow)


def test_a_kind_of_a_plugin_is_written_with_its_body_and_options():
    class Search(gb.NodeProcessor):
        node_type = "search"
        options = ("limit",)

    gb.ProcessorRegistry.register(Search)
    try:
        workflow = one(gb.Node.search("found", "About {{ topic }}", limit=3))
        document = to_document(workflow)
        assert document.nodes[0].options == {"limit": 3}
        assert from_document(document) == workflow
    finally:
        gb.ProcessorRegistry.unregister("search")
    with pytest.raises(gb.ValidationError, match=r"no kind of node 'search'.*another package brings"):
        from_document(document)


def test_reading_back_leaves_no_module_of_code_that_is_not_there(library):
    before = set(sys.modules)
    there_and_back(library.text_workflow())
    assert not {name for name in set(sys.modules) - before if name.startswith("graphbit_file_")}
